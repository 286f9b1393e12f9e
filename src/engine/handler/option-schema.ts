import * as v from 'valibot'
import type { Codec } from '../connection/codec.ts'
import { didYouMean, nearestName } from '../edit-distance.ts'
import { describe, SidewireError } from '../errors.ts'
import { LOG_LEVELS, type Logger } from '../logger.ts'
import { brokerSchema } from './broker-options.ts'
import { faultsSchema } from './fault-schema.ts'
import { pathOf } from '../path-of.ts'
import { TOKEN } from '../handshake/request.ts'
import type { StandardSchema } from '../schema/standard-schema.ts'
import { MAX_TIMER_MS } from '../timers.ts'
import { upstreamUrlParts } from '../upstream/upstream.ts'

// What each option may be. `options.ts` has the types, the defaults, and calls `checkOptions` once.

/** Past this neither V8 nor JavaScriptCore can hold a message as a string. */
const MAX_BYTES = 512 * 1024 * 1024

// Every message below says what is accepted; `checkOptions` puts the option and its value in front of it.

function whole(min: number, max: number, accepted: string) {
  return v.pipe(v.number(accepted), v.integer(accepted), v.minValue(min, accepted), v.maxValue(max, accepted))
}
const flag = v.boolean('true or false')
const ms = (min = 0) =>
  v.pipe(
    v.number(`a number of milliseconds from ${min} to ${MAX_TIMER_MS}`),
    v.minValue(min, `a number of milliseconds from ${min} to ${MAX_TIMER_MS}`),
    v.maxValue(MAX_TIMER_MS, `a number of milliseconds from ${min} to ${MAX_TIMER_MS}`),
  )
const bytes = whole(1, MAX_BYTES, `a whole number of bytes from 1 to ${MAX_BYTES}`)
const count = whole(0, MAX_TIMER_MS, 'a whole number, 0 for no limit')
const text = (accepted: string) => v.pipe(v.string(accepted), v.nonEmpty(accepted))
const hook = v.optional(v.function('a function'))

function oneOf<const T extends readonly string[]>(values: T) {
  return v.picklist(values, `one of ${values.map((value) => `'${value}'`).join(', ')}`)
}

function interval(min: number, accepted: string) {
  return v.custom<number | false>(
    (value) =>
      value === false || value === 0 || (typeof value === 'number' && value >= min && value <= MAX_TIMER_MS),
    accepted,
  )
}

const broadcast = v.union(
  [
    v.boolean(),
    v.strictObject({
      room: v.optional(text('a non-empty string')),
      rooms: v.optional(v.union([v.array(text('a non-empty string')), v.set(text('a non-empty string'))])),
      includeSelf: v.optional(v.boolean()),
      local: v.optional(v.boolean()),
    }),
  ],
  'true, false, or { room | rooms, includeSelf, local }',
)

const STANDARD_SCHEMA = 'a schema of zod, valibot, arktype or another library of Standard Schema'
const standardSchema = v.custom<StandardSchema>(
  (value) =>
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as Partial<StandardSchema>)['~standard']?.validate === 'function',
  STANDARD_SCHEMA,
)

const schemas = v.strictObject(
  {
    incoming: v.optional(standardSchema),
    outgoing: v.optional(standardSchema),
    onInvalid: v.optional(
      v.union([v.picklist(['ignore', 'close']), v.function()], "'ignore', 'close', or a function"),
    ),
    checkOutgoing: v.optional(oneOf(['throw', 'warn', 'off'])),
    query: v.optional(standardSchema),
  },
  '{ incoming, outgoing, onInvalid, checkOutgoing, query }',
)

const rule = v.strictObject(
  { match: v.function('a function'), response: v.optional(v.any()), broadcast: v.optional(broadcast) },
  '{ match, response, broadcast? }',
)

const docs = v.strictObject(
  {
    summary: v.optional(v.string('a text')),
    description: v.optional(v.string('a text')),
    tags: v.optional(v.array(text('a word'), 'a list of words')),
    examples: v.optional(
      v.strictObject(
        {
          incoming: v.optional(v.array(v.any(), 'a list of messages')),
          outgoing: v.optional(v.array(v.any(), 'a list of messages')),
        },
        '{ incoming, outgoing }, lists of messages',
      ),
    ),
  },
  '{ summary, description, tags, examples }',
)

const UPSTREAM_URL = "a URL such as 'ws://localhost:3000/ws/{id}', with {name} in the path only"
const upstreamUrl = v.pipe(
  v.string(UPSTREAM_URL),
  v.check((url) => upstreamUrlParts(url) !== undefined, UPSTREAM_URL),
)

