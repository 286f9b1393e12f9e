import { expect } from 'vitest'
import type { Stats } from '../../../src/index.ts'
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
      const client = await t.connect(server, '/a')
      const stop = await overload()
      const { status, headers } = await t.handshake(server, '/a')
      expect([status, headers['retry-after']]).toEqual([503, '1'])
      // Who is in stays in.
      client.send('still there?')
      expect(await client.next()).toBe('still there?')
      stop()
      expect(server.stats()).toMatchObject({ refused: 1, refusedBy: { maxEventLoopLag: 1 } })
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
      expect((await t.handshake(server, '/a')).status).toBe(101)
      const other = await t.start({ pattern: '/a' })
      const stop = await overload()
      expect((await t.handshake(other, '/a')).status).toBe(101)
      stop()
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
