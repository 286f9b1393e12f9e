import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { expect } from 'vitest'
import type { Faults, Server, UniversalApiWsHandler, WebSocketConnection } from '../../../src/index.ts'
import type { TestClient } from '../../support/client.ts'
import type { Case, Contract } from '../harness.ts'

/** A handler that sends so many numbers, from 1, when it is asked to. */
function counting(faults: Faults | UniversalApiWsHandler['faults']): UniversalApiWsHandler {
  return {
    pattern: '/a',
    ...(faults && { faults }),
    onMessage(conn, amount) {
      for (let n = 1; n <= amount; n++) conn.send(n)
    },
  }
}

interface Arrived {
  readonly data: any
  readonly at: number
}

/** Asks for so many, and takes so many. */
async function take(client: TestClient, amount: number, expected: number = amount): Promise<Arrived[]> {
  client.json(amount)
  return receive(client, expected)
}

async function receive(client: TestClient, amount: number): Promise<Arrived[]> {
  const arrived: Arrived[] = []
  for (let i = 0; i < amount; i++) arrived.push({ data: await client.next(), at: performance.now() })
  return arrived
}

const numbers = (arrived: readonly Arrived[]): unknown[] => arrived.map(({ data }) => data)

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

/** What is left of 1 to `amount`, told from what comes behind it. */
async function survivors(t: Contract, faults: Faults, amount: number): Promise<unknown[]> {
  const server = await t.start({
    pattern: '/a',
    faults,
    onMessage(conn) {
      for (let n = 1; n <= amount; n++) conn.send(n)
      conn.setFaults({})
      conn.send('end')
    },
  })
  return untilEnd(await t.connect(server, '/a'))
}

async function untilEnd(client: TestClient): Promise<unknown[]> {
  client.json(0)
  const seen: unknown[] = []
  for (let data = await client.next(); data !== 'end'; data = await client.next()) seen.push(data)
  return seen
}

/** Those of 1 to 1,000 that seed 42 loses of connection 1 on `/ws/chat` at a rate of 0.3: the published hash, and its draws. */
function lostByVector(): ReadonlySet<number> {
  const random = xoroshiro128plus(589_800_240)
  return new Set(upTo(1000).filter(() => (random.next() >>> 0) / 2 ** 32 < 0.3))
}

const refusal = async (t: Contract, server: Server): Promise<number> =>
  (await t.handshake(server, '/a')).status

/** A number that is at least so much, and not more than the time that the machine had no room for it. */
function expectBetween(t: Contract, ms: number, min: number, max: number): void {
  expect(ms).toBeGreaterThanOrEqual(min - 2)
  expect(ms).toBeLessThanOrEqual(max + t.stalled)
}

