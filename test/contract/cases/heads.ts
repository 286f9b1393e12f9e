import { expect } from 'vitest'
import type { Case, Contract } from '../harness.ts'
import type { Server } from '../../../src/index.ts'

const KIB = 1024
const PARSER = 'counts what the server in front adds'

/** The status of a handshake with more headers, or that the connection ended without one. */
async function ask(
  t: Contract,
  server: Server,
  path: string,
  lines: string[] = [],
): Promise<number | 'ended'> {
  return t.handshake(server, path, {}, undefined, lines).then(
    ({ status }) => status,
    () => 'ended',
  )
}

export const CASES: readonly Case[] = [
  {
    name: 'dot segments and backslashes in a path are not resolved, and match no handler',
    network: true,
    standalone: PARSER,
    when: ({ pathAsSent }) => pathAsSent,
    async run(t) {
      const urls = t.queue<string>('url')
      const isIn = { authenticate: (req: { url: string }) => (urls.push(req.url), true) }
      const server = await t.start([
        { pattern: '/ws/echo', ...isIn },
        { pattern: '/any/**', ...isIn },
      ])
      for (const path of ['/p/../echo', '/p/%2e%2e/echo', '\\echo', '/./echo', '/%2E/echo']) {
        expect([path, await ask(t, server, `/ws${path}`)]).toEqual([path, 404])
        expect([path, await ask(t, server, `/any/x${path}`)]).toEqual([path, 101])
        expect(await urls.next()).toBe(`/api/any/x${path}`)
      }
    },
  },
  {
    name: 'bytes above 7F in a header come as Latin-1, at the ends of its value, too',
    network: true,
    standalone: PARSER,
    when: ({ headerBytes }) => headerBytes,
    async run(t) {
      const values = t.queue<string | undefined>('value')
      const server = await t.start({
        pattern: '/a',
        authenticate: (req) => {
          values.push(req.headers['x'])
          return true
        },
      })
      for (const value of ['José', '名前=太郎', 'aéb']) {
        expect(await ask(t, server, '/a', [`X: ${value}`])).toBe(101)
        expect(await values.next()).toBe(Buffer.from(value).toString('latin1'))
      }
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
