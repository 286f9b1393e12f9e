import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { expect, vi } from 'vitest'
import type { Server, Stats } from '../../../src/index.ts'
import { HANDSHAKE } from '../../support/raw-client.ts'
import type { Case, Contract } from '../harness.ts'

const LAG_MS = 100

/** Blocks the event loop again and again, for longer than `LAG_MS` each time, until it is told to stop. */
async function overload(): Promise<() => void> {
  let on = true
  await new Promise<void>((resolve) => {
    const block = (): void => {
      if (!on) return
      const end = performance.now() + 2 * LAG_MS
      while (performance.now() < end);
      resolve()
      setImmediate(block)
    }
    setImmediate(block)
  })
  return () => {
    on = false
  }
}

function expectSum({ refused, refusedBy }: Stats): void {
  expect(Object.values(refusedBy).reduce((sum, count) => sum + count, 0)).toBe(refused)
}

/** Headers as the proxy in front sends them. */
const SECRET = 'a secret of the proxy in front'
const from = (address: string): Record<string, string> => ({
  'X-Sidewire-Secret': SECRET,
  'X-Forwarded-For': address,
})

async function statusesOf(t: Contract, answers: Promise<{ status: number }>[]): Promise<number[]> {
  return (await Promise.all(answers)).map(({ status }) => status).toSorted((a, b) => a - b)
}

const REQUEST_LINE = 'GET /api/a HTTP/1.1\r\n'
const HEAD = [
  REQUEST_LINE,
  'Host: x\r\n',
  ...Object.entries(HANDSHAKE).map((line) => `${line.join(': ')}\r\n`),
  '\r\n',
].join('')

/** The time until the server cuts off a client that sends a byte of its head now and then. */
async function trickle(t: Contract, server: Server, intervalMs: number): Promise<number> {
  const client = t.raw(server)
  const start = performance.now()
  // uWebSockets.js answers 505 at once to a request line that comes in two.
  client.tcp.write(HEAD.slice(0, REQUEST_LINE.length))
  let sent = REQUEST_LINE.length
  const timer = setInterval(() => client.tcp.write(HEAD.slice(sent, ++sent)), intervalMs)
  await client.ended
  clearInterval(timer)
  expect(sent).toBeLessThan(HEAD.length)
  return performance.now() - start
}

/** The same for one that says nothing at all. */
async function silence(t: Contract, server: Server): Promise<number> {
  const start = performance.now()
  await t.raw(server).ended
  return performance.now() - start
}

const OTHERS_PARSER = 'the server in front reads the handshake'

