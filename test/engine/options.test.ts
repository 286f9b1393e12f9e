import { describe, expect, it } from 'vitest'
import { decode, encode } from '../../src/engine/connection/message.ts'
import { jsonCodec } from '../../src/engine/connection/codec.ts'
import { SidewireError } from '../../src/engine/errors.ts'
import {
  resolvePluginOptions,
  resolveServerOptions,
  type ServerOptions,
} from '../../src/engine/handler/options.ts'

function failure(
  options: unknown,
  resolve: (options: object) => unknown = resolveServerOptions,
): SidewireError {
  try {
    resolve(options as ServerOptions)
  } catch (error) {
    if (error instanceof SidewireError) return error
    throw error
  }
  throw new Error('these options are taken')
}

const handler = (fields: object): object => ({ wsHandlers: [{ pattern: '/a', ...fields }] })

describe('defaults', () => {
  it('of the server', () => {
    expect(resolveServerOptions({})).toEqual({
      prefixes: ['/api'],
      handlers: [],
      enablePreview: true,
      logLevel: 'info',
      logger: undefined,
      runtime: 'auto',
      allowedOrigins: undefined,
      maxConnections: 0,
      maxConnectionsPerAddress: 0,
      maxEventLoopLag: 0,
      handshakeTimeout: 10_000,
      authenticateTimeout: 10_000,
      closeTimeout: 10_000,
      shutdownTimeout: 5000,
      host: '127.0.0.1',
      hosts: ['127.0.0.1', '::1'],
      port: 8787,
      sharePort: false,
      tls: undefined,
      files: new Map(),
      proxySecret: undefined,
      proxyHeaders: new Set(['x-forwarded-for', 'x-forwarded-proto']),
      shutdownDelay: 0,
      trustedProxies: 1,
    })
  })

  it('of a handler', () => {
    const source = { pattern: 'a' }
    const [resolved] = resolveServerOptions({ wsHandlers: [source] }).handlers
    expect(resolved).toEqual({
      source,
      pattern: expect.objectContaining({ source: '/a' }),
      prefix: true,
      heartbeat: 0,
      inactivityTimeout: 0,
      compressFrom: Infinity,
      maxPayload: 16 * 1024 * 1024,
      maxBackpressure: 64 * 1024 * 1024,
      maxQueue: 16 * 1024 * 1024,
      maxMessagesPerSecond: 0,
      delay: 0,
      sequential: false,
      scope: 'handler',
      encode,
      decode,
      rules: [],
      schema: {
        incoming: undefined,
        outgoing: undefined,
        onInvalid: 'ignore',
        warns: false,
        query: undefined,
      },
    })
    expect(resolved?.source).toBe(source)
  })

  it('stand in for undefined', () => {
    const names = [
      'endpointPrefix',
      'enableWs',
      'wsHandlers',
      'disable',
      'logLevel',
      'runtime',
      'allowedOrigins',
      'maxConnections',
      'maxConnectionsPerAddress',
      'maxEventLoopLag',
      'maxMessagesPerSecond',
      'host',
      'port',
      'tls',
      'files',
    ]
    const options = Object.fromEntries(names.map((name) => [name, undefined])) as ServerOptions
    expect(resolveServerOptions(options)).toEqual(resolveServerOptions({}))
  })
})

