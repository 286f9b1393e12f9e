import type { Clock } from '../engine/clock.ts'
import type { PublishOptions } from '../engine/rooms/broadcast-options.ts'
import type { ConnectionInfo } from '../engine/connection/connection-info.ts'
import { Engine } from '../engine/engine.ts'
import { textAnswer } from '../engine/handshake/handshake.ts'
import { INSIDE, type WithInside } from '../engine/inside.ts'
import { createLogger, type Logger } from '../engine/logger.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import type { ResolvedBrokerOptions } from '../engine/handler/broker-options.ts'
import { isLoopback } from '../engine/loopback.ts'
import { MAX_TIMER_MS } from '../engine/timers.ts'
import {
  DEFAULT_HANDSHAKE_TIMEOUT,
  DEFAULT_MAX_BACKPRESSURE,
  resolveServerOptions,
  type ResolvedServerOptions,
  type ServerOptions,
  type UpstreamOption,
} from '../engine/handler/options.ts'
import { commonServer } from '../engine/upstream/upstream.ts'
import { placesOf } from '../engine/handshake/routing.ts'
import { pathOf, toOriginForm } from '../engine/handshake/request.ts'
import type { HttpAnswer, RawRequest, Runtime, RuntimeName, RuntimeServer } from '../engine/runtime.ts'
import { copyStats, type Stats } from '../engine/stats.ts'
import {
  FaultyNetwork,
  type DisconnectOptions,
  type FaultHandle,
  type FaultOptions,
} from '../faults/network.ts'
import type { AllConnections, AllStats, Membership } from '../cluster/membership.ts'
import type { NodeInfo } from '../cluster/node-info.ts'
import type { FaultsOf } from '../engine/handler/faults.ts'
import type { Control } from '../control/control.ts'
import { handlerRows } from '../inspector/handler-row.ts'
import type { Inspector, Served } from '../inspector/inspector.ts'
import type { Gather, Metrics, Served as Measured } from '../metrics/metrics.ts'
import { ScenarioPlay } from '../scenario/scenario-play.ts'
import { detectRuntime } from '../runtime/detect.ts'
import type { PatternAt, Upstreams } from '../upstream/upstreams.ts'
import { ANSWER, PAGE, SAMPLES, type Answering } from './behind.ts'
import { readForwarded } from './forwarded.ts'
import { ALONE, brokerCheck, readyAnswer, type Checks } from './readiness.ts'
import { readVersion } from './version.ts'

export type { AllConnections, AllStats } from '../cluster/membership.ts'
export type { NodeInfo } from '../cluster/node-info.ts'
export type { BrokerStats, RefusalReason, Stats } from '../engine/stats.ts'
export type { DisconnectOptions, FaultHandle, FaultOptions } from '../faults/network.ts'

/** A running server. */
export interface Server {
  /** `ws://` or `wss://`, host and port, without a path. */
  readonly url: string
  /** Where the enabled handlers are, in their order and once for each prefix; wildcards stand as in the pattern. */
  readonly urls: readonly string[]
  readonly port: number
  /** Which runtime serves. */
  readonly runtime: RuntimeName
  /** The library behind the runtime, with its version. */
  readonly runtimeDescription: string
  /** The open connections of all handlers. */
  readonly connections: readonly ConnectionInfo[]
  /**
   * Sends to all connections of the handler with this pattern, or to a union of its rooms.
   * @throws `ERR_UNKNOWN_HANDLER`, `ERR_SERIALIZE`, `ERR_INVALID`, `ERR_OPTION`; nothing is sent then
   */
  publish(pattern: string, data: unknown, options?: PublishOptions): void
  /**
   * Switches faults on for a handler, or with `'*'` for all: in the place of what the handler says, until stopped. Open
   * connections feel it at once. Of several the latest counts, whole; a reload keeps them.
   * @throws `ERR_OPTION`, `ERR_UNKNOWN_HANDLER`
   */
  setFaults(pattern: string, faults: FaultsOf, options?: FaultOptions): FaultHandle
  /**
   * Lifts all that `setFaults` has switched on, of the server and of its connections; counts and chance of what the handlers
   * say begin anew. @throws `ERR_UNKNOWN_HANDLER`
   */
  resetFaults(pattern?: string): void
  /**
   * Ends connections now, those of all handlers with `'*'`: cuts them, or closes them with a code. @returns how many
   * @throws `ERR_UNKNOWN_HANDLER`, `ERR_CLOSE_CODE`
   */
  disconnect(pattern: string, options?: DisconnectOptions): number
  /** Whether a handler matches this path, prefix included. */
  matches(path: string): boolean
  /** Counters since the start, of this process; a copy. */
  stats(): Stats
  /** With a `broker`: the processes that are there, this one first; without one none. A dead one is in it for `nodeTimeout` at most. */
  readonly nodes: readonly NodeInfo[]
  /** The open connections of all nodes. Who does not answer in time is in `missing`: it never rejects for that. @throws `ERR_OPTION` */
  allConnections(options?: AskOptions): Promise<AllConnections>
  /** The counters of all nodes, in sum; the same. @throws `ERR_OPTION` */
  allStats(options?: AskOptions): Promise<AllStats>
  /**
   * Puts new options into service: open connections, rooms and metadata stay. `host`, `port`, `tls`, `runtime`
   * and limits above those of the start need a new server; a warning says so.
   * @throws as `createServer` does for bad options; the old ones stay in service then
   */
  reload<const Patterns extends readonly string[] = readonly string[]>(options: ServerOptions<Patterns>): void
  /**
   * Takes no more connections, closes the open ones with 1001, waits `shutdownTimeout` at most for their
   * closing handshakes, and frees the port. Idempotent.
   */
  close(): Promise<void>
}

