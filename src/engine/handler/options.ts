import type { BroadcastOptions } from '../rooms/broadcast-options.ts'
import type { Broker, BrokerOptions } from '../broker.ts'
import { resolveBroker, type ResolvedBrokerOptions } from './broker-options.ts'
import { describe, SidewireError } from '../errors.ts'
import type { HandlersOf, ResponseRule, UniversalApiWsHandler } from './handler.ts'
import type { Logger, LogLevel } from '../logger.ts'
import { translationOf, type Translation } from '../connection/codec.ts'
import {
  checkOptions,
  pluginSchema,
  serverSchema,
  upstreamSchema,
  type ProxyHeader,
} from './option-schema.ts'
import { resolveOrigins, type AllowedOrigins, type ResolvedOrigins } from '../handshake/origin.ts'
import { checkOutgoing } from '../schema/check.ts'
import { resolveSchemas, type ResolvedSchemas } from '../schema/schemas.ts'
import { checkScenario, expects } from './scenario-check.ts'
import { compilePattern, normalizePrefix, type Pattern } from '../handshake/routing.ts'
import type { HandshakeRequest } from '../handshake/request.ts'
import type { Payload, TlsFiles } from '../runtime.ts'
import { isPromiseLike } from '../promise.ts'
import { namesIn, resolveUpstream, type ResolvedUpstream, type Upstream } from '../upstream/upstream.ts'

/** Options that mean the same in every place the engine runs. */
export interface EngineOptions<Patterns extends readonly string[] = readonly string[]> {
  /** Path prefix (or prefixes) of all handlers; `''` and `'/'` mean none. @defaultValue '/api' */
  endpointPrefix?: string | readonly string[]
  /** `false` turns the engine off. @defaultValue true if there are handlers */
  enableWs?: boolean
  /** The handlers; the first whose pattern matches wins. @defaultValue [] */
  wsHandlers?: HandlersOf<Patterns>
  /** Turns everything off. @defaultValue false */
  disable?: boolean
  /** Read by the Vite plugin only: also serve under `vite preview`. @defaultValue true */
  enablePreview?: boolean
  /** @defaultValue 'info' */
  logLevel?: LogLevel
  /** Where log lines go. @defaultValue console */
  logger?: Logger
  /** `'auto'`: Bun's own on Bun, else uWebSockets.js if it loads, else `ws`. @defaultValue 'auto' */
  runtime?: RuntimeChoice
  /** Browser origins that may connect besides local pages. `true` is all. @defaultValue none */
  allowedOrigins?: AllowedOrigins
  /** Open connections; further upgrades get HTTP 503. 0 is no limit. @defaultValue 0 */
  maxConnections?: number
  /**
   * Open connections of one remote address, as `conn.req.socket.remoteAddress` shows it; further upgrades of that
   * address get HTTP 429 with `Retry-After`. 0 is no limit. @defaultValue 0
   */
  maxConnectionsPerAddress?: number
  /**
   * Messages and pings that one client may send in a second, as many of them at once; one more closes its connection
   * with 1008. For all handlers that have no value of their own. 0 is no limit. @defaultValue 0
   */
  maxMessagesPerSecond?: number
  /**
   * Milliseconds that the event loop may lag; while it lags more, further upgrades get HTTP 503 with `Retry-After`,
   * so that those who are in are served. 0 is no limit. @defaultValue 0
   */
  maxEventLoopLag?: number
  /**
   * Milliseconds that a client may take to send its opening handshake; then it is cut off. 0 is no limit.
   * The runtimes `uws` and `bun` cannot be told, whatever build they are: they cut it off after 8 to 12 s, and do not
   * count it. @defaultValue 10000
   */
  handshakeTimeout?: number
  /** Milliseconds that `authenticate` and `onRequest` may take; then HTTP 503. @defaultValue 10000 */
  authenticateTimeout?: number
  /** Milliseconds that `close()` waits for a slow client to take what was sent before. @defaultValue 10000 */
  closeTimeout?: number
  /** Milliseconds that the server's `close()` waits for closing handshakes. @defaultValue 5000 */
  shutdownTimeout?: number
  /**
   * A page at `/.sidewire/` that shows what happens, sends and cuts, for this machine; with a `token` for whoever has it.
   * @defaultValue false for `createServer`; true for `sidewire serve` on loopback, and for the Vite plugin in dev
   */
  inspector?: boolean | InspectorOptions
  /**
   * Answers `GET /metrics` in the text format of Prometheus; under Vite at the sidecar's port. Without it nothing is counted
   * that would not be anyway. @defaultValue false
   */
  metrics?: boolean | MetricsOptions
}

