import { expect, vi } from 'vitest'
import type { Case } from '../harness.ts'

export const CASES: readonly Case[] = [
  {
    name: "nothing stops while a test's fake timers have the place of the platform's",
    network: true,
    async run(t) {
      const closed = t.queue<number>('close')
      const server = await t.start(
        [
          { pattern: '/echo', delay: 20, onMessage: (conn, data) => void conn.send(data) },
          { pattern: '/alive', heartbeat: 100, onClose: (_conn, code) => closed.push(code) },
          { pattern: '/idle', inactivityTimeout: 100 },
          { pattern: '/no', authenticate: () => false },
          { pattern: '/never', authenticate: () => new Promise<boolean>(() => {}) },
        ],
        { authenticateTimeout: 100 },
      )
      vi.useFakeTimers({ toFake: [...FAKED], now: 0 })
      try {
        expect((await t.handshake(server, '/nowhere')).status).toBe(404)
        expect((await t.handshake(server, '/no')).status).toBe(401)
        expect((await t.handshake(server, '/never')).status).toBe(503)
        expect((await t.handshake(server, '/echo', { 'Sec-WebSocket-Version': '8' })).status).toBe(426)
        const client = await t.connect(server, '/echo')
        client.send('late')
        expect(await client.next()).toBe('late')
        const alive = await t.connect(server, '/alive')
        await alive.nextPing()
        alive.terminate()
        expect(await closed.next()).toBe(1006)
        expect(await (await t.connect(server, '/idle')).closed).toMatchObject({ code: 1000 })
        expect(Math.abs((server.connections[0]?.since ?? 0) - REAL_DATE())).toBeLessThan(60_000)
        await server.close()
        expect((await client.closed).code).toBe(1001)
      } finally {
        vi.useRealTimers()
      }
    },
  },
]

/** As of long ago, where `Date` is a fake. */
const REAL_DATE = Date.now
const FAKED = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
  'queueMicrotask',
  'performance',
  'Date',
] as const
