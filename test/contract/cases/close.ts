import { expect } from 'vitest'
import type { WebSocketConnection } from '../../../src/index.ts'
import type { Case } from '../harness.ts'

type Closed = [code: number, reason: string, initiatedByClient: boolean]

export const CASES: readonly Case[] = [
  {
    name: 'close sends code and reason; 1000 and an empty reason by default',
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn, data) => (data === 'default' ? conn.close() : conn.close(4321, 'why')),
        onClose: (_conn, ...args) => closed.push(args),
      })
      const first = await t.connect(server, '/a')
      first.send('default')
      expect(await first.closed).toEqual({ code: 1000, reason: '' })
      expect(await closed.next()).toEqual([1000, '', false])
      const second = await t.connect(server, '/a')
      second.send('other')
      expect(await second.closed).toEqual({ code: 4321, reason: 'why' })
      expect(await closed.next()).toEqual([4321, 'why', false])
    },
  },
  {
    name: 'every allowed code goes over the wire',
    async run(t) {
      const codes = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
      ]
      const server = await t.start({ pattern: '/a', onMessage: (conn, data) => conn.close(data) })
      for (const code of codes) {
        if (t.runtime.name === 'memory') {
          const client = await t.connect(server, '/a')
          client.json(code)
          expect((await client.closed).code).toBe(code)
          continue
        }
        const client = await t.raw(server).open('/api/a')
        client.text(String(code))
        expect((await client.nextClose()).code).toBe(code)
      }
    },
  },
  {
    name: 'other codes throw ERR_CLOSE_CODE and leave the connection as it was',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          const codes = [
            0,
            999,
            1004,
            1005,
            1006,
            1015,
            1016,
            2000,
            2999,
            5000,
            70_000,
            -1,
            1000.5,
            Number.NaN,
            '1000',
          ]
          const results = codes.map((code) => {
            try {
              conn.close(code as number)
              return 'closed'
            } catch (error) {
              return (error as { code?: string }).code
            }
          })
          conn.send({ results, closed: conn.closed })
        },
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      const results = Array.from({ length: 15 }, () => 'ERR_CLOSE_CODE')
      expect(await client.next()).toEqual({ results, closed: false })
      client.send('again')
      expect((await client.next()).closed).toBe(false)
    },
  },
  {
    name: 'the reason is cut to 123 bytes of UTF-8 at a character boundary',
    async run(t) {
      const closed = t.queue<string>('reason')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn, data) => conn.close(4000, data),
        onClose: (_conn, _code, reason) => closed.push(reason),
      })
      for (const [reason, expected] of [
        ['x'.repeat(200), 'x'.repeat(123)],
        ['x'.repeat(122) + 'é', 'x'.repeat(122)],
        ['€'.repeat(50), '€'.repeat(41)],
        ['😀'.repeat(40), '😀'.repeat(30)],
      ] as const) {
        const client = await t.connect(server, '/a')
        client.json(reason)
        expect(await client.closed).toEqual({ code: 4000, reason: expected })
        expect(await closed.next()).toBe(expected)
      }
    },
  },
  {
    name: 'initiatedByClient is true when the client sent the first close frame; its code and reason arrive',
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({ pattern: '/a', onClose: (_conn, ...args) => closed.push(args) })
      const first = await t.connect(server, '/a')
      first.close(4007, 'enough')
      expect(await closed.next()).toEqual([4007, 'enough', true])
      const second = await t.connect(server, '/a')
      second.close()
      const [code, , byClient] = await closed.next()
      expect([1000, 1005]).toContain(code) // Bun's client sends 1000 where others send no code
      expect(byClient).toBe(true)
    },
  },
  {
    name: 'close codes 3000 to 3999 of a client arrive',
    when: ({ everyCloseCode }) => everyCloseCode,
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({ pattern: '/a', onClose: (_conn, ...args) => closed.push(args) })
      const client = await t.connect(server, '/a')
      client.close(3456, 'registered')
      expect(await closed.next()).toEqual([3456, 'registered', true])
    },
  },
  {
    name: 'a peer that vanishes is 1006, not initiated by the client',
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({ pattern: '/a', onClose: (_conn, ...args) => closed.push(args) })
      const client = await t.connect(server, '/a')
      client.terminate()
      expect(await closed.next()).toEqual([1006, '', false])
    },
  },
  {
    name: 'forceClose ends the connection without a close frame',
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => conn.forceClose(),
        onClose: (_conn, ...args) => closed.push(args),
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      expect((await client.closed).code).toBe(1006)
      expect(await closed.next()).toEqual([1006, '', false])
    },
  },
  {
    name: 'forceClose ends the connection behind what was sent, in the same turn too',
    network: true,
    async run(t) {
      const server = await t.start([
        {
          pattern: '/burst',
          onMessage: (conn, data) => {
            if (data < 3) conn.send(data)
            else conn.forceClose()
          },
        },
        {
          pattern: '/bye',
          onConnect: (conn) => {
            conn.send('bye')
            conn.forceClose()
          },
        },
      ])
      for (let times = 0; times < 10; times++) {
        const burst = await t.connect(server, '/burst')
        for (let n = 0; n < 6; n++) burst.json(n)
        for (let n = 0; n < 3; n++) expect(await Promise.race([burst.next(), burst.closed])).toBe(n)
        expect((await burst.closed).code).toBe(1006)
        const bye = await t.connect(server, '/bye')
        expect(await Promise.race([bye.next(), bye.closed])).toBe('bye')
        expect((await bye.closed).code).toBe(1006)
      }
    },
  },
  {
    name: 'forceClose behind a close(): onClose is told the code of the close frame that was sent',
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          conn.close(4000, 'first')
          conn.forceClose()
        },
        onClose: (_conn, ...args) => closed.push(args),
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      expect(await closed.next()).toEqual([4000, 'first', false])
      expect(server.stats().closedByCode).toEqual({ 4000: 1 })
    },
  },
  {
    name: 'forceClose while a close() waits for a client that pauses: 1006, because no close frame was sent',
    network: true,
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({
        pattern: '/a',
        maxBackpressure: 64 * 1024 * 1024,
        onMessage: (conn) => {
          conn.send(Buffer.alloc(30 * 1024 * 1024))
          conn.close(4000)
          conn.forceClose()
        },
        onClose: (_conn, ...args) => closed.push(args),
      })
      const client = await t.raw(server).open('/api/a')
      client.tcp.pause()
      client.text('go')
      expect(await closed.next()).toEqual([1006, '', false])
    },
  },
  {
    name: 'onClose is called exactly once, whatever closes twice',
    async run(t) {
      let calls = 0
      const closed = t.queue<number>('close')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          conn.close(4000)
          conn.close(4001)
          conn.forceClose()
          conn.close(4002)
        },
        onClose: (conn) => {
          calls++
          conn.close(4003)
          conn.forceClose()
          closed.push(calls)
        },
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      await client.closed
      await closed.next()
      await server.close()
      expect(calls).toBe(1)
    },
  },
  {
    name: 'onClose is called when the server stops, and the clients get 1001',
    async run(t) {
      const closed: Closed[] = []
      const server = await t.start({ pattern: '/a', onClose: (_conn, ...args) => void closed.push(args) })
      const clients = [await t.connect(server, '/a'), await t.connect(server, '/a')]
      await server.close()
      for (const client of clients) expect((await client.closed).code).toBe(1001)
      expect(closed.map(([code, , byClient]) => [code, byClient])).toEqual([
        [1001, false],
        [1001, false],
      ])
    },
  },
  {
    name: 'in onClose conn.rooms still holds the rooms, and broadcast still reaches the others, also after an await',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onConnect: (conn) => conn.joinRoom('x'),
        onClose: async (conn) => {
          conn.broadcast({ left: conn.getRooms() })
          await Promise.resolve()
          conn.broadcast({ later: [...conn.rooms] }, { rooms: ['x'] })
        },
      })
      const watcher = await t.connect(server, '/a')
      const leaver = await t.connect(server, '/a')
      leaver.close(4000)
      expect(await watcher.next()).toEqual({ left: ['x'] })
      expect(await watcher.next()).toEqual({ later: ['x'] })
    },
  },
  {
    name: 'after onClose the rooms are gone, and joining does nothing',
    async run(t) {
      const seen = t.queue<WebSocketConnection>('connection')
      const server = await t.start({
        pattern: '/a',
        defaultRoom: 'x',
        onClose: (conn) => {
          conn.joinRoom('late')
          seen.push(conn)
        },
      })
      const client = await t.connect(server, '/a')
      client.close(4000)
      const conn = await seen.next()
      await t.until(() => conn.getRooms(), [])
      conn.joinRoom('later')
      expect(conn.getRooms()).toEqual([])
      expect(server.connections).toEqual([])
    },
  },
  {
    name: 'close from inside every hook',
    async run(t) {
      for (const hook of ['onConnect', 'onMessage', 'onPing', 'onPong', 'onError'] as const) {
        const closed = t.queue<Closed>('close')
        const server = await t.start({
          pattern: '/a',
          ...(hook === 'onError' && {
            onMessage: () => {
              throw new Error('on purpose')
            },
          }),
          [hook]: (conn: WebSocketConnection) => conn.close(4005, hook),
          onClose: (_conn: WebSocketConnection, ...args: Closed) => closed.push(args),
        })
        const client = await t.connect(server, '/a')
        if (hook === 'onMessage' || hook === 'onError') client.send('go')
        if (hook === 'onPing') client.ping('x')
        if (hook === 'onPong') {
          await server.close()
          continue
        }
        expect(await client.closed).toEqual({ code: 4005, reason: hook })
        expect(await closed.next()).toEqual([4005, hook, false])
        await server.close()
      }
    },
  },
  {
    name: 'what was sent before close() is delivered before the close frame, also to a client that pauses',
    network: true,
    async run(t) {
      const size = 256 * 1024
      const count = 60 // 15 MiB: more than the kernel takes
      const closed = t.queue<Closed>('close')
      const server = await t.start({
        pattern: '/a',
        maxBackpressure: 64 * 1024 * 1024,
        onMessage: (conn) => {
          for (let i = 0; i < count; i++) conn.send(Buffer.alloc(size, i))
          conn.close(4010, 'done')
          closed.push([0, String(conn.bufferedAmount > 0), false])
        },
        onClose: (_conn, ...args) => closed.push(args),
      })
      const client = await t.raw(server).open('/api/a')
      client.tcp.pause()
      client.text('go')
      expect((await closed.next())[1]).toBe('true')
      client.tcp.resume()
      for (let i = 0; i < count; i++) {
        const { payload } = await client.next()
        expect([payload.length, payload[0], payload.at(-1)]).toEqual([size, i, i])
      }
      expect(await client.nextClose()).toEqual({ code: 4010, reason: 'done' })
      expect(await closed.next()).toEqual([4010, 'done', false])
    },
  },
  {
    name: 'the close waits for a paused client at most closeTimeout',
    network: true,
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start(
        {
          pattern: '/a',
          maxBackpressure: 64 * 1024 * 1024,
          onMessage: (conn) => {
            conn.send(Buffer.alloc(30 * 1024 * 1024))
            conn.close(4010)
          },
          onClose: (_conn, ...args) => closed.push(args),
        },
        { closeTimeout: 300 },
      )
      const client = await t.raw(server).open('/api/a')
      client.tcp.pause()
      const start = performance.now()
      client.text('go')
      expect(await closed.next()).toEqual([1006, '', false])
      expect(performance.now() - start).toBeGreaterThan(250)
    },
  },
  {
    name: 'a peer that does not answer the close frame is let go',
    network: true,
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => conn.close(4011, 'answer me'),
        onClose: (_conn, ...args) => closed.push(args),
      })
      const client = await t.raw(server).open('/api/a')
      client.text('go')
      expect(await client.nextClose()).toEqual({ code: 4011, reason: 'answer me' })
      await client.ended
      expect(await closed.next()).toEqual([4011, 'answer me', false])
      await t.until(() => server.connections.length, 0)
    },
  },
]