/** Of a question to the other nodes. */
export interface AskOptions {
  /** Milliseconds that an answer may take. @defaultValue 1000 */
  readonly timeout?: number
}

/**
 * Starts the engine on a port of its own.
 * @throws `ERR_OPTION`, `ERR_PATTERN`, `ERR_PATTERN_DUPLICATE`, `ERR_RESPONSE`, `ERR_RUNTIME`, `ERR_LISTEN`,
 * `ERR_TLS`, `ERR_BROKER`; nothing is left half-started
 */
export async function createServer<const Patterns extends readonly string[] = readonly string[]>(
  options: ServerOptions<Patterns> = {},
): Promise<Server> {
  return startServer(options)
}

/** Where and when a server runs, if it is not here and now. */
interface Place extends Partners {
  /** The time of a test. */
  readonly clock?: Clock | undefined
}

/** The same in another place. */
export async function startServer(options: ServerOptions, place: Place = {}): Promise<Server> {
  const resolved = resolveServerOptions(options)
  const { runtime, notice } = await detectRuntime(resolved.runtime)
  const logger = createLogger(resolved.logLevel, resolved.logger)
  if (notice) tellOnce(notice, logger)
  return serveOn(runtime, resolved, logger, place.clock, place)
}

/** What a server is told by whoever has it serve with others. */
export interface Partners {
  /** Its number, from 1. */
  readonly worker?: number | undefined
  /** What `/readyz` says of all of them. */
  readonly workers?: Checks['workers'] | undefined
  /** Answers what is for the inspector and the control endpoint, which this one has none of then; `undefined` for what is not. */
  readonly pages?: NonNullable<Answering[typeof PAGE]> | undefined
  /** Where the chance of faults without a seed comes from. */
  readonly faultSeed?: number | undefined
  /** Whose samples `/metrics` has: its own, where nobody says so. */
  readonly gather?: Gather | undefined
}

