import { expect } from 'vitest'
import type { Case } from '../harness.ts'
import type { RawClient } from '../../support/raw-client.ts'

const PLAIN = {}
const PLAIN_HTTP = 'the server in front answers plain HTTP'

/** Everything that comes back for these bytes, until the server ends the connection. */
async function exchange(client: RawClient, request: string): Promise<string> {
  let text = ''
  client.tcp.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  client.tcp.write(request)
  await client.ended
  return text
}

export const CASES: readonly Case[] = [
  {
    name: "a plain request to a handler's path gets 426 with Upgrade: websocket",
    network: true,
    standalone: PLAIN_HTTP,
    async run(t) {
      const server = await t.start([{ pattern: '/a/{id}' }, { pattern: '/b/**' }])
      for (const path of ['/api/a/1', '/api/a/1?x=/y', '/api/b', '/api/b/c/d']) {
        const { status, headers } = await t.raw(server).request(path, PLAIN)
        expect([path, status, headers['upgrade']]).toEqual([path, 426, 'websocket'])
      }
      const posted = await t.raw(server).request('/api/a/1', PLAIN, 'POST /api/a/1 HTTP/1.1')
      expect([posted.status, posted.headers['upgrade']]).toEqual([426, 'websocket'])
    },
  },
  {
    name: 'GET /healthz: 200 ok',
    network: true,
    standalone: PLAIN_HTTP,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      for (const path of ['/healthz', '/healthz?probe=1']) {
        const { status, body } = await t.raw(server).request(path, PLAIN)
        expect([status, body]).toEqual([200, 'ok'])
      }
    },
  },
  {
    name: 'an upgrade to something else than WebSocket is ignored: the answer is that to a plain request',
    network: true,
    standalone: PLAIN_HTTP,
    async run(t) {
      const server = await t.start({ pattern: '/a' }, { files: { '/': { type: 'text/html', body: '<p>' } } })
      const ask = async (upgrade: string, path: string, method = 'GET'): Promise<unknown[]> => {
        const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: upgrade, 'HTTP2-Settings': '' }
        const { status, body } = await t.raw(server).request(path, headers, `${method} ${path} HTTP/1.1`)
        return [status, body]
      }
      for (const upgrade of ['h2c', 'TLS/1.0', 'h2c, IRC/6.9']) {
        expect(await ask(upgrade, '/healthz')).toEqual([200, 'ok'])
        expect(await ask(upgrade, '/')).toEqual([200, '<p>'])
        expect(await ask(upgrade, '/none')).toEqual([404, 'Not Found'])
        expect((await ask(upgrade, '/api/a'))[0]).toBe(426)
        expect((await ask(upgrade, '/healthz', 'POST'))[0]).toBe(404)
      }
      expect(server.stats()).toMatchObject({ refused: 0, opened: 0 })
      expect((await ask('h2c, websocket', '/api/a'))[0]).toBe(400)
    },
  },
  {
    name: 'other paths: 404',
    network: true,
    standalone: PLAIN_HTTP,
    async run(t) {
      const server = await t.start([{ pattern: '/a' }, { pattern: '/off', disabled: true }])
      for (const path of [
        '/',
        '/api',
        '/a',
        '/api/b',
        '/api/off',
        '/healthz/',
        '/healthzz',
        '/api/healthz',
        '/apix/a',
        '/%zz',
      ])
        expect([path, (await t.raw(server).request(path, PLAIN)).status]).toEqual([path, 404])
      for (const method of ['POST', 'PUT', 'DELETE'])
        expect((await t.raw(server).request('/healthz', PLAIN, `${method} /healthz HTTP/1.1`)).status).toBe(
          404,
        )
    },
  },
  {
    name: 'a HEAD request gets the head of the answer, and no body',
    network: true,
    standalone: PLAIN_HTTP,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      for (const [path, status] of [
        ['/healthz', 200],
        ['/api/a', 426],
        ['/nothing', 404],
      ] as const) {
        const text = await exchange(
          t.raw(server),
          `HEAD ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        )
        expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
        expect([path, text.slice(text.indexOf('\r\n\r\n') + 4)]).toEqual([path, ''])
      }
    },
  },
  {
    name: 'a kept connection takes more requests',
    network: true,
    standalone: PLAIN_HTTP,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      const request = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
      const text = await exchange(
        t.raw(server),
        `${request}${request}GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      )
      expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 404'])
    },
  },
  {
    name: 'files are served by path, with their type',
    network: true,
    standalone: PLAIN_HTTP,
    async run(t) {
      const server = await t.start(
        { pattern: '/a' },
        {
          files: {
            '/': { type: 'text/html; charset=utf-8', body: '<p>ü</p>' },
            '/x.bin': { type: 'application/octet-stream', body: Buffer.from('abc') },
          },
        },
      )
      const page = await t.raw(server).request('/?x=1', PLAIN)
      expect([page.status, page.headers['content-type'], page.body]).toEqual([
        200,
        'text/html; charset=utf-8',
        '<p>ü</p>',
      ])
      const binary = await t.raw(server).request('/x.bin', PLAIN)
      expect([binary.status, binary.headers['content-type'], binary.body]).toEqual([
        200,
        'application/octet-stream',
        'abc',
      ])
      expect((await t.raw(server).request('/', PLAIN, 'POST / HTTP/1.1')).status).toBe(404)
    },
  },
  {
    name: 'a handshake that no handler matches gets 404',
    async run(t) {
      const server = await t.start([{ pattern: '/a' }, { pattern: '/off', disabled: true }])
      for (const path of ['/b', '/off', '/a/', '', '/A'])
        expect([path, (await t.handshake(server, path)).status]).toEqual([path, 404])
    },
  },
  {
    name: 'a handshake that a handler nearly matches is told which',
    async run(t) {
      const server = await t.start([{ pattern: '/ws/chat' }, { pattern: '/ws/room/{room}' }])
      const bodyOf = async (path: string): Promise<string> => (await t.handshake(server, path)).body
      const said = 'No WebSocket handler matches this path'
      expect(await bodyOf('/ws/caht')).toBe(`${said}; did you mean /api/ws/chat?`)
      expect(await bodyOf('/ws/rooms/7')).toBe(`${said}; did you mean /api/ws/room/{room}?`)
      expect(await bodyOf('/something/else')).toBe(said)
    },
  },
  {
    name: 'a malformed handshake gets 400, whatever its path',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      for (const path of ['/a', '/b']) {
        expect((await t.handshake(server, path, { 'Sec-WebSocket-Key': 'x' })).status).toBe(400)
        expect((await t.handshake(server, path, { Upgrade: 'x' })).status).toBe(400)
      }
      expect(server.stats()).toMatchObject({ opened: 0, refused: 4 })
    },
  },
  {
    name: 'a handshake without Host gets 400',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      if (t.runtime.name === 'memory') {
        expect((await t.handshake(server, '/a', { Host: undefined })).status).toBe(400)
        return
      }
      const head = [
        'GET /api/a HTTP/1.1',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version: 13',
      ]
      expect(await exchange(t.raw(server), `${head.join('\r\n')}\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /)
      expect(server.stats().opened).toBe(0)
    },
  },
  {
    name: 'a version other than 13 gets 426 with Sec-WebSocket-Version: 13, also with a path of its own',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      const { status, headers } = await t.handshake(server, '/a?x=1', { 'Sec-WebSocket-Version': '8' })
      expect([status, headers['sec-websocket-version']]).toEqual([426, '13'])
    },
  },
  {
    name: 'refusals are short plain text',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      for (const [path, headers] of [
        ['/b', {}],
        ['/a', { Origin: 'https://evil.example' }],
        ['/a', { 'Sec-WebSocket-Key': 'x' }],
      ] as const) {
        const answer = await t.handshake(server, path, headers)
        expect(answer.headers['content-type']).toMatch(/^text\/plain/)
        expect(answer.body.length).toBeGreaterThan(0)
        expect(answer.body.length).toBeLessThan(200)
      }
    },
  },
  {
    name: 'a client that resets in the middle of a request crashes nothing',
    network: true,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      for (const head of [
        '',
        'GET',
        'GET /api/a HTTP/1.1\r\n',
        'GET /api/a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n',
      ]) {
        const client = t.raw(server)
        await new Promise((resolve) => client.tcp.once('connect', resolve))
        if (head) client.tcp.write(head)
        client.reset()
        await client.ended
      }
      expect((await t.handshake(server, '/b')).status).toBe(404)
      const client = await t.connect(server, '/a')
      client.ping('x')
      await client.nextPong()
      expect(server.connections.length).toBe(1)
    },
  },
]
