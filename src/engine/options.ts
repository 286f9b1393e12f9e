import * as v from 'valibot'
import { describe, SidewireError } from './errors.ts'
import type { BroadcastOptions, ResponseRule, UniversalApiWsHandler } from './handler.ts'
import { LOG_LEVELS, type Logger, type LogLevel } from './logger.ts'
import { encode } from './message.ts'
import type { AllowedOrigins } from './origin.ts'
import { compilePattern, normalizePrefix, type Pattern } from './routing.ts'
import type { Payload, TlsFiles } from './runtime.ts'

/** Options that mean the same in every place the engine runs. */
export interface EngineOptions {
  /** Path prefix (or prefixes) of all handlers; `''` and `'/'` mean none. @defaultValue '/api' */
  endpointPrefix?: string | readonly string[]
  /** `false` turns the engine off. @defaultValue true if there are handlers */
  enableWs?: boolean
  /** The handlers; the first whose pattern matches wins. @defaultValue [] */
  wsHandlers?: readonly UniversalApiWsHandler[]
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
  /** Milliseconds that `authenticate` may take; then HTTP 503. @defaultValue 10000 */
  authenticateTimeout?: number
  /** Milliseconds that `close()` waits for a slow client to take what was sent before. @defaultValue 10000 */
  closeTimeout?: number
  /** Milliseconds that the server's `close()` waits for closing handshakes. @defaultValue 5000 */
  shutdownTimeout?: number
}

export type RuntimeChoice = 'auto' | 'uws' | 'ws' | 'bun'

/** Options of {@link createServer} and of `sidewire.config.ts`. */
export interface ServerOptions extends EngineOptions {
  /** Address to listen on. @defaultValue '127.0.0.1' */
  host?: string
  /** 0 takes a free port. @defaultValue 8787 */
  port?: number
  /** Paths of PEM files; with them the server speaks `wss:` and `https:` only. @defaultValue none */
  tls?: TlsFiles
  /**
   * A secret of a proxy in front: `X-Forwarded-For`, `-Port`, `-Proto` and `-Uri` of requests that carry it in
   * `X-Sidewire-Secret` are believed, and hidden from `conn.req`. @defaultValue none: they never are
   */
  proxySecret?: string
  /** What plain GET requests get, by path: a page to try the handlers, for example. @defaultValue none */
  files?: Readonly<Record<string, StaticFile>>
}