describe('what is accepted', () => {
  it.each([
    [undefined, Infinity],
    [false, Infinity],
    [true, 1024],
    [{}, 1024],
    [{ enabled: true }, 1024],
    [{ enabled: false }, Infinity],
    [{ enabled: false, threshold: 5 }, Infinity],
    [{ threshold: 5 }, 5],
    [{ threshold: 0 }, 0],
  ])('compression: %j compresses from %d bytes on', (compression, expected) => {
    const [resolved] = resolveServerOptions(handler({ compression })).handlers
    expect(resolved?.compressFrom).toBe(expected)
  })

  it('perMessageDeflate is the same by another name; compression counts where both are given', () => {
    const from = (fields: object): unknown => resolveServerOptions(handler(fields)).handlers[0]?.compressFrom
    expect(from({ perMessageDeflate: true })).toBe(1024)
    expect(from({ perMessageDeflate: false })).toBe(Infinity)
    expect(from({ perMessageDeflate: true, compression: { threshold: 1 } })).toBe(1)
    expect(from({ perMessageDeflate: true, compression: false })).toBe(Infinity)
  })

  it.each([
    ['/api', ['/api']],
    ['api/', ['/api']],
    ['', ['']],
    ['/', ['']],
    [
      ['a', '/b/'],
      ['/a', '/b'],
    ],
  ])('endpointPrefix: %j', (endpointPrefix, prefixes) => {
    expect(resolveServerOptions({ endpointPrefix }).prefixes).toEqual(prefixes)
  })

  it.each([
    [handler({ heartbeat: false })],
    [handler({ heartbeat: 0 })],
    [handler({ heartbeat: 100 })],
    [handler({ inactivityTimeout: 1 })],
    [handler({ authenticate: true })],
    [handler({ authenticate: false })],
    [handler({ authenticate: 'x-api-key' })],
    [handler({ authenticate: () => true })],
    [handler({ subprotocols: [] })],
    [handler({ delay: 0.5 })],
    [handler({ maxPayload: 1 })],
    [handler({ scope: 'path' })],
    [handler({ responses: [{ match: () => true, response: 1 }] })],
    [
      handler({
        responses: [
          { match: () => true, response: undefined, broadcast: { rooms: ['a'], includeSelf: true } },
        ],
      }),
    ],
    [{ allowedOrigins: true }],
    [{ allowedOrigins: 'https://a.example' }],
    [{ allowedOrigins: /a/ }],
    [{ allowedOrigins: [/a/, 'https://b'] }],
    [{ port: 0 }],
    [{ port: 65_535 }],
    [{ authenticateTimeout: 1, closeTimeout: 0, shutdownTimeout: 0 }],
    [{ files: { '/': { type: 'text/html', body: '' }, '/b': { type: 'x/y', body: new Uint8Array(1) } } }],
    [{ logger: console }],
  ])('%j', (options) => {
    expect(() => resolveServerOptions(options as ServerOptions)).not.toThrow()
  })

  it('a handler may be an instance of a class', () => {
    class Base {
      onMessage(): void {}
    }
    class Chat extends Base {
      pattern = '/chat'
    }
    expect(resolveServerOptions({ wsHandlers: [new Chat()] }).handlers).toHaveLength(1)
  })

  it('handlers that are disabled are left out, and all of them if the engine is off', () => {
    const wsHandlers = [
      { pattern: '/a' },
      { pattern: '/b', disabled: true },
      { pattern: '/c', disabled: false },
    ]
    const patterns = (options: ServerOptions): string[] =>
      resolveServerOptions({ wsHandlers, ...options }).handlers.map(({ pattern }) => pattern.source)
    expect(patterns({})).toEqual(['/a', '/c'])
    expect(patterns({ enableWs: true })).toEqual(['/a', '/c'])
    expect(patterns({ enableWs: false })).toEqual([])
    expect(patterns({ disable: true })).toEqual([])
  })
})