export interface MetricsOptions {
  /** Where, as the whole path. @defaultValue '/metrics' */
  readonly path?: string
  /** What a request has to carry, as `Authorization: Bearer <token>`; else 401. @defaultValue none: whoever reaches the port may read */
  readonly token?: string
  /**
   * Also how long it takes to handle a message, as a histogram for each hook or rule that takes one: 18 series each.
   * @defaultValue false
   */
  readonly hooks?: boolean
}

export interface InspectorOptions {
  /** What others than this machine have to know; the page is opened as `/.sidewire/#token=<token>` then. @defaultValue none */
  readonly token?: string
  /** Names in `Host` besides `localhost`, its subdomains, and addresses. @defaultValue [] */
  readonly allowedHosts?: readonly string[]
  /** It only looks. @defaultValue false */
  readonly readOnly?: boolean
  /** Rows that are kept for a page that is opened later, of 4 MiB at most. @defaultValue 2000 */
  readonly history?: number
  /** Keys whose values are not shown: in JSON messages at any depth, and in the query of a URL. @defaultValue [] */
  readonly redact?: readonly string[]
}

export type RuntimeChoice = 'auto' | 'uws' | 'ws' | 'bun'

/** Options of {@link createServer} and of `sidewire.config.ts`. */
export interface ServerOptions<
  Patterns extends readonly string[] = readonly string[],
> extends EngineOptions<Patterns> {
  /**
   * Address to listen on. `'localhost'` is both loopback addresses, `127.0.0.1` and `::1`, where the machine has both.
   * @defaultValue 'localhost', with `127.0.0.1` in `server.url`
   */
  host?: string
  /** 0 takes a free port. @defaultValue 8787 */
  port?: number
  /** Paths of PEM files; with them the server speaks `wss:` and `https:` only. @defaultValue none */
  tls?: TlsFiles
  /**
   * A secret of a proxy in front, 16 characters or more: of requests that carry it in `X-Sidewire-Secret`, the headers
   * that `proxyHeaders` names are believed. @defaultValue none: no header ever is
   */
  proxySecret?: string
  /**
   * What the proxy sets itself, on every request, so that no client can: of `X-Forwarded-For`, `X-Forwarded-Proto`,
   * `X-Forwarded-Uri` (path and query as the client asked), `X-Sidewire-Client-Port` and `X-Sidewire-Known-Host`
   * (present: the name in `Host` is one that the proxy serves). Needs `proxySecret`.
   * @defaultValue ['X-Forwarded-For', 'X-Forwarded-Proto']
   */
  proxyHeaders?: readonly ProxyHeader[]
  /**
   * How many proxies in a row add an entry to `X-Forwarded-For`: the client is the entry that the first of them added,
   * so as many from the end. Needs `proxySecret`. @defaultValue 1
   */
  trustedProxies?: number
  /**
   * Lets other processes of this machine read what happens, send and cut, over HTTP at `/.sidewire/`; with a token only
   * those that have it. A server that listens beyond loopback needs one for what changes something.
   * @defaultValue false
   */
  control?: boolean | { readonly token: string }
  /**
   * Speaks with other servers that have the same one, in other processes or on other machines: rooms, broadcasts and `publish` reach
   * the connections of all of them. The URL says which: `'redis://localhost:6379'` (Redis 6 and newer, Valkey), `'nats://localhost'`
   * (needs the package `@nats-io/transport-node`); an object where more is to be said, or a broker of your own. At most once:
   * see docs/guide/machines.md. @defaultValue none: this process is alone
   */
  broker?: string | Broker | BrokerOptions
  /**
   * Other processes may listen on the same port, and the system spreads connections over them: on Linux with the runtimes `uws` and
   * `bun`. `ERR_RUNTIME` where it cannot be. @defaultValue false
   */
  sharePort?: boolean
  /**
   * Milliseconds that `close()` goes on as before, but for `/readyz`, which says 503: time for a load balancer to send new
   * clients elsewhere, before those who are here get 1001. 0 is none. @defaultValue 0
   */
  shutdownDelay?: number
  /** What plain GET requests get, by path: a page to try the handlers, for example. @defaultValue none */
  files?: Readonly<Record<string, StaticFile>>
}

