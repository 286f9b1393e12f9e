import { expect } from 'vitest'
import type { UniversalApiWsHandler } from '../../../src/index.ts'
import type { Case } from '../harness.ts'

/** Says who it is, and what it found in the path. */
function naming(name: string, more: Partial<UniversalApiWsHandler>): UniversalApiWsHandler {
  return { pattern: '/', onConnect: (conn) => void conn.send([name, conn.path, conn.params]), ...more }
}

const REFUSED = 'Unexpected server response: 404'

export const CASES: readonly Case[] = [
  {
    name: 'prefix: false: the pattern is the whole path, and others stay behind the prefix',
    async run(t) {
      const server = await t.start([
        naming('bare', { pattern: '/socket/{id}', prefix: false }),
        naming('behind', { pattern: '/chat' }),
        naming('also behind', { pattern: '/chat/too', prefix: true }),
      ])
      const bare = await t.connectAt(server, '/socket/7?a=1')
      expect(await bare.next()).toEqual(['bare', '/socket/7', { id: '7' }])
      const behind = await t.connectAt(server, '/api/chat')
      expect(await behind.next()).toEqual(['behind', '/api/chat', {}])
      const also = await t.connectAt(server, '/api/chat/too')
      expect(await also.next()).toEqual(['also behind', '/api/chat/too', {}])
      await expect(t.connectAt(server, '/api/socket/7')).rejects.toThrow(REFUSED)
      expect(server.connections.map(({ path }) => path)).toEqual(['/socket/7', '/api/chat', '/api/chat/too'])
    },
  },
  {
    name: 'prefix: false: a slash at the end has to agree, in the pattern as in the path',
    async run(t) {
      const server = await t.start([
        naming('with', { pattern: '/socket.io/', prefix: false }),
        naming('without', { pattern: '/cable', prefix: false }),
      ])
      const client = await t.connectAt(server, '/socket.io/?EIO=4&transport=websocket')
      expect(await client.next()).toEqual(['with', '/socket.io/', {}])
      const other = await t.connectAt(server, '/cable')
      expect(await other.next()).toEqual(['without', '/cable', {}])
    },
  },
  {
    name: 'prefix: false: all else outside of the prefix is refused',
    standalone: 'a server in front leaves it to others',
    async run(t) {
      const server = await t.start([
        naming('with', { pattern: '/socket.io/', prefix: false }),
        naming('without', { pattern: '/cable', prefix: false }),
        naming('behind', { pattern: '/chat' }),
      ])
      for (const path of ['/socket.io', '/socket.io/x', '/cable/', '/chat', '/'])
        await expect(t.connectAt(server, path)).rejects.toThrow(REFUSED)
    },
  },
  {
    name: 'prefix: false: of both kinds together, the first that matches wins',
    async run(t) {
      const wide = naming('wide', { pattern: '/**', prefix: false })
      const narrow = naming('narrow', { pattern: '/chat' })
      const first = await t.start([narrow, wide])
      for (const [path, name] of [
        ['/api/chat', 'narrow'],
        ['/api/other', 'wide'],
        ['/chat', 'wide'],
        ['/', 'wide'],
      ] as const)
        expect((await (await t.connectAt(first, path)).next())[0]).toBe(name)
      await first.close()
      const last = await t.start([wide, narrow])
      expect((await (await t.connectAt(last, '/api/chat')).next())[0]).toBe('wide')
    },
  },
  {
    name: 'prefix: false: publish, plain requests, server.urls and server.matches go by it',
    standalone: 'server.urls are of the server in front',
    async run(t) {
      const server = await t.start([{ pattern: '/bare', prefix: false }, { pattern: '/behind' }])
      expect(server.urls).toEqual([`${server.url}/bare`, `${server.url}/api/behind`])
      const matches = ['/bare', '/api/bare', '/behind', '/api/behind'].filter((path) => server.matches(path))
      expect(matches).toEqual(['/bare', '/api/behind'])
      const client = await t.connectAt(server, '/bare')
      server.publish('/bare', 'to all')
      expect(await client.next()).toBe('to all')
    },
  },
  {
    name: 'prefix: false: with scope: "path" each path is for itself, whatever the prefixes are',
    async run(t) {
      const scoped = (pattern: string, prefix: boolean): UniversalApiWsHandler => ({
        pattern,
        prefix,
        scope: 'path',
        onMessage: (conn, data) => conn.broadcast(data, { includeSelf: true }),
      })
      const server = await t.start([scoped('/{first}/game', false), scoped('/room', true)], {
        endpointPrefix: ['/api', '/v2'],
      })
      const apart = [await t.connectAt(server, '/api/game'), await t.connectAt(server, '/v2/game')]
      const together = [await t.connectAt(server, '/api/room'), await t.connectAt(server, '/v2/room')]
      for (const [index, client] of apart.entries()) client.send(`game ${index}`)
      for (const [index, client] of apart.entries()) expect(await client.next()).toBe(`game ${index}`)
      together[0]!.send('room')
      for (const client of together) expect(await client.next()).toBe('room')
    },
  },
  {
    name: 'prefix: false: what the client may have meant is named as it stands',
    network: true,
    standalone: 'a server in front leaves it to others',
    async run(t) {
      const server = await t.start([{ pattern: '/socket.io/', prefix: false }, { pattern: '/chat' }])
      for (const [path, meant] of [
        ['/socket.io', '/socket.io/'],
        ['/api/socket.io/', '/socket.io/'],
        ['/api/chta', '/api/chat'],
      ] as const) {
        const { status, body } = await t.raw(server).request(path)
        expect([status, body]).toEqual([404, expect.stringMatching(new RegExp(`did you mean ${meant}\\?`))])
      }
    },
  },
  {
    name: 'prefix: false: a reload that takes a handler out of the prefix keeps its connections',
    standalone: 'the plugin offers no reload',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      const before = await t.connectAt(server, '/api/a')
      server.reload({ wsHandlers: [{ pattern: '/a', prefix: false }] })
      const after = await t.connectAt(server, '/a')
      await expect(t.connectAt(server, '/api/a')).rejects.toThrow(REFUSED)
      server.publish('/a', 'to both')
      for (const client of [before, after]) expect(await client.next()).toBe('to both')
    },
  },
  {
    name: 'prefix: false: who is never reached is warned of across both kinds, and a pattern that looks like the prefix is meant',
    standalone: 'the plugin offers no reload',
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      const warnings = (...wsHandlers: UniversalApiWsHandler[]): string[] => {
        t.log.length = 0
        server.reload({ wsHandlers })
        return t.log.filter((line) => /is never reached|endpointPrefix/.test(line))
      }
      expect(
        warnings(
          { pattern: '/api/ws', prefix: false },
          { pattern: '/chat' },
          { pattern: '/**', prefix: false },
          { pattern: '/**/late' },
        ),
      ).toEqual([expect.stringContaining('"/**/late" is never reached: "/**" stands before it')])
      expect(warnings({ pattern: '/api/*', prefix: false }, { pattern: '/chat' })).toEqual([
        expect.stringContaining('"/chat" is never reached: "/api/*" stands before it'),
      ])
      expect(warnings({ pattern: '/**' }, { pattern: '/chat', prefix: false })).toEqual([])
    },
  },
]
