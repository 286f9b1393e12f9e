import { expect } from 'vitest'
import type { Server, WebSocketConnection } from '../../../src/index.ts'
import { encodeFrame, type RawClient } from '../../support/raw-client.ts'
import type { Case, Contract } from '../harness.ts'

/** Messages of 4 KB: more than the operating system takes in for a server that does not read. */
const COUNT = 8192
const PADDING = 'x'.repeat(4000)

/** Waits until the client cannot get rid of what it writes, and all of that while others are served. */
async function untilHeldBack(t: Contract, server: Server, { tcp }: RawClient): Promise<void> {
  const other = await t.connect(server, '/other')
  for (let same = 0, last = -1; same < 20; same = tcp.writableLength === last ? same + 1 : 0) {
    last = tcp.writableLength
    other.send('x'.repeat(64 * 1024))
    await other.next()
  }
  expect(tcp.writableLength).toBeGreaterThan(0)
}

const canPause = ({ pausesReading }: { readonly pausesReading: boolean }): boolean => pausesReading

export const CASES: readonly Case[] = [
  ...(['in onMessage', 'at any other time'] as const).map((when): Case => ({
    name: `a client that is paused ${when} is held back, others are served, and on resume all that it sent comes in order`,
    network: true,
    when: canPause,
    async run(t) {
      let conn: WebSocketConnection | undefined
      let received = 0
      let inOrder = true
      const server = await t.start([
        {
          pattern: '/a',
          onMessage(from, data) {
            conn = from
            inOrder &&= data.n === received
            received++
            if (received > 1) return
            if (when === 'in onMessage') expect(from.pause()).toBe(true)
            else setImmediate(() => from.pause())
          },
        },
        { pattern: '/other', onMessage: (other, data) => void other.send(data.length) },
      ])
      const client = await t.raw(server).open('/api/a')
      for (let n = 0; n < COUNT; n++) client.tcp.write(encodeFrame(1, JSON.stringify({ n, PADDING })))
      await untilHeldBack(t, server, client)
      expect(conn?.isPaused).toBe(true)
      expect(received).toBeLessThan(COUNT)
      conn?.resume()
      expect(conn?.isPaused).toBe(false)
      await t.until(() => received, COUNT)
      expect(inOrder).toBe(true)
    },
  })),
  {
    name: 'pause() and resume() may be called again, send goes on, and nothing of it is left when the connection is closed',
    when: canPause,
    async run(t) {
      const closed = t.queue<WebSocketConnection>('close')
      const seen = t.queue<unknown>('message')
      let conn: WebSocketConnection | undefined
      const server = await t.start({
        pattern: '/a',
        authenticate: async () => true,
        onConnect: (opened) => {
          conn = opened
          opened.resume()
          expect([opened.isPaused, opened.pause(), opened.pause(), opened.isPaused]).toEqual([
            false,
            true,
            true,
            true,
          ])
          opened.send('sent while paused')
        },
        onMessage: (_conn, data) => seen.push(data),
        onClose: (left) => closed.push(left),
      })
      const client = await t.connect(server, '/a')
      client.send('a')
      expect(await client.next()).toBe('sent while paused')
      expect(seen.size).toBe(0)
      conn?.resume()
      conn?.resume()
      expect(await seen.next()).toBe('a')
      conn?.pause()
      conn?.close()
      const left = await closed.next()
      expect([left.isPaused, left.pause(), left.isPaused]).toEqual([false, false, false])
      left.resume()
    },
  },
  {
    name: 'a paused connection closes as any other: the client gets the code, and its answer is read',
    when: canPause,
    async run(t) {
      const closed = t.queue<unknown[]>('close')
      const conns = t.queue<WebSocketConnection>('connection')
      const messages = t.queue<unknown>('message')
      const server = await t.start({
        pattern: '/a',
        onConnect(conn) {
          conn.pause()
          conns.push(conn)
        },
        onMessage: (_conn, data) => messages.push(data),
        onClose: (_conn, ...args) => closed.push(args),
      })
      const client = await t.connect(server, '/a')
      client.send('dropped')
      const before = t.stalled
      const start = performance.now()
      const conn = await conns.next()
      conn.close(4001, 'bye')
      expect(await client.closed).toEqual({ code: 4001, reason: 'bye' })
      expect(await closed.next()).toEqual([4001, 'bye', false])
      // Sooner than a client is let go that does not answer.
      expect(performance.now() - start - (t.stalled - before)).toBeLessThan(1500)
      await t.connect(server, '/a')
      ;(await conns.next()).forceClose()
      expect(await closed.next()).toEqual([1006, '', false])
      const last = await t.connect(server, '/a')
      expect((await conns.next()).isPaused).toBe(true)
      await server.close()
      expect((await last.closed).code).toBe(1001)
      expect(((await closed.next()) as [number])[0]).toBe(1001)
      expect(messages.size).toBe(0)
    },
  },
  {
    name: 'a client that closes while it is paused is noticed on resume, behind what it sent',
    when: canPause,
    async run(t) {
      const seen = t.queue<unknown>('hook')
      const conns = t.queue<WebSocketConnection>('connection')
      const server = await t.start({
        pattern: '/a',
        onConnect(conn) {
          conn.pause()
          conns.push(conn)
        },
        onMessage: (_conn, data) => seen.push(data),
        onClose: (_conn, code, _reason, byClient) => seen.push([code, byClient]),
      })
      const client = await t.connect(server, '/a')
      const conn = await conns.next()
      for (const message of ['a', 'b']) client.send(message)
      client.close(4002)
      // Whoever comes later has come by then.
      await t.connect(server, '/a')
      await conns.next()
      expect([conn.closed, server.connections.length, seen.size]).toEqual([false, 2, 0])
      conn.resume()
      for (const expected of ['a', 'b', [4002, true]]) expect(await seen.next()).toEqual(expected)
    },
  },
  {
    name: 'the heartbeat ends nobody while it is paused, and who is silent after resume',
    network: true,
    when: canPause,
    async run(t) {
      const errors = t.queue<string | undefined>('error')
      const conns = t.queue<WebSocketConnection>('connection')
      const server = await t.start({
        pattern: '/a',
        heartbeat: 100,
        onConnect(conn) {
          conn.pause()
          conns.push(conn)
        },
        onMessage: (conn, data) => void conn.send(data),
        onError: (_conn, error) => errors.push(error.code),
      })
      const client = await t.connect(server, '/a')
      const conn = await conns.next()
      for (let ping = 0; ping < 6; ping++) await client.nextPing()
      expect([conn.closed, errors.size]).toEqual([false, 0])
      conn.resume()
      client.send('there')
      expect(await client.next()).toBe('there')
      client.terminate()
      // It answers no ping.
      const silent = await t.raw(server).open('/api/a')
      const paused = await conns.next()
      for (let ping = 0; ping < 6; ping++) expect((await silent.next()).opcode).toBe(9)
      expect([paused.closed, errors.size]).toEqual([false, 0])
      paused.resume()
      expect(await errors.next()).toBe('ERR_HEARTBEAT_TIMEOUT')
    },
  },
  {
    name: 'a client that vanishes while it is paused is noticed when it is pinged',
    network: true,
    standalone: 'the pings go to the server in front, which reads them',
    when: canPause,
    async run(t) {
      const closed = t.queue<number>('close')
      const server = await t.start({
        pattern: '/a',
        heartbeat: 100,
        onConnect: (conn) => void conn.pause(),
        onClose: (_conn, code) => closed.push(code),
      })
      const client = await t.connect(server, '/a')
      await client.nextPing()
      client.terminate()
      expect(await closed.next()).toBe(1006)
    },
  },
  {
    name: 'where reading cannot be paused, pause() says so and changes nothing',
    when: (capabilities) => !canPause(capabilities),
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage(conn, data) {
          const paused = conn.pause()
          conn.send([paused, conn.isPaused, data])
          conn.resume()
        },
      })
      const client = await t.connect(server, '/a')
      for (const message of ['a', 'b']) {
        client.send(message)
        expect(await client.next()).toEqual([false, false, message])
      }
    },
  },
]
