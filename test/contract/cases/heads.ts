import { expect } from 'vitest'
import type { Case, Contract } from '../harness.ts'
import type { Server, UniversalApiWsHandler } from '../../../src/index.ts'
import type { Queue } from '../../support/client.ts'
import { HANDSHAKE } from '../../support/raw-client.ts'

const KIB = 1024
const PARSER = 'counts what the server in front adds'

/** The status of a handshake with more headers, or that the connection ended without one. */
async function ask(
  t: Contract,
  server: Server,
  path: string,
  lines: string[] = [],
  encoding: BufferEncoding = 'utf8',
): Promise<number | 'ended'> {
  const client = t.raw(server)
  return client.request(`/api${path}`, HANDSHAKE, undefined, lines, encoding).then(
    ({ status }) => status,
    () => 'ended',
  )
}

/** Spellings of paths that resolve to the one of the handler `/ws/echo`, put behind `/ws`. */
const DOTTED = [
  '/p/../echo',
  '/p/%2e%2e/echo',
  '/p/.%2E/echo',
  '\\echo',
  '/./echo',
  '/%2E/echo',
  '/p\\..\\echo',
  '/p\\./../echo',
  '/echo/.',
  '/echo/p/..',
  '/echo/p/../',
  '/echo/p%2Fq/..',
  '/../ws/echo',
]

/** Two handlers that tell of what gets to them: one of one path, and one of many. */
function seenBy(urls: Queue<string>): UniversalApiWsHandler[] {
  const authenticate = (req: { url: string }): boolean => (urls.push(req.url), true)
  return [
    { pattern: '/ws/echo', authenticate },
    { pattern: '/ws/echo/', authenticate },
    { pattern: '/any/**', authenticate },
  ]
}

/** Tells of the headers `X` and `Cookie`, by name and as they came. */
function headersSeenBy(values: Queue<readonly unknown[]>): UniversalApiWsHandler {
  return {
    pattern: '/a',
    authenticate: ({ headers, rawHeaders }) => {
      const raw = rawHeaders.filter((_, i) => /^(?:x|cookie)$/i.test(rawHeaders[i - 1] ?? ''))
      values.push([headers['x'], headers['cookie'], raw])
      return true
    },
  }
}