/** Options of the Vite plugin. */
export interface PluginOptions<
  Patterns extends readonly string[] = readonly string[],
> extends EngineOptions<Patterns> {
  /**
   * A folder, relative to Vite's root, whose files `*.ws.{ts,js,mts,mjs}` export handlers (default export: one,
   * or a list), and are reloaded on change. @defaultValue none
   */
  wsDir?: string
  /** Where the engine listens; port 0 takes a free one. @defaultValue { host: '127.0.0.1', port: 0 } */
  sidecar?: { host?: string; port?: number }
}

export interface StaticFile {
  /** The Content-Type. */
  readonly type: string
  readonly body: string | Uint8Array
}

/** One rule, its static response already serialised. */
export interface ResolvedRule {
  readonly match: ResponseRule['match']
  /** `undefined` where a function makes the response. */
  readonly payload: Payload | undefined
  readonly respond: ((...args: Parameters<ResponseRule['match']>) => unknown) | undefined
  readonly broadcast: boolean | BroadcastOptions
}

/** Where clients are connected to, or a function that says so for each; it throws what the user's throws, or `ERR_OPTION`. */
export type UpstreamOption =
  | ResolvedUpstream
  | ((req: HandshakeRequest) => ResolvedUpstream | undefined | Promise<ResolvedUpstream | undefined>)

export interface ResolvedHandler extends Translation {
  /** The user's object; hooks are called on it, so that `this` is what they expect. */
  readonly source: UniversalApiWsHandler
  readonly pattern: Pattern
  /** Whether its paths stand behind the `endpointPrefix`. */
  readonly prefix: boolean
  /** 0 is off. */
  readonly heartbeat: number
  /** 0 is off. */
  readonly inactivityTimeout: number
  /** Bytes from which on a message is compressed; `Infinity` where compression is off. */
  readonly compressFrom: number
  readonly maxPayload: number
  readonly maxBackpressure: number
  readonly maxQueue: number
  /** 0 is no limit. */
  readonly maxMessagesPerSecond: number
  readonly delay: number
  readonly sequential: boolean
  readonly scope: 'handler' | 'path'
  /** `undefined`: the handler answers itself. */
  readonly upstream: UpstreamOption | undefined
  readonly rules: readonly ResolvedRule[]
  readonly schema: ResolvedSchemas
}

export interface ResolvedEngineOptions {
  readonly prefixes: readonly string[]
  readonly handlers: readonly ResolvedHandler[]
  readonly enablePreview: boolean
  readonly logLevel: LogLevel
  readonly logger: Logger | undefined
  readonly runtime: RuntimeChoice
  readonly allowedOrigins: ResolvedOrigins | undefined
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxEventLoopLag: number
  readonly handshakeTimeout: number
  readonly authenticateTimeout: number
  readonly closeTimeout: number
  readonly shutdownTimeout: number
  /** `undefined`: it is off. */
  readonly inspector: ResolvedInspectorOptions | undefined
  /** The same. */
  readonly metrics: ResolvedMetricsOptions | undefined
}

interface ResolvedMetricsOptions {
  readonly path: string
  readonly token: string | undefined
  readonly hooks: boolean
}

interface ResolvedInspectorOptions {
  readonly token: string | undefined
  readonly allowedHosts: readonly string[]
  readonly readOnly: boolean
  readonly history: number
  readonly redact: readonly string[]
}

export interface ResolvedPluginOptions {
  /** The same engine options, for each time that the handlers change. */
  readonly engine: EngineOptions
  readonly on: boolean
  readonly enablePreview: boolean
  readonly prefixes: readonly string[]
  readonly wsDir: string | undefined
  readonly sidecar: { readonly host: string; readonly port: number }
  readonly shutdownTimeout: number
}

