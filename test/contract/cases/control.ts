import { expect } from 'vitest'
import type { JournalPage, Server, ServerOptions, UniversalApiWsHandler } from '../../../src/index.ts'
import type { Case, Contract } from '../harness.ts'

const TOKEN = 'a token of the test'
const STANDALONE = 'the plugin has no control endpoint'

interface Answer<T = any> {
  readonly status: number
  readonly body: T
}

/** @param path - with another method in front of it than GET, or POST where there is a command */
async function ask(
  t: Contract,
  server: Server,
  path: string,
  command?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const text = command === undefined ? '' : typeof command === 'string' ? command : JSON.stringify(command)
  const length = command === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(text)) }
  const client = t.raw(server)
  const [word, rest = word] = path.split(' ')
  const method = rest === word ? (command === undefined ? 'GET' : 'POST') : word
  const answered = client.request(path, { ...length, ...headers }, `${method} /.sidewire/${rest} HTTP/1.1`)
  client.tcp.write(text)
  const { status, body } = await answered
  return { status, body: JSON.parse(body) }
}

const journal = async (t: Contract, server: Server, query: string): Promise<JournalPage> =>
  (await ask(t, server, `journal${query}`)).body

const control = (
  name: string,
  handlers: UniversalApiWsHandler[],
  run: (t: Contract, server: Server) => Promise<void>,
  options: ServerOptions = {},
): Case => ({
  name: `control: ${name}`,
  network: true,
  standalone: STANDALONE,
  run: async (t) => run(t, await t.start(handlers, { control: true, ...options })),
})