/** Options of the Vite plugin. */
export interface PluginOptions extends EngineOptions {
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

export interface ResolvedHandler {
  /** The user's object; hooks are called on it, so that `this` is what they expect. */
  readonly source: UniversalApiWsHandler
  readonly pattern: Pattern
  /** 0 is off. */
  readonly heartbeat: number
  /** 0 is off. */
  readonly inactivityTimeout: number
  /** Bytes from which on a message is compressed; `Infinity` where compression is off. */
  readonly compressFrom: number
  readonly maxPayload: number
  readonly maxBackpressure: number
  readonly delay: number
  readonly sequential: boolean
  readonly scope: 'handler' | 'path'
  readonly rules: readonly ResolvedRule[]
}

export interface ResolvedEngineOptions {
  readonly prefixes: readonly string[]
  readonly handlers: readonly ResolvedHandler[]
  readonly enablePreview: boolean
  readonly logLevel: LogLevel
  readonly logger: Logger | undefined
  readonly runtime: RuntimeChoice
  readonly allowedOrigins: AllowedOrigins | undefined
  readonly maxConnections: number
  readonly authenticateTimeout: number
  readonly closeTimeout: number
  readonly shutdownTimeout: number
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
  readonly host: string
  readonly port: number
  readonly tls: TlsFiles | undefined
  readonly files: ReadonlyMap<string, StaticFile>
  readonly proxySecret: string | undefined
}

const DEFAULT_MAX_BYTES = 16 * 1024 * 1024
const DEFAULT_COMPRESSION_THRESHOLD = 1024
/** Longer timers overflow and fire at once (a signed 32-bit integer in every runtime). */
const MAX_MS = 2 ** 31 - 1
/** Past this neither V8 nor JavaScriptCore can hold a message as a string. */
const MAX_BYTES = 512 * 1024 * 1024

// Every message below says what is accepted; `check` puts the option and its value in front of it.

function whole(min: number, max: number, accepted: string) {
  return v.pipe(v.number(accepted), v.integer(accepted), v.minValue(min, accepted), v.maxValue(max, accepted))
}
const flag = v.boolean('true or false')
const ms = (min = 0) =>
  v.pipe(
    v.number(`a number of milliseconds from ${min} to ${MAX_MS}`),
    v.minValue(min, `a number of milliseconds from ${min} to ${MAX_MS}`),
    v.maxValue(MAX_MS, `a number of milliseconds from ${min} to ${MAX_MS}`),
  )
const bytes = whole(1, MAX_BYTES, `a whole number of bytes from 1 to ${MAX_BYTES}`)
const text = (accepted: string) => v.pipe(v.string(accepted), v.nonEmpty(accepted))
const hook = v.optional(v.function('a function'))

function oneOf<const T extends readonly string[]>(values: T) {
  return v.picklist(values, `one of ${values.map((value) => `'${value}'`).join(', ')}`)
}

function interval(min: number, accepted: string) {
  return v.custom<number | false>(
    (value) =>
      value === false || value === 0 || (typeof value === 'number' && value >= min && value <= MAX_MS),
    accepted,
  )
}

const broadcast = v.union(
  [
    v.boolean(),
    v.strictObject({
      room: v.optional(v.string()),
      rooms: v.optional(v.array(v.string())),
      includeSelf: v.optional(v.boolean()),
    }),
  ],
  'true, false, or { room | rooms, includeSelf }',
)

const rule = v.strictObject(
  { match: v.function('a function'), response: v.optional(v.any()), broadcast: v.optional(broadcast) },
  '{ match, response, broadcast? }',
)

/** The sidecar must not be reached from other machines: the dev server guards the way to it. */
const LOOPBACK = ['127.0.0.1', '::1', 'localhost']

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

const handler = v.strictObject(
  {
    pattern: v.pipe(v.string('a path such as "/ws/chat"'), v.nonEmpty('a path such as "/ws/chat"')),
    disabled: v.optional(flag),
    authenticate: v.optional(
      v.custom(
        (value) =>
          typeof value === 'boolean' ||
          typeof value === 'function' ||
          (typeof value === 'string' && TOKEN.test(value)),
        'a function, true, false, or the name of a header',
      ),
    ),
    subprotocols: v.optional(
      v.array(
        v.pipe(v.string('a subprotocol name'), v.regex(TOKEN, 'a subprotocol name (letters, digits, . - _)')),
        'a list of subprotocol names',
      ),
    ),
    heartbeat: v.optional(interval(100, 'false, 0, or a number of milliseconds from 100')),
    inactivityTimeout: v.optional(interval(1, 'false, 0, or a number of milliseconds')),
    compression: v.optional(
      v.union(
        [
          v.boolean(),
          v.strictObject({
            enabled: v.optional(v.boolean()),
            threshold: v.optional(whole(0, MAX_BYTES, 'a whole number of bytes, 0 to compress everything')),
          }),
        ],
        'true, false, or { enabled, threshold } with the threshold in bytes',
      ),
    ),
    perMessageDeflate: v.optional(flag),
    maxPayload: v.optional(bytes),
    maxBackpressure: v.optional(bytes),
    defaultRoom: v.optional(text('a non-empty string')),
    delay: v.optional(ms()),
    transformRawData: hook,
    responses: v.optional(v.array(rule, 'a list of { match, response, broadcast? }')),
    sequential: v.optional(flag),
    scope: v.optional(oneOf(['handler', 'path'])),
    onConnect: hook,
    onMessage: hook,
    onClose: hook,
    onError: hook,
    onPing: hook,
    onPong: hook,
  },
  'a handler: { pattern, onConnect, onMessage, ... }',
)

const engineEntries = {
  endpointPrefix: v.optional(
    v.union(
      [v.string(), v.pipe(v.array(v.string()), v.minLength(1, "a list with at least one path, '' for none"))],
      "a path such as '/api', a list of them, or '' for none",
    ),
  ),
  enableWs: v.optional(flag),
  wsHandlers: v.optional(v.array(handler, 'a list of handlers')),
  disable: v.optional(flag),
  enablePreview: v.optional(flag),
  logLevel: v.optional(oneOf(LOG_LEVELS)),
  logger: v.optional(
    v.custom<Logger>(
      (value) =>
        typeof value === 'object' &&
        value !== null &&
        ['error', 'warn', 'info', 'debug'].every((name) => typeof (value as any)[name] === 'function'),
      'an object with the methods error, warn, info and debug',
    ),
  ),
  runtime: v.optional(oneOf(['auto', 'uws', 'ws', 'bun'])),
  allowedOrigins: v.optional(
    v.union(
      [v.literal(true), v.string(), v.instance(RegExp), v.array(v.union([v.string(), v.instance(RegExp)]))],
      "true for all, an origin such as 'https://app.example', a regular expression, or a list of these",
    ),
  ),
  maxConnections: v.optional(whole(0, MAX_MS, 'a whole number, 0 for no limit')),
  authenticateTimeout: v.optional(ms(1)),
  closeTimeout: v.optional(ms()),
  shutdownTimeout: v.optional(ms()),
}

const pluginSchema = v.strictObject(
  {
    ...engineEntries,
    wsDir: v.optional(text("a folder such as 'mocks'")),
    sidecar: v.optional(
      v.strictObject(
        {
          host: v.optional(v.picklist(LOOPBACK, 'a loopback address: 127.0.0.1, ::1 or localhost')),
          port: v.optional(whole(0, 65_535, 'a port from 0 (any free one) to 65535')),
        },
        '{ host, port }',
      ),
    ),
  },
  'an object of options',
)

const serverSchema = v.strictObject(
  {
    ...engineEntries,
    host: v.optional(text("an address such as '127.0.0.1' or '0.0.0.0'")),
    port: v.optional(whole(0, 65_535, 'a port from 0 (any free one) to 65535')),
    tls: v.optional(
      v.strictObject(
        { cert: text('the path of a PEM file'), key: text('the path of a PEM file') },
        '{ cert, key }, the paths of two PEM files',
      ),
    ),
    proxySecret: v.optional(
      v.pipe(
        v.string('a string of at least 16 characters'),
        v.minLength(16, 'a string of at least 16 characters'),
      ),
    ),
    files: v.optional(
      v.record(
        v.string(),
        v.strictObject(
          {
            type: text("a Content-Type such as 'text/html'"),
            body: v.union([v.string(), v.instance(Uint8Array)], 'a string or bytes'),
          },
          '{ type, body }',
        ),
        'files by path: { "/": { type, body } }',
      ),
    ),
  },
  'an object of options',
)

/**
 * Reads the options of a standalone server: validates all of them, fills in every default.
 * @throws `ERR_OPTION`, `ERR_PATTERN`, `ERR_PATTERN_DUPLICATE` or `ERR_RESPONSE`, naming the option and its value
 */
export function resolveServerOptions(options: ServerOptions): ResolvedServerOptions {
  check(serverSchema, options)
  return {
    ...resolveEngineOptions(options),
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 8787,
    tls: options.tls,
    files: new Map(Object.entries(options.files ?? {})),
    proxySecret: options.proxySecret,
  }
}

/**
 * Reads the options of the Vite plugin.
 * @throws as `resolveServerOptions` does
 */
export function resolvePluginOptions(options: PluginOptions): ResolvedPluginOptions {
  check(pluginSchema, options)
  const { wsDir, sidecar, ...engine } = options
  const { prefixes, enablePreview, shutdownTimeout } = resolveEngineOptions(engine)
  const given = wsDir !== undefined || (options.wsHandlers ?? []).length > 0
  return {
    engine,
    on: given && !options.disable && options.enableWs !== false,
    enablePreview,
    prefixes,
    wsDir,
    sidecar: { host: sidecar?.host ?? '127.0.0.1', port: sidecar?.port ?? 0 },
    shutdownTimeout,
  }
}

function resolveEngineOptions(options: EngineOptions): ResolvedEngineOptions {
  const prefixes = options.endpointPrefix ?? '/api'
  const on = !options.disable && options.enableWs !== false
  return {
    prefixes: (typeof prefixes === 'string' ? [prefixes] : prefixes).map(normalizePrefix),
    handlers: resolveHandlers(options.wsHandlers ?? [], on),
    enablePreview: options.enablePreview ?? true,
    logLevel: options.logLevel ?? 'info',
    logger: options.logger,
    runtime: options.runtime ?? 'auto',
    allowedOrigins: options.allowedOrigins,
    maxConnections: options.maxConnections ?? 0,
    authenticateTimeout: options.authenticateTimeout ?? 10_000,
    closeTimeout: options.closeTimeout ?? 10_000,
    shutdownTimeout: options.shutdownTimeout ?? 5000,
  }
}

function resolveHandlers(handlers: readonly UniversalApiWsHandler[], on: boolean): ResolvedHandler[] {
  const resolved = new Map<string, { index: number; handler: ResolvedHandler }>()
  for (const [index, source] of handlers.entries()) {
    const ready = resolveHandler(source, index)
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

function resolveHandler(source: UniversalApiWsHandler, index: number): ResolvedHandler {
  const compression = source.compression ?? source.perMessageDeflate ?? false
  const { enabled = true, threshold = DEFAULT_COMPRESSION_THRESHOLD } =
    typeof compression === 'object' ? compression : { enabled: compression }
  return {
    source,
    pattern: resolvePattern(source.pattern, index),
    heartbeat: source.heartbeat || 0,
    inactivityTimeout: source.inactivityTimeout || 0,
    compressFrom: enabled ? threshold : Infinity,
    maxPayload: source.maxPayload ?? DEFAULT_MAX_BYTES,
    maxBackpressure: source.maxBackpressure ?? DEFAULT_MAX_BYTES,
    delay: source.delay ?? 0,
    sequential: source.sequential ?? false,
    scope: source.scope ?? 'handler',
    rules: (source.responses ?? []).map((entry, at) =>
      resolveRule(entry, `wsHandlers[${index}].responses[${at}].response`),
    ),
  }
}

function resolvePattern(source: string, index: number): Pattern {
  try {
    return compilePattern(source)
  } catch (cause) {
    if (!(cause instanceof SidewireError)) throw cause
    throw new SidewireError(cause.code, `wsHandlers[${index}].${cause.message}`, { cause })
  }
}

function resolveRule(entry: ResponseRule, path: string): ResolvedRule {
  const { response } = entry
  const rest = { match: entry.match.bind(entry), broadcast: entry.broadcast ?? false }
  if (typeof response === 'function') {
    return { ...rest, payload: undefined, respond: response as NonNullable<ResolvedRule['respond']> }
  }
  if (response === undefined) return { ...rest, payload: undefined, respond: undefined }
  try {
    return { ...rest, payload: encode(response), respond: undefined }
  } catch (cause) {
    throw new SidewireError('ERR_RESPONSE', `${path} can never be sent: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function check(schema: v.GenericSchema, options: unknown): void {
  const result = v.safeParse(schema, options, { abortEarly: true })
  if (result.success) return
  const [issue] = result.issues
  const path = (issue.path ?? []).reduce((before, { key }) => {
    if (typeof key === 'number') return `${before}[${key}]`
    return before === '' ? String(key) : `${before}.${String(key)}`
  }, '')
  // A key too many, or one too few; for anything else the schema of the value itself speaks.
  const entries = issue.type === 'strict_object' ? entriesAt(schema, issue.path ?? []) : {}
  if (issue.type === 'strict_object' && issue.expected === 'never')
    throw new SidewireError(
      'ERR_OPTION',
      `unknown option "${path}"; known are ${Object.keys(entries).join(', ')}`,
    )
  // Valibot says that the object is wrong; it is what one of its entries asks for that the user has to know.
  const missing = issue.type === 'strict_object' && issue.expected?.startsWith('"')
  const accepted = missing ? entries[String(issue.path?.at(-1)?.key)]?.message : issue.message
  const subject = path === '' ? 'the configuration' : `option "${path}"`
  throw new SidewireError(
    'ERR_OPTION',
    `${subject} is ${missing ? 'missing' : describe(issue.input)}; it has to be ${accepted}`,
  )
}

/** The entries of the object schema that the last key of `path` was looked up in. */
function entriesAt(schema: any, path: readonly { key?: unknown }[]): Record<string, any> {
  let current = schema
  for (const { key } of path.slice(0, -1)) {
    current = typeof key === 'number' ? current.item : (current.entries?.[String(key)] ?? current.value)
    while (current.wrapped) current = current.wrapped
  }
  return current.entries ?? {}
}
