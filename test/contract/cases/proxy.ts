import { expect } from 'vitest'
import type { ServerOptions, UniversalApiWsHandler } from '../../../src/index.ts'
import { HANDSHAKE } from '../../support/raw-client.ts'
import type { Case, Contract } from '../harness.ts'

// A proxy in front that proves itself by `proxySecret`: what is believed of what it sends, and what is not.

const SECRET = 'a secret of the proxy in front'
const STANDALONE = 'the server in front is the proxy'

/** What a handler tells of the request that it sees. */
const tell: UniversalApiWsHandler = {
  pattern: '/**',
  onConnect: (conn) => {
    const { url, headers, socket } = conn.req
    const names = Object.keys(headers).filter((name) => /sidewire|forwarded/.test(name))
    conn.send({
      url,
      address: socket.remoteAddress,
      port: socket.remotePort ?? null,
      tls: socket.encrypted,
      names,
    })
  },
}

interface Told {
  readonly url: string
  readonly address: string
  readonly port: number | null
  readonly tls: boolean
  /** Of the headers that are none of the handler's business. */
  readonly names: readonly string[]
}

/** Asks with the lines of a proxy: a list, because a name may come twice. */
async function ask(
  t: Contract,
  options: ServerOptions,
  lines: readonly string[],
  secret = SECRET,
): Promise<Told> {
  const server = await t.start(tell, { proxySecret: SECRET, ...options })
  const client = t.raw(server)
  const start = 'GET /api/a HTTP/1.1'
  const { status } = await client.request('/api/a', HANDSHAKE, start, [
    `X-Sidewire-Secret: ${secret}`,
    ...lines,
  ])
  expect(status).toBe(101)
  return JSON.parse(await client.nextText()) as Told
}

const seen =
  (lines: readonly string[], expected: Partial<Told>, options: ServerOptions = {}): Case['run'] =>
  async (t) =>
    expect(await ask(t, options, lines)).toMatchObject(expected)

