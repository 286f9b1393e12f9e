import { expect } from 'vitest'
import type { UniversalApiWsHandler, WebSocketConnection } from '../../../src/index.ts'
import type { Case, Contract } from '../harness.ts'

/** Tells each client which pattern took it, and with which parameters. */
const greet = (pattern: string, more: Partial<UniversalApiWsHandler> = {}): UniversalApiWsHandler => ({
  pattern,
  onConnect: (conn) => void conn.send({ pattern, params: conn.params }),
  ...more,
})

/** The parameters on this path, or the status of the refusal. */
async function tryPath(
  t: Contract,
  server: Awaited<ReturnType<Contract['start']>>,
  path: string,
): Promise<unknown> {
  const { status } = await t.handshake(server, path)
  if (status !== 101) return status
  const client = await t.connect(server, path)
  const { params } = await client.next()
  return params
}

/** What each path gives with this one pattern. */
async function expectPaths(
  t: Contract,
  pattern: string,
  paths: Readonly<Record<string, unknown>>,
): Promise<void> {
  const server = await t.start(greet(pattern))
  for (const [path, expected] of Object.entries(paths))
    expect([pattern, path, await tryPath(t, server, path)]).toEqual([pattern, path, expected])
}

export const CASES: readonly Case[] = [
  {
    name: 'a pattern of plain text, with or without a leading slash; case-sensitive; a trailing slash must agree',
    async run(t) {
      await expectPaths(t, '/ws', {
        '/ws': {},
        '/WS': 404,
        '/ws/': 404,
        '/wsx': 404,
        '/w': 404,
        '': 404,
        '//ws': {},
        '/ws?x=1': {},
      })
      await expectPaths(t, 'ws/', { '/ws/': {}, '/ws': 404, '/ws/?x=/y': {} })
    },
  },
  {
    name: '? is one character',
    async run(t) {
      await expectPaths(t, '/w?s', {
        '/was': {},
        '/ws': 404,
        '/waas': 404,
        '/w%20s': {},
        '/w%C3%A9s': {},
        '/w%F0%9F%98%80s': {},
        '/w/s': 404,
      })
    },
  },
  {
    name: '* is any characters within a segment',
    async run(t) {
      await expectPaths(t, '/ws/*', { '/ws/': {}, '/ws/a': {}, '/ws': 404, '/ws/a/': 404, '/ws/a/b': 404 })
      await expectPaths(t, '/a*c.json', {
        '/ac.json': {},
        '/abc.json': {},
        '/abcxjson': 404,
        '/ab/c.json': 404,
      })
    },
  },
  {
    name: '** is any number of segments; /ws/** also matches /ws',
    async run(t) {
      await expectPaths(t, '/ws/**', {
        '/ws': {},
        '/ws/': {},
        '/ws/a': {},
        '/ws/a/b/': {},
        '/wsx': 404,
        '/w': 404,
      })
      await expectPaths(t, '/**/end', {
        '/end': {},
        '/a/end': {},
        '/a/b/end': {},
        '/a/b/ended': 404,
        '/end/a': 404,
      })
      await expectPaths(t, '/**', { '': {}, '/': {}, '/a': {}, '/a/b': {} })
    },
  },
  {
    name: '{name} is a parameter, {name:regex} one that must match; on conn.params and req.params',
    async run(t) {
      await expectPaths(t, '/game/{id}', { '/game/7': { id: '7' }, '/game/': 404, '/game/7/x': 404 })
      await expectPaths(t, '/{a}-{b}', {
        '/1-2': { a: '1', b: '2' },
        '/1-2-3': { a: '1-2', b: '3' },
        '/12': 404,
      })
      await expectPaths(t, String.raw`/user/{id:\d+}`, {
        '/user/42': { id: '42' },
        '/user/4x': 404,
        '/user/x4': 404,
      })
      await expectPaths(t, '/{v:v[12]|latest}/ws', {
        '/v1/ws': { v: 'v1' },
        '/latest/ws': { v: 'latest' },
        '/v3/ws': 404,
      })
      const server = await t.start({
        pattern: '/x/{id}',
        onConnect: (conn, req) => void conn.send([conn.params, req.params]),
      })
      const client = await t.connect(server, '/x/9')
      expect(await client.next()).toEqual([{ id: '9' }, { id: '9' }])
    },
  },
  {
    name: 'a lazy expression still takes the whole segment',
    async run(t) {
      await expectPaths(t, String.raw`/{id:\w+?}`, { '/abc': { id: 'abc' } })
    },
  },
  {
    name: 'parameters are percent-decoded',
    async run(t) {
      await expectPaths(t, '/ws/{id}', {
        '/ws/a%20b': { id: 'a b' },
        '/ws/%C3%BC': { id: 'ü' },
        '/ws/a%2Fb': { id: 'a/b' },
        '/ws/100%25': { id: '100%' },
        '/ws/a+b': { id: 'a+b' },
      })
    },
  },
  {
    name: 'a malformed escape is HTTP 400',
    async run(t) {
      let asked = 0
      const server = await t.start({ pattern: '/ws/{id}', authenticate: () => ++asked > 0 })
      for (const path of ['/ws/%', '/ws/%zz', '/ws/%2', '/ws/%ff', '/ws/%C3%28'])
        expect([path, (await t.handshake(server, path)).status]).toEqual([path, 400])
      expect(asked).toBe(0)
      expect((await t.handshake(server, '/other/%zz/x')).status).toBe(404)
    },
  },
  {
    name: 'the query is no part of the path',
    async run(t) {
      await expectPaths(t, '/ws/{id}', {
        '/ws/1?id=2': { id: '1' },
        '/ws/1?x=%zz': { id: '1' },
        '/ws?id=/1': 404,
      })
    },
  },
  {
    name: 'a disabled handler is skipped',
    async run(t) {
      const server = await t.start([
        greet('/ws/*', { disabled: true }),
        greet('/ws/x'),
        greet('/off', { disabled: true }),
      ])
      expect(await (await t.connect(server, '/ws/x')).next()).toMatchObject({ pattern: '/ws/x' })
      expect((await t.handshake(server, '/ws/y')).status).toBe(404)
      expect((await t.handshake(server, '/off')).status).toBe(404)
    },
  },
  {
    name: 'subprotocols: the first of the list that the client offers is chosen',
    async run(t) {
      const server = await t.start({
        pattern: '/ws',
        subprotocols: ['v3', 'v2', 'v1'],
        onConnect: (conn) => void conn.send(conn.subprotocol),
      })
      for (const [protocols, chosen] of [
        [['v1', 'v2'], 'v2'],
        [['v2', 'v1'], 'v2'],
        [['other', 'v1'], 'v1'],
        [['v1', 'v2', 'v3'], 'v3'],
      ] as const) {
        const client = await t.connect(server, '/ws', { protocols: [...protocols] })
        expect(client.protocol).toBe(chosen)
        expect(await client.next()).toBe(chosen)
      }
    },
  },
  {
    name: 'subprotocols: an offer without overlap gets 400, no offer gets in without one',
    async run(t) {
      const server = await t.start({
        pattern: '/ws',
        subprotocols: ['v1'],
        onConnect: (conn) => void conn.send({ chosen: conn.subprotocol }),
      })
      expect((await t.handshake(server, '/ws', { 'Sec-WebSocket-Protocol': 'v2, V1' })).status).toBe(400)
      const client = await t.connect(server, '/ws')
      expect(client.protocol).toBe('')
      expect(await client.next()).toEqual({ chosen: '' })
    },
  },
  {
    name: "without subprotocols the client's first offer is echoed",
    async run(t) {
      const server = await t.start({ pattern: '/ws', onConnect: (conn) => void conn.send(conn.subprotocol) })
      const client = await t.connect(server, '/ws', { protocols: ['b', 'a'] })
      expect(client.protocol).toBe('b')
      expect(await client.next()).toBe('b')
    },
  },
  {
    name: 'subprotocols: the answer names the choice once, and none if there was no offer',
    network: true,
    async run(t) {
      const server = await t.start({ pattern: '/ws', subprotocols: ['v1', 'v2'] })
      const chosen = await t.handshake(server, '/ws', { 'Sec-WebSocket-Protocol': 'v2,v1' })
      expect(chosen.headers['sec-websocket-protocol']).toBe('v1')
      // RFC 6455 11.3.4: the header may appear more than once in a request, which is the same as one list.
      const twice = await t.handshake(server, '/ws', { 'Sec-WebSocket-Protocol': 'v2' }, undefined, [
        'Sec-WebSocket-Protocol: v1',
      ])
      expect([twice.status, twice.headers['sec-websocket-protocol']]).toEqual([101, 'v1'])
      const none = await t.handshake(server, '/ws')
      expect(none.status).toBe(101)
      expect(none.headers).not.toHaveProperty('sec-websocket-protocol')
    },
  },
  {
    name: 'defaultRoom is joined before onConnect',
    async run(t) {
      const server = await t.start({
        pattern: '/ws',
        defaultRoom: 'lobby',
        onConnect: (conn) => {
          conn.send({ rooms: [...conn.rooms], isInRoom: conn.isInRoom('lobby') })
          conn.broadcast('joined', { room: 'lobby' })
        },
      })
      const first = await t.connect(server, '/ws')
      expect(await first.next()).toEqual({ rooms: ['lobby'], isInRoom: true })
      await t.connect(server, '/ws')
      expect(await first.next()).toBe('joined')
    },
  },
  {
    name: 'delay: each message waits; messages sent together arrive together, in order',
    async run(t) {
      const delay = 150
      const arrived: [unknown, number][] = []
      const server = await t.start({
        pattern: '/ws',
        delay,
        onMessage: (conn, data) => {
          arrived.push([data, performance.now()])
          if (arrived.length === 20) conn.send('done')
        },
      })
      const client = await t.connect(server, '/ws')
      const start = performance.now()
      for (let i = 0; i < 20; i++) client.json(i)
      expect(await client.next()).toBe('done')
      expect(arrived.map(([data]) => data)).toEqual(Array.from({ length: 20 }, (_, i) => i))
      const times = arrived.map(([, time]) => time - start)
      expect(Math.min(...times)).toBeGreaterThan(delay - 10)
      // One after the other they would take 20 delays.
      expect(Math.max(...times)).toBeLessThan(delay * 5 + t.stalled)
    },
  },
  {
    name: 'delay does not hold up pings, closing, or what the server sends',
    async run(t) {
      const closed = t.queue<number>('close')
      const seen: unknown[] = []
      const server = await t.start({
        pattern: '/ws',
        delay: 60_000,
        onConnect: (conn) => void conn.send('hello'),
        onMessage: (_conn, data) => void seen.push(data),
        onClose: (_conn, code) => closed.push(code),
      })
      const client = await t.connect(server, '/ws')
      expect(await client.next()).toBe('hello')
      client.send('waits')
      client.ping('now')
      await client.nextPong()
      server.publish('/ws', 'news')
      expect(await client.next()).toBe('news')
      client.close(4000)
      expect((await client.closed).code).toBe(4000)
      await t.until(() => server.stats().connections, 0)
      // What waits is dropped when the server stops, and only then.
      await server.close()
      expect(await closed.next()).toBe(4000)
      expect(seen).toEqual([])
    },
  },
  {
    name: 'transformRawData replaces parsing: it gets a Buffer of text and binary messages alike',
    async run(t) {
      const kinds: boolean[] = []
      const server = await t.start({
        pattern: '/ws',
        transformRawData: (data) => {
          kinds.push(Buffer.isBuffer(data))
          return { hex: data.toString('hex') }
        },
        onMessage: (conn, data) => void conn.send(data),
      })
      const client = await t.connect(server, '/ws')
      client.send('{"a":1}')
      expect(await client.next()).toEqual({ hex: Buffer.from('{"a":1}').toString('hex') })
      client.send(Buffer.from([0, 255]))
      expect(await client.next()).toEqual({ hex: '00ff' })
      expect(kinds).toEqual([true, true])
    },
  },
  {
    name: 'transformRawData may be async',
    async run(t) {
      const server = await t.start({
        pattern: '/ws',
        transformRawData: async (data) => {
          await Promise.resolve()
          return data.toString().toUpperCase()
        },
        onMessage: (conn, data) => void conn.send(data),
      })
      const client = await t.connect(server, '/ws')
      client.send('abc')
      expect(await client.next()).toBe('ABC')
    },
  },
  {
    name: 'a transformRawData that fails goes to onError, and the messages behind it are handled',
    async run(t) {
      for (const fail of [
        () => {
          throw new Error('sync')
        },
        () => Promise.reject(new Error('async')),
      ]) {
        const server = await t.start({
          pattern: '/ws',
          transformRawData: (data) => (data.toString() === 'bad' ? fail() : data.toString()),
          onMessage: (conn, data) => void conn.send(data),
          onError: (conn, error) => void conn.send({ error: error.message }),
        })
        const client = await t.connect(server, '/ws')
        client.send('bad')
        client.send('good')
        expect(await client.next()).toEqual({ error: expect.stringMatching(/^a?sync$/) })
        expect(await client.next()).toBe('good')
      }
    },
  },
  {
    name: 'sequential holds with rejections, delay and an async transformRawData too',
    async run(t) {
      let running = 0
      let most = 0
      const seen: unknown[] = []
      const server = await t.start({
        pattern: '/ws',
        sequential: true,
        delay: 5,
        transformRawData: async (data) => Number(data.toString()),
        onMessage: async (conn, data) => {
          most = Math.max(most, ++running)
          await new Promise((resolve) => setImmediate(resolve))
          running--
          seen.push(data)
          if (data === 9) conn.send('done')
          if (data % 2) throw new Error('odd')
        },
        onError: () => {},
      })
      const client = await t.connect(server, '/ws')
      for (let i = 0; i < 10; i++) client.json(i)
      expect(await client.next()).toBe('done')
      expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      expect(most).toBe(1)
    },
  },
  {
    name: "scope 'handler' (the default): rooms and broadcasts span every path of the pattern",
    async run(t) {
      for (const scope of [undefined, 'handler'] as const) {
        const server = await t.start({
          pattern: '/game/{id}',
          ...(scope && { scope }),
          defaultRoom: 'all',
          onMessage: (conn, data) => conn.broadcast(data, data.rooms ? { rooms: ['all'] } : {}),
        })
        const one = await t.connect(server, '/game/1')
        const two = await t.connect(server, '/game/2')
        one.json({ to: 'everyone' })
        expect(await two.next()).toEqual({ to: 'everyone' })
        one.json({ rooms: true })
        expect(await two.next()).toEqual({ rooms: true })
      }
    },
  },
  {
    name: "scope 'path': /game/1 and /game/2 are apart, /game/1 and /game/1?x are not",
    async run(t) {
      const server = await t.start({
        pattern: '/game/{id}',
        scope: 'path',
        defaultRoom: 'all',
        onMessage: (conn, data) => {
          conn.broadcast({ scope: data }, { includeSelf: true })
          conn.broadcast({ room: data }, { rooms: ['all', 'none'], includeSelf: true })
        },
      })
      const first = await t.connect(server, '/game/1')
      const same = await t.connect(server, '/game/1?x=2')
      const other = await t.connect(server, '/game/2')
      first.send('one')
      for (const client of [first, same])
        expect([await client.next(), await client.next()]).toEqual([{ scope: 'one' }, { room: 'one' }])
      other.send('two')
      // Whatever reached it by mistake would have come first.
      expect([await other.next(), await other.next()]).toEqual([{ scope: 'two' }, { room: 'two' }])
      same.send('three')
      expect(await first.next()).toEqual({ scope: 'three' })
      server.publish('/game/{id}', 'all of them')
      expect(await other.next()).toBe('all of them')
    },
  },
  {
    name: 'two handlers never share a room or a broadcast',
    async run(t) {
      const handler = (pattern: string): UniversalApiWsHandler => ({
        pattern,
        defaultRoom: 'same',
        onMessage: (conn, data) => {
          conn.broadcast(data, { includeSelf: true })
          conn.broadcast(data, { room: 'same', includeSelf: true })
        },
      })
      const server = await t.start([handler('/a'), handler('/b')])
      const a = await t.connect(server, '/a')
      const b = await t.connect(server, '/b')
      a.send('from a')
      expect([await a.next(), await a.next()]).toEqual(['from a', 'from a'])
      b.send('from b')
      expect([await b.next(), await b.next()]).toEqual(['from b', 'from b'])
    },
  },
  {
    name: 'hooks are called on the handler object, so that `this` is what they expect',
    async run(t) {
      class Chat implements UniversalApiWsHandler {
        pattern = '/chat'
        authenticate(): { success: true; data: string } {
          return { success: true, data: this.describe('authenticate') }
        }
        onConnect(conn: WebSocketConnection): void {
          conn.send([conn.authData, this.describe('onConnect')])
        }
        async onMessage(conn: WebSocketConnection): Promise<void> {
          conn.send(this.describe('onMessage'))
          conn.close(4000)
        }
        describe(hook: string): string {
          return `${this.pattern} ${hook}`
        }
      }
      const client = await t.connect(await t.start(new Chat()), '/chat')
      expect(await client.next()).toEqual(['/chat authenticate', '/chat onConnect'])
      client.send('go')
      expect(await client.next()).toBe('/chat onMessage')
      expect((await client.closed).code).toBe(4000)
    },
  },
  {
    name: 'a handler without hooks takes messages, and nothing happens',
    async run(t) {
      const server = await t.start({ pattern: '/ws' })
      const client = await t.connect(server, '/ws')
      client.send('nobody listens')
      client.ping('still there')
      await client.nextPong()
      expect(server.connections.length).toBe(1)
    },
  },
]