describe('what is refused', () => {
  it.each([
    // The option's path, its value as the message shows it, and a part of what is accepted.
    [{ endpointPrefix: 7 }, 'endpointPrefix', '7', "'/api'"],
    [{ endpointPrefix: [] }, 'endpointPrefix', '[]', 'path'],
    [{ endpointPrefix: null }, 'endpointPrefix', 'null', "'/api'"],
    [{ enableWs: 'yes' }, 'enableWs', '"yes"', 'true or false'],
    [{ disable: 1 }, 'disable', '1', 'true or false'],
    [{ enablePreview: null }, 'enablePreview', 'null', 'true or false'],
    [{ wsHandlers: {} }, 'wsHandlers', '{}', 'list of handlers'],
    [{ wsHandlers: [null] }, 'wsHandlers[0]', 'null', 'handler'],
    [{ wsHandlers: [{ pattern: '/a' }, 'x'] }, 'wsHandlers[1]', '"x"', 'handler'],
    [{ logLevel: 'loud' }, 'logLevel', '"loud"', "'silent', 'error', 'warn', 'info', 'debug'"],
    [{ logger: {} }, 'logger', '{}', 'error, warn, info and debug'],
    [{ runtime: 'node' }, 'runtime', '"node"', "'auto', 'uws', 'ws', 'bun'"],
    [{ allowedOrigins: false }, 'allowedOrigins', 'false', 'true for all'],
    [{ maxConnections: -1 }, 'maxConnections', '-1', '0 for no limit'],
    [{ maxConnections: 1.5 }, 'maxConnections', '1.5', 'whole number'],
    [{ maxConnectionsPerAddress: -1 }, 'maxConnectionsPerAddress', '-1', '0 for no limit'],
    [{ maxMessagesPerSecond: 0.5 }, 'maxMessagesPerSecond', '0.5', '0 for no limit'],
    [handler({ maxMessagesPerSecond: -1 }), 'maxMessagesPerSecond', '-1', '0 for no limit'],
    [handler({ maxQueue: 0 }), 'maxQueue', '0', 'bytes from 1'],
    [{ handshakeTimeout: -1 }, 'handshakeTimeout', '-1', 'milliseconds from 0'],
    [{ maxEventLoopLag: -1 }, 'maxEventLoopLag', '-1', 'milliseconds from 0'],
    [{ maxConnections: 10n }, 'maxConnections', '10n', 'whole number'],
    [{ authenticateTimeout: 0 }, 'authenticateTimeout', '0', 'milliseconds from 1'],
    [{ authenticateTimeout: -5 }, 'authenticateTimeout', '-5', 'milliseconds'],
    [{ closeTimeout: -1 }, 'closeTimeout', '-1', 'milliseconds from 0'],
    [{ closeTimeout: Number.NaN }, 'closeTimeout', 'NaN', 'milliseconds'],
    [{ shutdownTimeout: Infinity }, 'shutdownTimeout', 'Infinity', 'milliseconds'],
    [{ shutdownTimeout: 2 ** 31 }, 'shutdownTimeout', '2147483648', 'milliseconds'],
    [{ shutdownDelay: -1 }, 'shutdownDelay', '-1', 'milliseconds from 0'],
    [{ metrics: 'yes' }, 'metrics', '"yes"', '{ path, token, hooks }'],
    [{ metrics: { path: 'metrics' } }, 'metrics.path', '"metrics"', "'/metrics'"],
    [{ metrics: { path: '/metrics?x' } }, 'metrics.path', '"/metrics?x"', "'/metrics'"],
    [{ metrics: { path: '/readyz' } }, 'metrics.path', '"/readyz"', '/healthz, /readyz'],
    [{ metrics: { token: 'short' } }, 'metrics.token', '5 characters (not shown)', '16 characters'],
    [{ metrics: { hooks: 1 } }, 'metrics.hooks', '1', 'true or false'],
    [{ host: '' }, 'host', '""', "'127.0.0.1'"],
    [{ port: -1 }, 'port', '-1', '0 (any free one) to 65535'],
    [{ port: 65_536 }, 'port', '65536', '65535'],
    [{ port: '80' }, 'port', '"80"', '65535'],
    [{ tls: { cert: 'a', key: 7 } }, 'tls.key', '7', 'PEM file'],
    [{ tls: true }, 'tls', 'true', '{ cert, key }'],
    [{ files: { '/': { type: '', body: '' } } }, 'files./.type', '""', 'Content-Type'],
    [{ files: { '/': { type: 'a/b', body: 7 } } }, 'files./.body', '7', 'string or bytes'],
    [handler({ pattern: '' }), 'wsHandlers[0].pattern', '""', '"/ws/chat"'],
    [handler({ pattern: 7 }), 'wsHandlers[0].pattern', '7', '"/ws/chat"'],
    [handler({ disabled: 'no' }), 'wsHandlers[0].disabled', '"no"', 'true or false'],
    [handler({ authenticate: '' }), 'wsHandlers[0].authenticate', '""', 'name of a header'],
    [handler({ authenticate: 'x key' }), 'wsHandlers[0].authenticate', '"x key"', 'name of a header'],
    [handler({ authenticate: {} }), 'wsHandlers[0].authenticate', '{}', 'function'],
    [handler({ subprotocols: 'v1' }), 'wsHandlers[0].subprotocols', '"v1"', 'list of subprotocol names'],
    [handler({ subprotocols: ['v1', 'v 2'] }), 'wsHandlers[0].subprotocols[1]', '"v 2"', 'subprotocol name'],
    [handler({ heartbeat: 99 }), 'wsHandlers[0].heartbeat', '99', 'from 100'],
    [handler({ heartbeat: -1 }), 'wsHandlers[0].heartbeat', '-1', 'from 100'],
    [handler({ heartbeat: true }), 'wsHandlers[0].heartbeat', 'true', 'from 100'],
    [handler({ inactivityTimeout: -1 }), 'wsHandlers[0].inactivityTimeout', '-1', 'milliseconds'],
    [handler({ inactivityTimeout: Number.NaN }), 'wsHandlers[0].inactivityTimeout', 'NaN', 'milliseconds'],
    [handler({ compression: 'on' }), 'wsHandlers[0].compression', '"on"', '{ enabled, threshold }'],
    [
      handler({ compression: { threshold: -1 } }),
      'wsHandlers[0].compression.threshold',
      '-1',
      'bytes, 0 to compress everything',
    ],
    [handler({ perMessageDeflate: {} }), 'wsHandlers[0].perMessageDeflate', '{}', 'true or false'],
    [handler({ maxPayload: 0 }), 'wsHandlers[0].maxPayload', '0', 'bytes from 1'],
    [handler({ maxPayload: '1MB' }), 'wsHandlers[0].maxPayload', '"1MB"', 'bytes'],
    [handler({ maxBackpressure: -1 }), 'wsHandlers[0].maxBackpressure', '-1', 'bytes'],
    [handler({ defaultRoom: '' }), 'wsHandlers[0].defaultRoom', '""', 'non-empty string'],
    [handler({ delay: -1 }), 'wsHandlers[0].delay', '-1', 'milliseconds from 0'],
    [handler({ transformRawData: 'json' }), 'wsHandlers[0].transformRawData', '"json"', 'function'],
    [handler({ prefix: '/x' }), 'wsHandlers[0].prefix', '"/x"', 'true, or false'],
    [handler({ raw: 'yes' }), 'wsHandlers[0].raw', '"yes"', 'true or false'],
    [handler({ codec: 'msgpack' }), 'wsHandlers[0].codec', '"msgpack"', 'the methods encode and decode'],
    [
      handler({ codec: { name: '', encode: () => '', decode: () => 1 } }),
      'wsHandlers[0].codec',
      '{"name":""}',
      'a name',
    ],
    [handler({ codec: { name: 'x', encode: () => '' } }), 'wsHandlers[0].codec', '{"name":"x"}', 'decode'],
    [handler({ codec: null }), 'wsHandlers[0].codec', 'null', 'decode'],
    [handler({ sequential: 1 }), 'wsHandlers[0].sequential', '1', 'true or false'],
    [handler({ scope: 'room' }), 'wsHandlers[0].scope', '"room"', "'handler', 'path'"],
    [handler({ onMessage: {} }), 'wsHandlers[0].onMessage', '{}', 'function'],
    [handler({ onDrain: true }), 'wsHandlers[0].onDrain', 'true', 'function'],
    [handler({ responses: {} }), 'wsHandlers[0].responses', '{}', 'list'],
    [
      handler({ responses: [{ match: true, response: 1 }] }),
      'wsHandlers[0].responses[0].match',
      'true',
      'function',
    ],
    [
      handler({ responses: [{ match: () => true, broadcast: 'all' }] }),
      'wsHandlers[0].responses[0].broadcast',
      '"all"',
      'includeSelf',
    ],
    [null, 'configuration', 'null', 'object of options'],
    ['x', 'configuration', '"x"', 'object of options'],
  ] as [unknown, string, string, string][])('case %#', (options, path, value, accepted) => {
    const { code, name, message } = failure(options)
    expect([name, code]).toEqual(['SidewireError', 'ERR_OPTION'])
    expect(message).toContain(path)
    expect(message).toContain(` ${value};`)
    expect(message).toContain(accepted)
  })

  it.each([
    [{ raw: true, transformRawData: () => 1 }, 'raw" is true, but transformRawData'],
    [{ raw: true, codec: jsonCodec }, 'raw" is true, but codec'],
    [{ codec: jsonCodec, transformRawData: () => 1 }, 'codec" is {"name":"json"}, but transformRawData'],
  ] as [object, string][])('of a handler whose messages have two readers names both: %j', (fields, words) => {
    const { code, message } = failure(handler(fields))
    expect(code).toBe('ERR_OPTION')
    expect(message).toBe(
      `option "wsHandlers[0].${words} makes something else of the messages; leave one of the two out`,
    )
    const without = { ...fields, ...('raw' in fields ? { raw: false } : { codec: undefined }) }
    expect(resolveServerOptions(handler(without) as never).handlers).toHaveLength(1)
  })

  it.each([
    [{ wsHandlers: [{}] }, 'wsHandlers[0].pattern', '"/ws/chat"'],
    [{ tls: { cert: 'a' } }, 'tls.key', 'PEM file'],
    [{ files: { '/': { type: 'a/b' } } }, 'files./.body', 'string or bytes'],
    [handler({ responses: [{ response: 1 }] }), 'wsHandlers[0].responses[0].match', 'function'],
  ])('a missing field: %j', (options, path, accepted) => {
    const { code, message } = failure(options)
    expect(code).toBe('ERR_OPTION')
    expect(message).toContain(`"${path}"`)
    expect(message).toContain(accepted)
  })

  it.each([
    [{ prot: 1 }, 'prot', 'port'],
    [{ gatewayTimeout: 1 }, 'gatewayTimeout', 'authenticateTimeout'],
    [handler({ onMesage: () => {} }), 'wsHandlers[0].onMesage', 'onMessage'],
    [{ tls: { cert: 'a', key: 'b', ca: 'c' } }, 'tls.ca', 'cert, key'],
    [
      handler({ responses: [{ match: () => true, respond: 1 }] }),
      'wsHandlers[0].responses[0].respond',
      'response',
    ],
    [{ files: { '/': { type: 'a/b', body: '', etag: 'x' } } }, 'files./.etag', 'type, body'],
    [handler({ compression: { level: 9 } }), 'wsHandlers[0].compression.level', 'enabled, threshold'],
  ])('an unknown option: %j', (options, path, known) => {
    const { code, message } = failure(options)
    expect(code).toBe('ERR_OPTION')
    expect(message).toContain(`"${path}"`)
    expect(message).toMatch(new RegExp(`known are .*${known}`))
  })

  it.each([
    ['server', { wsDir: 'mocks' }, 'it belongs to the Vite plugin, universalApi()'],
    ['server', { heartbeat: 1000 }, 'it belongs to a handler, an entry of wsHandlers'],
    ['server', { fsDir: 'mock' }, 'it is about HTTP, and sidewire mocks WebSockets only'],
    ['server', handler({ allowedOrigins: true }), 'it stands beside wsHandlers, not in a handler'],
    ['server', handler({ wsDir: 'mocks' }), 'it stands beside wsHandlers, not in a handler'],
    ['plugin', { port: 1 }, 'it belongs to createServer(); the plugin has sidecar: { port }'],
    ['plugin', { files: {} }, 'it belongs to createServer() and sidewire serve'],
    ['plugin', { handlers: [] }, 'it is about HTTP, and sidewire mocks WebSockets only'],
  ] as const)('of a %s, an option that belongs elsewhere, with where: %j', (kind, options, where) => {
    const { code, message } = failure(
      options,
      kind === 'server' ? resolveServerOptions : resolvePluginOptions,
    )
    expect(code).toBe('ERR_OPTION')
    expect(message).toMatch(/^unknown option "[\w.[\]]+"; /)
    expect(message).toContain(`"; ${where}; known are `)
  })

  it.each([
    [{ wsHandler: [] }, 'wsHandlers'],
    [{ Port: 1 }, 'port'],
    [{ allowedOrigns: true }, 'allowedOrigins'],
    [{ nothingLikeIt: 1 }, undefined],
    [handler({ heartBeat: 500 }), 'heartbeat'],
    [handler({ compression: { treshold: 1 } }), 'threshold'],
    [handler({ responses: [{ match: () => true, reponse: 1 }] }), 'response'],
    [handler({ responses: [{ match: () => true, broadcast: { Rooms: [] } }] }), 'rooms'],
  ])('a misspelled option, with the one that was meant: %j', (options, meant) => {
    const { message } = failure(options)
    expect(/did you mean "(\w+)"\?/.exec(message)?.[1]).toBe(meant)
  })

  it.each([
    [{ tls: { cert: 'a', keys: 'b' } }, '"tls.key" is missing, and "keys" is unknown; it has to be'],
    [{ wsHandlers: [{ patern: '/a' }] }, '"wsHandlers[0].pattern" is missing, and "patern" is unknown; it'],
    [{ wsHandlers: [{ url: '/a' }] }, '"wsHandlers[0].pattern" is missing; it'],
  ])('a misspelled option that has to be there: %j', (options, said) => {
    expect(failure(options).message).toContain(said)
  })

  it('a misspelled option of the plugin', () => {
    expect(() => resolvePluginOptions({ wsdir: 'mocks' } as object)).toThrow('did you mean "wsDir"?')
    expect(() => resolvePluginOptions({ sidecar: { prot: 1 } } as object)).toThrow('did you mean "port"?')
  })

  it('two enabled handlers with one pattern, by both their places', () => {
    const { code, message } = failure({
      wsHandlers: [{ pattern: '/b' }, { pattern: '/a' }, { pattern: 'a' }],
    })
    expect(code).toBe('ERR_PATTERN_DUPLICATE')
    expect(message).toContain('wsHandlers[2]')
    expect(message).toContain('wsHandlers[1]')
    for (const wsHandlers of [
      [{ pattern: '/a' }, { pattern: '/a', disabled: true }],
      [{ pattern: '/a', disabled: true }, { pattern: '/a' }],
      [{ pattern: '/a' }, { pattern: '/a/' }, { pattern: '/A' }],
    ])
      expect(() => resolveServerOptions({ wsHandlers })).not.toThrow()
  })

  it('a pattern that is none, by its place', () => {
    const { code, message } = failure({ wsHandlers: [{ pattern: '/a' }, { pattern: '/{b' }] })
    expect(code).toBe('ERR_PATTERN')
    expect(message).toContain('wsHandlers[1]')
    expect(message).toContain('/{b')
  })

  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  it.each([
    ['a cycle', cycle],
    ['a BigInt', { big: 1n }],
    ['a symbol', Symbol('s')],
  ])('a static response that is %s, by its rule', (_name, response) => {
    const good = { match: () => true, response: 1 }
    const { code, message, cause } = failure(handler({ responses: [good, { match: () => true, response }] }))
    expect(code).toBe('ERR_RESPONSE')
    expect(message).toContain('wsHandlers[0].responses[1].response')
    expect(cause).toMatchObject({ code: 'ERR_SERIALIZE' })
  })

  it('a message stays short, whatever the value', () => {
    expect(failure({ port: 'x'.repeat(10_000) }).message.length).toBeLessThan(300)
    expect(failure({ port: cycle }).message.length).toBeLessThan(300)
    expect(failure({ maxConnections: Symbol('s') }).message).toContain('Symbol(s)')
  })
})