/** The same on a runtime that is chosen already: what the contract suite holds every runtime to. */
export async function serveOn(
  runtime: Runtime,
  options: ResolvedServerOptions,
  logger: Logger = createLogger(options.logLevel, options.logger),
  clock?: Clock,
  partners: Partners = {},
): Promise<Server> {
  let resolved = options
  let isClosing = false
  // Loaded with the first client of a handler that asks a backend, or to open the file that it is recorded to.
  let upstreams: Promise<Upstreams> | undefined
  let loadedUpstreams: Upstreams | undefined
  let ownPort: number | undefined
  const patternAt: PatternAt = ({ address, port, path }) =>
    port === ownPort && (isLoopback(address) || resolved.hosts.includes(address))
      ? engine.patternAt(pathOf(path))
      : undefined
  const loadUpstreams = (): Promise<Upstreams> =>
    (upstreams ??= import('../upstream/upstreams.ts').then(
      ({ Upstreams: Made }) => (loadedUpstreams = new Made(logger, patternAt)),
    ))
  if (resolved.sharePort) assertSharing(runtime)
  const engine = new Engine(resolved, logger, clock, {
    loadDialler: async () => (await loadUpstreams()).dial,
    makePlay: (scenario, stage, before) => new ScenarioPlay(scenario, stage, before),
  })
  const network = new FaultyNetwork(engine, partners.faultSeed)
  engine.standBehind(network)
  const recorded = upstreamsOf(resolved).flatMap((upstream) =>
    typeof upstream === 'object' && upstream.record !== undefined ? upstream : [],
  )
  if (recorded.length > 0) await (await loadUpstreams()).prepare(recorded)
  const limits = limitsOf(resolved)
  const control =
    resolved.control && !partners.pages
      ? await startControl(engine, resolved.control, resolved.hosts)
      : undefined
  const inspector =
    resolved.inspector &&
    (await startInspector(engine, resolved, partners.pages !== undefined, {
      runtime: runtime.description,
      stats: engine.stats,
      handlers: () => handlerRows(resolved),
      backends: {
        exist: () => upstreamsOf(resolved).length > 0,
        recording: () => loadedUpstreams?.recording.state ?? { isOn: false },
        startRecording: async (redact) =>
          (await loadUpstreams()).recording.start(commonServer(upstreamsOf(resolved)), redact),
        stopRecording: async () => (await loadUpstreams()).recording.stop(),
      },
    }))
  // Before it listens: from its first moment on a connection gets what the other nodes send.
  const membership =
    resolved.broker && (await joinNodes(engine, resolved.broker, runtime.name, partners.worker))
  const metrics = await startMetrics(engine, resolved, partners.gather, {
    version: readVersion,
    runtime: runtime.name,
    stats: engine.stats,
    logger,
    handlers: () => resolved.handlers,
    patternAt: (path) => engine.patternAt(path),
    broker: () => (membership ? engine.stats.broker : undefined),
  })
  const checks: Checks = {
    broker: resolved.broker ? brokerCheck(engine.stats, resolved.broker.readyz) : ALONE.broker,
    workers: partners.workers ?? ALONE.workers,
    ...checksOf(engine),
  }
  const listening = runtime.listen(
    {
      upgrade: (raw) => engine.upgrade(toOriginForm(readForwarded(raw, resolved))),
      handshakeTimedOut: () => engine.handshakeTimedOut(),
      hungUp: () => engine.hungUp(),
      request: (raw, body) =>
        partners.pages?.(raw, body) ??
        inspector?.answer(raw, body) ??
        control?.answer(raw, body) ??
        engine.request(toOriginForm(readForwarded(raw, resolved))) ??
        metrics?.answer(toOriginForm(raw)) ??
        answerPlain(toOriginForm(raw), resolved.files, () => readyAnswer(isClosing, checks)),
      open: (socket) => engine.open(socket),
      message: (socket, payload, bytes) => engine.message(socket, payload, bytes),
      ping: (socket, payload) => engine.ping(socket, payload),
      pong: (socket, payload) => engine.pong(socket, payload),
      drain: (socket) => engine.drain(socket),
      overflow: (socket) => engine.overflow(socket),
      closed: (socket, code, reason, closeFrame) => engine.closed(socket, code, reason, closeFrame),
    },
    {
      hosts: resolved.hosts,
      port: resolved.port,
      tls: resolved.tls,
      handshakeTimeout: resolved.handshakeTimeout,
      sharesPort: resolved.sharePort,
      ...limits,
    },
  )
  const server: RuntimeServer = await listening.catch(async (error: unknown) => {
    metrics?.close()
    await (await upstreams)?.abandon()
    await membership?.close()
    throw error
  })
  if (!runtime.capabilities.handshakeTimeout && resolved.handshakeTimeout !== DEFAULT_HANDSHAKE_TIMEOUT)
    logger.warn(
      `option "handshakeTimeout" is ${resolved.handshakeTimeout}, but the runtime ${runtime.name} cannot be told: ` +
        'it cuts handshakes off after 8 to 12 s; the runtime ws keeps to it; see docs/reference/runtimes.md',
    )
  ownPort = server.port
  engine.attach(server, runtime.capabilities)

  const url = `${resolved.tls ? 'wss' : 'ws'}://${urlHost(resolved.host)}:${server.port}`
  let closing: Promise<void> | undefined
  const served: Server & Answering & WithInside = {
    [INSIDE]: engine,
    [ANSWER]: (raw) => engine.request(toOriginForm(raw)),
    [PAGE]: (raw, body) => inspector?.answer(raw, body),
    [SAMPLES]: async () => (await metrics?.samples()) ?? [],
    url,
    get urls() {
      const { handlers, prefixes } = resolved
      return handlers.flatMap(({ source }) => placesOf(source, prefixes).map(({ path }) => url + path))
    },
    port: server.port,
    runtime: runtime.name,
    runtimeDescription: runtime.description,
    get connections() {
      return engine.connections()
    },
    publish: (pattern, data, publishOptions) => engine.publishTo(pattern, data, publishOptions),
    setFaults: (pattern, faults, faultOptions) => network.setFaults(pattern, faults, faultOptions),
    resetFaults: (pattern) => network.resetFaults(pattern),
    disconnect: (pattern, disconnectOptions) => network.disconnect(pattern, disconnectOptions),
    matches: (path) => engine.matches(path),
    stats: () => copyStats(engine.stats),
    get nodes() {
      return membership?.nodes ?? []
    },
    async allConnections(asking) {
      const timeout = timeoutOf(asking)
      if (membership) return membership.allConnections(timeout)
      return { connections: engine.connections().map((conn) => ({ ...conn, node: 'self' })), missing: [] }
    },
    async allStats(asking) {
      const timeout = timeoutOf(asking)
      return membership?.allStats(timeout) ?? { stats: copyStats(engine.stats), missing: [] }
    },
    reload(next) {
      const before = resolved
      resolved = resolveServerOptions(next)
      for (const name of needsRestart(before, resolved, limits))
        logger.warn(`the change of "${name}" takes effect at the next start; see docs/reference/options.md`)
      engine.update(resolved)
      metrics?.tellWhatHidesIt()
    },
    close() {
      closing ??= (async () => {
        isClosing = true
        const { shutdownDelay } = resolved
        if (shutdownDelay > 0)
          await new Promise<void>((resolve) => engine.clock.after(shutdownDelay, resolve))
        server.stopListening()
        control?.close()
        await engine.close()
        await (await upstreams)?.close()
        // Behind it, so that the others hear what was said at the end.
        await membership?.close()
        // Behind it, so that an open page sees how the connections ended.
        await inspector?.close()
        metrics?.close()
        await server.close()
      })()
      return closing
    },
  }
  return served
}

