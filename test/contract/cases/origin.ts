import { expect } from 'vitest'
import type { AllowedOrigins } from '../../../src/index.ts'
import type { Case, Contract } from '../harness.ts'
import { HANDSHAKE } from '../../support/raw-client.ts'

/** The status for each Origin, with a Host of its own where it matters. */
async function expectOrigins(
  t: Contract,
  allowedOrigins: AllowedOrigins | undefined,
  rows: readonly (readonly [origin: string | undefined, status: number, host?: string])[],
): Promise<void> {
  const server = await t.start({ pattern: '/a' }, allowedOrigins === undefined ? {} : { allowedOrigins })
  for (const [origin, status, host] of rows) {
    const headers = { ...(origin !== undefined && { Origin: origin }), ...(host && { Host: host }) }
    const response = await t.handshake(server, '/a', headers)
    expect([origin, host, response.status]).toEqual([origin, host, status])
  }
}

const KEY = HANDSHAKE['Sec-WebSocket-Key']

/** The status for each change of a handshake that is good otherwise. */
async function expectHandshakes(
  t: Contract,
  rows: readonly (readonly [headers: Record<string, string | undefined>, status: number])[],
): Promise<void> {
  const server = await t.start({ pattern: '/a' })
  for (const [headers, status] of rows) {
    const response = await t.handshake(server, '/a', headers)
    expect([headers, response.status]).toEqual([headers, status])
  }
  expect(server.stats().refused).toBe(rows.filter(([, status]) => status !== 101).length)
}

