export { fromMsw, type MswHandler, type MswOptions } from './msw.ts'
export {
  graphqlWs,
  type GraphqlWsExtra,
  type GraphqlWsOptions,
  type GraphqlWsServer,
  type GraphqlWsSocket,
} from './graphql-ws.ts'
export { jsonRpc, type JsonRpcOptions } from './json-rpc.ts'
export { RpcError, type RpcClient, type RpcMethods } from './rpc-peer.ts'
export { socketIo, type SocketIoOptions, type SocketIoServer } from './socket-io.ts'
export type { PresetOptions } from './options.ts'
export { phoenix, type PhoenixOptions } from './phoenix.ts'
export type { PhoenixChannel } from './phoenix-channel.ts'
export { PhoenixError, type PhoenixTopic, type PhoenixTopics } from './phoenix-socket.ts'
export { PostgresChanges, type PostgresChange } from './postgres-changes.ts'
export { supabase, type SupabaseOptions } from './supabase.ts'
