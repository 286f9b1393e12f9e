import { expect } from 'vitest'
import type { HandshakeRequest, RequestAnswer } from '../../../src/index.ts'
import { HANDSHAKE, type RawClient } from '../../support/raw-client.ts'
import type { Case, Contract } from '../harness.ts'

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Everything that comes back for these bytes, until the server ends the connection. */
async function exchange(client: RawClient, ...parts: string[]): Promise<string> {
  let text = ''
  client.tcp.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  for (const part of parts) {
    client.tcp.write(part)
    await turn() // a packet of its own
  }
  await client.ended
  return text
}

/** An answer that is no plain object of the three fields, and what the log says of it. */
const IMPOSSIBLE: readonly (readonly [answer: unknown, says: string])[] = [
  ['ok', 'onRequest answered "ok"; use { status, headers, body }, or undefined'],
  [null, 'onRequest answered null; use'],
  [[1], 'onRequest answered [1]; use'],
  [{ statusCode: 400 }, 'onRequest answered with the field "statusCode"; known are status, headers and body'],
  [new Response('x'), 'onRequest answered with the field "'],
  [{ status: 101 }, 'onRequest answered the status 101; use a whole number from 200 to 599'],
  [{ status: '200' }, 'onRequest answered the status "200"; use'],
  [
    { status: 204, body: 'x' },
    'onRequest answered a body with the status 204, which has none; leave body out',
  ],
  [{ headers: 'a: b' }, 'onRequest answered the headers "a: b"; use an object of strings by name'],
  [{ headers: { 'a b': 'x' } }, 'onRequest answered the header "a b" with "x"; the name of a header is'],
  [{ headers: { a: 1 } }, 'onRequest answered the header "a" with 1; use a string of ASCII'],
  [{ headers: { a: 'x\r\nSet-Cookie: y' } }, 'onRequest answered the header "a" with'],
  [{ headers: { a: 'ü' } }, 'onRequest answered the header "a" with "ü"; use a string of ASCII'],
  [{ headers: { a: '1', A: '2' } }, 'onRequest answered the header "A" with "2"; it is there twice'],
  [{ headers: { 'content-length': '1' } }, 'the server sets it itself; leave it out'],
  [{ headers: { 'Transfer-Encoding': 'chunked' } }, 'the server sets it itself; leave it out'],
  [{ body: () => 1 }, 'cannot send function body: JSON has no form for it'],
  [{ body: Promise.resolve(1) }, 'cannot send a promise: an await is missing before it'],
]

/** What was asked with a body, and one request behind it: the answers that came, by their statuses and bodies. */
async function answersOf(t: Contract, port: Parameters<Contract['raw']>[0], ...parts: string[]) {
  const last = 'GET /api/a?last HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'
  const text = await exchange(t.raw(port), ...parts, last)
  return text.match(/HTTP\/1\.1 \d+|asked .*?\./g)
}

