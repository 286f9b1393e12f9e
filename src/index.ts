export type { BroadcastOptions, PublishOptions } from './engine/rooms/broadcast-options.ts'
export { jsonCodec, type Codec } from './engine/connection/codec.ts'
export { CloseCode } from './engine/close.ts'
export type { Broker, BrokerEvents, BrokerOptions } from './engine/broker.ts'
export type { ConnectionInfo } from './engine/connection/connection-info.ts'
export { SidewireError, type ErrorCode } from './engine/errors.ts'
export type {
  DisconnectFault,
  FaultCounts,
  FaultInfo,
  Faults,
  FaultsOf,
  HalfOpenFault,
  HandshakeFaults,
  LinkFaults,
  MatchedConnection,
  Span,
  Choice,
  MessageChoice,
  ChoiceRule,
} from './engine/handler/faults.ts'
export {
  defineHandler,
  type AuthenticateResult,
  type CompressionOptions,
  type HandlerDocs,
  type ResponseRule,
  type UniversalApiWsHandler,
} from './engine/handler/handler.ts'
export {
  defineScenario,
  type Every,
  type Match,
  type Moment,
  type On,
  type Random,
  type Scenario,
  type SharedMoment,
  type Step,
  type Steps,
  type Target,
  type Value,
} from './engine/handler/scenario.ts'
export { on } from './engine/schema/on.ts'
export type { InvalidError } from './engine/schema/invalid-error.ts'
export type { MessagesOf, Schemas } from './engine/schema/schemas.ts'
export type { SchemaIssue, StandardSchema } from './engine/schema/standard-schema.ts'
export type { HandlerService } from './engine/handler/handler-service.ts'
export type { Logger, LogLevel } from './engine/logger.ts'
export type { ControlErrorCode } from './control/answers.ts'
export type { ControlConnection } from './control/reach.ts'
export type { FaultPage } from './control/faults.ts'
export type { FaultRow } from './engine/network.ts'
export type { JournalPage } from './control/journal.ts'
export type { JournalRow } from './control/row.ts'
export type { ProxyHeader } from './engine/handler/option-schema.ts'
export type {
  EngineOptions,
  InspectorOptions,
  MetricsOptions,
  PluginOptions,
  RuntimeChoice,
  ServerOptions,
  StaticFile,
} from './engine/handler/options.ts'
export type { AllowedOrigins } from './engine/handshake/origin.ts'
export type { PatternParams } from './engine/handshake/pattern-params.ts'
export type { RequestAnswer } from './engine/handshake/request-answer.ts'
export { DROP } from './engine/upstream/drop.ts'
export type { Upstream, UpstreamTls } from './engine/upstream/upstream.ts'
export type { UpstreamConnection } from './engine/upstream/upstream-connection.ts'
export type { HandshakeRequest, RequestHeaders } from './engine/handshake/request.ts'
export type { RecordOptions } from './engine/record-options.ts'
export type { RuntimeName, SendStatus, TlsFiles } from './engine/runtime.ts'
export { defineScript, type LoadScript, type ScriptClient } from './load/load-script.ts'
export type { Report as BenchReport } from './load/report.ts'
export type { RefusalReason, Stats } from './engine/stats.ts'
export type { IWebSocketConnection, WebSocketConnection } from './engine/connection/websocket-connection.ts'
export { defineConfig, type Config } from './server/config.ts'
export {
  createServer,
  type AllConnections,
  type AllStats,
  type AskOptions,
  type BrokerStats,
  type DisconnectOptions,
  type FaultHandle,
  type FaultOptions,
  type NodeInfo,
  type Server,
} from './server/server.ts'
export {
  universalApi,
  universalApi as default,
  type PluginApi,
  type UniversalApiPlugin,
} from './vite/plugin.ts'