export const CASES: readonly Case[] = [
  {
    name: 'dot segments and backslashes in a path are not resolved, and match no handler',
    network: true,
    standalone: PARSER,
    async run(t) {
      const urls = t.queue<string>('url')
      const server = await t.start(seenBy(urls))
      for (const path of DOTTED) {
        expect([path, await ask(t, server, `/ws${path}`)]).toEqual([path, 404])
        expect([path, await ask(t, server, `/any/x${path}`)]).toEqual([path, 101])
        expect(decodeURIComponent(await urls.next())).toBe(decodeURIComponent(`/api/any/x${path}`))
      }
      // Of what is beside an empty segment, not every runtime knows more than that it was resolved.
      const deep = `${'/x'.repeat(90)}${'/..'.repeat(90)}/echo`
      for (const path of ['/x//../echo', '//../echo', deep]) {
        expect([path, await ask(t, server, `/ws${path}`)]).toEqual([path, 404])
        expect([path, await ask(t, server, `/any/x${path}`)]).toEqual([path, 101])
        expect(await urls.next()).toMatch(/^\/api\/any\/x\/.*\./)
      }
    },
  },
  {
    name: 'plain paths are shown as they were sent, with their escapes, slashes and queries',
    network: true,
    standalone: PARSER,
    async run(t) {
      const urls = t.queue<string>('url')
      const server = await t.start(seenBy(urls))
      for (const rest of [
        '',
        '/',
        '/%2Fa%2fb/%5c%5Cc/%C3%A9/%c3%a9',
        '/a;b/c=d,e/(f)/~g/$h/@i/:j/*',
        '//a///b//',
        '?q=/../x&r=%2e%2e/\\',
        '/a?b?c',
        '/a/b'.repeat(50),
      ]) {
        expect([rest, await ask(t, server, `/any/x${rest}`)]).toEqual([rest, 101])
        expect(await urls.next()).toBe(`/api/any/x${rest}`)
      }
    },
  },
  {
    name: 'a path is shown letter by letter as it was sent, and not resolved beside an empty segment either',
    network: true,
    standalone: PARSER,
    when: ({ pathAsSent }) => pathAsSent,
    async run(t) {
      const urls = t.queue<string>('url')
      const server = await t.start(seenBy(urls))
      for (const path of [...DOTTED, '//p/../echo', '/a"<b>`^{c}', '?a="<b>\'']) {
        if (path.startsWith('/') && !path.includes('"'))
          expect([path, await ask(t, server, `/ws${path}`)]).toEqual([path, 404])
        expect([path, await ask(t, server, `/any/x${path}`)]).toEqual([path, 101])
        expect(await urls.next()).toBe(`/api/any/x${path}`)
      }
    },
  },
  {
    name: 'bytes above 7F in a path and a query are shown percent-encoded',
    network: true,
    standalone: PARSER,
    when: ({ bytesInTarget }) => bytesInTarget,
    async run(t) {
      const urls = t.queue<string>('url')
      const server = await t.start([...seenBy(urls), { pattern: '/ws/José' }])
      expect(await ask(t, server, '/ws/José')).toBe(101)
      expect(await ask(t, server, '/any/José?b=名')).toBe(101)
      expect(await urls.next()).toBe('/api/any/Jos%C3%A9?b=%E5%90%8D')
      // What is no UTF-8 is a replacement character.
      expect(await ask(t, server, '/any/Jos\u00e9?b=\u00fc', [], 'latin1')).toBe(101)
      expect(await urls.next()).toBe('/api/any/Jos%EF%BF%BD?b=%EF%BF%BD')
    },
  },
  {
    name: 'bytes above 7F in a path and a query are refused with 400',
    network: true,
    standalone: PARSER,
    when: ({ bytesInTarget }) => !bytesInTarget,
    async run(t) {
      const server = await t.start({ pattern: '/**' })
      for (const path of ['/José', '/a?b=名']) {
        expect(await ask(t, server, path)).toBe(400)
        expect(await ask(t, server, encodeURI(path))).toBe(101)
      }
    },
  },
  {
    name: 'UTF-8 within the value of a header comes as Latin-1, a character a byte',
    network: true,
    standalone: PARSER,
    async run(t) {
      const values = t.queue<readonly unknown[]>('values')
      const server = await t.start(headersSeenBy(values))
      for (const value of ['aéb', 'a=名前; b=太郎; c', 'a😀b', 'a\u0085\u00a0\ufeff\ufffdb', 'a é b']) {
        const bytes = Buffer.from(value).toString('latin1')
        expect(await ask(t, server, '/a', [`X: ${value}`, `Cookie: ${value}`])).toBe(101)
        expect(await values.next()).toEqual([bytes, bytes, [bytes, bytes]])
      }
    },
  },
  {
    name: 'bytes above 7F at the ends of the value of a header, and those that are no UTF-8, come as Latin-1',
    network: true,
    standalone: PARSER,
    when: ({ headerBytes }) => headerBytes,
    async run(t) {
      const values = t.queue<readonly unknown[]>('values')
      const server = await t.start(headersSeenBy(values))
      for (const value of ['José', 'éa', '名前=太郎', 'é', '\ufeffa\u00a0']) {
        const bytes = Buffer.from(value).toString('latin1')
        expect(await ask(t, server, '/a', [`X: ${value}`, `Cookie: ${value}`])).toBe(101)
        expect(await values.next()).toEqual([bytes, bytes, [bytes, bytes]])
      }
      for (const value of ['Jos\u00e9', 'a\u00e9b', '\u00ff\u00feb', '\u00a0b\u00a0']) {
        expect(await ask(t, server, '/a', [`X: ${value}`, `Cookie: ${value}`], 'latin1')).toBe(101)
        expect(await values.next()).toEqual([value, value, [value, value]])
      }
      // What is cut off there would make another token of this one.
      expect(await ask(t, server, '/a', ['Sec-WebSocket-Protocol: aé'])).toBe(400)
    },
  },
  {
    name: 'heads up to 15 KB, and 90 headers, are read in full',
    network: true,
    standalone: PARSER,
    async run(t) {
      const sizes = t.queue<unknown>('size')
      const server = await t.start({
        pattern: '/a',
        authenticate: (req) => {
          sizes.push([req.url.length, req.headers['x']?.length, Object.keys(req.headers).length])
          return true
        },
      })
      expect(await ask(t, server, '/a', [`X: ${'y'.repeat(15 * KIB)}`])).toBe(101)
      expect(await sizes.next()).toEqual([6, 15 * KIB, 6])
      expect(await ask(t, server, `/a?${'y'.repeat(15 * KIB)}`)).toBe(101)
      expect(await sizes.next()).toEqual([7 + 15 * KIB, undefined, 5])
      expect(
        await ask(
          t,
          server,
          '/a',
          Array.from({ length: 85 }, (_, i) => `X${i}: y`),
        ),
      ).toBe(101)
      expect(await sizes.next()).toEqual([6, undefined, 90])
    },
  },
  {
    name: 'heads of 64 KB and more, and thousands of headers, get 431 or the end, and nobody else sees a thing',
    network: true,
    async run(t) {
      const server = await t.start({ pattern: '/a', onMessage: (conn, data) => void conn.send(data) })
      const client = await t.connect(server, '/a')
      for (const [path, lines] of [
        ['/a', [`X: ${'y'.repeat(64 * KIB)}`]],
        ['/a', [`X: ${'y'.repeat(8 * KIB * KIB)}`]],
        ['/a', [`${'x'.repeat(64 * KIB)}: y`]],
        ['/a', Array.from({ length: 64 }, (_, i) => `X${i}: ${'y'.repeat(KIB)}`)],
        ['/a', Array.from({ length: 20_000 }, (_, i) => `X${i}: y`)],
        [`/a?${'y'.repeat(64 * KIB)}`, []],
        [`/a${'/y'.repeat(1024 * KIB)}`, []],
      ] as const) {
        expect([431, 'ended']).toContain(await ask(t, server, path, [...lines]))
        client.send('still there?')
        expect(await client.next()).toBe('still there?')
      }
      expect(server.stats()).toMatchObject({ connections: 1, opened: 1 })
    },
  },
]
