import { expect } from 'vitest'
import type { UniversalApiWsHandler } from '../../../src/index.ts'
import { holdingsOf } from '../../support/inside.ts'
import type { TestClient } from '../../support/client.ts'
import type { Case, Contract } from '../harness.ts'

/** A client says which call to make: the tests then read like the calls. */
const REMOTE: UniversalApiWsHandler = {
  pattern: '/r',
  onMessage: (conn, [method, ...args]: [string, ...unknown[]]) => {
    const result = (conn as any)[method](...args)
    if (method.startsWith('is') || method.startsWith('get')) conn.send({ result })
    else conn.send({ did: method })
  },
}

/** Messages that came while a client waited for an answer. */
const stash = new WeakMap<TestClient, unknown[]>()

async function call(client: TestClient, ...args: unknown[]): Promise<unknown> {
  client.json(args)
  for (;;) {
    const answer = await client.next()
    if (answer?.did === args[0]) return undefined
    if (answer !== null && typeof answer === 'object' && 'result' in answer) return answer.result
    stash.set(client, [...(stash.get(client) ?? []), answer])
  }
}

/** What a client received before its own marker: proof of silence without waiting. */
async function received(t: Contract, client: TestClient): Promise<unknown[]> {
  await t.quiet()
  client.json(['send', { marker: true }])
  const messages = stash.get(client) ?? []
  stash.delete(client)
  for (;;) {
    const message = await client.next()
    if (message?.did === 'send') return messages
    if (message?.marker !== true) messages.push(message)
  }
}