/** RFC 9110 5.5, a byte a character. */
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** What the handshake is made of, and what is between neighbours. */
const OWN_HEADER =
  /^(?:host|connection|upgrade|keep-alive|te|trailer|transfer-encoding|content-length|proxy-.*|sec-websocket-.*)$/i
const HEADER_NAME = 'a header that is not of the handshake itself'

const headers = v.record(
  v.pipe(
    v.string(HEADER_NAME),
    v.regex(TOKEN, HEADER_NAME),
    v.check((name) => !OWN_HEADER.test(name), HEADER_NAME),
  ),
  v.nullable(
    v.pipe(
      v.string('a string, or null to remove it'),
      v.regex(HEADER_VALUE, 'text that a header can carry, or null to remove it'),
    ),
  ),
  "headers by name: { 'X-Tenant': 'acme', cookie: null }",
)

const upstreamObject = v.strictObject(
  {
    url: upstreamUrl,
    headers: v.optional(headers),
    origin: v.optional(
      v.pipe(
        v.string("'client', 'target', or an origin such as 'https://app.example'"),
        v.regex(HEADER_VALUE, "'client', 'target', or an origin such as 'https://app.example'"),
      ),
    ),
    subprotocols: v.optional(
      v.array(
        v.pipe(v.string('a subprotocol name'), v.regex(TOKEN, 'a subprotocol name (letters, digits, . - _)')),
        'a list of subprotocol names',
      ),
    ),
    connectTimeout: v.optional(ms(1)),
    compression: v.optional(flag),
    tls: v.optional(
      v.strictObject(
        {
          insecure: v.optional(flag),
          ca: v.optional(text('a certificate in PEM')),
          servername: v.optional(text('a name such as api.example.com')),
        },
        '{ insecure, ca, servername }',
      ),
    ),
    // What is in it is looked at by who records: see `recording/record-options.ts`.
    record: v.optional(
      v.union(
        [text('a file'), v.custom<object>((value) => typeof value === 'object' && value !== null)],
        "a file such as 'orders.jsonl', or { file, overwrite, maxBytes, headers, redact }",
      ),
    ),
  },
  `{ url, headers, origin, subprotocols, connectTimeout, compression, tls, record }`,
)

/** What a function for `upstream` may answer. */
export const upstreamSchema: v.GenericSchema = v.object({
  upstream: v.optional(v.union([upstreamUrl, upstreamObject], `${UPSTREAM_URL}, or { url, ... }`)),
})

/** Methods may be those of a class. */
function isCodec(value: unknown): boolean {
  const { name, encode, decode } = (value ?? {}) as Partial<Record<keyof Codec, unknown>>
  return (
    typeof name === 'string' && name !== '' && typeof encode === 'function' && typeof decode === 'function'
  )
}

const FAULTS =
  'an object of faults: { latency, drop, handshake, disconnect, ... }, or a function that makes one'

/** The sidecar must not be reached from other machines: the dev server guards the way to it. */
const LOOPBACK = ['127.0.0.1', '::1', '[::1]', 'localhost']

const handler = v.strictObject(
  {
    pattern: v.pipe(v.string('a path such as "/ws/chat"'), v.nonEmpty('a path such as "/ws/chat"')),
    prefix: v.optional(
      v.boolean('true, or false for a pattern that is the whole path, without the endpointPrefix'),
    ),
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
    maxQueue: v.optional(bytes),
    maxMessagesPerSecond: v.optional(count),
    defaultRoom: v.optional(text('a non-empty string')),
    faults: v.optional(v.union([v.function(FAULTS), faultsSchema], FAULTS)),
    delay: v.optional(ms()),
    transformRawData: hook,
    raw: v.optional(flag),
    schema: v.optional(schemas),
    // What is in it is looked at apart: see `scenario-check.ts`.
    scenario: v.optional(
      v.record(v.string(), v.any(), 'an object of connect, on, every, otherwise and more'),
    ),
    codec: v.optional(v.custom(isCodec, 'an object with a name, and the methods encode and decode')),
    upstream: v.optional(
      v.union(
        [upstreamUrl, upstreamObject, v.function('a function')],
        `${UPSTREAM_URL}, { url, ... }, or a function that returns one of these`,
      ),
    ),
    docs: v.optional(docs),
    responses: v.optional(v.array(rule, 'a list of { match, response, broadcast? }')),
    sequential: v.optional(flag),
    scope: v.optional(oneOf(['handler', 'path'])),
    onStart: hook,
    onStop: hook,
    onConnect: hook,
    onMessage: hook,
    onUpstreamMessage: hook,
    onClose: hook,
    onError: hook,
    onRequest: hook,
    onPing: hook,
    onPong: hook,
    onDrain: hook,
    onFault: hook,
  },
  'a handler: { pattern, onConnect, onMessage, ... }',
)

