import { expect } from 'vitest'
import type { UniversalApiWsHandler, WebSocketConnection } from '../../../src/index.ts'
import { holdingsOf } from '../../support/inside.ts'
import type { Case } from '../harness.ts'

/** A promise, and what settles it. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed, open: () => open() }
}

/** Ways for messages to wait until the gate opens; the delay is long enough for a client to be gone. */
const WAITING: readonly [string, (passed: Promise<void>) => Partial<UniversalApiWsHandler>][] = [
  ['a pending onConnect', (passed) => ({ onConnect: () => passed })],
  ['a delay', () => ({ delay: 300 })],
  ['a slow sequential onMessage', (passed) => ({ sequential: true, onMessage: () => passed })],
  [
    'a pending transformRawData',
    (passed) => ({ transformRawData: (data) => passed.then(() => String(data)) }),
  ],
  ['a pending match', (passed) => ({ responses: [{ match: () => passed.then(() => false), response: '' }] })],
]

/** How a client goes, and what `onClose` is told. */
const GOING = [
  ['closes', 4000, true],
  ['vanishes', 1006, false],
] as const

const never = (): Promise<never> => new Promise(() => {})

export const CASES: readonly Case[] = [
  ...WAITING.flatMap(([what, wait]) =>
    GOING.map(([goes, code, byClient]): Case => ({
      name: `what a client sent before it ${goes} reaches onMessage, though it waited for ${what}; onClose comes last`,
      async run(t) {
        const { passed, open } = gate()
        const events = t.queue<unknown>('event')
        const fields = wait(passed)
        const tell = (conn: WebSocketConnection, event: unknown): void => {
          // Whether it is late is a matter of time; what it says then is not.
          events.push([event, conn.closed, conn.send('late?'), [...conn.rooms]])
          conn.broadcast({ event })
        }
        const server = await t.start({
          pattern: '/{who}',
          ...fields,
          onConnect: async (conn, req) => {
            conn.joinRoom('x')
            if (conn.path.endsWith('watcher')) return
            await fields.onConnect?.(conn, req)
            tell(conn, 'connected')
          },
          onMessage: (conn, data) => {
            tell(conn, data)
            return fields.onMessage?.(conn, data)
          },
          onClose: (conn, ...args) => tell(conn, args),
        })
        const watcher = await t.connect(server, '/watcher')
        const client = await t.connect(server, '/client')
        for (const text of ['a', 'b', 'c']) client.send(text)
        await t.until(() => server.stats().messagesIn, 3)
        if (goes === 'closes') client.close(code, 'bye')
        else client.terminate()
        await t.until(() => server.stats().connections, 1)
        open()
        const end = [code, byClient ? 'bye' : '', byClient]
        const expected = ['connected', 'a', 'b', 'c', end]
        for (const event of expected) {
          const [told, closed, status, rooms] = (await events.next()) as unknown[]
          expect([told, status, rooms]).toEqual([event, closed ? 'closed' : 'sent', ['x']])
          expect(await watcher.next()).toEqual({ event })
        }
        expect(events.size).toBe(0)
        expect(holdingsOf(server).departed).toBe(0)
      },
    })),
  ),
  {
    name: 'in the hooks that come late, send answers closed, and nothing else does anything',
    async run(t) {
      const { passed, open } = gate()
      const told = t.queue<unknown>('event')
      const server = await t.start({
        pattern: '/a',
        defaultRoom: 'x',
        sequential: true,
        onConnect: () => passed,
        onMessage: (conn, data) => {
          conn.joinRoom('late')
          conn.ping()
          told.push([data, conn.send('late'), conn.closed, conn.bufferedAmount, conn.getRooms()])
        },
        onClose: () => told.push('close'),
      })
      const client = await t.connect(server, '/a')
      client.send('a')
      client.close(4000)
      await t.until(() => server.stats().closed, 1)
      open()
      expect(await told.next()).toEqual(['a', 'closed', true, 0, ['x']])
      expect(await told.next()).toBe('close')
      expect(server.stats().messagesOut).toBe(0)
    },
  },
  {
    name: 'a sequential onMessage that runs when the client closes settles before onClose',
    async run(t) {
      const { passed, open } = gate()
      const events: string[] = []
      const closed = t.queue<number>('close')
      const server = await t.start({
        pattern: '/a',
        sequential: true,
        onMessage: async () => {
          await passed
          events.push('settled')
        },
        onClose: (_conn, code) => {
          events.push('close')
          closed.push(code)
        },
      })
      const client = await t.connect(server, '/a')
      client.send('a')
      client.close(4000)
      await t.until(() => server.stats().closed, 1)
      open()
      expect(await closed.next()).toBe(4000)
      expect(events).toEqual(['settled', 'close'])
    },
  },
  {
    name: 'a client that is gone holds no place in lists, rooms, counters and limits, whatever its handler waits for',
    async run(t) {
      const events: unknown[] = []
      const server = await t.start(
        {
          pattern: '/a',
          defaultRoom: 'x',
          onConnect: never,
          onMessage: (_conn, data) => void events.push(data),
          onClose: (_conn, ...args) => void events.push(args),
        },
        { maxConnections: 1 },
      )
      const client = await t.connect(server, '/a')
      client.send('waits')
      client.close(4000, 'bye')
      await client.closed
      await t.until(() => server.stats().connections, 0)
      expect(server.connections).toEqual([])
      expect(server.stats()).toMatchObject({ closed: 1, closedByCode: { 4000: 1 } })
      expect(holdingsOf(server)).toMatchObject({ scopes: 0, rooms: 0, departed: 1 })
      const next = await t.connect(server, '/a')
      expect(events).toEqual([])
      // A server that stops waits for no handler: onClose comes once, and what waited is dropped.
      await server.close()
      expect((await next.closed).code).toBe(1001)
      expect(events).toEqual([
        [4000, 'bye', true],
        [1001, expect.any(String), false],
      ])
    },
  },
  {
    name: 'close() and forceClose() in a late hook drop what still waits',
    async run(t) {
      for (const end of ['close', 'forceClose'] as const) {
        const { passed, open } = gate()
        const events = t.queue<unknown>('event')
        const server = await t.start({
          pattern: '/a',
          onConnect: () => passed,
          onMessage: (conn, data) => {
            events.push(data)
            if (data === 'b') conn[end]()
          },
          onClose: (_conn, code) => events.push(code),
        })
        const client = await t.connect(server, '/a')
        for (const text of ['a', 'b', 'c']) client.send(text)
        client.close(4000)
        await t.until(() => server.stats().closed, 1)
        open()
        expect([await events.next(), await events.next(), await events.next()]).toEqual(['a', 'b', 4000])
        await server.close()
        expect(events.size).toBe(0)
      }
    },
  },
  {
    name: 'an onConnect that fails when the client has gone: onError, then onClose, and no onMessage',
    async run(t) {
      const { passed, open } = gate()
      const events = t.queue<unknown>('event')
      const server = await t.start({
        pattern: '/a',
        onConnect: async () => {
          await passed
          throw new Error('on purpose')
        },
        onMessage: (_conn, data) => events.push(data),
        onError: (_conn, error) => events.push(error.message),
        onClose: (_conn, code) => events.push(code),
      })
      const client = await t.connect(server, '/a')
      client.send('a')
      client.close(4000)
      await t.until(() => server.stats().closed, 1)
      open()
      expect([await events.next(), await events.next()]).toEqual(['on purpose', 4000])
      await server.close()
      expect(events.size).toBe(0)
    },
  },
  {
    name: 'canned responses answer a client that has gone with what reaches the others',
    async run(t) {
      const { passed, open } = gate()
      const closed = t.queue<number>('close')
      const server = await t.start({
        pattern: '/{who}',
        defaultRoom: 'x',
        onConnect: (conn) => (conn.params['who'] === 'client' ? passed : undefined),
        responses: [
          { match: (_conn, data) => data === 'to me', response: 'mine' },
          {
            match: () => true,
            response: async (_conn: unknown, data: unknown) => ({ told: data }),
            broadcast: true,
          },
        ],
        onClose: (_conn, code) => closed.push(code),
      })
      const watcher = await t.connect(server, '/watcher')
      const client = await t.connect(server, '/client')
      for (const text of ['to me', 'a', 'b']) client.send(text)
      client.close(4000)
      await t.until(() => server.stats().closed, 1)
      open()
      expect([await watcher.next(), await watcher.next()]).toEqual([{ told: 'a' }, { told: 'b' }])
      expect(await closed.next()).toBe(4000)
    },
  },
  {
    name: 'messages in the packet of the close frame, or of the end of the TCP connection, are handled before it',
    network: true,
    async run(t) {
      const events = t.queue<unknown>('event')
      const server = await t.start({
        pattern: '/a',
        sequential: true,
        onMessage: async (_conn, data) => {
          await new Promise((resolve) => setImmediate(resolve))
          events.push(data)
        },
        onClose: (_conn, code) => events.push(code),
      })
      for (const code of [4000, 1006]) {
        const client = await t.raw(server).open('/api/a')
        client.tcp.cork()
        for (const text of ['a', 'b', 'c']) client.text(text)
        if (code === 4000) client.frame(8, Buffer.from([code >> 8, code & 255]))
        client.tcp.uncork()
        client.tcp.end()
        for (const event of ['a', 'b', 'c', code]) expect(await events.next()).toBe(event)
      }
    },
  },
]