export interface ResolvedServerOptions extends ResolvedEngineOptions {
  /** As URLs name it, but without brackets. */
  readonly host: string
  /** What it stands for. */
  readonly hosts: readonly [string, ...string[]]
  readonly port: number
  readonly tls: TlsFiles | undefined
  readonly shutdownDelay: number
  readonly files: ReadonlyMap<string, StaticFile>
  /** `undefined`: it is off. */
  readonly control: { readonly token: string | undefined } | undefined
  readonly proxySecret: string | undefined
  /** In lower case. */
  readonly proxyHeaders: ReadonlySet<string>
  readonly trustedProxies: number
  /** `undefined`: it is alone. */
  readonly broker: ResolvedBrokerOptions | undefined
  readonly sharePort: boolean
}

/** What `localhost` may be; which of the two comes first, and whether a client tries both, differs. */
const LOOPBACK = ['127.0.0.1', '::1'] as const
const DEFAULT_MAX_BYTES = 16 * 1024 * 1024
/**
 * Four of the largest messages. Clients of many libraries write all that they have before they read, and their own
 * queue and the system take 20 MiB or so of the answers at most; what is meant to be cut off is who never reads.
 */
export const DEFAULT_MAX_BACKPRESSURE: number = 4 * DEFAULT_MAX_BYTES
/** What every proxy is told to set. The others have to be asked for: few do, and then a client could send them. */
const DEFAULT_PROXY_HEADERS: readonly ProxyHeader[] = ['X-Forwarded-For', 'X-Forwarded-Proto']
const DEFAULT_COMPRESSION_THRESHOLD = 1024
/** What the native runtimes do by themselves. */
export const DEFAULT_HANDSHAKE_TIMEOUT = 10_000

/**
 * Reads the options of a standalone server: validates all of them, fills in every default.
 * @throws `ERR_OPTION`, `ERR_PATTERN`, `ERR_PATTERN_DUPLICATE` or `ERR_RESPONSE`, naming the option and its value
 */
export function resolveServerOptions(options: ServerOptions): ResolvedServerOptions {
  checkOptions(serverSchema, options)
  for (const name of ['proxyHeaders', 'trustedProxies'] as const)
    if (options[name] !== undefined && options.proxySecret === undefined)
      throw new SidewireError(
        'ERR_OPTION',
        `option "${name}" is ${describe(options[name])}, but there is no "proxySecret" to know the proxy by; see docs/guide/behind-a-proxy.md`,
      )
  const host = withoutBrackets(options.host ?? LOOPBACK[0])
  return {
    ...resolveEngineOptions(options),
    host,
    hosts: options.host === undefined || host.toLowerCase() === 'localhost' ? LOOPBACK : [host],
    port: options.port ?? 8787,
    tls: options.tls,
    shutdownDelay: options.shutdownDelay ?? 0,
    files: new Map(Object.entries(options.files ?? {})),
    control: options.control
      ? { token: options.control === true ? undefined : options.control.token }
      : undefined,
    proxySecret: options.proxySecret,
    proxyHeaders: new Set((options.proxyHeaders ?? DEFAULT_PROXY_HEADERS).map((name) => name.toLowerCase())),
    trustedProxies: options.trustedProxies ?? 1,
    broker: resolveBroker(options.broker),
    sharePort: options.sharePort ?? false,
  }
}

/**
 * Reads the options of the Vite plugin.
 * @throws as `resolveServerOptions` does
 */
export function resolvePluginOptions(options: PluginOptions): ResolvedPluginOptions {
  checkOptions(pluginSchema, options)
  const { wsDir, sidecar, ...engine } = options
  const { prefixes, enablePreview, shutdownTimeout } = resolveEngineOptions(engine)
  const given = wsDir !== undefined || (options.wsHandlers ?? []).length > 0
  return {
    engine,
    on: given && !options.disable && options.enableWs !== false,
    enablePreview,
    prefixes,
    wsDir,
    sidecar: { host: sidecar?.host ?? LOOPBACK[0], port: sidecar?.port ?? 0 },
    shutdownTimeout,
  }
}

/** `[::1]` is how a URL has it. */
function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

