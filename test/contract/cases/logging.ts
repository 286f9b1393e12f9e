import { expect } from 'vitest'
import type { Case } from '../harness.ts'

const ID = String.raw`\(connection [-0-9a-f]{36}\)`

/** Section 10: what the log says of who comes and goes. */
export const CASES: readonly Case[] = [
  {
    name: 'a path that no handler matches is one line at info, with the nearest handler, and without the query',
    async run(t) {
      const server = await t.start([{ pattern: '/ws/chat/{room}' }, { pattern: '/other' }])
      for (const path of ['/ws/chta/lobby?token=hunter2', '/ws/chta/lobby', '/nothing/of/the/kind'])
        expect((await t.handshake(server, path)).status).toBe(404)
      expect(t.log).toEqual([
        'info [sidewire] refused a connection: no handler matches the path "/api/ws/chta/lobby"; did you mean /api/ws/chat/{room}?',
        'info [sidewire] refused a connection: no handler matches the path "/api/nothing/of/the/kind"',
      ])
    },
  },
  {
    name: 'made-up paths fill neither the log nor the memory',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      await t.handshake(server, `/${'long'.repeat(1000)}`)
      expect(t.log[0]?.length).toBeLessThan(200)
      for (let n = 0; n < 150; n++) await t.handshake(server, `/made/up/${n}`)
      expect(t.log).toHaveLength(101)
      expect(t.log.at(-1)).toContain('100 paths had no handler by now: further ones are not logged')
    },
  },
  {
    name: 'debug says who connects, and how each connection ends',
    async run(t) {
      const server = await t.start(
        { pattern: '/talk/{id}', onMessage: (conn) => conn.close(4002, 'by "me"\n') },
        { logLevel: 'debug' },
      )
      const lines = (): string[] => t.log.filter((line) => line.startsWith('debug'))
      const next = async (amount: number): Promise<string> => {
        await t.until(() => lines().length, amount)
        return lines().at(-1) ?? ''
      }
      const leaves = await t.connect(server, '/talk/1?token=hunter2')
      expect(await next(1)).toMatch(
        new RegExp(`^debug \\[sidewire\\] /talk/\\{id\\} ${ID}: connected to "/api/talk/1" from \\S+$`),
      )
      leaves.close(4001, 'bye')
      expect(await next(2)).toMatch(new RegExp(`/talk/\\{id\\} ${ID}: closed with \\d+.*, by the client$`))
      const closed = await t.connect(server, '/talk/2')
      closed.send('secret')
      expect(await next(4)).toMatch(/: closed with 4002 "by \\"me\\"\\n", by the server$/)
      const lost = await t.connect(server, '/talk/3')
      lost.terminate()
      expect(await next(6)).toMatch(/: closed with 1006, without a close frame$/)
      expect(t.log.join()).not.toMatch(/hunter2|secret/)
    },
  },
  {
    name: 'debug says who is refused, and why',
    async run(t) {
      const server = await t.start(
        [
          { pattern: '/status', authenticate: () => ({ success: false, reason: 'expired' }) },
          { pattern: '/code', authenticate: async () => ({ success: false, code: 4001, reason: 'later' }) },
          { pattern: '/async', authenticate: async () => false },
        ],
        { logLevel: 'debug' },
      )
      expect((await t.handshake(server, '/status?token=hunter2')).status).toBe(401)
      expect((await t.handshake(server, '/status', { Origin: 'https://evil.example' })).status).toBe(403)
      expect((await t.handshake(server, '/async')).status).toBe(401)
      expect((await t.handshake(server, '/nothing/of/the/kind?token=hunter2')).status).toBe(404)
      const client = await t.connect(server, '/code')
      expect((await client.closed).code).toBe(4001)
      const lines = t.log.filter((line) => line.startsWith('debug'))
      expect(lines).toEqual([
        expect.stringMatching(/^debug \[sidewire\] refused "\/api\/status" from \S+: 401 "expired"$/),
        expect.stringMatching(/refused "\/api\/status" from \S+: 403 "This origin may not connect"$/),
        expect.stringMatching(/refused "\/api\/async" from \S+: 401 /),
        expect.stringMatching(
          /refused "\/api\/nothing\/of\/the\/kind" from \S+: 404 "No WebSocket handler matches this path"$/,
        ),
        expect.stringMatching(/refused "\/api\/code" from \S+: closed with 4001 "later" by authenticate$/),
      ])
      expect(t.log.join()).not.toContain('hunter2')
    },
  },
  {
    name: 'info says nothing of who comes and goes',
    async run(t) {
      const server = await t.start({ pattern: '/a' }, { logLevel: 'info' })
      const client = await t.connect(server, '/a')
      client.close()
      await t.until(() => server.stats().closed, 1)
      expect(t.log).toEqual([])
    },
  },
]