/** RFC 9110 5.5: what a header can carry for certain, with no space at an end that would be cut off. */
const SECRET_TEXT = /^[!-~][ -~]{14,}[!-~]$/
const SECRET = 'a string of at least 16 characters of ASCII, without a space at an end'
const secret = v.pipe(v.string(SECRET), v.regex(SECRET_TEXT, SECRET))

/** Of a host, without a scheme or a port. */
const NAME_TEXT = /^\.?[\w-]+(?:\.[\w-]+)*$/
const NAME = "a name such as 'mock.example', or '.example' with all below it"

const inspector = v.union(
  [
    flag,
    v.strictObject({
      token: v.optional(secret),
      allowedHosts: v.optional(v.array(v.pipe(v.string(NAME), v.regex(NAME_TEXT, NAME)), 'a list of names')),
      readOnly: v.optional(flag),
      history: v.optional(whole(1, 100_000, 'a number of rows from 1 to 100000')),
      redact: v.optional(v.array(text("a key such as 'password'"), 'a list of keys')),
    }),
  ],
  'true, false, or { token, allowedHosts, readOnly, history, redact }',
)

const METRICS_PATH = "a path such as '/metrics', other than /healthz, /readyz and those below /.sidewire/"
const metrics = v.union(
  [
    flag,
    v.strictObject({
      path: v.optional(
        v.pipe(
          v.string(METRICS_PATH),
          v.regex(/^\/(?!(?:healthz|readyz)$|\.sidewire\/)[^?#\s]*$/, METRICS_PATH),
        ),
      ),
      token: v.optional(secret),
      hooks: v.optional(flag),
    }),
  ],
  'true, false, or { path, token, hooks }',
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
  maxConnections: v.optional(count),
  maxConnectionsPerAddress: v.optional(count),
  maxMessagesPerSecond: v.optional(count),
  maxEventLoopLag: v.optional(ms()),
  handshakeTimeout: v.optional(ms()),
  authenticateTimeout: v.optional(ms(1)),
  closeTimeout: v.optional(ms()),
  shutdownTimeout: v.optional(ms()),
  inspector: v.optional(inspector),
  metrics: v.optional(metrics),
}

const pluginEntries = {
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
}

export const pluginSchema: v.GenericSchema = v.strictObject(pluginEntries, 'an object of options')

/** The headers of the option `proxyHeaders`. */
export type ProxyHeader = (typeof PROXY_HEADERS)[number]

const PROXY_HEADERS = [
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Uri',
  'X-Sidewire-Client-Port',
  'X-Sidewire-Known-Host',
] as const

const serverEntries = {
  ...engineEntries,
  host: v.optional(text("an address such as '127.0.0.1' or '0.0.0.0'")),
  port: v.optional(whole(0, 65_535, 'a port from 0 (any free one) to 65535')),
  tls: v.optional(
    v.strictObject(
      { cert: text('the path of a PEM file'), key: text('the path of a PEM file') },
      '{ cert, key }, the paths of two PEM files',
    ),
  ),
  proxySecret: v.optional(secret),
  proxyHeaders: v.optional(
    v.pipe(
      v.array(oneOf(PROXY_HEADERS), `a list of ${PROXY_HEADERS.join(', ')}`),
      v.minLength(1, 'a list with at least one header'),
    ),
  ),
  trustedProxies: v.optional(whole(1, 100, 'a number of proxies from 1 to 100')),
  broker: v.optional(brokerSchema),
  sharePort: v.optional(flag),
  control: v.optional(v.union([flag, v.strictObject({ token: secret })], 'true, false, or { token }')),
  shutdownDelay: v.optional(ms()),
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
}

export const serverSchema: v.GenericSchema = v.strictObject(serverEntries, 'an object of options')

/**
 * @throws `ERR_OPTION`, naming the option, its value, and what is accepted
 */
export function checkOptions(schema: v.GenericSchema, options: unknown): void {
  const result = v.safeParse(schema, options, { abortEarly: true })
  if (result.success) return
  const [first] = result.issues
  const issue = memberIn(first) ?? first
  const keys = issue === first ? (first.path ?? []) : [...(first.path ?? []), ...(issue.path ?? [])]
  const path = pathOf(keys.map(({ key }) => key as PropertyKey))
  // A key too many, or one too few; for anything else the schema of the value itself speaks.
  const entries = issue.type === 'strict_object' ? entriesAt(schema, keys) : {}
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const known = Object.keys(entries)
    const name = String(keys.at(-1)?.key)
    const home = homeOf(name, keys[0]?.key, keys.length)
    const hint = home ? ` ${home};` : didYouMean(name, known)
    throw new SidewireError('ERR_OPTION', `unknown option "${path}";${hint} known are ${known.join(', ')}`)
  }
  // Valibot says that the object is wrong; it is what one of its entries asks for that the user has to know.
  const missing = issue.type === 'strict_object' && issue.expected?.startsWith('"')
  const accepted = missing ? entries[String(issue.path?.at(-1)?.key)]?.message : issue.message
  const subject = path === '' ? 'the configuration' : `option "${path}"`
  const found = missing ? `missing${misspelled(issue, entries)}` : shown(path, issue.input)
  throw new SidewireError('ERR_OPTION', `${subject} is ${found}; it has to be ${accepted}`)
}

/** Of vite-plugin-universal-api 2.3, which also mocks HTTP. */
const OF_HTTP = new Set([
  'fsDir',
  'handlers',
  'handlerMiddlewares',
  'errorMiddlewares',
  'parser',
  'pagination',
  'filters',
  'gatewayTimeout',
  'noHandledRestFsRequestsAction',
])

/** Where an option belongs that is unknown where it stands, if it is one of ours, or of the plugin that people come from. */
function homeOf(name: string, first: unknown, depth: number): string | undefined {
  if (depth === 3 && first === 'wsHandlers')
    return Object.hasOwn(pluginEntries, name) || Object.hasOwn(serverEntries, name)
      ? 'it stands beside wsHandlers, not in a handler'
      : undefined
  if (depth !== 1) return undefined
  if (name === 'workers')
    return 'it belongs to sidewire.config.ts, for sidewire serve; a program is started several times, with sharePort and a broker'
  if (Object.hasOwn(handler.entries, name)) return 'it belongs to a handler, an entry of wsHandlers'
  if (Object.hasOwn(pluginEntries, name)) return 'it belongs to the Vite plugin, universalApi()'
  if (name === 'host' || name === 'port')
    return `it belongs to createServer(); the plugin has sidecar: { ${name} }`
  if (Object.hasOwn(serverEntries, name)) return 'it belongs to createServer() and sidewire serve'
  return OF_HTTP.has(name) ? 'it is about HTTP, and sidewire mocks WebSockets only' : undefined
}

/** What may have been meant to be the entry that is missing. */
function misspelled({ path }: v.BaseIssue<unknown>, entries: Record<string, unknown>): string {
  const last = path?.at(-1)
  const others = Object.keys(last?.input ?? {}).filter((key) => !(key in entries))
  const nearest = nearestName(String(last?.key), others)
  return nearest === undefined ? '' : `, and "${nearest}" is unknown`
}

/** Where one of several forms is an object, and it got one, what is wrong is a key of it, or the value of one. */
function memberIn(issue: v.BaseIssue<unknown>): v.BaseIssue<unknown> | undefined {
  if (issue.type !== 'union') return undefined
  const { issues = [] } = issue
  const isUnknown = ({ type, expected }: v.BaseIssue<unknown>): boolean =>
    type === 'strict_object' && expected === 'never'
  return issues.find(isUnknown) ?? issues.find(({ path }) => path !== undefined)
}

/** A secret that is refused is often one that is in use elsewhere, and errors end up in logs. */
function shown(path: string, value: unknown): string {
  if (/^broker\b/.test(path) && typeof value !== 'number' && typeof value !== 'boolean')
    return `${Array.isArray(value) ? 'a list' : `a ${typeof value}`} (not shown, as it may hold a password)`
  if (
    !/^(?:proxySecret|control\.token|inspector\.token|metrics\.token)$/.test(path) ||
    typeof value !== 'string'
  )
    return describe(value)
  return `a string of ${value.length} characters (not shown)`
}

/** The entries of the object schema that the last key of `path` was looked up in. */
function entriesAt(schema: any, path: readonly { key?: unknown }[]): Record<string, any> {
  let current = schema
  for (const { key } of path.slice(0, -1)) {
    current = typeof key === 'number' ? current.item : (current.entries?.[String(key)] ?? current.value)
    while (current.wrapped) current = current.wrapped
    // Of several forms it is the object that has keys.
    if (current.options) current = current.options.find((option: any) => option.entries) ?? current
  }
  return current.entries ?? {}
}