function resolveEngineOptions(options: EngineOptions): ResolvedEngineOptions {
  const prefixes = options.endpointPrefix ?? '/api'
  const on = !options.disable && options.enableWs !== false
  return {
    prefixes: (typeof prefixes === 'string' ? [prefixes] : prefixes).map(normalizePrefix),
    handlers: resolveHandlers(options, on),
    enablePreview: options.enablePreview ?? true,
    logLevel: options.logLevel ?? 'info',
    logger: options.logger,
    runtime: options.runtime ?? 'auto',
    allowedOrigins: resolveOrigins(options.allowedOrigins),
    maxConnections: options.maxConnections ?? 0,
    maxConnectionsPerAddress: options.maxConnectionsPerAddress ?? 0,
    maxEventLoopLag: options.maxEventLoopLag ?? 0,
    handshakeTimeout: options.handshakeTimeout ?? DEFAULT_HANDSHAKE_TIMEOUT,
    authenticateTimeout: options.authenticateTimeout ?? 10_000,
    closeTimeout: options.closeTimeout ?? 10_000,
    shutdownTimeout: options.shutdownTimeout ?? 5000,
    inspector: resolveInspector(options.inspector ?? false),
    metrics: resolveMetrics(options.metrics ?? false),
  }
}

function resolveMetrics(option: boolean | MetricsOptions): ResolvedMetricsOptions | undefined {
  if (option === false) return undefined
  const { path = '/metrics', token, hooks = false } = option === true ? {} : option
  return { path, token, hooks }
}

function resolveInspector(option: boolean | InspectorOptions): ResolvedInspectorOptions | undefined {
  if (option === false) return undefined
  const {
    token,
    allowedHosts = [],
    readOnly = false,
    history = 2000,
    redact = [],
  } = option === true ? {} : option
  return { token, allowedHosts, readOnly, history, redact }
}

function resolveHandlers(options: EngineOptions, on: boolean): ResolvedHandler[] {
  const resolved = new Map<string, { index: number; handler: ResolvedHandler }>()
  for (const [index, source] of (options.wsHandlers ?? []).entries()) {
    const ready = resolveHandler(source, index, options)
    if (source.disabled) continue
    const twin = resolved.get(ready.pattern.source)
    if (twin)
      throw new SidewireError(
        'ERR_PATTERN_DUPLICATE',
        `wsHandlers[${index}].pattern "${source.pattern}" is also the pattern of wsHandlers[${twin.index}]; ` +
          'merge the two, change one, or set disabled: true',
      )
    resolved.set(ready.pattern.source, { index, handler: ready })
  }
  return on ? [...resolved.values()].map((entry) => entry.handler) : []
}

function resolveHandler(
  source: UniversalApiWsHandler,
  index: number,
  options: EngineOptions,
): ResolvedHandler {
  assertOneReader(source, index)
  const compression = source.compression ?? source.perMessageDeflate ?? false
  const { enabled = true, threshold = DEFAULT_COMPRESSION_THRESHOLD } =
    typeof compression === 'object' ? compression : { enabled: compression }
  const translation = translationOf(source)
  const schema = resolveSchemas(source.schema)
  checkScenarioOf(source, index, translation, schema)
  return {
    source,
    pattern: resolvePattern(source.pattern, index),
    prefix: source.prefix ?? true,
    heartbeat: source.heartbeat || 0,
    inactivityTimeout: source.inactivityTimeout || 0,
    compressFrom: enabled ? threshold : Infinity,
    maxPayload: source.maxPayload ?? DEFAULT_MAX_BYTES,
    maxBackpressure: source.maxBackpressure ?? DEFAULT_MAX_BACKPRESSURE,
    maxQueue: source.maxQueue ?? DEFAULT_MAX_BYTES,
    maxMessagesPerSecond: source.maxMessagesPerSecond ?? options.maxMessagesPerSecond ?? 0,
    delay: source.delay ?? 0,
    sequential: source.sequential ?? false,
    scope: source.scope ?? 'handler',
    upstream: resolveUpstreamOf(source, index),
    ...translation,
    schema,
    rules: (source.responses ?? []).map((entry, at) =>
      resolveRule(entry, translation, schema, `wsHandlers[${index}].responses[${at}].response`),
    ),
  }
}