export const CASES: readonly Case[] = [
  {
    name: 'proxySecret: of a list in X-Forwarded-For the last entry is the client',
    network: true,
    standalone: STANDALONE,
    run: seen(['X-Forwarded-For: 6.6.6.6, 192.0.2.7'], { address: '192.0.2.7', url: '/api/a', names: [] }),
  },
  {
    name: 'proxySecret: lines of X-Forwarded-For are one list, in their order',
    network: true,
    standalone: STANDALONE,
    run: seen(['X-Forwarded-For: 6.6.6.6', 'x-forwarded-for: 192.0.2.7'], { address: '192.0.2.7' }),
  },
  {
    name: 'trustedProxies says how many entries from the end the client is, and a shorter list begins with it',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      const of = async (list: string): Promise<string> =>
        (await ask(t, { trustedProxies: 2 }, [`X-Forwarded-For: ${list}`])).address
      expect(await of('6.6.6.6, 192.0.2.7, 10.0.0.1')).toBe('192.0.2.7')
      expect(await of('192.0.2.7, 10.0.0.1')).toBe('192.0.2.7')
      expect(await of('192.0.2.7')).toBe('192.0.2.7')
    },
  },
  {
    name: 'proxySecret: an entry with a port is its address, and what is no address leaves that of the proxy',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      const of = async (entry: string): Promise<string> =>
        (await ask(t, {}, [`X-Forwarded-For: ${entry}`])).address
      expect(await of('192.0.2.7:4711')).toBe('192.0.2.7')
      expect(await of('[2001:db8::1]:4711')).toBe('2001:db8::1')
      expect(await of('2001:db8::1')).toBe('2001:db8::1')
      for (const none of ['unknown', '_hidden', '<script>', '6.6.6.6,'])
        expect(await of(none)).toBe('127.0.0.1')
    },
  },
  {
    name: 'proxySecret: maxConnectionsPerAddress counts the client that the proxy saw, whatever it says of itself',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      const server = await t.start(tell, { maxConnectionsPerAddress: 2, proxySecret: SECRET })
      const statuses: number[] = []
      for (const lie of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
        const headers = { 'X-Sidewire-Secret': SECRET, 'X-Forwarded-For': `${lie}, 192.0.2.7` }
        statuses.push((await t.handshake(server, '/a', headers)).status)
      }
      expect(statuses).toEqual([101, 101, 429])
    },
  },
  {
    name: "X-Forwarded-Port is the proxy's and never the client's port, which X-Sidewire-Client-Port says",
    network: true,
    standalone: STANDALONE,
    async run(t) {
      const port = ['X-Forwarded-For: 192.0.2.7', 'X-Forwarded-Port: 443']
      expect(await ask(t, {}, port)).toMatchObject({ port: null, names: [] })
      const named: ServerOptions = { proxyHeaders: ['X-Forwarded-For', 'X-Sidewire-Client-Port'] }
      expect(await ask(t, named, [...port, 'X-Sidewire-Client-Port: 4711'])).toMatchObject({ port: 4711 })
      for (const bad of ['0', '65536', '1.5', 'x'])
        expect(await ask(t, named, [`X-Sidewire-Client-Port: ${bad}`])).toMatchObject({ port: null })
    },
  },
  {
    name: 'only the headers of proxyHeaders are believed: through a proxy that adds the secret alone no client chooses its path',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      const lies = [
        'X-Forwarded-For: 6.6.6.6',
        'X-Forwarded-Proto: https',
        'X-Forwarded-Uri: /api/admin',
        'X-Sidewire-Client-Port: 666',
        'X-Sidewire-Known-Host: yes',
      ]
      expect(await ask(t, {}, lies)).toMatchObject({ url: '/api/a', port: null, names: [] })
      expect(await ask(t, { proxyHeaders: ['X-Forwarded-Uri'] }, lies)).toEqual({
        url: '/api/admin',
        address: '127.0.0.1',
        port: null,
        tls: false,
        names: [],
      })
      expect(await ask(t, { proxyHeaders: ['X-Forwarded-Proto'] }, lies)).toMatchObject({
        url: '/api/a',
        address: '127.0.0.1',
        tls: true,
      })
      // Nobody but the proxy may say that the name in Host is known, for then a page of that address gets in.
      const page = {
        Host: 'rebound.example',
        Origin: 'http://rebound.example',
        'X-Sidewire-Secret': SECRET,
        'X-Sidewire-Known-Host': 'yes',
      }
      const server = await t.start(tell, { proxySecret: SECRET })
      expect((await t.handshake(server, '/a', page)).status).toBe(403)
      const knowing = await t.start(tell, {
        proxySecret: SECRET,
        proxyHeaders: ['X-Sidewire-Known-Host'],
      })
      expect((await t.handshake(knowing, '/a', page)).status).toBe(101)
    },
  },
  {
    name: 'bytes above 7F in X-Forwarded-Uri are percent-encoded, as clients should have done',
    network: true,
    standalone: STANDALONE,
    run: seen(
      ['X-Forwarded-Uri: /api/Jos\u00e9/a?b=\u540d&c'],
      { url: '/api/Jos%C3%A9/a?b=%E5%90%8D&c' },
      { proxyHeaders: ['X-Forwarded-Uri'] },
    ),
  },
  {
    name: 'proxySecret: a wrong secret proves nothing, and conn.req does not show it',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      const told = await ask(t, {}, ['X-Forwarded-For: 6.6.6.6'], 'another secret than that of the proxy')
      expect(told).toMatchObject({ address: '127.0.0.1', names: ['x-forwarded-for'] })
      // One of a client's own before that of a proxy that adds instead of setting it is no proof either.
      const added = await ask(t, {}, [`X-Sidewire-Secret: ${SECRET}`, 'X-Forwarded-For: 6.6.6.6'], 'guess')
      expect(added).toMatchObject({ address: '127.0.0.1', names: ['x-forwarded-for'] })
    },
  },
  {
    name: 'proxySecret: an entry of X-Forwarded-Proto counts as those of X-Forwarded-For do, and without one it is the connection that counts',
    network: true,
    standalone: STANDALONE,
    async run(t) {
      expect(await ask(t, {}, ['X-Forwarded-Proto: http, https'])).toMatchObject({ tls: true })
      expect(await ask(t, {}, ['X-Forwarded-Proto: https, http'])).toMatchObject({ tls: false })
      expect(await ask(t, {}, ['X-Forwarded-Proto: WSS'])).toMatchObject({ tls: true })
      expect(await ask(t, {}, ['X-Forwarded-For: 192.0.2.7'])).toMatchObject({ tls: false })
    },
  },
]