export const CASES: readonly Case[] = [
  {
    name: 'control: without the option there is none',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      const { status } = await t.raw(server).request('/.sidewire/journal', {})
      expect(status).toBe(404)
    },
  },
  control(
    'the journal has what happened, as it was on the wire, and goes on from where one was',
    [
      {
        pattern: '/a',
        onMessage(conn, data) {
          conn.send({ got: data })
          conn.broadcast(Buffer.from([1]), { room: 'r', includeSelf: true })
        },
      },
    ],
    async (t, server) => {
      const client = await t.connect(server, '/a')
      client.send('hé')
      await client.next()
      client.close(4000, 'bye')
      await client.closed
      await t.until(() => server.connections.length, 0)
      const first = await journal(t, server, '')
      const id = first.rows[0]?.connection
      const of = { pattern: '/a', connection: id, path: '/api/a' }
      const at = expect.any(Number) as number
      expect(first.rows).toEqual([
        { n: 1, at, type: 'open', ...of },
        { n: 2, at, type: 'message', ...of, text: 'hé', bytes: 3 },
        { n: 3, at, type: 'sent', ...of, text: '{"got":"hé"}', bytes: 13, status: 'sent' },
        {
          n: 4,
          at,
          type: 'broadcast',
          pattern: '/a',
          connection: id,
          rooms: ['r'],
          base64: 'AQ==',
          bytes: 1,
          receivers: 0,
        },
        { n: 5, at, type: 'handled', ...of, message: 2, by: 'onMessage', ms: expect.any(Number) as number },
        { n: 6, at, type: 'close', ...of, code: 4000, reason: 'bye', from: 'client' },
      ])
      expect([first.next, first.gone]).toEqual([6, 0])
      expect(Math.abs(first.rows[0]!.at - Date.now())).toBeLessThan(60_000)
      expect((await journal(t, server, '?after=4')).rows.map(({ n }) => n)).toEqual([5, 6])
      await t.handshake(server, '/b')
      expect((await journal(t, server, '?after=6')).rows).toEqual([
        {
          n: 7,
          at,
          type: 'refused',
          path: '/api/b',
          reason: 'path',
          status: 404,
          text: expect.any(String) as string,
        },
      ])
    },
  ),
  control(
    'who waits for the journal is answered as soon as something happens, or when the time is over',
    [{ pattern: '/a' }],
    async (t, server) => {
      expect(await journal(t, server, '?wait=20')).toEqual({ rows: [], next: 0, gone: 0 })
      const waiting = journal(t, server, '?wait=30000')
      await t.connect(server, '/a')
      expect((await waiting).rows.map(({ type }) => type)).toEqual(['open'])
      const last = journal(t, server, '?after=1&wait=30000')
      await ask(t, server, 'connections')
      await server.close()
      expect((await last).next).toBeGreaterThanOrEqual(1)
    },
  ),
  control(
    'what is too much is gone, and is said',
    [{ pattern: '/a', onMessage: (conn, data) => (data === 2999 ? void conn.send('done') : undefined) }],
    async (t, server) => {
      const client = await t.connect(server, '/a')
      for (let n = 0; n < 3000; n++) client.json(n)
      expect(await client.next()).toBe('done')
      const { rows, next, gone } = await journal(t, server, '')
      expect(rows.length).toBe(2000)
      expect(gone).toBe(next - 2000)
      expect((await journal(t, server, `?after=${next - 1}`)).gone).toBe(0)
      const payload = 'x'.repeat(3 * 1024 * 1024)
      client.json(payload)
      client.json(payload)
      client.json(2999)
      await client.next()
      expect((await journal(t, server, '')).rows.length).toBeLessThan(10)
    },
  ),
  control(
    'connections, and a message to one, to a handler, to rooms: data by the codec, text and bytes as they are',
    [
      { pattern: '/a', onConnect: (conn, req) => conn.joinRoom(req.url.split('?')[1] ?? '') },
      { pattern: '/b' },
    ],
    async (t, server) => {
      const [one, two, other] = [
        await t.connect(server, '/a?one', { headers: { 'User-Agent': 'tester' } }),
        await t.connect(server, '/a?two'),
        await t.connect(server, '/b'),
      ]
      const { connections } = (await ask(t, server, 'connections')).body
      expect(connections).toHaveLength(3)
      expect(connections[0]).toMatchObject({
        path: '/api/a',
        rooms: ['one'],
        userAgent: 'tester',
        subprotocol: '',
        bufferedAmount: 0,
      })
      const { id } = connections[1]
      const send = (command: unknown): Promise<Answer> => ask(t, server, 'send', command)
      expect(await send({ to: { connection: id }, data: { n: 1 } })).toEqual({
        status: 200,
        body: { receivers: 1 },
      })
      expect((await send({ to: { pattern: '/a' }, text: '{"n": 2}' })).body).toEqual({ receivers: 2 })
      expect((await send({ to: { pattern: '/a', rooms: ['one', 'none'] }, base64: 'AQI=' })).body).toEqual({
        receivers: 1,
      })
      expect((await send({ to: { pattern: '/a', rooms: ['none'] }, text: 'x' })).body).toEqual({
        receivers: 0,
      })
      expect([await two.next(), await two.next()]).toEqual([{ n: 1 }, { n: 2 }])
      expect([await one.next(), await one.next()]).toEqual([{ n: 2 }, Buffer.from([1, 2])])
      server.publish('/b', 'only this')
      expect(await other.next()).toBe('only this')
      const large = 'x'.repeat(300_000)
      expect((await send({ to: { connection: id }, text: large })).body).toEqual({ receivers: 1 })
      expect(await two.next()).toBe(large)
    },
  ),
  control(
    'disconnect closes with a code, or cuts',
    [{ pattern: '/a', onConnect: (conn, req) => conn.joinRoom(req.url.split('?')[1] ?? '') }],
    async (t, server) => {
      const clients = [
        await t.connect(server, '/a?one'),
        await t.connect(server, '/a?two'),
        await t.connect(server, '/a?two'),
      ]
      const disconnect = async (command: unknown): Promise<unknown> =>
        (await ask(t, server, 'disconnect', command)).body
      expect(await disconnect({ to: { pattern: '/a', rooms: ['one'] }, code: 4001, reason: 'go' })).toEqual({
        connections: 1,
      })
      expect(await clients[0]!.closed).toEqual({ code: 4001, reason: 'go' })
      expect(await disconnect({ to: { pattern: '/a' } })).toEqual({ connections: 2 })
      for (const client of clients.slice(1)) expect((await client.closed).code).toBe(1006)
    },
  ),
  control(
    'what is wrong is said with a code, and changes nothing',
    [{ pattern: '/a' }],
    async (t, server) => {
      const client = await t.connect(server, '/a')
      const to = { pattern: '/a' }
      for (const [path, command, status, code, text] of [
        ['send', '{', 400, 'body', 'the body is no JSON'],
        ['send', '[]', 400, 'body', 'it has to be an object'],
        ['send', { text: 'x' }, 400, 'target', 'to is undefined'],
        ['send', { to: { pattern: '/a', rooms: 'r' }, text: 'x' }, 400, 'target', 'rooms?'],
        ['send', { to: { pattern: '/b' }, text: 'x' }, 400, 'ERR_UNKNOWN_HANDLER', 'there is /a'],
        ['send', { to: { connection: 'x' }, text: 'x' }, 404, 'target', '/.sidewire/connections'],
        ['send', { to }, 400, 'body', 'data'],
        ['send', { to, text: 'x', data: 1 }, 400, 'body', 'one of'],
        ['send', { to, text: 1 }, 400, 'body', 'text is 1'],
        ['send', { to, base64: '?' }, 400, 'body', 'base64 is "?"'],
        ['disconnect', { to, code: 'x' }, 400, 'body', 'code is "x"'],
        ['disconnect', { to, code: 1005 }, 400, 'ERR_CLOSE_CODE', '1005'],
        ['disconnect', { to, code: 1000, reason: 1 }, 400, 'body', 'reason is 1'],
        ['send', undefined, 405, 'method', 'takes POST'],
        ['journal', {}, 405, 'method', 'takes GET'],
        ['journal?after=x', undefined, 400, 'body', 'after is "x"'],
        ['other', undefined, 404, 'path', 'journal, connections, faults, send, disconnect'],
      ] as const) {
        const { status: got, body } = await ask(t, server, path, command)
        expect([path, command, got, body.error.code]).toEqual([path, command, status, code])
        expect(body.error.message).toContain(text)
      }
      expect(server.connections).toHaveLength(1)
      client.close()
    },
  ),
  control(
    'faults of a handler, of all, of one connection: switched on, seen, and lifted',
    [{ pattern: '/a', onMessage: (conn, data) => void conn.send(data) }, { pattern: '/b/{id}' }],
    async (t, server) => {
      const client = await t.connect(server, '/a')
      const [{ id } = { id: '' }] = server.connections
      expect((await ask(t, server, 'faults')).body).toEqual({ faults: [] })
      const put = (path: string, faults: unknown, more = {}): Promise<Answer> =>
        ask(t, server, `PUT faults${path}`, { faults, ...more })
      const counts = expect.objectContaining({ dropped: 0 }) as object
      expect(await put('/a', { drop: { nth: 1 }, seed: 7 })).toEqual({
        status: 200,
        body: {
          faults: [{ pattern: '/a', faults: { drop: { nth: 1 }, seed: 7 }, seed: 7, counts, by: 'control' }],
        },
      })
      client.json('lost')
      client.json('first')
      expect(await client.next()).toBe('first')
      expect((await ask(t, server, 'faults')).body.faults[0].counts.dropped).toBe(1)
      // In the place of the one before.
      expect((await put('/a', { drop: { nth: 2 } })).body.faults).toHaveLength(1)
      const all = await put('', { latency: 1 }, { for: 60_000 })
      expect(all.body.faults[0]).toMatchObject({ pattern: '*', until: expect.any(Number) as number })
      const one = await put(`?connection=${id}`, { drop: { nth: 1 } })
      expect(one.body.faults.map((row: any) => [row.pattern, row.connection])).toEqual([
        ['*', undefined],
        ['/a', undefined],
        ['/a', id],
      ])
      client.json('lost, too')
      client.json('second')
      expect(await client.next()).toBe('second')
      await ask(t, server, `DELETE faults?connection=${id}`)
      await put('/b/%7Bid%7D', {})
      const left = await ask(t, server, 'DELETE faults/b/%7Bid%7D')
      expect(left.body.faults.map((row: any) => row.pattern)).toEqual(['*', '/a'])
      // Without a pattern it is all of them.
      expect((await ask(t, server, 'DELETE faults')).body).toEqual({ faults: [] })
      for (const [path, command, status, code, text] of [
        ['PUT faults/none', { faults: {} }, 400, 'ERR_UNKNOWN_HANDLER', 'no enabled handler'],
        ['PUT faults/a', { faults: { drop: 2 } }, 400, 'ERR_OPTION', 'option "drop" is 2'],
        ['PUT faults/a', { drop: 1 }, 400, 'body', '"drop" is unknown; the body is { "faults"'],
        ['PUT faults/a', { faults: 1 }, 400, 'body', 'faults is 1'],
        ['PUT faults/a', { faults: {}, for: 'x' }, 400, 'body', 'for is "x"'],
        ['PUT faults/a', { faults: {}, for: 0 }, 400, 'ERR_OPTION', 'option "for" is 0'],
        ['PUT faults?connection=nobody', { faults: {} }, 404, 'target', 'no open connection'],
        ['PUT faults/%', { faults: {} }, 400, 'target', 'malformed escape'],
        ['POST faults/a', { faults: {} }, 405, 'method', 'takes GET, PUT, DELETE, not POST'],
        ['GET journal/a', undefined, 404, 'path', 'journal, connections, faults, send, disconnect'],
      ] as const) {
        const { status: got, body } = await ask(t, server, path, command)
        expect([path, got, body.error.code]).toEqual([path, status, code])
        expect(body.error.message).toContain(text)
      }
      expect((await ask(t, server, 'faults')).body).toEqual({ faults: [] })
    },
  ),
  control(
    "a page of a browser, a rebound name and a proxy's client are not answered",
    [{ pattern: '/a' }],
    async (t, server) => {
      const own = `127.0.0.1:${server.port}`
      for (const headers of [
        { Origin: 'http://other.test' },
        { Origin: 'null' },
        { Origin: 'http://localhost:5173' },
        { Origin: 'http://127.0.0.1:1', Host: own },
        { Host: 'evil.test' },
        { Host: '192.168.0.1' },
        { 'Sec-Fetch-Site': 'cross-site' },
        { 'Sec-Fetch-Site': 'same-site' },
      ] as Record<string, string>[]) {
        const { status, body } = await ask(t, server, 'connections', undefined, { Host: own, ...headers })
        expect([headers, status, body.error.code]).toEqual([headers, 403, 'origin'])
      }
      for (const headers of [
        { Host: own },
        { Host: `localhost:${server.port}` },
        { Host: own, Origin: `http://${own}`, 'Sec-Fetch-Site': 'same-origin' },
      ])
        expect((await ask(t, server, 'connections', undefined, headers)).status).toBe(200)
    },
  ),
  control(
    'a token is needed where there is one',
    [{ pattern: '/a' }],
    async (t, server) => {
      const asked = (token?: string): Promise<Answer> =>
        ask(t, server, 'connections', undefined, token === undefined ? {} : { Authorization: token })
      for (const token of [undefined, 'Bearer', 'Bearer x', TOKEN, `Basic ${TOKEN}`, `Bearer ${TOKEN}x`])
        expect(await asked(token)).toMatchObject({
          status: 401,
          body: { error: { code: 'token' } },
        })
      expect((await asked(`Bearer ${TOKEN}`)).status).toBe(200)
      expect((await ask(t, server, 'PUT faults/a', { faults: { drop: 1 } })).status).toBe(401)
      expect((await ask(t, server, 'faults', undefined, { Authorization: `Bearer ${TOKEN}` })).body).toEqual({
        faults: [],
      })
    },
    { control: { token: TOKEN } },
  ),
  control(
    'beyond loopback, what changes something needs a token',
    [{ pattern: '/a' }],
    async (t, server) => {
      const { status, body } = await ask(t, server, 'send', { to: { pattern: '/a' }, text: 'x' })
      expect([status, body.error.code]).toEqual([403, 'token'])
      expect((await ask(t, server, 'connections')).status).toBe(200)
    },
    { host: '0.0.0.0' },
  ),
]
