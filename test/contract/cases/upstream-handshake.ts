import { expect } from 'vitest'
import type { Server, UniversalApiWsHandler } from '../../../src/index.ts'
import { insideOf } from '../../support/inside.ts'
import type { Backend, BackendRequest } from '../../support/backend.ts'
import { createCertificate } from '../../cli/certificate.ts'
import type { Case, Contract } from '../harness.ts'

/** A server with one handler, at `/api/a`, that asks this backend. */
async function proxy(
  t: Contract,
  backend: Backend,
  upstream: Partial<Exclude<UniversalApiWsHandler['upstream'], string | undefined | Function>> = {},
  handler: Partial<UniversalApiWsHandler> = {},
): Promise<Server> {
  return t.start({ pattern: '/a', upstream: { url: `${backend.url}/b`, ...upstream }, ...handler })
}

const header = ({ headers }: BackendRequest, name: string): string | undefined => headers[name]?.join(' + ')

export const CASES: readonly Case[] = [
  {
    name: 'the backend chooses the subprotocol, and a client that offered none gets none',
    async run(t) {
      const backend = await t.backend({ choose: (offered) => offered.find((name) => name === 'v1') })
      const server = await proxy(t, backend)
      const client = await t.connect(server, '/a', { protocols: ['v2', 'v1'] })
      expect(client.protocol).toBe('v1')
      const connection = await backend.connections.next()
      expect(header(connection.request, 'sec-websocket-protocol')).toBe('v2, v1')
      expect((await t.connect(server, '/a')).protocol).toBe('')
    },
  },
  {
    name: 'what is offered to the backend may be others, and the client only gets one of its own',
    async run(t) {
      const backend = await t.backend()
      const server = await proxy(t, backend, { subprotocols: ['inner'] })
      const answer = await t.handshake(server, '/a', { 'Sec-WebSocket-Protocol': 'outer' })
      expect([answer.status, answer.headers['sec-websocket-protocol']]).toEqual([101, undefined])
      const { request } = await backend.connections.next()
      expect(header(request, 'sec-websocket-protocol')).toBe('inner')
    },
  },
  {
    name: 'a refusal of the backend is the answer to the client: status, body and what belongs to them',
    async run(t) {
      const backend = await t.backend({
        refuse: () => ({
          status: 401,
          headers: {
            'Content-Type': 'application/json',
            'WWW-Authenticate': 'Bearer realm="x"',
            'Retry-After': '7',
            'Set-Cookie': 'a=b',
          },
          body: '{"no":"way"}',
        }),
      })
      const server = await proxy(t, backend)
      const { status, headers, body } = await t.handshake(server, '/a')
      expect([status, body]).toEqual([401, '{"no":"way"}'])
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'www-authenticate': 'Bearer realm="x"',
        'retry-after': '7',
      })
      expect(headers['set-cookie']).toBeUndefined()
      expect(server.stats().refusedBy).toEqual({ upstream: 1 })
    },
  },
  {
    name: 'of a refusal 64 KiB are passed on',
    async run(t) {
      const backend = await t.backend({ refuse: () => ({ status: 503, body: 'x'.repeat(100_000) }) })
      const { status, body } = await t.handshake(await proxy(t, backend), '/a')
      expect([status, body.length]).toEqual([503, 64 * 1024])
    },
  },
  {
    name: 'where nobody listens the client gets 502 with the reason, and the log says it once',
    async run(t) {
      const backend = await t.backend()
      const server = await proxy(t, backend)
      backend.close()
      for (let i = 0; i < 2; i++) {
        const { status, body } = await t.handshake(server, '/a')
        expect(status).toBe(502)
        expect(body).toMatch(/^The backend cannot be reached: ws:\/\/127\.0\.0\.1:\d+\/b: .*ECONNREFUSED/)
      }
      expect(server.stats().refusedBy).toEqual({ upstream: 2 })
      expect(t.log.filter((line) => line.startsWith('warn'))).toEqual([
        expect.stringMatching(/\/a: no connection to the backend: ws:.*ECONNREFUSED/),
      ])
    },
  },
  {
    name: 'what speaks no HTTP, or another name, is 502 as well',
    async run(t) {
      const backend = await t.backend({ refuse: () => ({ status: 600 }) })
      expect((await t.handshake(await proxy(t, backend), '/a')).status).toBe(502)
      const server = await t.start({ pattern: '/a', upstream: 'ws://no-such-host.invalid/' })
      const { status, body } = await t.handshake(server, '/a')
      expect([status, body]).toEqual([502, expect.stringContaining('no-such-host.invalid')])
    },
  },
  {
    name: 'a backend that is silent is 504 after connectTimeout, and nothing is left of it',
    async run(t) {
      const backend = await t.backend({ silent: true })
      const server = await proxy(t, backend, { connectTimeout: 100 })
      const start = performance.now()
      const { status, body } = await t.handshake(server, '/a')
      expect(performance.now() - start).toBeGreaterThanOrEqual(95)
      expect([status, body]).toEqual([504, expect.stringContaining('within 100 ms (connectTimeout)')])
      await t.until(() => backend.open, 0)
      expect(insideOf(server).holdings()).toMatchObject({ handshakes: 0, upstreams: 0 })
    },
  },
  {
    name: 'a server that closes refuses who waits for a backend, and hangs up there',
    async run(t) {
      const backend = await t.backend({ silent: true })
      const server = await proxy(t, backend)
      const answer = t.handshake(server, '/a')
      await t.until(() => insideOf(server).holdings().handshakes, 1)
      await t.until(() => backend.open, 1)
      const closed = server.close()
      expect((await answer).status).toBe(503)
      await closed
      await t.until(() => backend.open, 0)
    },
  },
  {
    name: 'a client that leaves while the backend is asked leaves nothing behind',
    network: true,
    async run(t) {
      let answer = (): void => {}
      const asked = new Promise<void>((resolve) => (answer = resolve))
      const backend = await t.backend()
      const server = await t.start({
        pattern: '/a',
        upstream: async () => {
          await asked
          return backend.url
        },
      })
      const client = t.raw(server)
      const refused = client.open('/api/a').catch(() => {})
      await t.until(() => insideOf(server).holdings().handshakes, 1)
      client.tcp.destroy()
      await refused
      answer()
      await t.until(() => insideOf(server).holdings().handshakes, 0)
      await t.until(() => [insideOf(server).holdings().upstreams, backend.open], [0, 0])
    },
  },
  {
    name: 'a client that leaves before its backend has answered ends the dial, through a slow network too',
    network: true,
    async run(t) {
      const backend = await t.backend({ silent: true })
      for (const faults of [{}, { handshake: { delay: 1 } }]) {
        const server = await t.start({
          pattern: '/a',
          upstream: { url: backend.url, connectTimeout: 600_000 },
          faults,
        })
        const client = t.raw(server)
        const refused = client.open('/api/a').catch(() => {})
        await t.until(() => backend.open, 1)
        client.tcp.destroy()
        await refused
        await t.until(() => backend.open, 0)
        expect(insideOf(server).holdings()).toMatchObject({ handshakes: 0, upstreams: 0 })
      }
    },
  },
  {
    name: 'a handler that would ask itself says so, and asks nobody; another handler of the server may be asked',
    network: true,
    standalone: 'the server has a port of its own there',
    async run(t) {
      const server = await t.start([
        { pattern: '/a', upstream: ({ url }) => `ws://localhost:${server.port}${url.replace('/b', '/a')}` },
        { pattern: '/b', upstream: () => `ws://127.0.0.1:${server.port}/api/c` },
        { pattern: '/c', onConnect: (conn) => void conn.send('mocked') },
      ])
      const { status, body } = await t.handshake(server, '/a')
      expect([status, body]).toEqual([502, expect.stringContaining('is this handler itself')])
      expect(await (await t.connect(server, '/b')).next()).toBe('mocked')
    },
  },
  {
    name: 'a handler that a reload removes while its backend is asked: 404, and the backend is told to go',
    standalone: 'the plugin reloads by itself',
    async run(t) {
      let answer = (): void => {}
      const asked = new Promise<void>((resolve) => (answer = resolve))
      const backend = await t.backend()
      const upstream = async (): Promise<string> => {
        await asked
        return backend.url
      }
      const server = await t.start({ pattern: '/a', upstream })
      const refused = t.handshake(server, '/a')
      await t.until(() => insideOf(server).holdings().handshakes, 1)
      server.reload({ wsHandlers: [] })
      answer()
      expect((await refused).status).toBe(404)
      const connection = await backend.connections.next()
      expect((await connection.closed).code).toBe(1001)
    },
  },
  {
    name: 'headers are passed on, but for those between neighbours; the handler may change them',
    network: true,
    async run(t) {
      const backend = await t.backend()
      const server = await proxy(t, backend, {
        headers: { 'X-Tenant': 'acme', 'user-agent': null, authorization: 'Bearer ours' },
        origin: 'https://app.example',
      })
      await t.handshake(
        server,
        '/a?room=1&token=t',
        {
          Cookie: 'a=1',
          Authorization: 'Bearer theirs',
          Origin: 'http://localhost:5173',
          'User-Agent': 'me',
          'X-Tenant': 'evil',
          'X-Sidewire-Known-Host': '1',
          'X-Own': 'caf\u00e9s',
          'X-Hop': 'gone',
          Connection: 'Upgrade, X-Hop',
          'Proxy-Authorization': 'secret',
          'Sec-WebSocket-Extensions': 'permessage-deflate',
        },
        undefined,
        ['Cookie: b=2'],
      )
      const { request } = await backend.connections.next()
      expect(request.url).toBe('/b?room=1&token=t')
      expect(header(request, 'host')).toBe(new URL(backend.url).host)
      expect(header(request, 'cookie')?.replaceAll(/ \+ |; /g, ' ')).toBe('a=1 b=2')
      expect(header(request, 'authorization')).toBe('Bearer ours')
      expect(header(request, 'origin')).toBe('https://app.example')
      expect(header(request, 'x-tenant')).toBe('acme')
      expect(header(request, 'x-own')).toBe(Buffer.from('caf\u00e9s').toString('latin1'))
      expect(request.headers['sec-websocket-key']).toHaveLength(1)
      expect(header(request, 'sec-websocket-key')).not.toBe('dGhlIHNhbXBsZSBub25jZQ==')
      expect(header(request, 'connection')).toBe('Upgrade')
      for (const name of [
        'user-agent',
        'x-sidewire-known-host',
        'x-hop',
        'proxy-authorization',
        'sec-websocket-extensions',
      ])
        expect([name, request.headers[name]]).toEqual([name, undefined])
    },
  },
  {
    name: 'the page is the Origin as it was, the target if it is asked for, and none if it is removed',
    async run(t) {
      const backend = await t.backend()
      const origins: (string | undefined)[] = []
      for (const upstream of [{}, { origin: 'target' }, { headers: { Origin: null } }]) {
        const server = await proxy(t, backend, upstream)
        await t.handshake(server, '/a', { Origin: 'http://localhost:5173' })
        const { request } = await backend.connections.next()
        origins.push(header(request, 'origin'))
      }
      const target = backend.url.replace('ws', 'http')
      expect(origins).toEqual(['http://localhost:5173', target, undefined])
    },
  },
  {
    name: 'a user and a password in the URL are an Authorization, and neither is shown',
    async run(t) {
      const backend = await t.backend()
      const url = backend.url.replace('://', '://me:p%40ss@')
      const server = await t.start({ pattern: '/a', upstream: url })
      const client = await t.connect(server, '/a')
      const { request } = await backend.connections.next()
      expect(header(request, 'authorization')).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`)
      client.close()
      backend.close()
      const { body } = await t.handshake(server, '/a')
      expect(body + t.log.join('')).not.toContain('p%40ss')
    },
  },
  {
    name: 'a parameter fills a segment of the path, and never leaves it',
    network: true,
    async run(t) {
      const backend = await t.backend()
      const server = await t.start({
        pattern: '/o/{id}',
        upstream: `${backend.url}/orders/{id}/live?key=1`,
      })
      const urls: string[] = []
      for (const id of ['7', '..%2f@evil', 'a%20b%3Fc%23d', 'x%5Cy']) {
        const { status } = await t.handshake(server, `/o/${id}?q=2`)
        expect(status).toBe(101)
        urls.push((await backend.connections.next()).request.url)
      }
      expect(urls).toEqual([
        '/orders/7/live?key=1&q=2',
        '/orders/..%2F%40evil/live?key=1&q=2',
        '/orders/a%20b%3Fc%23d/live?key=1&q=2',
        '/orders/x%5Cy/live?key=1&q=2',
      ])
      // One that the runtime has not resolved by itself.
      const { status } = await t.handshake(server, '/o/%252e%252e')
      expect(status).toBe(101)
      expect((await backend.connections.next()).request.url).toBe('/orders/%252e%252e/live?key=1')
    },
  },
  {
    name: 'a function chooses for each client, and undefined is a client that is mocked',
    async run(t) {
      const [one, two] = [await t.backend(), await t.backend()]
      const server = await t.start({
        pattern: '/{which}',
        subprotocols: ['v1'],
        upstream: async ({ params }) =>
          params['which'] === 'mock' ? undefined : { one, two }[params['which']!]!.url,
        onConnect: (conn) => void (conn.upstream ?? conn.send(`${typeof conn.upstream} ${conn.subprotocol}`)),
      })
      await t.connect(server, '/one')
      await one.connections.next()
      await t.connect(server, '/two')
      await two.connections.next()
      const client = await t.connect(server, '/mock', { protocols: ['v1'] })
      expect(await client.next()).toBe('undefined v1')
      expect([one.open, two.open]).toEqual([1, 1])
    },
  },
  {
    name: 'a function that fails, or answers nonsense, is 500; one that takes too long 503',
    async run(t) {
      const answers: Record<string, () => unknown> = {
        '/throws': () => {
          throw new Error('no idea')
        },
        '/rejects': async () => Promise.reject(new Error('no idea')),
        '/nonsense': () => 'ftp://x',
        '/unknown': () => 'ws://localhost/{nope}',
        '/slow': () => new Promise(() => {}),
      }
      const server = await t.start(
        Object.entries(answers).map(([pattern, upstream]) => ({
          pattern,
          upstream: upstream as () => string,
        })),
        { authenticateTimeout: 50 },
      )
      const statuses: number[] = []
      for (const pattern of Object.keys(answers)) statuses.push((await t.handshake(server, pattern)).status)
      expect(statuses).toEqual([500, 500, 500, 500, 503])
      expect(server.stats().refusedBy).toEqual({ upstream: 5 })
      const log = t.log.join('\n')
      expect(log).toMatch(/\/throws: upstream failed: Error: no idea/)
      expect(log).toContain('option "upstream" is "ftp://x"; it has to be a URL such as')
      expect(log).toContain('has no {nope}')
    },
  },
  {
    name: 'who authenticate does not let in never gets to the backend',
    async run(t) {
      const backend = await t.backend()
      const server = await proxy(t, backend, {}, { authenticate: 'x-key' })
      expect((await t.handshake(server, '/a')).status).toBe(401)
      expect((await t.handshake(server, '/a', { 'X-Key': '1' })).status).toBe(101)
      expect(backend.requests).toHaveLength(1)
    },
  },
  {
    name: 'wss: a certificate that nobody knows is 502 with the cure; with ca, or insecure, it opens',
    async run(t) {
      const { cert, key } = createCertificate()
      const backend = await t.backend({ tls: { cert, key }, first: ['secure'] })
      const { status, body } = await t.handshake(await proxy(t, backend), '/a')
      expect([status, body]).toEqual([502, expect.stringContaining('upstream: { tls: { ca } }')])
      for (const tls of [{ ca: cert }, { insecure: true }]) {
        const client = await t.connect(await proxy(t, backend, { tls }), '/a')
        expect(await client.next()).toBe('secure')
      }
      const plain = await t.backend()
      const wrong = await t.start({ pattern: '/a', upstream: plain.url.replace('ws:', 'wss:') })
      plain.close()
      expect((await t.handshake(wrong, '/a')).status).toBe(502)
    },
  },
]