export const CASES: readonly Case[] = [
  {
    name: 'past maxConnectionsPerAddress upgrades get 429 with Retry-After, until a connection ends',
    async run(t) {
      const server = await t.start([{ pattern: '/a' }, { pattern: '/b' }], { maxConnectionsPerAddress: 2 })
      const first = await t.connect(server, '/a')
      await t.connect(server, '/b')
      for (const path of ['/a', '/b']) {
        const { status, headers } = await t.handshake(server, path)
        expect([status, headers['retry-after']]).toEqual([429, '1'])
      }
      expect(server.stats()).toMatchObject({ refused: 2, refusedBy: { maxConnectionsPerAddress: 2 } })
      first.close(1000)
      await t.until(() => server.connections.length, 1)
      await t.connect(server, '/a')
      expect((await t.handshake(server, '/a')).status).toBe(429)
    },
  },
  {
    name: 'maxConnectionsPerAddress counts each address for itself, in one spelling',
    network: true,
    standalone: 'the server in front says which address it is',
    async run(t) {
      const server = await t.start({ pattern: '/a' }, { maxConnectionsPerAddress: 2, proxySecret: SECRET })
      const open = async (address: string): Promise<number> =>
        (await t.handshake(server, '/a', from(address))).status
      expect([await open('10.0.0.1'), await open('::ffff:10.0.0.1')]).toEqual([101, 101])
      expect([await open('10.0.0.1'), await open('::ffff:a00:1')]).toEqual([429, 429])
      expect([await open('2001:db8::1'), await open('2001:DB8:0:0::1')]).toEqual([101, 101])
      expect([await open('2001:0db8::0001'), await open('2001:db8::2')]).toEqual([429, 101])
      expect(server.connections.map(({ remoteAddress }) => remoteAddress)).toEqual([
        '10.0.0.1',
        '10.0.0.1',
        '2001:db8::1',
        '2001:db8::1',
        '2001:db8::2',
      ])
    },
  },
  {
    name: 'maxConnectionsPerAddress holds for handshakes that are authenticated at the same time',
    async run(t) {
      const pending: (() => void)[] = []
      const server = await t.start(
        {
          pattern: '/a',
          authenticate: () => new Promise((resolve) => pending.push(() => resolve(true))),
        },
        { maxConnectionsPerAddress: 2 },
      )
      const answers = Array.from({ length: 5 }, () => t.handshake(server, '/a'))
      await t.until(() => pending.length, 5)
      for (const settle of pending) settle()
      expect(await statusesOf(t, answers)).toEqual([101, 101, 429, 429, 429])
      expect(server.connections.length).toBe(2)
    },
  },
  {
    name: 'while the event loop lags more than maxEventLoopLag upgrades get 503 with Retry-After; then they get in again',
    async run(t) {
      const server = await t.start(
        { pattern: '/a', onMessage: (conn, data) => void conn.send(data) },
        { maxEventLoopLag: LAG_MS },
      )
      // A busy machine may lag by itself.
      const client = await vi.waitFor(() => t.connect(server, '/a'), 30_000)
      const before = server.stats().refused
      const stop = await overload()
      const { status, headers } = await t.handshake(server, '/a')
      expect([status, headers['retry-after']]).toEqual([503, '1'])
      // Who is in stays in.
      client.send('still there?')
      expect(await client.next()).toBe('still there?')
      stop()
      const refused = before + 1
      expect(server.stats()).toMatchObject({ refused, refusedBy: { maxEventLoopLag: refused } })
      await expect.poll(async () => (await t.handshake(server, '/a')).status).toBe(101)
    },
  },
  {
    name: 'maxEventLoopLag 0 is no limit, and an authenticate that blocks does not refuse its own client',
    async run(t) {
      const blocking = {
        pattern: '/a',
        authenticate: () => {
          const end = performance.now() + 2 * LAG_MS
          while (performance.now() < end);
          return true
        },
      }
      const server = await t.start(blocking, { maxEventLoopLag: LAG_MS })
      // Again, because a busy machine may lag by itself.
      await expect.poll(async () => (await t.handshake(server, '/a')).status).toBe(101)
      const other = await t.start({ pattern: '/a' })
      const stop = await overload()
      expect((await t.handshake(other, '/a')).status).toBe(101)
      stop()
    },
  },
  {
    name: 'who does not complete its opening handshake is cut off after about 10 s, however it trickles',
    network: true,
    standalone: OTHERS_PARSER,
    async run(t) {
      const authenticate = async (): Promise<boolean> => setTimeout(13_000, true)
      const server = await t.start([{ pattern: '/a' }, { pattern: '/late', authenticate }], {
        authenticateTimeout: 15_000,
      })
      const client = await t.connect(server, '/a')
      // That is the server's time, not the client's.
      const late = t.raw(server)
      late.tcp.write(HEAD.replace('/api/a', '/api/late'))
      const accepted = once(late.tcp, 'data')
      const times = await Promise.all([trickle(t, server, 1000), trickle(t, server, 300), silence(t, server)])
      // A native runtime counts in steps of 4 s.
      for (const time of times) {
        expect(time).toBeGreaterThan(7500)
        expect(time).toBeLessThan(14_000 + t.stalled)
      }
      // Who has completed it may be as silent as it likes.
      client.ping('there?')
      await client.nextPong()
      expect(String(await accepted)).toMatch(/^HTTP\/1.1 101 /)
      expect(server.stats().connections).toBe(2)
    },
  },
  {
    name: 'handshakeTimeout says after how long, and who is cut off is counted',
    network: true,
    standalone: OTHERS_PARSER,
    when: ({ handshakeTimeout }) => handshakeTimeout,
    async run(t) {
      const server = await t.start({ pattern: '/a' }, { handshakeTimeout: 500 })
      const client = await t.connect(server, '/a')
      const times = await Promise.all([trickle(t, server, 50), silence(t, server)])
      for (const time of times) {
        expect(time).toBeGreaterThan(450)
        expect(time).toBeLessThan(3000 + t.stalled)
      }
      client.ping('there?')
      await client.nextPong()
      expect(server.stats()).toMatchObject({ connections: 1, refused: 2, refusedBy: { handshakeTimeout: 2 } })
      expect(t.log).toEqual([])
    },
  },
  {
    name: 'a handshakeTimeout that the runtime cannot keep to is one warning',
    network: true,
    when: ({ handshakeTimeout }) => !handshakeTimeout,
    async run(t) {
      await t.start({ pattern: '/a' }, { handshakeTimeout: 500 })
      expect(t.log).toEqual([expect.stringMatching(/^warn .*"handshakeTimeout" is 500.*8 to 12 s/)])
    },
  },
  {
    name: 'every refusal is counted by its reason',
    async run(t) {
      const server = await t.start(
        [
          { pattern: '/a' },
          { pattern: '/p/{name}' },
          { pattern: '/401', authenticate: true },
          { pattern: '/4001', authenticate: () => ({ success: false, code: 4001, reason: 'no' }) },
          {
            pattern: '/500',
            authenticate: () => {
              throw new Error('on purpose')
            },
          },
          { pattern: '/late', authenticate: () => new Promise(() => {}) },
          { pattern: '/sub', subprotocols: ['chat'] },
        ],
        { authenticateTimeout: 50, maxConnections: 1 },
      )
      const ask = (path: string, headers: Record<string, string | undefined> = {}) =>
        t.handshake(server, path, headers)
      await ask('/a', { 'Sec-WebSocket-Key': 'short' })
      await ask('/a', { 'Sec-WebSocket-Version': '8' })
      await ask('/p/%zz')
      await ask('/b')
      await ask('/a', { Origin: 'https://evil.example' })
      await ask('/sub', { 'Sec-WebSocket-Protocol': 'mail' })
      await ask('/401')
      await ask('/4001')
      await ask('/500')
      await ask('/late')
      await t.connect(server, '/a')
      await ask('/a')
      await ask('/a')
      const stats = server.stats()
      expect(stats.refusedBy).toEqual({
        malformed: 3,
        path: 1,
        origin: 1,
        subprotocol: 1,
        authenticate: 3,
        authenticateTimeout: 1,
        maxConnections: 2,
      })
      expectSum(stats)
      // A copy: nobody can change what is counted.
      stats.refusedBy.path = 7
      expect(server.stats().refusedBy.path).toBe(1)
    },
  },
]