/** Loaded where it is asked for. */
async function joinNodes(
  engine: Engine,
  options: ResolvedBrokerOptions,
  runtime: RuntimeName,
  worker: number | undefined,
): Promise<Membership> {
  const { Membership: Made } = await import('../cluster/membership.ts')
  const { broker } = options
  const dialled =
    'publish' in broker ? broker : await (await import('../cluster/create-broker.ts')).createBroker(broker)
  const membership = new Made(engine, dialled, options, { runtime, version: readVersion(), worker })
  await membership.open()
  return membership
}

/** @throws `ERR_RUNTIME` */
function assertSharing({ name, capabilities }: Runtime): void {
  if (capabilities.sharesPort !== false) return
  throw new SidewireError(
    'ERR_RUNTIME',
    `option "sharePort" is true, but the runtime ${name} cannot share a port on ${process.platform}: there one process would get all ` +
      "connections; use runtime: 'ws' on Node, with workers of sidewire serve",
  )
}

/** @throws `ERR_OPTION` */
function timeoutOf({ timeout = 1000 }: AskOptions = {}): number {
  if (typeof timeout === 'number' && timeout > 0 && timeout <= MAX_TIMER_MS) return timeout
  throw new SidewireError(
    'ERR_OPTION',
    `option "timeout" is ${describe(timeout)}; it has to be a number of milliseconds above 0`,
  )
}

/** The same. */
async function startControl(
  engine: Engine,
  { token }: { readonly token: string | undefined },
  hosts: readonly string[],
): Promise<Control> {
  const { controlOf } = await import('../control/control.ts')
  return controlOf(engine, engine.clock, { token, isLoopback: hosts.every(isLoopback) })
}

/** The same. */
async function startInspector(
  engine: Engine,
  { inspector, hosts }: ResolvedServerOptions,
  isElsewhere: boolean,
  served: Served,
): Promise<Inspector | undefined> {
  if (!inspector) return undefined
  const listensOnLoopback = hosts.every(isLoopback)
  if (!listensOnLoopback && inspector.token === undefined)
    engine.logger.warn(
      `option "inspector" is on, but the server listens on ${hosts.join(', ')}, beyond loopback, and there it answers nobody ` +
        'without a token: inspector: { token }; see docs/guide/inspector.md',
    )
  if (isElsewhere) return undefined
  const { inspectorOf } = await import('../inspector/inspector.ts')
  return inspectorOf(engine, engine.clock, served, { ...inspector, listensOnLoopback })
}