export const CASES: readonly Case[] = [
  {
    name: 'broadcast reaches every other connection of the scope; includeSelf the sender too',
    async run(t) {
      const server = await t.start(REMOTE)
      const [a, b, c] = [
        await t.connect(server, '/r'),
        await t.connect(server, '/r'),
        await t.connect(server, '/r'),
      ]
      await call(a, 'broadcast', { n: 1 })
      a.json(['broadcast', { n: 2 }, { includeSelf: true }])
      expect([await a.next(), await a.next()]).toEqual(
        expect.arrayContaining([{ n: 2 }, { did: 'broadcast' }]),
      )
      expect(await received(t, a)).toEqual([])
      expect(await received(t, b)).toEqual([{ n: 1 }, { n: 2 }])
      expect(await received(t, c)).toEqual([{ n: 1 }, { n: 2 }])
    },
  },
  {
    name: 'rooms reach the union of the rooms, each connection once, again and again',
    async run(t) {
      const server = await t.start(REMOTE)
      const clients = await Promise.all(Array.from({ length: 5 }, () => t.connect(server, '/r')))
      const [sender, x, y, both, none] = clients as [
        TestClient,
        TestClient,
        TestClient,
        TestClient,
        TestClient,
      ]
      await call(x, 'joinRoom', 'x')
      await call(y, 'joinRoom', 'y')
      await call(both, 'joinRoom', 'x')
      await call(both, 'joinRoom', 'y')
      // The first time, the time that makes the topic, and after it.
      for (let n = 0; n < 4; n++) await call(sender, 'broadcast', { n }, { rooms: ['x', 'y', 'x', 'empty'] })
      const expected = [{ n: 0 }, { n: 1 }, { n: 2 }, { n: 3 }]
      for (const client of [x, y, both]) expect(await received(t, client)).toEqual(expected)
      for (const client of [sender, none]) expect(await received(t, client)).toEqual([])
    },
  },
  {
    name: 'a union stays right on join, leave and close',
    async run(t) {
      const server = await t.start(REMOTE)
      const [sender, a, b] = [
        await t.connect(server, '/r'),
        await t.connect(server, '/r'),
        await t.connect(server, '/r'),
      ]
      await call(a, 'joinRoom', 'x')
      await call(b, 'joinRoom', 'y')
      const union = { rooms: ['x', 'y'] }
      for (let n = 0; n < 3; n++) await call(sender, 'broadcast', { n }, union)
      await t.quiet()
      await call(a, 'joinRoom', 'y')
      await call(sender, 'broadcast', { n: 3 }, union)
      await t.quiet()
      await call(a, 'leaveRoom', 'x')
      await call(sender, 'broadcast', { n: 4 }, union)
      await t.quiet()
      await call(a, 'leaveRoom', 'y')
      await call(sender, 'broadcast', { n: 5 }, union)
      await t.quiet()
      await call(a, 'joinRoom', 'x')
      await call(sender, 'broadcast', { n: 6 }, union)
      await t.quiet()
      expect(await received(t, a)).toEqual([0, 1, 2, 3, 4, 6].map((n) => ({ n })))
      expect(await received(t, b)).toEqual([0, 1, 2, 3, 4, 5, 6].map((n) => ({ n })))
      b.close(4000)
      await t.until(() => server.connections.length, 2)
      await call(sender, 'broadcast', { n: 7 }, union)
      await t.quiet()
      expect(await received(t, a)).toEqual([{ n: 7 }])
    },
  },
  {
    name: 'the sender need not be in a room to broadcast to it, and hears itself only if it is',
    async run(t) {
      const server = await t.start(REMOTE)
      const [outside, member] = [await t.connect(server, '/r'), await t.connect(server, '/r')]
      await call(member, 'joinRoom', 'x')
      await call(outside, 'broadcast', 1, { rooms: ['x'] })
      await call(outside, 'broadcast', 2, { room: 'x', includeSelf: true })
      expect(await received(t, outside)).toEqual([])
      expect(await received(t, member)).toEqual([1, 2])
      member.json(['broadcast', 3, { room: 'x', includeSelf: true }])
      expect([await member.next(), await member.next()]).toEqual(
        expect.arrayContaining([3, { did: 'broadcast' }]),
      )
    },
  },
  {
    name: 'an empty list, and a room that nobody is in, reach nobody',
    async run(t) {
      const server = await t.start(REMOTE)
      const [a, b] = [await t.connect(server, '/r'), await t.connect(server, '/r')]
      await call(a, 'broadcast', 1, { rooms: [] })
      await call(a, 'broadcast', 2, { rooms: ['nobody'] })
      await call(a, 'broadcast', 3, { room: 'nobody', includeSelf: true })
      expect(await received(t, a)).toEqual([])
      expect(await received(t, b)).toEqual([])
    },
  },
  {
    name: 'broadcastAllRooms reaches the union of the rooms of the sender, nobody if it is in none',
    async run(t) {
      const server = await t.start(REMOTE)
      const [a, b, c] = [
        await t.connect(server, '/r'),
        await t.connect(server, '/r'),
        await t.connect(server, '/r'),
      ]
      await call(a, 'broadcastAllRooms', 0)
      await call(a, 'joinRoom', 'x')
      await call(a, 'joinRoom', 'y')
      await call(b, 'joinRoom', 'x')
      await call(b, 'joinRoom', 'y')
      await call(a, 'broadcastAllRooms', 1)
      a.json(['broadcastAllRooms', 2, true])
      expect([await a.next(), await a.next()]).toEqual(
        expect.arrayContaining([2, { did: 'broadcastAllRooms' }]),
      )
      expect(await received(t, b)).toEqual([1, 2])
      expect(await received(t, c)).toEqual([])
    },
  },
  {
    name: 'joinRoom and leaveRoom are idempotent',
    async run(t) {
      const server = await t.start(REMOTE)
      const [a, b] = [await t.connect(server, '/r'), await t.connect(server, '/r')]
      await call(a, 'joinRoom', 'x')
      await call(a, 'joinRoom', 'x')
      expect(await call(a, 'getRooms')).toEqual(['x'])
      await call(b, 'broadcast', 1, { room: 'x' })
      await t.quiet()
      await call(a, 'leaveRoom', 'x')
      await call(a, 'leaveRoom', 'x')
      await call(a, 'leaveRoom', 'never')
      expect(await call(b, 'isInRoom', 'x')).toBe(false)
      await call(b, 'broadcast', 2, { room: 'x' })
      await t.quiet()
      expect(await received(t, a)).toEqual([1])
    },
  },
  {
    name: 'room names are any non-empty string',
    async run(t) {
      const names = [
        '__proto__',
        'constructor',
        'a\u0000b',
        'x'.repeat(10_000),
        '😀',
        ' ',
        '\ud800',
        'a,b',
        '/',
      ]
      const server = await t.start(REMOTE)
      const [a, b] = [await t.connect(server, '/r'), await t.connect(server, '/r')]
      for (const name of names) {
        await call(a, 'joinRoom', name)
        await call(b, 'broadcast', { to: names.indexOf(name) }, { rooms: [name] })
        expect(await a.next()).toEqual({ to: names.indexOf(name) })
      }
      expect(await call(a, 'getRooms')).toHaveLength(names.length)
      for (const name of names) await call(a, 'leaveRoom', name)
      for (const name of names) await call(b, 'broadcast', 'lost', { rooms: [name] })
      expect(await received(t, a)).toEqual([])
    },
  },
  {
    name: 'a room name that is empty or no string throws ERR_ROOM_NAME',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          const codes = ['', undefined, 7].map((name) => {
            try {
              conn.joinRoom(name as string)
              return 'joined'
            } catch (error) {
              return (error as { code?: string }).code
            }
          })
          conn.send({ codes, rooms: conn.getRooms() })
        },
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      expect(await client.next()).toEqual({
        codes: ['ERR_ROOM_NAME', 'ERR_ROOM_NAME', 'ERR_ROOM_NAME'],
        rooms: [],
      })
    },
  },
  {
    name: 'two handlers never share a room, nor a broadcast',
    async run(t) {
      const server = await t.start([
        { ...REMOTE, pattern: '/one', defaultRoom: 'x' },
        { ...REMOTE, pattern: '/two', defaultRoom: 'x' },
      ])
      const [one, two] = [await t.connect(server, '/one'), await t.connect(server, '/two')]
      await call(one, 'broadcast', 1)
      await call(one, 'broadcast', 2, { rooms: ['x'] })
      expect(await received(t, two)).toEqual([])
    },
  },
  {
    name: 'messages from one sender arrive in the order they were sent, send and broadcast mixed',
    async run(t) {
      const count = 300
      const server = await t.start({
        pattern: '/a',
        defaultRoom: 'x',
        onMessage: (conn) => {
          for (let n = 0; n < count; n += 6) {
            conn.send(n)
            conn.broadcast(n + 1, { includeSelf: true })
            conn.broadcast(n + 2, { rooms: ['x'], includeSelf: true })
            conn.send(n + 3)
            conn.broadcast(n + 4, { rooms: ['x', 'x'], includeSelf: true })
            conn.broadcast(n + 5, { rooms: ['x', 'y'], includeSelf: true })
            if (n === 60) conn.joinRoom('y')
          }
          conn.send('end')
        },
      })
      const client = await t.connect(server, '/a')
      const other = await t.connect(server, '/a')
      client.send('go')
      for (let n = 0; n < count; n++) expect(await client.next()).toBe(n)
      expect(await client.next()).toBe('end')
      for (let n = 0; n < count; n++) if (n % 6 !== 0 && n % 6 !== 3) expect(await other.next()).toBe(n)
    },
  },
  {
    name: 'order holds for large messages among small ones',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          for (let n = 0; n < 40; n++) {
            const data = { n, fill: n % 3 === 0 ? 'x'.repeat(40_000) : '' }
            if (n % 2) conn.send(data)
            else conn.broadcast(data, { includeSelf: true })
          }
        },
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      for (let n = 0; n < 40; n++) expect((await client.next()).n).toBe(n)
    },
  },
  {
    name: 'server.publish reaches all connections of a pattern, or the union of rooms; unknown patterns throw',
    async run(t) {
      const server = await t.start([
        { ...REMOTE, pattern: '/game/*', scope: 'path' },
        { ...REMOTE, pattern: '/chat' },
      ])
      const [one, two, chat] = [
        await t.connect(server, '/game/1'),
        await t.connect(server, '/game/2'),
        await t.connect(server, '/chat'),
      ]
      await call(two, 'joinRoom', 'x')
      server.publish('/game/*', { to: 'all' })
      server.publish('/game/*', { to: 'x' }, { rooms: ['x', 'y'] })
      server.publish('/game/*', { to: 'nobody' }, { rooms: [] })
      expect(await one.next()).toEqual({ to: 'all' })
      expect(await two.next()).toEqual({ to: 'all' })
      expect(await two.next()).toEqual({ to: 'x' })
      expect(await received(t, one)).toEqual([])
      expect(await received(t, chat)).toEqual([])
      expect(() => server.publish('/nope', 1)).toThrow(
        expect.objectContaining({ code: 'ERR_UNKNOWN_HANDLER' }),
      )
      expect(() => server.publish('/chat', undefined)).toThrow(
        expect.objectContaining({ code: 'ERR_SERIALIZE' }),
      )
    },
  },
  {
    name: "with scope: 'path', all spellings that are one path to the routing are one scope",
    oneProcess: 'it counts the scopes of one engine',
    async run(t) {
      const server = await t.start(
        {
          pattern: '/game/{id}/**',
          scope: 'path',
          defaultRoom: 'x',
          onMessage: (conn, data) => {
            conn.broadcast({ data, to: 'all' }, { includeSelf: true })
            conn.broadcast({ data, to: 'room' }, { room: 'x', includeSelf: true })
          },
          onClose: (conn) => conn.broadcast({ left: conn.params['id'] }),
        },
        { endpointPrefix: ['/api', '/api/v2'] },
      )
      const spellings = [
        '/game/lobby:1/caf%C3%A9',
        '/game/lobby%3A1/caf%c3%a9',
        '//game///%6Cobby:1/caf%C3%A9',
        '/v2/game/lobby:1/caf%C3%A9',
      ]
      const others = [
        '/game/lobby:1',
        '/game/lobby:1/',
        '/game/lobby:1/caf%C3%A9/',
        '/game/lobby:1%2Fcaf%C3%A9',
      ]
      const [same, apart] = await Promise.all(
        [spellings, others].map((paths) => Promise.all(paths.map((path) => t.connect(server, path)))),
      )
      for (const [index, client] of (same ?? []).entries()) {
        client.json(index)
        for (const each of same ?? []) {
          expect(await each.next()).toEqual({ data: index, to: 'all' })
          expect(await each.next()).toEqual({ data: index, to: 'room' })
        }
      }
      for (const [index, client] of (apart ?? []).entries()) {
        client.json({ apart: index })
        expect(await client.next()).toEqual({ data: { apart: index }, to: 'all' })
        expect(await client.next()).toEqual({ data: { apart: index }, to: 'room' })
      }
      const [first, ...rest] = same ?? []
      first?.close(4000)
      for (const client of rest) expect(await client.next()).toEqual({ left: 'lobby:1' })
      // As many scopes as there are paths, and each goes with the last that was in it.
      expect(holdingsOf(server).scopes).toBe(5)
      for (const client of [...rest, ...(apart ?? [])]) client.close(4000)
      await t.until(() => holdingsOf(server).scopes, 0)
    },
  },
  {
    name: 'server.connections lists id, path, rooms, remote address and since when',
    async run(t) {
      const before = Date.now()
      const server = await t.start({ ...REMOTE, defaultRoom: 'x' })
      const client = await t.connect(server, '/r?q=1')
      await received(t, client)
      expect(server.connections).toEqual([
        {
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          path: '/api/r',
          rooms: ['x'],
          remoteAddress: '127.0.0.1',
          since: expect.any(Number),
        },
      ])
      const [info] = server.connections
      expect(info?.since).toBeGreaterThanOrEqual(before)
      client.close(4000)
      await t.until(() => server.connections, [])
    },
  },
  {
    name: 'responses: the first rule whose match is true answers, sync or async; no rule: onMessage',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        responses: [
          { match: (_conn, data) => data.q === 'static', response: { a: 'static' } },
          { match: async (_conn, data) => data.q === 'async', response: async () => ({ a: 'async' }) },
          { match: (_conn, data) => data.q === 'static', response: 'never' },
          {
            match: (_conn, data) => data.q === 'function',
            response: (_conn: unknown, data: any) => ({ a: data.n }),
          },
          { match: (_conn, data) => data.q === 'nothing', response: () => undefined },
          { match: (_conn, data) => data.q === 'bytes', response: Buffer.from([7]) },
        ],
        onMessage: (conn, data) => void conn.send({ fallback: data.q }),
      })
      const client = await t.connect(server, '/a')
      for (const q of ['static', 'async', 'function', 'nothing', 'bytes', 'other']) client.json({ q, n: 5 })
      expect(await client.next()).toEqual({ a: 'static' })
      expect(await client.next()).toEqual({ a: 'async' })
      expect(await client.next()).toEqual({ a: 5 })
      expect([...((await client.next()) as Buffer)]).toEqual([7])
      expect(await client.next()).toEqual({ fallback: 'other' })
    },
  },
  {
    name: 'responses with broadcast: true go to the rooms of the sender without it, to nobody if it is in none',
    async run(t) {
      const server = await t.start({
        ...REMOTE,
        responses: [
          { match: (_conn, data) => data === 'mine', response: { to: 'mine' }, broadcast: true },
          {
            match: (_conn, data) => data === 'x',
            response: { to: 'x' },
            broadcast: { room: 'x', includeSelf: true },
          },
          { match: (_conn, data) => data === 'all', response: { to: 'all' }, broadcast: {} },
          {
            match: (_conn, data) => data === 'union',
            response: { to: 'union' },
            broadcast: { rooms: ['x', 'y'] },
          },
        ],
      })
      const [a, b] = [await t.connect(server, '/r'), await t.connect(server, '/r')]
      await call(b, 'joinRoom', 'x')
      a.json('mine')
      a.json('x')
      a.json('all')
      a.json('union')
      expect(await received(t, a)).toEqual([])
      expect(await received(t, b)).toEqual([{ to: 'x' }, { to: 'all' }, { to: 'union' }])
      await call(a, 'joinRoom', 'x')
      a.json('mine')
      a.json('x')
      expect(await a.next()).toEqual({ to: 'x' })
      expect(await received(t, b)).toEqual([{ to: 'mine' }, { to: 'x' }])
    },
  },
  {
    name: 'a connection that was ended is no receiver any more, whatever rooms it leaves before onClose',
    async run(t) {
      const closed = t.queue<string[]>('onClose')
      const server = await t.start({
        pattern: '/r',
        onMessage: (conn) => {
          for (const room of ['a', 'b']) conn.joinRoom(room)
          conn.forceClose()
          conn.leaveRoom('a')
          const { messagesOut } = server.stats()
          conn.broadcast('nobody hears', { rooms: ['a', 'b'], includeSelf: true })
          server.publish('/r', 'nobody hears', { rooms: ['b'] })
          expect(server.stats().messagesOut).toBe(messagesOut)
        },
        onClose: (conn) => closed.push(conn.getRooms()),
        onError: (conn, error) => closed.push([error.message]),
      })
      const stays = await t.connect(server, '/r')
      const client = await t.connect(server, '/r')
      client.send('now')
      expect(await closed.next()).toEqual(['b'])
      const { messagesOut } = server.stats()
      server.publish('/r', 'nobody hears', { rooms: ['a', 'b'] })
      expect(server.stats().messagesOut).toBe(messagesOut)
      server.publish('/r', 'the only one')
      expect(await stays.next()).toBe('the only one')
      expect(server.stats().messagesOut).toBe(messagesOut + 1)
    },
  },
]
