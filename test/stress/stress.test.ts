import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { UniversalApiWsHandler, WebSocketConnection } from '../../src/index.ts'
import { Contract } from '../contract/harness.ts'
import { assertPlatform, loadRuntime, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import type { TestClient } from '../support/client.ts'
import { settledHeap } from '../support/memory.ts'
import { encodeFrame, HANDSHAKE, RawClient } from '../support/raw-client.ts'

assertPlatform()

for (const name of NETWORK_RUNTIMES) {
  describe(`stress on ${name}`, () => {
    let t: Contract
    beforeEach(async () => {
      t = new Contract(await loadRuntime(name))
    })
    afterEach(() => t.end())

    it('thousands of connections open and close while broadcasts run: nothing is lost, leaked or left', async () => {
      let closes = 0
      const handler: UniversalApiWsHandler = {
        pattern: '/churn',
        defaultRoom: 'all',
        onConnect: (conn) => {
          conn.joinRoom(`room-${conn.id.slice(0, 1)}`)
          conn.broadcast({ joined: conn.id }, { rooms: ['all', 'room-a'] })
        },
        onMessage: (conn, data) => void conn.send(data),
        onClose: (conn) => {
          closes++
          conn.broadcast({ left: conn.id }, { rooms: conn.getRooms() })
        },
      }
      const server = await t.start([handler, { pattern: '/steady' }], { logLevel: 'silent' })
      const steady = await t.connect(server, '/steady')
      const rounds = 30
      const each = 100
      // A first share settles what a platform allocates once; the memory of the rest has to come back.
      let published = 0
      let received = 0
      const churn = async (count: number): Promise<void> => {
        for (let round = 0; round < count; round++) {
          const clients = await Promise.all(
            Array.from({ length: each }, () => new RawClient(server.port).open('/api/churn')),
          )
          server.publish('/churn', { round }, { rooms: ['all', 'room-b'] })
          server.publish('/steady', published++)
          expect(await steady.next()).toBe(received++)
          for (const [index, client] of clients.entries()) {
            if (index % 3 === 0) client.closeFrame(4000)
            else if (index % 3 === 1) client.reset()
            else client.tcp.destroy()
          }
          await t.until(() => server.stats().connections, 1)
        }
      }
      await churn(10)
      const before = await settledHeap()
      await churn(rounds - 10)
      const grown = (await settledHeap()) - before
      const stats = server.stats()
      expect(stats.opened).toBe(rounds * each + 1)
      expect(stats.closed).toBe(rounds * each)
      expect(Object.values(stats.closedByCode).reduce((sum, count) => sum + count, 0)).toBe(stats.closed)
      expect(stats.handlerErrors).toBe(0)
      await t.until(() => closes, rounds * each)
      expect(server.connections).toHaveLength(1)
      // 2,000 connections that leaked a kilobyte each would be 2 MB of JavaScript heap.
      expect(grown).toBeLessThan(2 * 1024 * 1024)
    })

    it('10,000 rooms on one connection, joined and left again, while others stay', async () => {
      const times = t.queue<number>('time')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn, data) => {
          const start = performance.now()
          if (data === 'join') for (let i = 0; i < 10_000; i++) conn.joinRoom(`room ${i}`)
          if (data === 'leave') for (let i = 0; i < 10_000; i++) conn.leaveRoom(`room ${i}`)
          times.push(performance.now() - start)
          conn.send(conn.getRooms().length)
        },
      })
      const [many, other] = [await t.connect(server, '/a'), await t.connect(server, '/a')]
      many.send('join')
      expect(await many.next()).toBe(10_000)
      server.publish('/a', 'to the last', { rooms: ['room 9999'] })
      expect(await many.next()).toBe('to the last')
      server.publish('/a', 'to all of them', { rooms: Array.from({ length: 10_000 }, (_, i) => `room ${i}`) })
      expect(await many.next()).toBe('to all of them')
      many.send('leave')
      expect(await many.next()).toBe(0)
      const elapsed = (await times.next()) + (await times.next())
      expect(elapsed).toBeLessThan(1000 + t.stalled)
      many.send('join')
      await many.next()
      many.terminate()
      await t.until(() => server.connections.length, 1)
      other.send('x')
      expect(await other.next()).toBe(0)
    })

    it('clients that reset at any byte of the handshake', async () => {
      const server = await t.start({
        pattern: '/a',
        authenticate: async () => {
          await new Promise((resolve) => setTimeout(resolve, 1))
          return true
        },
        onMessage: (conn, data) => void conn.send(data),
      })
      const lines = [
        'GET /api/a HTTP/1.1',
        'Host: 127.0.0.1',
        ...Object.entries(HANDSHAKE).map(([key, value]) => `${key}: ${value}`),
      ]
      const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
      const cut = async (length: number): Promise<void> => {
        const socket = connectTcp(server.port, '127.0.0.1')
        socket.on('error', () => {})
        await once(socket, 'connect')
        await new Promise<void>((resolve) => socket.write(bytes.subarray(0, length), () => resolve()))
        socket.resetAndDestroy()
      }
      for (let length = 0; length <= bytes.length; length += 25) {
        await Promise.all(Array.from({ length: 25 }, (_, i) => cut(Math.min(length + i, bytes.length))))
      }
      const client = await t.connect(server, '/a')
      client.send('alive')
      expect(await client.next()).toBe('alive')
      await t.until(() => server.stats().connections, 1)
    })

    it('every hook misbehaves in every way, at once, with closes from everywhere', async () => {
      const misbehave = (n: number): unknown => {
        if (n % 4 === 0) throw new Error('on purpose')
        if (n % 4 === 1) return Promise.reject(new Error('on purpose'))
        if (n % 4 === 2) return new Promise(() => {})
        return undefined
      }
      let n = 0
      const act = (conn: WebSocketConnection): unknown => {
        n++
        conn.joinRoom(`r${n % 7}`)
        conn.broadcast({ n }, { rooms: ['r1', 'r2', `r${n % 7}`] })
        if (n % 11 === 0) conn.close(4000, 'enough')
        if (n % 13 === 0) conn.forceClose()
        conn.leaveRoom(`r${(n + 3) % 7}`)
        return misbehave(n)
      }
      const server = await t.start(
        {
          pattern: '/a',
          heartbeat: 100,
          onConnect: act,
          onMessage: act,
          onClose: act,
          onError: act,
          onPing: act,
          onPong: act,
          transformRawData: (data) => {
            if (n % 17 === 0) throw new Error('on purpose')
            return data.toString()
          },
        },
        { logLevel: 'silent' },
      )
      // A forceClose in onConnect may take the 101 with it, so not every client gets to see one.
      const clients = await Promise.all(
        Array.from({ length: 200 }, async () => {
          const client = new RawClient(server.port)
          await client.open('/api/a').catch(() => {})
          return client
        }),
      )
      for (let round = 0; round < 10; round++) {
        for (const client of clients) {
          if (client.tcp.destroyed) continue
          client.text(`message ${round}`)
          client.frame(9, 'ping')
          client.frame(10, 'pong')
        }
        await Promise.race(clients.map((client) => client.next().catch(() => undefined)))
      }
      for (const client of clients) client.reset()
      await t.until(() => server.stats().connections, 0)
      const stats = server.stats()
      expect(stats.opened).toBe(200)
      expect(stats.closed).toBe(200)
      expect(stats.handlerErrors).toBeGreaterThan(0)
    })

    it('a backlog of nothing but pongs does not hold up a close', async () => {
      let close: () => number = () => 0
      const server = await t.start({
        pattern: '/a',
        maxBackpressure: 64 * 1024 * 1024,
        onConnect: (conn) => {
          close = () => {
            const { bufferedAmount } = conn
            conn.close(4000)
            return bufferedAmount
          }
        },
      })
      const client = await new RawClient(server.port).open('/api/a')
      client.tcp.pause()
      const pings = Buffer.concat(Array.from({ length: 1000 }, () => encodeFrame(9, Buffer.alloc(125))))
      const write = (): Promise<void> => new Promise((resolve) => client.tcp.write(pings, () => resolve()))
      for (let i = 0; i < 120; i++) await write()
      expect(close()).toBeGreaterThan(0)
      client.tcp.resume()
      expect((await client.nextClose()).code).toBe(4000)
      client.closeFrame(4000)
      await t.until(() => server.stats().closedByCode[4000], 1)
    })

    it('a refused client that never closes its side is ended', async () => {
      const server = await t.start({ pattern: '/a' })
      const tcp = connectTcp({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
      tcp.on('error', () => {})
      const lines = Object.entries({ Host: '127.0.0.1', ...HANDSHAKE }).map(
        ([key, value]) => `${key}: ${value}`,
      )
      tcp.write(`GET /api/nothing HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      await once(tcp, 'data')
      // The system answers with a reset once nobody has the socket any more.
      await t.until(() => {
        tcp.write('x')
        return tcp.destroyed
      }, true)
    })

    it('one slow reader does not hold up the others', async () => {
      const server = await t.start({
        pattern: '/a',
        maxBackpressure: 4 * 1024 * 1024,
        onMessage: (conn, data) => conn.broadcast(data),
      })
      const slow = await new RawClient(server.port).open('/api/a')
      slow.tcp.pause()
      const clients: TestClient[] = []
      for (let i = 0; i < 5; i++) clients.push(await t.connect(server, '/a'))
      const [sender, ...receivers] = clients as [TestClient, ...TestClient[]]
      for (let i = 0; i < 500; i++) {
        sender.json({ i, fill: 'x'.repeat(32 * 1024) })
        if (i % 50 === 49)
          for (const receiver of receivers)
            for (let k = i - 49; k <= i; k++) expect((await receiver.next()).i).toBe(k)
      }
      await t.until(() => server.stats().terminatedForBackpressure, 1)
      slow.tcp.destroy()
      expect(server.connections).toHaveLength(5)
    })

    it('close() of the server in the middle of traffic leaves nothing open', async () => {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn, data) => conn.broadcast(data, { includeSelf: true }),
      })
      const clients = await Promise.all(
        Array.from({ length: 50 }, () => new RawClient(server.port).open('/api/a')),
      )
      for (const client of clients) for (let i = 0; i < 20; i++) client.text(`m${i}`)
      await clients[0]?.next()
      await server.close()
      await Promise.all(clients.map((client) => client.ended))
      const { connections, opened, closed } = server.stats()
      expect([connections, opened, closed]).toEqual([0, 50, 50])
    })
  })
}
