import { expect } from 'vitest'
import type { AuthenticateResult, UniversalApiWsHandler } from '../../../src/index.ts'
import type { Case, Contract } from '../harness.ts'

type Answer = () => unknown

/** A handler that gives this answer, and what it is asked. */
function answering(answer: Answer, more: Partial<UniversalApiWsHandler> = {}): UniversalApiWsHandler {
  return { pattern: '/a', authenticate: answer as () => AuthenticateResult, ...more }
}

/** The same answer at once and as a promise. */
function bothWays(answer: unknown): Answer[] {
  return [() => answer, () => Promise.resolve(answer)]
}

async function statusOf(
  t: Contract,
  handler: UniversalApiWsHandler,
  headers: Record<string, string> = {},
): Promise<number> {
  return (await t.handshake(await t.start(handler), '/a', headers)).status
}

export const CASES: readonly Case[] = [
  {
    name: 'true, or { success: true, data }: 101, and data is conn.authData',
    async run(t) {
      const user = { name: 'Alice', roles: ['admin'] }
      for (const [result, authData] of [
        [true, undefined],
        [{ success: true, data: user }, user],
        [{ success: true }, undefined],
        [{ success: true, data: null }, null],
      ] as const) {
        for (const answer of bothWays(result)) {
          const seen = t.queue<unknown>('authData')
          const server = await t.start(answering(answer, { onConnect: (conn) => seen.push(conn.authData) }))
          await t.connect(server, '/a')
          expect(await seen.next()).toEqual(authData)
        }
      }
    },
  },
  {
    name: 'without authenticate, or with false, everyone gets in',
    async run(t) {
      expect(await statusOf(t, { pattern: '/a' })).toBe(101)
      expect(await statusOf(t, { pattern: '/a', authenticate: false })).toBe(101)
    },
  },
  {
    name: 'false, undefined, null and { success: false }: HTTP 401',
    async run(t) {
      for (const result of [false, undefined, null, { success: false }])
        for (const answer of bothWays(result)) expect(await statusOf(t, answering(answer))).toBe(401)
    },
  },
  {
    name: 'any other result is HTTP 401: only true and success: true let anyone in',
    async run(t) {
      const truthy = [
        'yes',
        '',
        1,
        0,
        {},
        [],
        [true],
        { success: 'true' },
        { success: 1 },
        { ok: true },
        { data: 1 },
        new Map(),
        () => true,
      ]
      for (const result of truthy)
        for (const answer of bothWays(result)) expect(await statusOf(t, answering(answer))).toBe(401)
    },
  },
  {
    name: '{ success: false, code, reason }: 101, then at once a close frame that the client can read; no hook is called',
    async run(t) {
      for (const answer of bothWays({ success: false, code: 4401, reason: 'Token expired' })) {
        const calls: string[] = []
        const note = (name: string) => () => void calls.push(name)
        const server = await t.start({
          ...answering(answer, { defaultRoom: 'lobby', heartbeat: 100 }),
          onConnect: note('onConnect'),
          onMessage: note('onMessage'),
          onClose: note('onClose'),
          onError: note('onError'),
        })
        const client = await t.connect(server, '/a')
        expect(await client.closed).toEqual({ code: 4401, reason: 'Token expired' })
        expect(server.connections).toEqual([])
        expect(server.stats()).toMatchObject({ connections: 0, opened: 0, closed: 0, refused: 1 })
        await server.close()
        expect(calls).toEqual([])
      }
    },
  },
  {
    name: 'a close code without a reason; a long reason is cut at a character boundary',
    async run(t) {
      const results: AuthenticateResult[] = [
        { success: false, code: 1008 },
        { success: false, code: 3000, reason: '€'.repeat(60) },
      ]
      const server = await t.start({ pattern: '/a', authenticate: () => results.shift() })
      expect(await (await t.connect(server, '/a')).closed).toEqual({ code: 1008, reason: '' })
      expect(await (await t.connect(server, '/a')).closed).toEqual({ code: 3000, reason: '€'.repeat(41) })
    },
  },
  {
    name: 'who is closed by authenticate is in no room, and never counted by a broadcast',
    network: true,
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        defaultRoom: 'lobby',
        authenticate: (req) => (req.url.endsWith('?in') ? true : { success: false, code: 4401 }),
        onMessage: (conn) => {
          conn.broadcast('to all')
          conn.broadcast('to the room', { room: 'lobby' })
          conn.send('sent')
        },
      })
      const sender = await t.connect(server, '/a?in')
      // It has been told to go, and does not answer: its connection stays for a while.
      const rejected = await t.raw(server).open('/api/a')
      expect((await rejected.next()).opcode).toBe(8)
      rejected.text('let me in')
      const before = server.stats().messagesOut
      sender.send('go')
      expect(await sender.next()).toBe('sent')
      server.publish('/a', 'from the server')
      expect(await sender.next()).toBe('from the server')
      expect(server.stats().messagesOut - before).toBe(2)
      expect(server.stats().messagesIn).toBe(1)
      expect(server.connections.length).toBe(1)
      rejected.closeFrame(4401)
      await rejected.ended
      expect(rejected.frames.size).toBe(0)
    },
  },
  {
    name: 'who is closed by authenticate and does not answer is let go',
    network: true,
    async run(t) {
      const server = await t.start(answering(() => ({ success: false, code: 4401 })))
      const rejected = await t.raw(server).open('/api/a')
      expect(await rejected.nextClose()).toEqual({ code: 4401, reason: '' })
      await rejected.ended
    },
  },
  {
    name: '{ success: false, status, reason }: that HTTP status, the reason as body',
    async run(t) {
      for (const [result, status, body] of [
        [{ success: false, status: 403, reason: 'Not for you: ü' }, 403, 'Not for you: ü'],
        [{ success: false, status: 429 }, 429, undefined],
        [{ success: false, status: 400 }, 400, undefined],
        [{ success: false, status: 599, reason: 'odd' }, 599, 'odd'],
      ] as const) {
        for (const answer of bothWays(result)) {
          const response = await t.handshake(await t.start(answering(answer)), '/a')
          expect(response.status).toBe(status)
          if (body !== undefined) expect(response.body).toBe(body)
        }
      }
    },
  },
  {
    name: 'a close code or an HTTP status that cannot be sent lets nobody in: HTTP 500, logged',
    async run(t) {
      for (const result of [
        { success: false, code: 1005 },
        { success: false, code: 999 },
        { success: false, code: '4000' },
        { success: false, status: 200 },
        { success: false, status: 101 },
        { success: false, status: 600 },
      ]) {
        t.log.length = 0
        expect(
          await statusOf(
            t,
            answering(() => result),
          ),
        ).toBe(500)
        expect(t.log.filter((line) => line.startsWith('error'))).toHaveLength(1)
      }
    },
  },
  {
    name: "throws or rejects: HTTP 500, logged with the pattern; the error's text is not sent",
    async run(t) {
      for (const answer of [
        () => {
          throw new Error('secret 1234')
        },
        () => Promise.reject(new Error('secret 1234')),
        async () => {
          // oxlint-disable-next-line typescript/only-throw-error -- users do
          throw 'secret 1234'
        },
        () => ({
          get success() {
            throw new Error('secret 1234')
          },
        }),
      ] as Answer[]) {
        t.log.length = 0
        const server = await t.start(answering(answer))
        const { status, body, headers } = await t.handshake(server, '/a')
        expect(status).toBe(500)
        expect(JSON.stringify([body, headers])).not.toContain('secret')
        const errors = t.log.filter((line) => line.startsWith('error'))
        expect(errors).toHaveLength(1)
        expect(errors[0]).toContain('/a')
        expect(errors[0]).toContain('authenticate')
        expect(errors[0]).toContain('secret 1234')
        expect(server.stats()).toMatchObject({ handlerErrors: 1, refused: 1, opened: 0 })
        expect((await t.handshake(server, '/a')).status).toBe(500)
      }
    },
  },
  {
    name: 'takes too long: HTTP 503; a late answer changes nothing, a late failure is logged',
    async run(t) {
      const pending: { resolve: (result: boolean) => void; reject: (error: Error) => void }[] = []
      const connected: string[] = []
      const server = await t.start(
        {
          pattern: '/a',
          authenticate: () => new Promise<boolean>((resolve, reject) => pending.push({ resolve, reject })),
          onConnect: (conn) => void connected.push(conn.id),
        },
        { authenticateTimeout: 30 },
      )
      expect((await t.handshake(server, '/a')).status).toBe(503)
      expect((await t.handshake(server, '/a')).status).toBe(503)
      expect(t.log.filter((line) => line.includes('authenticateTimeout'))).toHaveLength(2)
      pending[0]?.resolve(true)
      pending[1]?.reject(new Error('late'))
      await t.until(() => t.log.some((line) => line.startsWith('error') && line.includes('late')), true)
      expect(connected).toEqual([])
      expect(server.stats()).toMatchObject({ opened: 0, refused: 2 })
    },
  },
  {
    name: 'authenticate: true asks for a non-empty Authorization header',
    async run(t) {
      const handler = { pattern: '/a', authenticate: true }
      expect(await statusOf(t, handler)).toBe(401)
      expect(await statusOf(t, handler, { Authorization: '' })).toBe(401)
      expect(await statusOf(t, handler, { Authorization: '  ' })).toBe(401)
      expect(await statusOf(t, handler, { Authorization: 'Bearer x' })).toBe(101)
      expect(await statusOf(t, handler, { authorization: 'x' })).toBe(101)
    },
  },
  {
    name: "authenticate: 'x-api-key' asks for that header, in any case",
    async run(t) {
      for (const authenticate of ['x-api-key', 'X-API-Key']) {
        const handler = { pattern: '/a', authenticate }
        expect(await statusOf(t, handler)).toBe(401)
        expect(await statusOf(t, handler, { Authorization: 'Bearer x' })).toBe(401)
        expect(await statusOf(t, handler, { 'X-Api-Key': '' })).toBe(401)
        expect(await statusOf(t, handler, { 'X-Api-Key': 'k' })).toBe(101)
        expect(await statusOf(t, handler, { 'x-api-key': 'k' })).toBe(101)
      }
    },
  },
  {
    name: 'authenticate sees the request: url, headers, params, address; valid after an await',
    async run(t) {
      const seen = t.queue<unknown>('request')
      const server = await t.start({
        pattern: '/a/{id}',
        authenticate: async (req) => {
          await new Promise((resolve) => setImmediate(resolve))
          seen.push([req.url, req.method, req.headers['x-token'], req.params, req.socket.remoteAddress])
          return { success: true, data: req }
        },
        onConnect: (conn, req) => seen.push([conn.authData === req, conn.req === req]),
      })
      await t.connect(server, '/a/7?token=1', { headers: { 'X-Token': 'abc' } })
      expect(await seen.next()).toEqual(['/api/a/7?token=1', 'GET', 'abc', { id: '7' }, '127.0.0.1'])
      expect(await seen.next()).toEqual([true, true])
    },
  },
  {
    name: 'authenticate is not asked for a handshake that is refused anyway',
    async run(t) {
      let asked = 0
      const server = await t.start({ pattern: '/a', subprotocols: ['v1'], authenticate: () => ++asked > 0 })
      await t.handshake(server, '/a', { Origin: 'https://evil.example' })
      await t.handshake(server, '/a', { 'Sec-WebSocket-Version': '8' })
      await t.handshake(server, '/a', { 'Sec-WebSocket-Protocol': 'v9' })
      await t.handshake(server, '/b')
      expect(asked).toBe(0)
    },
  },
  {
    name: 'a message that is sent at once waits for an async onConnect behind an async authenticate',
    async run(t) {
      const order: string[] = []
      const server = await t.start({
        pattern: '/a',
        authenticate: async () => {
          await new Promise((resolve) => setImmediate(resolve))
          order.push('authenticated')
          return true
        },
        onConnect: async () => {
          await new Promise((resolve) => setImmediate(resolve))
          order.push('connected')
        },
        onMessage: (conn, data) => {
          order.push(data)
          conn.send('done')
        },
      })
      const client = await t.connect(server, '/a')
      client.send('first')
      expect(await client.next()).toBe('done')
      expect(order).toEqual(['authenticated', 'connected', 'first'])
    },
  },
  {
    name: 'server.close() while authenticate is pending answers 503, to each that waits',
    async run(t) {
      const asked = t.queue<true>('authenticate')
      const server = await t.start({
        pattern: '/a',
        authenticate: () => {
          asked.push(true)
          return new Promise<boolean>(() => {})
        },
      })
      const answers = Array.from({ length: 20 }, () => t.handshake(server, '/a'))
      for (const _ of answers) await asked.next()
      const closed = server.close()
      for (const { status, body } of await Promise.all(answers))
        expect([status, body]).toEqual([503, 'The server is going away'])
      await closed
    },
  },
  {
    name: 'a client that says it is done while authenticate is pending is let go at once',
    network: true,
    async run(t) {
      const started = t.queue<void>('authenticate')
      const server = await t.start(
        { pattern: '/a', authenticate: () => new Promise(() => started.push()) },
        { authenticateTimeout: 3_600_000 },
      )
      for (const early of [0, 10]) {
        const client = t.raw(server)
        client.request('/api/a').catch(() => {})
        await started.next()
        client.tcp.end('x'.repeat(early))
        await client.ended
      }
      expect(server.stats().connections).toBe(0)
    },
  },
  {
    name: 'a client that goes away while authenticate is pending costs nothing and crashes nothing',
    network: true,
    async run(t) {
      for (const end of ['reset', 'destroy', 'end'] as const) {
        for (const result of [true, false, { success: false, code: 4401 }, new Error('on purpose')]) {
          const started = t.queue<() => void>('authenticate')
          const connected: string[] = []
          const server = await t.start({
            pattern: '/a',
            authenticate: (req) =>
              req.url.endsWith('?fast') ||
              new Promise<boolean>((resolve, reject) => {
                started.push(() => (result instanceof Error ? reject(result) : resolve(result as boolean)))
              }),
            onConnect: (conn) => void connected.push(conn.req.url),
          })
          const clients = Array.from({ length: 3 }, () => t.raw(server))
          const settles: (() => void)[] = []
          for (const client of clients) {
            client.request('/api/a').catch(() => {})
            settles.push(await started.next())
          }
          for (const client of clients) {
            if (end === 'reset') client.reset()
            else if (end === 'destroy') client.tcp.destroy()
            else client.tcp.end()
          }
          // A whole handshake of another client, so that the server has seen the others go.
          const watcher = await t.connect(server, '/a?fast')
          watcher.ping('1')
          await watcher.nextPong()
          for (const settle of settles) settle()
          watcher.ping('2')
          await watcher.nextPong()
          if (end !== 'end') expect(connected).toEqual(['/api/a?fast'])
          for (const client of clients) client.tcp.destroy()
          await t.until(() => server.connections.map(({ path }) => path), ['/api/a'])
          expect(server.stats().connections).toBe(1)
          await server.close()
        }
      }
    },
  },
]