export const CASES: readonly Case[] = [
  {
    name: 'latency: messages arrive so much later, together and in order',
    async run(t) {
      const server = await t.start(counting({ latency: 100 }))
      const client = await t.connect(server, '/a')
      const start = performance.now()
      const arrived = await take(client, 50)
      expect(numbers(arrived)).toEqual(upTo(50))
      expectBetween(t, (arrived.at(-1)?.at ?? 0) - start, 100, 150)
      expect(server.stats().faults.delayed).toBe(50)
    },
  },
  {
    name: 'latency between two values: the order stays, and nothing takes longer than itself and those before it',
    async run(t) {
      const sent: number[] = []
      const server = await t.start({
        pattern: '/a',
        faults: { latency: [0, 60], seed: 7 },
        async onMessage(conn) {
          for (let n = 0; n < 100; n++) {
            sent.push(performance.now())
            conn.send(n)
            await new Promise((resolve) => setTimeout(resolve, 1))
          }
        },
      })
      const client = await t.connect(server, '/a')
      const arrived = await take(client, 0, 100)
      expect(numbers(arrived)).toEqual(Array.from({ length: 100 }, (_, n) => n))
      for (const [i, { at }] of arrived.entries()) expectBetween(t, at - (sent[i] ?? 0), 0, 60 + 30)
      expect(server.stats().faults.delayed).toBeGreaterThan(50)
    },
  },
  {
    name: 'incoming: what the client sends comes later, and answers do not; both together are a round trip',
    async run(t) {
      const came: number[] = []
      const onMessage = (conn: WebSocketConnection, data: unknown): void => {
        came.push(performance.now())
        conn.send(data)
      }
      const server = await t.start({ pattern: '/a', faults: { incoming: { latency: 80 } }, onMessage })
      const client = await t.connect(server, '/a')
      let start = performance.now()
      client.json('there')
      await client.next()
      expectBetween(t, (came[0] ?? 0) - start, 80, 120)
      expectBetween(t, performance.now() - (came[0] ?? 0), 0, 30)
      using both = server.setFaults('/a', { latency: 80, incoming: { latency: 80 } })
      start = performance.now()
      client.json('and back')
      expect(await client.next()).toBe('and back')
      expectBetween(t, performance.now() - start, 160, 220)
      expect(both.counts.delayed).toBe(2)
    },
  },
  {
    name: 'bandwidth: a message arrives with its last byte, so that a large one takes its time',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        faults: { bandwidth: 20_000 },
        onMessage(conn, { amount, size }) {
          for (let n = 0; n < amount; n++) conn.send(Buffer.alloc(size))
        },
      })
      const client = await t.connect(server, '/a')
      let start = performance.now()
      client.json({ amount: 5, size: 1000 })
      for (const [i, { at }] of (await receive(client, 5)).entries())
        expectBetween(t, at - start, 50 * (i + 1), 50 * (i + 1) + 40)
      start = performance.now()
      client.json({ amount: 1, size: 5000 })
      await client.next()
      expectBetween(t, performance.now() - start, 250, 300)
    },
  },
  {
    name: 'stall: nothing arrives, all of it waits, and comes at once and in order when it is lifted',
    async run(t) {
      let conn: WebSocketConnection | undefined
      let status: unknown
      const drained = t.queue<number>('drain')
      const server = await t.start({
        pattern: '/a',
        onConnect: (opened) => void (conn = opened),
        onMessage(from) {
          for (let n = 1; n <= 5; n++) status = from.send(`message ${n}`)
        },
        onDrain: ({ bufferedAmount }) => drained.push(bufferedAmount),
      })
      const client = await t.connect(server, '/a')
      const stall = server.setFaults('/a', { stall: true })
      client.json(0)
      await t.until(() => conn?.bufferedAmount, 5 * 'message 1'.length)
      expect(status).toBe('queued')
      stall.stop()
      stall.stop()
      expect(numbers(await receive(client, 5))).toEqual(upTo(5).map((n) => `message ${n}`))
      expect(await drained.next()).toBe(0)
      expect(conn?.bufferedAmount).toBe(0)
    },
  },
  {
    name: 'lifted in both directions: the answers to what has waited arrive, too, and hooks may switch faults meanwhile',
    network: true,
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage(conn, data) {
          if (data === 'switch') conn.setFaults({ drop: 1 })
          conn.send(data)
          if (data === 'back') conn.setFaults(undefined)
        },
      })
      const client = await t.connect(server, '/a')
      const stall = server.setFaults('/a', { stall: true, incoming: { stall: true } })
      for (const text of [1, 2, 'switch', 3, 'back', 4]) client.json(text)
      await expect.poll(() => stall.counts.delayed).toBe(6)
      stall.stop()
      for (const text of [1, 2, 4]) expect(await client.next()).toBe(text)
      expect(server.stats().faults.dropped).toBe(3)
      // In the place of others: answers to what has waited are the business of those that are on now.
      const first = server.setFaults('/a', { incoming: { stall: true } })
      client.json('one')
      await expect.poll(() => first.counts.delayed).toBe(1)
      const second = server.setFaults('/a', { stall: true })
      expect(second.counts.delayed).toBe(1)
      client.json('two')
      await expect.poll(() => second.counts.delayed).toBe(2)
      second.stop()
      expect([await client.next(), await client.next()]).toEqual(['one', 'two'])
    },
  },
  {
    name: 'a stall past maxBackpressure ends the connection as a slow client does',
    network: true,
    async run(t) {
      const errors = t.queue<unknown>('error')
      const server = await t.start({
        pattern: '/a',
        maxBackpressure: 10_000,
        faults: { stall: true },
        onMessage(conn) {
          for (let n = 0; n < 20 && !conn.closed; n++) conn.send('x'.repeat(1000))
        },
        onError: (_conn, { code }) => errors.push(code),
      })
      const client = await t.connect(server, '/a')
      client.json(0)
      expect(await errors.next()).toBe('ERR_BACKPRESSURE')
      expect((await client.closed).code).toBe(1006)
    },
  },
  {
    name: 'close() comes behind what is on its way, and where nothing arrives it ends with closeTimeout',
    network: true,
    async run(t) {
      const server = await t.start(
        {
          pattern: '/a',
          faults: ({ url }) => (url.endsWith('stall') ? { stall: true } : { latency: 100 }),
          onMessage(conn) {
            conn.send('last')
            conn.close(4000, 'x')
          },
        },
        { closeTimeout: 200 },
      )
      const late = await t.connect(server, '/a')
      late.json(0)
      expect(await late.next()).toBe('last')
      expect(await late.closed).toEqual({ code: 4000, reason: 'x' })
      const never = await t.connect(server, '/a?stall')
      never.json(0)
      expect((await never.closed).code).toBe(1006)
    },
  },
  {
    name: 'drop by number: nth, every, first, after',
    async run(t) {
      expect(await survivors(t, { drop: { nth: 3 } }, 5)).toEqual([1, 2, 4, 5])
      expect(await survivors(t, { drop: { nth: [1, 5] } }, 5)).toEqual([2, 3, 4])
      expect(await survivors(t, { drop: { every: 2 } }, 5)).toEqual([1, 3, 5])
      expect(await survivors(t, { drop: { first: 2 } }, 5)).toEqual([3, 4, 5])
      expect(await survivors(t, { drop: { after: 2 } }, 5)).toEqual([1, 2])
      expect(await survivors(t, { drop: { first: 4, every: 2 } }, 6)).toEqual([1, 3, 5, 6])
    },
  },
  {
    name: 'drop by match: only those count',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        faults: { drop: { match: (data) => data.type === 'tick', nth: 2 } },
        onMessage(conn) {
          for (let n = 1; n <= 3; n++) {
            conn.send({ type: 'tick', n })
            conn.send({ type: 'other', n })
          }
        },
      })
      const client = await t.connect(server, '/a')
      const seen = numbers(await take(client, 0, 5)).map((data: any) => `${data.type} ${data.n}`)
      expect(seen).toEqual(['tick 1', 'other 1', 'other 2', 'tick 3', 'other 3'])
    },
  },
  {
    name: 'a match that throws takes nothing, and is a failure of the handler',
    async run(t) {
      const errors = t.queue<string>('error')
      const server = await t.start({
        ...counting({
          drop: {
            match() {
              throw new Error('of match')
            },
          },
        }),
        onError: (_conn, { message }) => errors.push(message),
      })
      const client = await t.connect(server, '/a')
      expect(numbers(await take(client, 1))).toEqual([1])
      expect(await errors.next()).toBe('of match')
    },
  },
  {
    name: 'by chance: the published test vector, on every runtime; another connection has other losses',
    async run(t) {
      const server = await t.start({
        pattern: '/ws/chat',
        faults: { drop: 0.3, seed: 42 },
        onMessage(conn) {
          for (let n = 1; n <= 1000; n++) conn.send(n)
          conn.setFaults({})
          conn.send('end')
        },
      })
      const lost = lostByVector()
      const left = upTo(1000).filter((n) => !lost.has(n))
      expect([lost.has(1), lost.has(4), lost.has(5)]).toEqual([false, false, true])
      expect(await untilEnd(await t.connect(server, '/ws/chat'))).toEqual(left)
      expect(await untilEnd(await t.connect(server, '/ws/chat'))).not.toEqual(left)
      expect(server.stats().faults.dropped).toBeGreaterThan(lost.size + 200)
    },
  },
  {
    name: 'one fault moves none of the others: the same losses beside latency and duplicates',
    async run(t) {
      const server = await t.start({
        pattern: '/ws/chat',
        faults: { drop: 0.3, seed: 42, latency: [0, 20], duplicate: 0.1 },
        onMessage(conn) {
          for (let n = 1; n <= 1000; n++) conn.send(n)
          conn.setFaults({})
          conn.send('end')
        },
      })
      const seen = await untilEnd(await t.connect(server, '/ws/chat'))
      const lost = lostByVector()
      expect([...new Set(seen)]).toEqual(upTo(1000).filter((n) => !lost.has(n)))
      expect(seen.length - new Set(seen).size).toBe(server.stats().faults.duplicated)
      expect(server.stats().faults.duplicated).toBeGreaterThan(0)
    },
  },
  {
    name: 'key: whoever connects first, the same client has the same losses',
    async run(t) {
      const run = async (): Promise<Map<string, unknown[]>> => {
        const server = await t.start({
          pattern: '/a',
          faults: {
            drop: 0.5,
            seed: 1,
            key: ({ url }) => new URL(url, 'ws://x').searchParams.get('u') ?? '',
          },
          onMessage(conn) {
            for (let n = 1; n <= 20; n++) conn.send(n)
            conn.setFaults({})
            conn.send('end')
          },
        })
        const users = upTo(20).map(String)
        const seen = await Promise.all(
          users.map(async (u) => [u, await untilEnd(await t.connect(server, `/a?u=${u}`))] as const),
        )
        return new Map(seen)
      }
      const first = await run()
      expect(await run()).toEqual(first)
      expect(new Set([...first.values()].map(String)).size).toBeGreaterThan(15)
    },
  },
  {
    name: 'duplicate, reorder and corrupt',
    async run(t) {
      expect(await survivors(t, { duplicate: { nth: 2 } }, 3)).toEqual([1, 2, 2, 3])
      expect(await survivors(t, { reorder: { nth: 2 } }, 4)).toEqual([1, 3, 2, 4])
      const both = (nth: number): Faults => ({ reorder: { nth }, duplicate: { nth } })
      expect(await survivors(t, both(2), 4)).toEqual([1, 3, 2, 2, 4])
      expect(await survivors(t, both(4), 4)).toEqual([1, 2, 3, 4, 4])
      const server = await t.start({
        pattern: '/a',
        faults: { reorder: { nth: 1 } },
        onMessage: (conn) => void conn.send('alone'),
      })
      const client = await t.connect(server, '/a')
      const start = performance.now()
      const [alone] = await take(client, 0, 1)
      expect(alone?.data).toBe('alone')
      expectBetween(t, (alone?.at ?? 0) - start, 100, 140)
      const damaged = await t.start({
        pattern: '/b',
        faults: { corrupt: { nth: [1, 2] } },
        onMessage(conn) {
          conn.send({ text: 'größer 👍' })
          conn.send(Buffer.alloc(8))
          conn.send('whole')
        },
      })
      const other = await t.connect(damaged, '/b')
      other.json(0)
      const [text, bytes, whole] = numbers(await receive(other, 3)) as [string, Buffer, string]
      expect(JSON.stringify({ text: 'größer 👍' }).startsWith(text)).toBe(true)
      expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError)
      expect(bytes).toHaveLength(8)
      expect([...bytes].map((byte) => byte.toString(2).replaceAll('0', '')).join('')).toBe('1')
      expect(whole).toBe('whole')
    },
  },
  {
    name: 'a broadcast reaches the others as ever, and the one with a fault again when it is lifted',
    async run(t) {
      const conns: WebSocketConnection[] = []
      const server = await t.start({
        pattern: '/a',
        defaultRoom: 'r',
        onConnect: (conn) => void conns.push(conn),
      })
      const clients = [
        await t.connect(server, '/a'),
        await t.connect(server, '/a'),
        await t.connect(server, '/a'),
      ]
      server.publish('/a', 'natively')
      for (const client of clients) expect(await client.next()).toBe('natively')
      conns[2]?.setFaults({ drop: 1 })
      server.publish('/a', 'to all')
      server.publish('/a', 'to the room', { room: 'r' })
      conns[0]?.broadcast('from one', { includeSelf: true })
      conns[2]?.broadcast('from the one with a fault')
      for (const client of clients.slice(0, 2)) {
        expect(numbers(await receive(client, 4))).toEqual([
          'to all',
          'to the room',
          'from one',
          'from the one with a fault',
        ])
      }
      conns[2]?.setFaults(undefined)
      server.publish('/a', 'to all again')
      server.publish('/a', 'to the room again', { rooms: ['r', 'none'] })
      for (const client of clients)
        expect(numbers(await receive(client, 2))).toEqual(['to all again', 'to the room again'])
      expect(server.stats().faults.dropped).toBe(3)
    },
  },
  {
    name: 'handshakes are refused by number, with a status or a close code',
    async run(t) {
      const server = await t.start(counting({ handshake: { refuse: { first: 2 } } }))
      expect([await refusal(t, server), await refusal(t, server), await refusal(t, server)]).toEqual([
        503, 503, 101,
      ])
      expect(server.stats().refusedBy.fault).toBe(2)
      expect(server.stats().faults.refused).toBe(2)
      const third = await t.start(counting({ handshake: { refuse: { nth: 3 }, with: 429 } }))
      expect([await refusal(t, third), await refusal(t, third), await refusal(t, third)]).toEqual([
        101, 101, 429,
      ])
      const closing = await t.start(
        counting({ handshake: { refuse: { nth: 1 }, with: { code: 4001, reason: 'no' } } }),
      )
      const client = await t.connect(closing, '/a')
      expect(await client.closed).toEqual({ code: 4001, reason: 'no' })
      expect(closing.stats().refusedBy.fault).toBe(1)
      expect(closing.stats().opened).toBe(0)
    },
  },
  {
    name: 'hangup: no answer where the runtime can, else 503',
    network: true,
    async run(t) {
      const server = await t.start(counting({ handshake: { refuse: 1, with: 'hangup' } }))
      const answer = t.handshake(server, '/a')
      if (t.runtime.capabilities.hangsUp) await expect(answer).rejects.toThrow('without a response')
      else expect((await answer).status).toBe(503)
      expect(server.stats().refusedBy.fault).toBe(1)
    },
    standalone: 'Vite answers 502 for whom it cannot reach',
  },
  {
    name: 'hang: no answer for as long as the client waits, and nothing is left when it has given up',
    network: true,
    async run(t) {
      const server = await t.start(counting({ handshake: { refuse: 1, with: 'hang' } }))
      const client = t.raw(server)
      const answer = client.request('/api/a')
      answer.catch(() => {})
      await t.until(() => server.stats().faults.refused, 1)
      const isOver = await Promise.race([
        answer.then(
          () => true,
          () => true,
        ),
        new Promise((resolve) => setTimeout(() => resolve(false), 300)),
      ])
      expect(isOver).toBe(false)
      expect(server.stats().refused).toBe(0)
      client.tcp.destroy()
      await t.until(() => server.stats().refusedBy.fault, 1)
    },
  },
  {
    name: 'the handshake waits, and who leaves meanwhile leaves nothing behind',
    network: true,
    async run(t) {
      let asked = 0
      const server = await t.start(
        counting((_req, n) => {
          asked = n
          return { handshake: { delay: [150, 60_000][n - 1] ?? 0 } }
        }),
      )
      const start = performance.now()
      const client = await t.connect(server, '/a')
      expectBetween(t, performance.now() - start, 150, 220)
      expect(numbers(await take(client, 1))).toEqual([1])
      const leaving = t.raw(server)
      leaving.request('/api/a').catch(() => {})
      await t.until(() => asked, 2)
      leaving.tcp.destroy()
      await t.until(() => server.stats().refusedBy.fault, 1)
      const third = await t.connect(server, '/a')
      expect(numbers(await take(third, 1))).toEqual([1])
    },
  },
  {
    name: 'a handshake that waits when the server closes gets 503',
    network: true,
    async run(t) {
      const asked = t.queue<number>('handshake')
      const server = await t.start(
        counting((_req, n) => {
          asked.push(n)
          return { handshake: { delay: 60_000 } }
        }),
      )
      const answer = t.handshake(server, '/a')
      answer.catch(() => {})
      await asked.next()
      await server.close()
      expect((await answer).status).toBe(503)
    },
    standalone: 'Vite closes its own server first',
  },
  {
    name: 'disconnect behind so many messages: those arrive, and then it is cut, or closed with a code',
    network: true,
    async run(t) {
      const closes = t.queue<unknown>('close')
      const server = await t.start({
        ...counting((_req, n) => ({
          disconnect: { afterMessages: 3, ...(n === 2 && { code: 1012, reason: 'restart' }) },
        })),
        onClose: (_conn, code) => closes.push(code),
      })
      const client = await t.connect(server, '/a')
      expect(numbers(await take(client, 10, 3))).toEqual([1, 2, 3])
      expect((await client.closed).code).toBe(1006)
      expect(await closes.next()).toBe(1006)
      const other = await t.connect(server, '/a')
      expect(numbers(await take(other, 10, 3))).toEqual([1, 2, 3])
      expect(await other.closed).toEqual({ code: 1012, reason: 'restart' })
      expect(await closes.next()).toBe(1012)
      expect(closes.size).toBe(0)
      expect(server.stats().faults.disconnected).toBe(2)
    },
  },
  {
    name: 'disconnect behind so many bytes, or after a time, and only of some connections',
    network: true,
    async run(t) {
      const bytes = await t.start({
        pattern: '/a',
        faults: { disconnect: { afterBytes: 2500 } },
        onMessage(conn) {
          for (let n = 0; n < 10; n++) conn.send('x'.repeat(1000))
        },
      })
      const client = await t.connect(bytes, '/a')
      await take(client, 0, 3)
      expect((await client.closed).code).toBe(1006)
      const timed = await t.start(counting({ disconnect: { after: 200, connections: { nth: 1 } } }))
      const start = performance.now()
      const first = await t.connect(timed, '/a')
      const second = await t.connect(timed, '/a')
      expect((await first.closed).code).toBe(1006)
      expectBetween(t, performance.now() - start, 200, 280)
      expect(numbers(await take(second, 2))).toEqual([1, 2])
      expect(timed.connections).toHaveLength(1)
    },
  },
  {
    name: 'halfOpen: nothing gets through, and the heartbeat finds out',
    network: true,
    async run(t) {
      const events = t.queue<unknown>('event')
      const received: unknown[] = []
      const server = await t.start({
        pattern: '/a',
        heartbeat: 100,
        onMessage: (_conn, data) => void received.push(data),
        onError: (_conn, { code }) => events.push(code),
        onClose: (_conn, code) => events.push(code),
      })
      const client = await t.connect(server, '/a')
      const start = performance.now()
      server.setFaults('/a', { halfOpen: true })
      server.publish('/a', 'never')
      client.json('never')
      expect(await events.next()).toBe('ERR_HEARTBEAT_TIMEOUT')
      expectBetween(t, performance.now() - start, 290, 650)
      expect(await events.next()).toBe(1006)
      expect((await client.closed).code).toBe(1006)
      expect(received).toEqual([])
      await t.until(() => server.stats().connections, 0)
      expect(server.stats().faults.halfOpened).toBe(1)
    },
  },
  {
    name: 'halfOpen: the close frame of a client stays unanswered, where the runtime can stop reading',
    network: true,
    when: ({ pausesReading }) => pausesReading,
    async run(t) {
      const server = await t.start(counting({ halfOpen: true }))
      const client = await t.raw(server).open('/api/a')
      client.frame(9, 'ping')
      client.closeFrame(1000)
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(client.frames.size).toBe(0)
      expect(server.connections).toHaveLength(1)
      server.resetFaults()
      server.reload({ wsHandlers: [{ pattern: '/a' }], logLevel: 'silent' })
      expect((await client.next()).opcode).toBe(10)
      expect((await client.next()).opcode).toBe(8)
    },
    standalone: 'the plugin offers no reload()',
  },
  {
    name: 'a handle lifts its faults at the end of a block, also by a throw; the latest counts, and stop() gives the one below back',
    async run(t) {
      const server = await t.start(counting({ drop: { nth: 1 } }))
      const client = await t.connect(server, '/a')
      const ask = async (expected: number[]): Promise<void> =>
        expect(numbers(await take(client, 4, expected.length))).toEqual(expected)
      await ask([2, 3, 4])
      const fail = async (): Promise<never> => {
        using handle = server.setFaults('/a', { drop: { every: 2 } })
        await ask([1, 3])
        expect(handle.counts.dropped).toBe(2)
        throw new Error('of the block')
      }
      await expect(fail()).rejects.toThrow('of the block')
      await ask([2, 3, 4])
      const below = server.setFaults('*', { drop: { nth: 2 } })
      const above = server.setFaults('/a', { drop: { nth: 3 } })
      await ask([1, 2, 4])
      above.stop()
      await ask([1, 3, 4])
      below.stop()
      await ask([2, 3, 4])
    },
  },
  {
    name: 'faults with a time are lifted by themselves, those of some connections leave the others alone, and a reload keeps both',
    async run(t) {
      const handler = counting(undefined)
      const server = await t.start(handler)
      const client = await t.connect(server, '/a?slow')
      const other = await t.connect(server, '/a')
      const start = performance.now()
      server.setFaults(
        '/a',
        { stall: true },
        { for: 200, where: ({ id }) => id === server.connections[0]?.id },
      )
      if (!isBehindVite(server)) server.reload({ wsHandlers: [{ ...handler }], logLevel: 'silent' })
      client.json(1)
      expect(numbers(await take(other, 1))).toEqual([1])
      expect(await client.next()).toBe(1)
      expectBetween(t, performance.now() - start, 200, 280)
    },
  },
  {
    name: 'resetFaults lifts all, and counts and chance begin anew',
    async run(t) {
      const server = await t.start(counting({ handshake: { refuse: { nth: 1 } } }))
      expect([await refusal(t, server), await refusal(t, server)]).toEqual([503, 101])
      const client = await t.connect(server, '/a')
      server.setFaults('/a', { drop: 1 })
      server.setFaults('*', { stall: true })
      server.resetFaults()
      expect(numbers(await take(client, 2))).toEqual([1, 2])
      expect([await refusal(t, server), await refusal(t, server)]).toEqual([503, 101])
    },
  },
  {
    name: 'a fault that cannot be is refused with its name, its value and the cure, and nothing changes',
    async run(t) {
      const server = await t.start(counting(undefined))
      const wrong: [unknown, string][] = [
        [{ drop: 2 }, 'option "drop" is 2; it has to be a probability from 0 to 1'],
        [{ drop: { nth: 0 } }, 'option "drop.nth" is 0; it has to be a whole number from 1'],
        [
          { latency: [5, 1] },
          'option "latency" is [5,1]; it has to be milliseconds from 0 to 2147483647, or [min, max]',
        ],
        [{ bandwidth: 0 }, 'option "bandwidth" is 0; it has to be a whole number of bytes a second, from 1'],
        [
          { handshake: { with: 200 } },
          'option "handshake.with" is 200; it has to be an HTTP status from 400 to 599',
        ],
        [{ incoming: { drop: -1 } }, 'option "incoming.drop" is -1'],
        [{ latensy: 1 }, 'unknown option "latensy"; did you mean "latency"?'],
        [
          { disconnect: { code: 1005 } },
          'option "disconnect.code" is 1005; it has to be a close code that can be sent',
        ],
      ]
      for (const [faults, message] of wrong)
        expect(() => server.setFaults('/a', faults as Faults)).toThrow(
          expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringContaining(message) }),
        )
      expect(() => server.setFaults('/nope', {})).toThrow(
        expect.objectContaining({ code: 'ERR_UNKNOWN_HANDLER' }),
      )
      expect(() => server.setFaults('/a', {}, { for: 0 })).toThrow('option "for" is 0')
      expect(() => server.setFaults('/a', { handshake: {} }, { where: () => true })).toThrow(
        'leave one of the two out',
      )
      const client = await t.connect(server, '/a')
      expect(numbers(await take(client, 3))).toEqual([1, 2, 3])
    },
  },
  {
    name: 'faults of a handler that cannot be are refused at the start',
    async run(t) {
      await expect(t.start(counting({ drop: 3 }))).rejects.toThrow(
        'option "wsHandlers[0].faults.drop" is 3; it has to be a probability from 0 to 1',
      )
    },
    standalone: 'the plugin throws where it is made',
  },
  {
    name: 'disconnect cuts all of a handler, or closes those that are meant, and tells how many',
    network: true,
    async run(t) {
      const server = await t.start([counting(undefined), { pattern: '/b' }])
      const [first, second] = [await t.connect(server, '/a'), await t.connect(server, '/a')]
      const other = await t.connect(server, '/b')
      const [one] = server.connections
      expect(server.disconnect('/a', { code: 4000, reason: 'x', where: ({ id }) => id === one?.id })).toBe(1)
      expect(await first.closed).toEqual({ code: 4000, reason: 'x' })
      await t.until(() => server.connections.length, 2)
      expect(server.disconnect('/a')).toBe(1)
      expect((await second.closed).code).toBe(1006)
      expect(() => server.disconnect('/a', { code: 1005 })).toThrow('cannot be sent')
      expect(() => server.disconnect('/nope')).toThrow('no enabled handler')
      expect(server.disconnect('*')).toBe(1)
      expect((await other.closed).code).toBe(1006)
    },
  },
  {
    name: 'onFault tells what has happened to which message',
    async run(t) {
      const told = t.queue<unknown>('fault')
      const server = await t.start({
        ...counting({ drop: { nth: 2 }, duplicate: { nth: 3 }, incoming: { latency: 1 } }),
        onFault: (_conn, fault) => told.push(fault),
      })
      const client = await t.connect(server, '/a')
      expect(numbers(await take(client, 3))).toEqual([1, 3, 3])
      expect([await told.next(), await told.next(), await told.next()]).toEqual([
        { kind: 'delay', direction: 'in', message: 1 },
        { kind: 'drop', direction: 'out', message: 2 },
        { kind: 'duplicate', direction: 'out', message: 3 },
      ])
    },
  },
  {
    name: 'what a client has sent before it leaves is handed over, however slow the network is',
    network: true,
    async run(t) {
      const events = t.queue<unknown>('event')
      const server = await t.start({
        pattern: '/a',
        faults: { incoming: { latency: 60_000 } },
        onMessage: (_conn, data) => events.push(data),
        onClose: (_conn, code) => events.push(code),
      })
      const client = await t.connect(server, '/a')
      client.json('first')
      client.json('second')
      client.close(1000)
      expect([await events.next(), await events.next(), await events.next()]).toEqual([
        'first',
        'second',
        1000,
      ])
    },
  },
  {
    name: 'what waits on the way in is bounded by maxQueue',
    network: true,
    async run(t) {
      const errors = t.queue<unknown>('error')
      const server = await t.start({
        pattern: '/a',
        maxQueue: 10_000,
        faults: { incoming: { stall: true } },
        onError: (_conn, { code }) => errors.push(code),
      })
      const client = await t.connect(server, '/a')
      for (let n = 0; n < 20; n++) client.send('x'.repeat(1000))
      expect(await errors.next()).toBe('ERR_QUEUE')
      expect((await client.closed).code).toBe(1013)
    },
  },
  {
    name: 'a cut takes back nothing of what has left, however much of the client is unread',
    network: true,
    async run(t) {
      const server = await t.start([
        {
          pattern: '/a',
          faults: { disconnect: { afterMessages: 3 } },
          onMessage: (conn, data) => void conn.send(data),
        },
        {
          pattern: '/b',
          onMessage(conn, data) {
            conn.send(data)
            if (data === 3) server.disconnect('/b', { where: ({ id }) => id === conn.id })
          },
        },
      ])
      for (const path of ['/a', '/b'])
        for (let round = 0; round < 20; round++) {
          const client = await t.connect(server, path)
          for (let n = 1; n <= 6; n++) client.json(n)
          for (let n = 1; n <= 3; n++) expect(await client.next()).toBe(n)
          expect((await client.closed).code).toBe(1006)
        }
    },
  },
  {
    name: 'what waits on the way is what was sent, whatever becomes of the bytes behind it',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        faults: { latency: 30, reorder: { nth: 3 } },
        onConnect(conn) {
          for (const _ of [1, 2, 3, 4]) {
            const bytes = Buffer.from([1, 2, 3])
            conn.send(bytes)
            bytes.fill(0)
          }
        },
      })
      const client = await t.connect(server, '/a')
      for (const _ of [1, 2, 3, 4]) expect([...(await client.next())]).toEqual([1, 2, 3])
    },
  },
  {
    name: 'the reason of a refusal with a close code is cut to 123 bytes',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        faults: { handshake: { refuse: 1, with: { code: 4000, reason: 'ä'.repeat(100) } } },
      })
      expect(await (await t.connect(server, '/a')).closed).toEqual({ code: 4000, reason: 'ä'.repeat(61) })
    },
  },
  {
    name: 'options of setFaults and disconnect that mean nothing are ERR_OPTION, and do nothing',
    async run(t) {
      const server = await t.start({ pattern: '/a', onMessage: (conn, data) => void conn.send(data) })
      const client = await t.connect(server, '/a')
      for (const [options, message] of [
        [{ fro: 50 }, /unknown option "fro"; known are for, where/],
        [{ where: 1 }, /option "where" is 1; it has to be a function/],
        [{ for: 2 ** 31 }, /option "for" is 2147483648; it has to be .* 2147483647 at most/],
        [{ for: 0 }, /option "for" is 0/],
        [null, /the configuration is null; it has to be an object: \{ for, where \}/],
      ] as const)
        expect(() => server.setFaults('/a', { stall: true }, options as never)).toThrow(message)
      for (const [options, message] of [
        [{ cod: 4000 }, /unknown option "cod"/],
        [{ code: 99 }, /close code 99 cannot be sent/],
        [null, /it has to be an object/],
      ] as const)
        expect(() => server.disconnect('/a', options as never)).toThrow(message)
      client.send('still there')
      expect(await client.next()).toBe('still there')
    },
  },
]

function isBehindVite(server: Server): boolean {
  return server.runtimeDescription.includes('behind Vite')
}