export const CASES: readonly Case[] = [
  {
    name: 'onRequest answers plain HTTP: text, bytes, JSON or nothing, with its status and headers, sync or async',
    async run(t) {
      const answers: Record<string, RequestAnswer> = {
        text: { body: 'hällo' },
        bytes: { body: Buffer.from('abc') },
        view: { body: new Uint16Array([0x6261]) },
        json: { body: { code: 0, message: 'Transport unknown' }, status: 400 },
        list: { body: [1] },
        null: { body: null },
        html: { body: '<p>', headers: { 'content-type': 'text/html', 'X-Mine': 'yes' } },
        nothing: {},
        created: { status: 201, headers: { Location: '/api/a/text' } },
      }
      const server = await t.start([
        { pattern: '/a/{name}', onRequest: (req) => answers[req.params.name ?? ''] },
        {
          pattern: '/b/{name}',
          async onRequest(req) {
            await turn()
            return answers[req.params.name ?? '']
          },
        },
      ])
      for (const path of ['/a', '/b']) {
        const ask = async (name: string) => {
          const { status, headers, body } = await t.request(server, `${path}/${name}`)
          return [status, headers['content-type'], body]
        }
        expect(await ask('text')).toEqual([200, 'text/plain; charset=utf-8', 'hällo'])
        expect(await ask('bytes')).toEqual([200, 'application/octet-stream', 'abc'])
        if (t.runtime.name !== 'memory')
          expect(await ask('view')).toEqual([200, 'application/octet-stream', 'ab'])
        expect(await ask('json')).toEqual([
          400,
          'application/json',
          '{"code":0,"message":"Transport unknown"}',
        ])
        expect(await ask('list')).toEqual([200, 'application/json', '[1]'])
        expect(await ask('null')).toEqual([200, 'application/json', 'null'])
        expect(await ask('html')).toEqual([200, 'text/html', '<p>'])
        expect((await t.request(server, `${path}/html`)).headers['x-mine']).toBe('yes')
        expect(await ask('nothing')).toEqual([200, undefined, ''])
        expect(await ask('created')).toEqual([201, undefined, ''])
        expect((await t.request(server, `${path}/created`)).headers['location']).toBe('/api/a/text')
      }
      expect(server.stats()).toMatchObject({ opened: 0, refused: 0, handlerErrors: 0 })
    },
  },
  {
    name: 'onRequest sees the request as authenticate sees a handshake: by any method, with its query and its headers',
    async run(t) {
      const seen = t.queue<HandshakeRequest>('request')
      const server = await t.start({
        pattern: '/a/{room}',
        onRequest(req) {
          seen.push(req)
          return { body: 'asked' }
        },
      })
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
        await t.request(server, '/a/b%20c?negotiateVersion=1', { method, headers: { 'X-Token': 'secret' } })
        const { headers, rawHeaders, ...req } = await seen.next()
        expect(req).toEqual({
          method,
          url: '/api/a/b%20c?negotiateVersion=1',
          httpVersion: '1.1',
          params: { room: 'b c' },
          socket: { remoteAddress: '127.0.0.1', remotePort: req.socket.remotePort, encrypted: false },
        })
        expect(headers).toMatchObject({ host: '127.0.0.1', 'x-token': 'secret' })
        expect(Object.keys(headers).filter((name) => name.includes('sidewire'))).toEqual([])
        expect(rawHeaders).toContain('secret')
      }
    },
  },
  {
    name: 'onRequest that answers undefined: 426, as without the hook; `this` is the handler',
    async run(t) {
      class Handler {
        readonly pattern = '/a/{how}'
        readonly #greeting = 'mine'
        onRequest({ params }: HandshakeRequest) {
          if (params['how'] === 'sync') return undefined
          return params['how'] === 'async' ? Promise.resolve(undefined) : { body: this.#greeting }
        }
      }
      const server = await t.start(new Handler())
      for (const how of ['sync', 'async']) {
        const { status, headers } = await t.request(server, `/a/${how}`)
        expect([how, status, headers['upgrade']]).toEqual([how, 426, 'websocket'])
      }
      expect((await t.request(server, '/a/mine')).body).toBe('mine')
    },
  },
  {
    name: 'onRequest that throws, rejects or answers what is none: 500, logged with the hook, counted, told to nobody',
    async run(t) {
      const impossible = new Map(IMPOSSIBLE.map(([answer], index) => [`n${index}`, answer]))
      const server = await t.start({
        pattern: '/a/{how}',
        onError: () => {
          throw new Error('there is no connection to tell of')
        },
        onRequest({ params: { how = '' } }): any {
          if (how === 'throws') throw new Error('on purpose')
          return how === 'rejects' ? Promise.reject(new Error('on purpose')) : impossible.get(how)
        },
      })
      for (const how of ['throws', 'rejects', ...impossible.keys()]) {
        const { status, body } = await t.request(server, `/a/${how}`)
        expect([how, status, body]).toEqual([how, 500, 'The request failed'])
      }
      const logged = t.log.filter((line) => line.startsWith('error '))
      for (const [index, says] of [
        'Error: on purpose\n',
        'Error: on purpose\n',
        ...IMPOSSIBLE.map(([, text]) => text),
      ].entries())
        expect(logged[index]).toContain(says)
      expect(logged.every((line) => /^error .*\/a\/\{how\}: onRequest failed: /.test(line))).toBe(true)
      expect(server.stats()).toMatchObject({ handlerErrors: 2 + IMPOSSIBLE.length, refused: 0 })
    },
  },
  {
    name: 'onRequest that does not answer within authenticateTimeout: 503, and a failure after that is logged',
    async run(t) {
      let fail: (error: Error) => void = () => {}
      const server = await t.start(
        {
          pattern: '/a',
          onRequest: () =>
            new Promise<never>((_resolve, reject) => {
              fail = reject
            }),
        },
        { authenticateTimeout: 50 },
      )
      const { status, body } = await t.request(server, '/a')
      expect([status, body]).toEqual([503, 'The answer took too long'])
      expect(t.log.join()).toContain('/a: onRequest did not answer within 50 ms (authenticateTimeout)')
      expect(server.stats()).toMatchObject({ handlerErrors: 0, refused: 0 })
      fail(new Error('late'))
      await t.until(() => t.log.join().includes('/a: onRequest failed: Error: late'), true)
      expect(server.stats()).toMatchObject({ handlerErrors: 1 })
    },
  },
  {
    name: 'who waits for onRequest when the server closes gets 503',
    async run(t) {
      const asked = t.queue<undefined>('request')
      const server = await t.start({
        pattern: '/a',
        onRequest() {
          asked.push(undefined)
          return new Promise<never>(() => {})
        },
      })
      const answer = t.request(server, '/a')
      await asked.next()
      const closed = server.close()
      const { status, body } = await answer
      expect([status, body]).toEqual([503, 'The server is going away'])
      await closed
    },
  },
  {
    name: 'a handshake on the same path opens a connection, and an upgrade to something else is plain HTTP',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onConnect: (conn) => void conn.send('in'),
        onRequest: ({ headers }) => ({ body: `asked for ${headers['upgrade'] ?? 'nothing'}` }),
      })
      expect(await (await t.connect(server, '/a')).next()).toBe('in')
      expect((await t.request(server, '/a')).body).toBe('asked for nothing')
      expect((await t.handshake(server, '/a', { 'Sec-WebSocket-Key': 'x' })).status).toBe(400)
      if (t.runtime.name === 'memory') return
      const other = {
        ...HANDSHAKE,
        Upgrade: 'h2c',
        'Sec-WebSocket-Key': undefined,
        'Sec-WebSocket-Version': undefined,
      }
      const answer = await t.raw(server).request('/api/a', other)
      expect([answer.status, answer.body]).toEqual([
        200,
        expect.stringMatching(/^asked for (?:h2c|nothing)$/),
      ])
    },
  },
  {
    name: 'onRequest is asked by every page, and nothing is added that would let other sites read the answer',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onRequest: ({ headers }) => ({ body: headers['origin'] }),
      })
      const { status, headers, body } = await t.request(server, '/a', {
        headers: { Origin: 'https://evil.example' },
      })
      expect([status, body]).toEqual([200, 'https://evil.example'])
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    },
  },
  {
    name: 'the answer to HEAD has no body but its length, and 204 and 304 have neither',
    network: true,
    async run(t) {
      const server = await t.start({
        pattern: '/a/{status}',
        async onRequest({ method, params }) {
          if (method === 'GET') await turn()
          const status = Number(params.status)
          return status === 200 ? { body: 'four' } : { status }
        },
      })
      const ask = async (method: string, status: number): Promise<string> => {
        const first = `${method} /api/a/${status} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`
        return exchange(
          t.raw(server),
          first,
          // The end of the first one is where it says that it is.
          'GET /api/a/200 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n',
        )
      }
      for (const [method, status] of [
        ['HEAD', 200],
        ['HEAD', 204],
      ] as const) {
        const text = await ask(method, status)
        expect([
          method,
          status,
          text
            .match(/HTTP\/1\.1 \d+|content-length: \d+|four/gi)
            ?.join()
            .toLowerCase(),
        ]).toEqual([
          method,
          status,
          `http/1.1 ${status},${status === 200 ? 'content-length: 4,' : ''}http/1.1 200,content-length: 4,four`,
        ])
      }
      for (const status of [204, 304]) {
        const answer = await t.request(server, `/a/${status}`)
        expect([answer.status, answer.headers['content-length'], answer.body]).toEqual([
          status,
          undefined,
          '',
        ])
      }
    },
  },
  {
    name: 'a body that nobody reads is dropped, and the next request on the connection is the next one',
    network: true,
    async run(t) {
      const asked: string[] = []
      const server = await t.start({
        pattern: '/a',
        onRequest({ method, url }) {
          asked.push(`${method} ${url}`)
          return { body: `asked ${method}.` }
        },
      })
      const hidden = 'GET /api/a?hidden HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
      const head = (fields: string): string => `POST /api/a HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields}\r\n\r\n`
      const both = ['HTTP/1.1 200', 'asked POST.', 'HTTP/1.1 200', 'asked GET.']
      const sized = head(`Content-Length: ${hidden.length}`)
      expect(await answersOf(t, server, sized + hidden)).toEqual(both)
      expect(await answersOf(t, server, sized, hidden.slice(0, 9), hidden.slice(9))).toEqual(both)
      const chunks = `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`
      const chunked = head('Transfer-Encoding: chunked')
      expect(await answersOf(t, server, chunked + chunks)).toEqual(both)
      expect(await answersOf(t, server, chunked, chunks.slice(0, 9), chunks.slice(9))).toEqual(both)
      const large = 'x'.repeat(1024 * 1024)
      expect(await answersOf(t, server, head(`Content-Length: ${large.length}`), large)).toEqual(both)
      expect(new Set(asked)).toEqual(new Set(['POST /api/a', 'GET /api/a?last']))
    },
  },
  {
    name: 'a body that comes while an async onRequest is pending is dropped, too',
    network: true,
    async run(t) {
      let release: () => void = () => {}
      const asked = t.queue<string>('request')
      const server = await t.start({
        pattern: '/a',
        async onRequest({ url }) {
          asked.push(url)
          if (url === '/api/a')
            await new Promise<void>((resolve) => {
              release = resolve
            })
          return { body: url }
        },
      })
      const client = t.raw(server)
      const hidden = 'GET /api/a?hidden HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
      const first = client.request(
        '/api/a',
        { 'Content-Length': String(hidden.length) },
        'POST /api/a HTTP/1.1',
      )
      expect(await asked.next()).toBe('/api/a')
      client.tcp.write(hidden)
      // Whoever answers this has had the time to read that.
      await t.request(server, '/a?other')
      release()
      expect((await first).body).toBe('/api/a')
      expect((await client.request('/api/a?next', {})).body).toBe('/api/a?next')
      expect([await asked.next(), await asked.next()]).toEqual(['/api/a?other', '/api/a?next'])
    },
  },
  {
    name: 'a large body is taken while onRequest is pending, as fast as it comes',
    network: true,
    async run(t) {
      let release: () => void = () => {}
      const isTaken = new Promise<void>((resolve) => {
        release = resolve
      })
      const server = await t.start({
        pattern: '/a',
        async onRequest() {
          await isTaken
          return { body: 'taken' }
        },
      })
      // More than the system keeps for who does not read.
      const body = 'x'.repeat(32 * 1024 * 1024)
      const client = t.raw(server)
      const answer = client.request(
        '/api/a',
        { 'Content-Length': String(body.length) },
        'POST /api/a HTTP/1.1',
      )
      client.tcp.write(body, () => release())
      expect(await answer).toMatchObject({ status: 200, body: 'taken' })
    },
  },
  {
    name: 'a client that resets while onRequest is pending ends nothing',
    network: true,
    async run(t) {
      const pending = t.queue<() => void>('request')
      const server = await t.start({
        pattern: '/a',
        async onRequest({ url }) {
          if (url === '/api/a') await new Promise<void>((resolve) => pending.push(resolve))
          return { body: url }
        },
      })
      for (const method of ['GET', 'POST']) {
        const client = t.raw(server)
        client.tcp.write(`${method} /api/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n`)
        const release = await pending.next()
        client.reset()
        await client.ended
        release()
        expect((await t.request(server, '/a?next')).body).toBe('/api/a?next')
      }
      expect(server.stats()).toMatchObject({ handlerErrors: 0 })
    },
  },
  {
    name: 'onRequest comes and goes with a reload, and what was asked before is answered',
    standalone: 'the plugin reloads with the files',
    async run(t) {
      let release: () => void = () => {}
      const asked = t.queue<undefined>('request')
      const server = await t.start([])
      const put = (...wsHandlers: Parameters<Contract['start']>[0][]) =>
        server.reload({ port: 0, wsHandlers: wsHandlers.flat() })
      const statusOf = async (path: string) => (await t.request(server, path)).status
      expect(await statusOf('/a')).toBe(404)
      put({ pattern: '/a' })
      expect(await statusOf('/a')).toBe(426)
      put({ pattern: '/a', onRequest: () => ({ status: 201 }) }, { pattern: '/b' })
      expect([await statusOf('/a'), await statusOf('/b')]).toEqual([201, 426])
      put({ pattern: '/a', disabled: true, onRequest: () => ({ status: 201 }) })
      expect([await statusOf('/a'), await statusOf('/b')]).toEqual([404, 404])
      put({
        pattern: '/a',
        async onRequest() {
          asked.push(undefined)
          await new Promise<void>((resolve) => {
            release = resolve
          })
          return { status: 202 }
        },
      })
      const pending = statusOf('/a')
      await asked.next()
      put([])
      expect(await statusOf('/a')).toBe(404)
      release()
      expect(await pending).toBe(202)
    },
  },
  {
    name: 'a malformed percent escape: 400 before onRequest, 426 without one',
    standalone: 'the server in front may refuse it first',
    async run(t) {
      const server = await t.start([
        { pattern: '/a/{id}', onRequest: () => ({ body: 'asked' }) },
        { pattern: '/b/{id}' },
      ])
      expect((await t.request(server, '/a/%zz')).status).toBe(400)
      expect((await t.request(server, '/b/%zz')).status).toBe(426)
    },
  },
]