function checkScenarioOf(
  source: UniversalApiWsHandler,
  index: number,
  translation: Translation,
  schema: ResolvedSchemas,
): void {
  const { scenario } = source
  if (scenario === undefined) return
  const path = `wsHandlers[${index}].scenario`
  checkScenario(scenario, path, (value, at) => void encodeStatic(value, translation, schema, at))
  const answers = [
    scenario.otherwise,
    ...(scenario.on ?? []).flatMap(({ reply, replies = [] }) => [reply, ...replies]),
  ]
  if (source.sequential && answers.some(expects))
    throw new SidewireError(
      'ERR_OPTION',
      `option "${path}" has an expect in an answer, and the handler is sequential: the message would wait for the answer, and that for ` +
        'the message; leave sequential out, or put the expect into connect',
    )
  if (scenario.otherwise !== undefined && source.onMessage !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `option "${path}.otherwise" is for messages that nobody takes, and onMessage takes all of them: leave one of the two out`,
    )
}

function resolveUpstreamOf(source: UniversalApiWsHandler, index: number): UpstreamOption | undefined {
  const { upstream, pattern } = source
  if (upstream === undefined) {
    if (source.onUpstreamMessage === undefined) return undefined
    throw new SidewireError(
      'ERR_OPTION',
      `option "wsHandlers[${index}].onUpstreamMessage" is a function, but there is no "upstream" whose messages it could get`,
    )
  }
  if (typeof upstream !== 'function') {
    assertNames(upstream, pattern, `wsHandlers[${index}].upstream`)
    return resolveUpstream(upstream)
  }
  const resolve = (chosen: string | Upstream | undefined): ResolvedUpstream | undefined => {
    checkOptions(upstreamSchema, { upstream: chosen })
    if (chosen === undefined) return undefined
    assertNames(chosen, pattern, 'upstream')
    return resolveUpstream(chosen)
  }
  return (req) => {
    const chosen = upstream.call(source, req)
    return isPromiseLike(chosen) ? Promise.resolve(chosen).then(resolve) : resolve(chosen)
  }
}

/** A name that the pattern does not have would never be filled in. */
function assertNames(upstream: string | Upstream, pattern: string, path: string): void {
  const url = typeof upstream === 'string' ? upstream : upstream.url
  const unknown = namesIn(url).find(
    (name) => !pattern.includes(`{${name}}`) && !pattern.includes(`{${name}:`),
  )
  if (unknown !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `option "${path}" is ${describe(url)}, but the pattern ${describe(pattern)} has no {${unknown}}`,
    )
}

/** Each of them says what `onMessage` gets. */
function assertOneReader(source: UniversalApiWsHandler, index: number): void {
  const { schema, raw, transformRawData } = source
  const owner = raw ? 'raw' : transformRawData && schema?.incoming ? 'transformRawData' : undefined
  if (schema && owner !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `option "wsHandlers[${index}].schema" stands beside "${owner}", and both say what onMessage gets; leave one of the two ` +
        'out: a codec reads other formats, and its messages may have a schema',
    )
  const [one, other] = (['raw', 'codec', 'transformRawData'] as const).filter((name) => source[name])
  if (one !== undefined && other !== undefined)
    throw new SidewireError(
      'ERR_OPTION',
      `option "wsHandlers[${index}].${one}" is ${describe(source[one])}, but ${other} makes something else of the messages; ` +
        'leave one of the two out',
    )
}

function resolvePattern(source: string, index: number): Pattern {
  try {
    return compilePattern(source)
  } catch (cause) {
    if (!(cause instanceof SidewireError)) throw cause
    throw new SidewireError(cause.code, `wsHandlers[${index}].${cause.message}`, { cause })
  }
}

function resolveRule(
  entry: ResponseRule,
  translation: Translation,
  schema: ResolvedSchemas,
  path: string,
): ResolvedRule {
  const { response } = entry
  const rest = { match: entry.match.bind(entry), broadcast: entry.broadcast ?? false }
  if (typeof response === 'function') {
    return { ...rest, payload: undefined, respond: response as NonNullable<ResolvedRule['respond']> }
  }
  if (response === undefined) return { ...rest, payload: undefined, respond: undefined }
  return { ...rest, payload: encodeStatic(response, translation, schema, path), respond: undefined }
}

/** What is sent as it is, each time. */
function encodeStatic(
  value: unknown,
  { encode }: Translation,
  { outgoing, warns }: ResolvedSchemas,
  path: string,
): Payload {
  try {
    return encode(outgoing === undefined || warns ? value : checkOutgoing(outgoing, value))
  } catch (cause) {
    throw new SidewireError('ERR_RESPONSE', `${path} can never be sent: ${(cause as Error).message}`, {
      cause,
    })
  }
}
