import { expect } from 'vitest'
import { createServer, type UniversalApiWsHandler } from '../../../src/index.ts'
import type { Case, Contract } from '../harness.ts'
import { freePort } from '../../support/free-port.ts'

const greet = (pattern: string, name: string = pattern): UniversalApiWsHandler => ({
  pattern,
  onConnect: (conn) => void conn.send(name),
})

/** Who answers on this path. */
async function answerOf(
  t: Contract,
  path: string,
  ...start: Parameters<Contract['start']>
): Promise<unknown> {
  const client = await t.connect(await t.start(...start), path)
  return client.next()
}

const NOT_OURS = 'an upgrade that is not under the prefix belongs to the server in front'

export const CASES: readonly Case[] = [
  {
    name: 'endpointPrefix is /api by default',
    network: true,
    async run(t) {
      const server = await t.start(greet('/ws'))
      expect((await t.handshake(server, '/ws')).status).toBe(101)
    },
  },
  {
    name: 'what is not under the prefix gets 404',
    network: true,
    standalone: NOT_OURS,
    async run(t) {
      const server = await t.start(greet('/ws'))
      expect((await t.raw(server).request('/ws')).status).toBe(404)
    },
  },
  {
    name: 'endpointPrefix is normalised: one leading slash, no trailing one',
    async run(t) {
      for (const endpointPrefix of ['api', '/api', '/api/', 'api/', '//api//', ['api/']])
        expect(await answerOf(t, '/ws', greet('/ws'), { endpointPrefix })).toBe('/ws')
    },
  },
  {
    name: 'endpointPrefix matches whole segments only',
    standalone: NOT_OURS,
    async run(t) {
      const server = await t.start([greet('/ws'), greet('/x/ws'), greet('x/y'), greet('/**')], {
        endpointPrefix: '/api',
      })
      expect((await t.handshake(server, 'x/ws')).status).toBe(404)
      expect((await t.handshake(server, 'ws')).status).toBe(404)
      expect((await t.handshake(server, '')).status).toBe(101)
      expect((await t.handshake(server, '/')).status).toBe(101)
    },
  },
  {
    name: 'the longest matching prefix is removed, whatever the order of the list',
    async run(t) {
      const handlers = [greet('/ws', 'inner'), greet('/v2/ws', 'outer')]
      for (const endpointPrefix of [
        ['/api', '/api/v2'],
        ['/api/v2', '/api'],
        ['/ap', '', '/api/v2', '/api'],
      ]) {
        expect(await answerOf(t, '/v2/ws', handlers, { endpointPrefix })).toBe('inner')
        expect(await answerOf(t, '/ws', handlers, { endpointPrefix })).toBe('inner')
      }
    },
  },
  {
    name: "'' and '/' mean no prefix",
    async run(t) {
      for (const endpointPrefix of ['', '/', ['/']])
        expect(await answerOf(t, '/ws', greet('/api/ws'), { endpointPrefix })).toBe('/api/ws')
    },
  },
  {
    name: 'the prefix is no part of the pattern',
    async run(t) {
      const server = await t.start(greet('/api/ws'))
      expect((await t.handshake(server, '/ws')).status).toBe(404)
      expect((await t.handshake(server, '/api/ws')).status).toBe(101)
    },
  },
  {
    name: 'a pattern that can never match is ERR_PATTERN, with what was meant',
    async run(t) {
      for (const [pattern, cure] of [
        ['/ws/:id', 'a parameter is {id}'],
        [':room/ws', 'a parameter is {room}'],
        ['ws://localhost:8787/api/ws', 'such as "/api/ws"'],
        ['http://localhost', 'such as "/ws"'],
        ['/ws?token=a', 'leave it out'],
        ['/ws/{id}?', 'write two handlers'],
        ['/ws/{id:[a-z]{2}}?/a', 'write two handlers'],
        ['/ws#a', 'never sent'],
        ['/ws/../a', 'clients resolve'],
      ] as const)
        await expect(t.start({ pattern })).rejects.toMatchObject({
          code: 'ERR_PATTERN',
          message: expect.stringContaining(cure),
        })
      for (const pattern of ['/a:b', '/ws?', '/?s/{a}?b', '/{a:x?}/{b:[^:]+}', '/ws/.a', '/...', '/a/**'])
        await t.start({ pattern })
    },
  },
  {
    name: 'a handler that no client reaches is warned of, with the one that stands before it; after a reload, too',
    standalone: 'the plugin offers no reload',
    async run(t) {
      const warnings = (): string[] => t.log.filter((line) => line.includes('reached'))
      const fine: readonly string[][] = [
        ['/ws/chat', '/ws/{room}', '/**'],
        ['/ws/?', '/ws/{a}'],
        ['/ws/x*', '/ws/{a}'],
        // Nobody knows what an expression takes besides the samples.
        ['/ws/{n:[0-9a-z-]}', '/ws/{a}'],
        ['/ws/{n:.*}', '/ws/{n:\\d+}'],
        ['/ws/*', '/ws/*/more'],
      ]
      const handlers = (patterns: readonly string[]): UniversalApiWsHandler[] =>
        patterns.map((pattern) => ({ pattern }))
      const server = await t.start([{ pattern: '/a' }])
      for (const patterns of fine) server.reload({ wsHandlers: handlers(patterns) })
      expect(warnings()).toEqual([])
      for (const [patterns, taker] of [
        [['/**', '/ws/chat'], '/**'],
        [['/ws/{a}', '/ws/{b}'], '/ws/{a}'],
        [['/ws/*', '/x', '/ws/chat'], '/ws/*'],
        [['/ws/**', '/ws/{n:\\d+}'], '/ws/**'],
      ] as const) {
        t.log.length = 0
        server.reload({ wsHandlers: handlers(patterns) })
        const hidden = patterns.at(-1)
        expect(warnings()).toEqual([
          `warn [sidewire] the handler "${hidden}" is never reached: "${taker}" stands before it, and takes its paths; put "${hidden}" first`,
        ])
      }
    },
  },
  {
    name: 'a pattern that starts with the prefix is warned of: it may be meant',
    async run(t) {
      const server = await t.start([greet('/api/ws'), greet('/apis/ws')])
      const warned = t.log.filter((line) => line.startsWith('warn ') && line.includes('endpointPrefix'))
      expect(warned).toEqual([
        expect.stringMatching(/"\/api\/ws" is served at \/api\/api\/ws, .*; for \/api\/ws write "\/ws"/),
      ])
      expect((await t.handshake(server, '/api/ws')).status).toBe(101)
    },
  },
  {
    name: 'enableWs: true and disable: false are the defaults',
    async run(t) {
      for (const options of [{}, { enableWs: true }, { disable: false }])
        expect((await t.handshake(await t.start(greet('/ws'), options), '/ws')).status).toBe(101)
    },
  },
  {
    name: 'enableWs: false turns the engine off, and so does disable',
    standalone: 'what is off leaves the upgrades of the server in front alone',
    async run(t) {
      for (const options of [{ enableWs: false }, { disable: true }, { disable: true, enableWs: true }])
        expect((await t.handshake(await t.start(greet('/ws'), options), '/ws')).status).toBe(404)
    },
  },
  {
    name: 'a server without handlers answers 404',
    standalone: 'what has no handlers leaves the upgrades of the server in front alone',
    async run(t) {
      expect((await t.handshake(await t.start([]), '/ws')).status).toBe(404)
    },
  },
  {
    name: 'the first handler in list order that matches wins, not the most specific',
    async run(t) {
      expect(await answerOf(t, '/ws/x', [greet('/ws/*'), greet('/ws/x')])).toBe('/ws/*')
      expect(await answerOf(t, '/ws/x', [greet('/ws/x'), greet('/ws/*')])).toBe('/ws/x')
      expect(await answerOf(t, '/ws/y', [greet('/ws/x'), greet('/ws/*')])).toBe('/ws/*')
    },
  },
  {
    name: 'past maxConnections upgrades get 503, until a connection ends',
    async run(t) {
      const server = await t.start([greet('/a'), greet('/b')], { maxConnections: 2 })
      const first = await t.connect(server, '/a')
      await t.connect(server, '/b')
      expect((await t.handshake(server, '/a')).status).toBe(503)
      expect((await t.handshake(server, '/b')).status).toBe(503)
      expect(server.stats().refused).toBe(2)
      first.close(1000)
      await t.until(() => server.connections.length, 1)
      expect(await (await t.connect(server, '/a')).next()).toBe('/a')
    },
  },
  {
    name: 'maxConnections holds for handshakes that are authenticated at the same time',
    async run(t) {
      const pending: (() => void)[] = []
      const server = await t.start(
        {
          pattern: '/a',
          authenticate: () => new Promise((resolve) => pending.push(() => resolve(true))),
        },
        { maxConnections: 2 },
      )
      const answers = Array.from({ length: 5 }, () => t.handshake(server, '/a'))
      await t.until(() => pending.length, 5)
      for (const settle of pending) settle()
      const statuses = (await Promise.all(answers)).map(({ status }) => status)
      expect(statuses.toSorted((a, b) => a - b)).toEqual([101, 101, 503, 503, 503])
      expect(server.connections.length).toBe(2)
    },
  },
  {
    name: 'maxConnections 0 is no limit',
    async run(t) {
      const server = await t.start(greet('/a'), { maxConnections: 0 })
      await Promise.all(Array.from({ length: 20 }, () => t.connect(server, '/a')))
      await t.until(() => server.connections.length, 20)
    },
  },
  {
    name: 'a bad configuration is a SidewireError when it is read: option, value, and what is accepted',
    standalone: 'about createServer itself',
    async run() {
      const bad = [
        [{ prot: 1 }, 'ERR_OPTION', /"prot".*known are .*port/],
        [{ port: '80' as never }, 'ERR_OPTION', /"port" is "80".*0.*65535/],
        [{ maxConnections: -1 }, 'ERR_OPTION', /"maxConnections" is -1.*0 for no limit/],
        [
          { wsHandlers: [{ pattern: '/a', onMesage: () => {} } as never] },
          'ERR_OPTION',
          /"wsHandlers\[0\]\.onMesage".*onMessage/,
        ],
        [
          { wsHandlers: [{ pattern: '/a' }, { pattern: 'a' }] },
          'ERR_PATTERN_DUPLICATE',
          /wsHandlers\[1\].*"a".*wsHandlers\[0\]/,
        ],
      ] as const
      for (const [options, code, message] of bad) {
        const failure = createServer(options as Parameters<typeof createServer>[0])
        await expect(failure).rejects.toMatchObject({
          name: 'SidewireError',
          code,
          message: expect.stringMatching(message),
        })
      }
    },
  },
  {
    name: 'a pattern may be shared with a disabled handler',
    async run(t) {
      expect(await answerOf(t, '/a', [{ ...greet('/a', 'off'), disabled: true }, greet('/a', 'on')])).toBe(
        'on',
      )
    },
  },
  {
    name: 'a forced runtime that cannot load is an error that says how to get it',
    network: true,
    standalone: 'about createServer itself',
    async run() {
      const foreign = process.versions['bun'] === undefined ? 'bun' : 'uws'
      await expect(createServer({ port: 0, runtime: foreign })).rejects.toMatchObject({
        code: 'ERR_RUNTIME',
        message: expect.stringMatching(
          /"runtime" is "(bun|uws)".*;.*(start it with Bun|use "bun" or "auto")/,
        ),
      })
    },
  },
  {
    name: 'logLevel lets through what is at least as important; silent nothing',
    async run(t) {
      const lines = async (logLevel: 'silent' | 'error' | 'warn'): Promise<string[]> => {
        t.log.length = 0
        const server = await t.start(
          { pattern: '/a', authenticate: () => Promise.reject(new Error('on purpose')) },
          { logLevel },
        )
        await t.handshake(server, '/a', { Origin: 'https://evil.example' })
        await t.handshake(server, '/a')
        return t.log.map((line) => line.split(' ')[0] ?? '')
      }
      expect(await lines('silent')).toEqual([])
      expect(await lines('error')).toEqual(['error'])
      expect(await lines('warn')).toEqual(['warn', 'error'])
    },
  },
  {
    name: 'createServer gives url, port, runtime, connections, publish and close',
    network: true,
    async run(t) {
      const server = await t.start(greet('/a'))
      expect(server.port).toBeGreaterThan(0)
      expect(server.url).toBe(`ws://127.0.0.1:${server.port}`)
      expect(server.runtime).toBe(t.runtime.name)
      expect(server.connections).toEqual([])
      const client = await t.connect(server, '/a')
      expect(await client.next()).toBe('/a')
      server.publish('/a', { from: 'server' })
      expect(await client.next()).toEqual({ from: 'server' })
    },
  },
  {
    name: 'a port in use is ERR_LISTEN; close() frees it, and may be called twice',
    network: true,
    standalone: 'the port is that of the server in front',
    async run(t) {
      const port = await freePort()
      const first = await t.start(greet('/a'), { port })
      expect(first.port).toBe(port)
      await expect(t.start(greet('/a'), { port })).rejects.toMatchObject({
        name: 'SidewireError',
        code: 'ERR_LISTEN',
        message: expect.stringContaining(String(port)),
      })
      await t.connect(first, '/a')
      await Promise.all([first.close(), first.close()])
      await first.close()
      const second = await t.start(greet('/a'), { port })
      expect(await (await t.connect(second, '/a')).next()).toBe('/a')
    },
  },
  {
    name: 'close() waits shutdownTimeout at most for closing handshakes',
    network: true,
    async run(t) {
      const server = await t.start(greet('/a'), { shutdownTimeout: 200 })
      const client = await t.raw(server).open('/api/a')
      const start = performance.now()
      await server.close() // the raw client never answers a close frame
      expect(performance.now() - start).toBeLessThan(1800 + t.stalled) // an unanswered close ends by itself after 2 s
      expect((await client.nextClose()).code).toBe(1001)
      await client.ended
    },
  },
]