/** The same. */
async function startMetrics(
  engine: Engine,
  { metrics }: ResolvedServerOptions,
  gather: Gather | undefined,
  served: Measured,
): Promise<Metrics | undefined> {
  if (!metrics) return undefined
  const { Metrics: Made } = await import('../metrics/metrics.ts')
  const made = new Made(engine, engine.clock, served, metrics, gather)
  made.tellWhatHidesIt()
  return made
}

function checksOf(engine: Engine): Pick<Checks, 'eventLoop' | 'files'> {
  return {
    eventLoop: () =>
      engine.isLagging ? { shown: 'late', verdict: 'overloaded' } : { shown: 'ok', verdict: 'ready' },
    files: () =>
      engine.isShortOfFiles() ? { shown: 'short', verdict: 'overloaded' } : { shown: 'ok', verdict: 'ready' },
  }
}

function upstreamsOf({ handlers }: ResolvedServerOptions): readonly UpstreamOption[] {
  return handlers.flatMap(({ upstream }) => upstream ?? [])
}

/** A suite of tests makes a server for each test, and nobody wants to read it more than once. */
const told = new Set<string>()

function tellOnce(notice: string, logger: Logger): void {
  if (told.has(notice)) return
  told.add(notice)
  logger.warn(notice)
}

interface Limits {
  readonly maxPayload: number
  readonly maxBackpressure: number
}

const MIN_NATIVE_PAYLOAD = 16 * 1024 * 1024
/**
 * A runtime's own parser stops at its limit, uWebSockets.js without a close frame. A little room above the
 * engine's limits lets the engine send 1009 for anything but gross excess.
 */
const PAYLOAD_HEADROOM = 1024 * 1024
/** The engine looks at backlogs itself; the native limit only catches a burst within one turn of the event loop. */
const BACKPRESSURE_HEADROOM = 4

/** The native limits are fixed at the start, so they leave room for what a reload may bring. */
function limitsOf({ handlers }: ResolvedServerOptions): Limits {
  return {
    maxPayload:
      Math.max(MIN_NATIVE_PAYLOAD, ...handlers.map((handler) => handler.maxPayload)) + PAYLOAD_HEADROOM,
    maxBackpressure:
      Math.max(DEFAULT_MAX_BACKPRESSURE, ...handlers.map((handler) => handler.maxBackpressure)) *
      BACKPRESSURE_HEADROOM,
  }
}

function needsRestart(before: ResolvedServerOptions, after: ResolvedServerOptions, limits: Limits): string[] {
  const changed: string[] = (['host', 'port', 'runtime', 'logLevel', 'handshakeTimeout'] as const).filter(
    (name) => before[name] !== after[name],
  )
  if (before.hosts.length !== after.hosts.length && before.host === after.host) changed.push('host')
  if (before.control?.token !== after.control?.token || !before.control !== !after.control)
    changed.push('control')
  if (!isSameBroker(before.broker, after.broker)) changed.push('broker')
  if (JSON.stringify(before.metrics) !== JSON.stringify(after.metrics)) changed.push('metrics')
  if (JSON.stringify(before.inspector) !== JSON.stringify(after.inspector)) changed.push('inspector')
  if (before.tls?.cert !== after.tls?.cert || before.tls?.key !== after.tls?.key) changed.push('tls')
  const wanted = limitsOf(after)
  if (wanted.maxPayload > limits.maxPayload) changed.push('maxPayload')
  if (wanted.maxBackpressure > limits.maxBackpressure) changed.push('maxBackpressure')
  return changed
}

function isSameBroker(
  before: ResolvedBrokerOptions | undefined,
  after: ResolvedBrokerOptions | undefined,
): boolean {
  if (!before || !after) return before === after
  const [{ broker: own, ...rest }, { broker: other, ...others }] = [before, after]
  const isSame =
    'publish' in own || 'publish' in other ? own === other : JSON.stringify(own) === JSON.stringify(other)
  return isSame && JSON.stringify(rest) === JSON.stringify(others)
}

/** What belongs to no handler. */
function answerPlain(
  raw: RawRequest,
  files: ResolvedServerOptions['files'],
  ready: () => HttpAnswer,
): HttpAnswer {
  const path = pathOf(raw.url)
  if (raw.method !== 'GET' && raw.method !== 'HEAD') return textAnswer(404, 'Not Found')
  if (path === '/healthz') return textAnswer(200, 'ok')
  if (path === '/readyz') return ready()
  const file = files.get(path)
  if (!file) return textAnswer(404, 'Not Found')
  return { status: 200, headers: { 'Content-Type': file.type, 'Cache-Control': 'no-cache' }, body: file.body }
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