describe('a proxy in front', () => {
  const proxySecret = 'hunter2-hunter2-hunter2'

  it.for([
    ['hunter2', 'a string of 7 characters (not shown)'],
    [`${proxySecret} `, 'a string of 24 characters (not shown)'],
    ['hünter2-hunter2-hunter2', 'a string of 23 characters (not shown)'],
  ] as const)('has a secret that no error shows: %s', ([secret, shown]) => {
    const { code, message } = failure({ proxySecret: secret })
    expect(code).toBe('ERR_OPTION')
    expect(message).toContain(`option "proxySecret" is ${shown}; it has to be a string of at least 16`)
    expect(message).not.toContain('unter2')
  })

  it.for([
    [{ proxyHeaders: ['X-Forwarded-For'] }, 'option "proxyHeaders" is ["X-Forwarded-For"], but there is no'],
    [{ trustedProxies: 2 }, 'option "trustedProxies" is 2, but there is no "proxySecret"'],
    [
      { proxySecret, trustedProxies: 0 },
      'option "trustedProxies" is 0; it has to be a number of proxies from 1',
    ],
    [{ proxySecret, proxyHeaders: [] }, 'option "proxyHeaders" is []; it has to be a list with at least one'],
    [{ proxySecret, proxyHeaders: ['X-Forwarded-Port'] }, "it has to be one of 'X-Forwarded-For', "],
  ] as const)('%j is refused', ([options, message]) => {
    expect(failure(options)).toMatchObject({ code: 'ERR_OPTION', message: expect.stringContaining(message) })
  })
})