export const CASES: readonly Case[] = [
  {
    name: 'no Origin (not a browser): accepted',
    async run(t) {
      await expectOrigins(t, undefined, [[undefined, 101]])
      await expectOrigins(t, 'https://app.example', [[undefined, 101]])
    },
  },
  {
    name: 'localhost, *.localhost, 127.0.0.1 and [::1] are accepted, on every scheme and port',
    async run(t) {
      await expectOrigins(t, undefined, [
        ['http://localhost', 101],
        ['http://localhost:5173', 101],
        ['https://localhost:3000', 101],
        ['http://app.localhost:5173', 101],
        ['http://a.b.localhost', 101],
        ['http://127.0.0.1:8080', 101],
        ['http://[::1]:8080', 101],
        ['http://LOCALHOST:5173', 101],
      ])
    },
  },
  {
    name: 'every other origin is HTTP 403',
    async run(t) {
      await expectOrigins(t, undefined, [
        ['https://evil.example', 403],
        ['http://localhost.evil.example', 403],
        ['http://evillocalhost', 403],
        ['http://localhost@evil.example', 403],
        ['http://127.0.0.1.evil.example', 403],
        ['http://127.0.0.2', 403],
        ['http://[::2]', 403],
        ['null', 403],
        ['file://', 403],
        ['localhost', 403],
        ['http://', 403],
        ['not a url', 403],
      ])
    },
  },
  {
    name: 'an IP address is accepted if it is the hostname of Host, whatever the ports',
    async run(t) {
      await expectOrigins(t, undefined, [
        ['http://192.168.1.5:5173', 101, '192.168.1.5:8787'],
        ['http://192.168.1.5', 101, '192.168.1.5'],
        ['http://[fd00::5]:5173', 101, '[fd00::5]:8787'],
        ['http://[fd00::5]:5173', 101, '[FD00:0:0::5]:8787'],
        ['http://192.168.1.5:5173', 403, '192.168.1.6:8787'],
        ['http://192.168.1.5:5173', 403, 'localhost:8787'],
        ['http://[fd00::5]', 403, '[fd00::6]'],
      ])
    },
  },
  {
    name: 'a name is not accepted because it equals Host: names can be rebound',
    async run(t) {
      await expectOrigins(t, undefined, [
        ['http://evil.example:8787', 403, 'evil.example:8787'],
        ['http://1.2.3.4.evil.example', 403, '1.2.3.4.evil.example'],
      ])
    },
  },
  {
    name: 'allowedOrigins: true is all',
    async run(t) {
      await expectOrigins(t, true, [
        ['https://evil.example', 101],
        ['null', 101],
      ])
    },
  },
  {
    name: 'allowedOrigins: a string is an exact origin, a list all of its members; local pages stay accepted',
    async run(t) {
      await expectOrigins(t, 'https://app.example', [
        ['https://app.example', 101],
        ['https://APP.example', 101],
        ['http://app.example', 403],
        ['https://app.example:8443', 403],
        ['https://app.example.evil.example', 403],
        ['https://sub.app.example', 403],
        ['http://localhost:5173', 101],
      ])
      await expectOrigins(
        t,
        ['https://a.example', /^https:\/\/[a-z]+\.b\.example$/],
        [
          ['https://a.example', 101],
          ['https://x.b.example', 101],
          ['https://x.b.example.evil.example', 403],
          ['https://c.example', 403],
        ],
      )
      await expectOrigins(
        t,
        [],
        [
          ['https://a.example', 403],
          ['http://127.0.0.1', 101],
        ],
      )
    },
  },
  {
    name: 'allowedOrigins: what is meant is what browsers, and clients without a page, send',
    async run(t) {
      await expectOrigins(
        t,
        ['file://', 'null', 'HTTPS://App.example:443/', 'http://b.example:80'],
        [
          ['file://', 101],
          ['null', 101],
          ['https://app.example', 101],
          ['http://b.example', 101],
          ['https://b.example', 403],
          ['https://app.example:8443', 403],
        ],
      )
    },
  },
  {
    name: 'allowedOrigins: what could never match is an error of the configuration, with its cure',
    async run(t) {
      for (const origin of ['*', 'app.example', 'https://*.app.example', 'https://app.example/path'])
        await expect(t.start({ pattern: '/a' }, { allowedOrigins: origin })).rejects.toMatchObject({
          code: 'ERR_OPTION',
          message: expect.stringContaining(`option "allowedOrigins" is "${origin}"; `),
        })
    },
  },
  {
    name: 'allowedOrigins: a global or sticky expression does not remember where it stopped',
    async run(t) {
      for (const expression of [/app\.example/g, /https:\/\/app\.example/y]) {
        await expectOrigins(t, expression, [
          ['https://app.example', 101],
          ['https://app.example', 101],
          ['https://app.example', 101],
          ['https://evil.example', 403],
          ['https://app.example', 101],
        ])
      }
    },
  },
  {
    name: 'a refused origin is one log line that names the origin and the option',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      t.log.length = 0
      expect((await t.handshake(server, '/a', { Origin: 'https://evil.example' })).status).toBe(403)
      expect(t.log).toHaveLength(1)
      expect(t.log[0]).toContain('https://evil.example')
      expect(t.log[0]).toContain('allowedOrigins')
      expect(server.stats().refused).toBe(1)
    },
  },
  {
    name: 'a log line cannot be forged or flooded by an Origin',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      t.log.length = 0
      await t.handshake(server, '/a', { Origin: `https://evil.example/"${'x'.repeat(1000)}` })
      expect(t.log).toHaveLength(1)
      expect(t.log[0]?.length).toBeLessThan(400)
    },
  },
  {
    name: 'a repeated Origin is not accepted',
    network: true,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      const second = ['Origin: https://evil.example']
      expect(
        (await t.handshake(server, '/a', { Origin: 'http://localhost' }, undefined, second)).status,
      ).toBe(403)
    },
  },
  {
    name: 'X-Forwarded-* and Forwarded are not believed',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onConnect: (conn) => void conn.send([conn.req.socket.remoteAddress, conn.req.socket.encrypted]),
      })
      const forged = {
        'X-Forwarded-For': '10.9.8.7',
        'X-Forwarded-Host': '192.168.1.5',
        'X-Forwarded-Proto': 'https',
        'X-Forwarded-Port': '443',
        Forwarded: 'for=10.9.8.7;host=192.168.1.5;proto=https',
      }
      const client = await t.connect(server, '/a', { headers: forged })
      expect(await client.next()).toEqual(['127.0.0.1', false])
      expect(server.connections[0]?.remoteAddress).toBe('127.0.0.1')
      const refused = await t.handshake(server, '/a', { ...forged, Origin: 'http://192.168.1.5' })
      expect(refused.status).toBe(403)
    },
  },

  // RFC 6455 4.2.1

  {
    name: 'handshake: the method has to be GET',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
        expect([method, (await t.handshake(server, '/a', {}, `${method} /api/a HTTP/1.1`)).status]).toEqual([
          method,
          400,
        ])
    },
  },
  {
    name: 'handshake: HTTP/1.0 is refused',
    when: ({ refusesHttp10 }) => refusesHttp10,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      // uWebSockets.js answers by itself, with 505.
      expect([400, 505]).toContain((await t.handshake(server, '/a', {}, 'GET /api/a HTTP/1.0')).status)
      expect(server.stats().opened).toBe(0)
    },
  },
  {
    name: 'handshake: Upgrade has to contain websocket, in any case',
    async run(t) {
      await expectHandshakes(t, [
        [{ Upgrade: 'WebSocket' }, 101],
        [{ Upgrade: 'foo, websocket' }, 101],
        [{ Upgrade: 'h2c' }, 400],
        [{ Upgrade: 'websockets' }, 400],
        [{ Upgrade: 'websocket/13' }, 400],
      ])
    },
  },
  {
    name: 'handshake: Connection has to contain Upgrade, in any case',
    async run(t) {
      await expectHandshakes(t, [
        [{ Connection: 'upgrade' }, 101],
        [{ Connection: 'keep-alive, Upgrade' }, 101],
      ])
    },
  },
  {
    name: 'handshake: without an Upgrade, or a Connection that says so, it is none',
    standalone: 'without an upgrade it is plain HTTP, which the server in front answers',
    async run(t) {
      await expectHandshakes(t, [
        [{ Upgrade: undefined }, 400],
        [{ Connection: undefined }, 400],
        [{ Connection: 'keep-alive' }, 400],
        [{ Connection: 'close' }, 400],
        [{ Connection: 'Upgraded' }, 400],
      ])
      for (const path of ['/a', '/b']) {
        const server = await t.start({ pattern: '/a' })
        expect((await t.handshake(server, path, { Connection: undefined })).status).toBe(400)
      }
    },
  },
  {
    name: 'handshake: a version other than 13 gets 426 with Sec-WebSocket-Version: 13, none 400',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      for (const version of ['0', '7', '8', '12', '14', '130', '013', '13.0', 'x', '-13']) {
        const { status, headers } = await t.handshake(server, '/a', { 'Sec-WebSocket-Version': version })
        expect([version, status, headers['sec-websocket-version']]).toEqual([version, 426, '13'])
      }
      expect((await t.handshake(server, '/a', { 'Sec-WebSocket-Version': undefined })).status).toBe(400)
    },
  },
  {
    name: 'handshake: the key has to be 16 bytes in base64',
    async run(t) {
      await expectHandshakes(t, [
        [{ 'Sec-WebSocket-Key': undefined }, 400],
        [{ 'Sec-WebSocket-Key': '' }, 400],
        [{ 'Sec-WebSocket-Key': 'short' }, 400],
        [{ 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA' }, 400],
        [{ 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAB==' }, 400],
        [{ 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAAAA' }, 400],
        [{ 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAA-A==' }, 400],
        [{ 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' }, 400],
        [{ 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' }, 101],
        [{ 'Sec-WebSocket-Key': '+/8AAAAAAAAAAAAAAAAAAw==' }, 101],
      ])
    },
  },
  {
    name: 'handshake: a repeated key or version is refused',
    network: true,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      const withLine = (line: string) => t.handshake(server, '/a', {}, undefined, [line])
      expect((await withLine(`Sec-WebSocket-Key: ${KEY}`)).status).toBe(400)
      expect([400, 426]).toContain((await withLine('Sec-WebSocket-Version: 8')).status)
      expect([400, 426]).toContain((await withLine('Sec-WebSocket-Version: 13')).status)
      expect(server.stats().opened).toBe(0)
    },
  },
  {
    name: 'handshake: subprotocols have to be different tokens',
    async run(t) {
      await expectHandshakes(t, [
        [{ 'Sec-WebSocket-Protocol': 'a' }, 101],
        [{ 'Sec-WebSocket-Protocol': "a,b ,  v1.json, x!#$%&'*+-.^_`|~" }, 101],
        [{ 'Sec-WebSocket-Protocol': 'a, a' }, 400],
        [{ 'Sec-WebSocket-Protocol': 'a,,b' }, 400],
        [{ 'Sec-WebSocket-Protocol': 'a,' }, 400],
        [{ 'Sec-WebSocket-Protocol': '' }, 400],
        [{ 'Sec-WebSocket-Protocol': 'a b' }, 400],
        [{ 'Sec-WebSocket-Protocol': 'a;b' }, 400],
        [{ 'Sec-WebSocket-Protocol': 'a/b' }, 400],
        [{ 'Sec-WebSocket-Protocol': '"a"' }, 400],
      ])
    },
  },
  {
    name: 'handshake: the answer has the accept key of RFC 6455 1.3',
    network: true,
    async run(t) {
      const { headers, status } = await t.handshake(await t.start({ pattern: '/a' }), '/a')
      expect(status).toBe(101)
      expect(headers['sec-websocket-accept']).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
      expect(headers['upgrade']?.toLowerCase()).toBe('websocket')
      expect(headers['connection']?.toLowerCase()).toBe('upgrade')
      expect(headers).not.toHaveProperty('sec-websocket-extensions')
    },
  },
  {
    name: 'handshake: a refusal closes its connection',
    network: true,
    async run(t) {
      const server = await t.start({ pattern: '/a', authenticate: () => false })
      for (const headers of [
        {},
        { Origin: 'https://evil.example' },
        { 'Sec-WebSocket-Version': '8' },
        { Upgrade: 'x' },
      ]) {
        const client = t.raw(server)
        expect((await client.request('/api/a', { ...HANDSHAKE, ...headers })).status).toBeGreaterThanOrEqual(
          400,
        )
        await client.ended
      }
    },
  },
]
