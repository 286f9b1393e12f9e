import type { ProxyOptions } from 'vite'
import { describe, expect, test } from 'vitest'
import { universalApi } from '../../src/index.ts'
import { connectWs } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { backend, dev, echo, preview, VITES } from './rig.ts'

/** Who greets there. */
async function greeter(url: string): Promise<string> {
  const client = await connectWs(url)
  const greeting = await client.next()
  client.terminate()
  return 'backend' in greeting ? `backend ${greeting.backend}` : greeting.hello
}

describe.each(VITES)('$name', ({ load }) => {
  for (const start of [dev, preview]) {
    test(`${start.name}: between a proxy and a handler the one that names more of the path wins`, async () => {
      const { url: target } = await backend()
      const handlers = ['/ws/chat', '/ws/{room}/list', '/ws/**', '/re1', '/rex', '/{any}', '/**']
      const plugin = universalApi({ wsHandlers: handlers.map((pattern) => echo(pattern)) })
      const proxy = {
        '/api': { target, ws: true },
        '/api/ws/live': { target: target.replace('http', 'ws') },
        '/api/ws/chat/room': target.replace('http', 'ws'),
        '/app/api': { target, ws: true },
        '^/api/re[0-9]$': { target, ws: true },
        '^/api/ws/chat\\?old': { target, ws: true },
        '/api/ws/chat-http': { target },
      }
      const { url, port } = await start(await load(), {
        base: '/app/',
        plugins: [plugin],
        server: { proxy },
        preview: { proxy },
      })
      for (const [path, who] of [
        ['/api/ws/chat', '/ws/chat'],
        ['/api/ws/chat?q=1', '/ws/chat'],
        ['/api//ws/chat', '/ws/chat'],
        ['/app/api/ws/chat', '/ws/chat'],
        ['/api/ws/lobby/list', '/ws/{room}/list'],
        ['/api/ws/else', '/ws/**'],
        ['/api/ws/chat-http', '/ws/**'],
        ['/api/rex', '/rex'],
        // As much, or more: the proxy's.
        ['/api/ws/live', 'backend /api/ws/live'],
        ['/api/ws/live/list', 'backend /api/ws/live/list'],
        ['/api/ws/chat/room', 'backend /api/ws/chat/room'],
        ['/api/else', 'backend /api/else'],
        ['/api/else/more', 'backend /api/else/more'],
        ['/app/api/else', 'backend /app/api/else'],
        // An expression, only where it matches.
        ['/api/re1', 'backend /api/re1'],
        ['/api/ws/chat?old', 'backend /api/ws/chat?old'],
      ] as const)
        expect([path, await greeter(url + path)]).toEqual([path, who])
      expect(await (await fetch(`http://127.0.0.1:${port}/api/ws/chat`)).text()).toBe('backend')
    })

    test(`${start.name}: a handler that a proxy hides is warned of once, and not listed`, async () => {
      const vite = await load()
      const target = `http://127.0.0.1:${await freePort()}`
      const patterns = ['/ws/chat', '/re/{n}', '/re/{n}/x', '/live', '/ws/**', '/{any}', '/**']
      const config = (proxy: Record<string, ProxyOptions>) => {
        const wsHandlers = [...patterns.map((pattern) => echo(pattern)), { pattern: '/off', disabled: true }]
        return {
          plugins: [universalApi({ wsHandlers })],
          server: { proxy },
          preview: { proxy: { ...proxy } },
        }
      }
      const { server, url, terminal } = await start(
        vite,
        config({
          '/api': { target, ws: true },
          '/api/live': { target, ws: true },
          '^/api/re/[^/]+$': { target, ws: true },
          '^/api/ws/chat': { target },
        }),
      )
      server.printUrls()
      server.printUrls()
      const warnings = terminal.lines.filter((line) => line.includes('cannot be reached')).toSorted()
      expect(warnings).toHaveLength(3)
      const option = start === dev ? 'server.proxy' : 'preview.proxy'
      expect(warnings[2]).toContain(
        `handlers /api/{any}, /api/** cannot be reached: the key "/api" of ${option}`,
      )
      expect(warnings[2]).toContain('shorten the key, or name more in the pattern')
      expect(warnings[1]).toContain(
        `handler /api/re/{n} cannot be reached: the key "^/api/re/[^/]+$" of ${option}`,
      )
      expect(warnings[1]).toContain('narrow it')
      expect(warnings[0]).toContain(`handler /api/live cannot be reached: the key "/api/live" of ${option}`)
      const listed = [
        ...new Set(terminal.lines.flatMap((line) => /ws:\S+(\/api\/\S+)/.exec(line)?.[1] ?? [])),
      ]
      expect(listed).toEqual(['/api/ws/chat', '/api/re/{n}/x', '/api/ws/**'])
      // The proxy's target is dead, and what is listed works.
      for (const path of ['/ws/chat', '/re/1/x', '/ws/a/b'])
        expect(await greeter(`${url}/api${path}`)).toMatch('/')

      const quiet = await start(vite, config({ '/api': { target }, '/elsewhere': { target, ws: true } }))
      quiet.server.printUrls()
      expect(quiet.terminal.count('cannot be reached')).toBe(0)
      expect(quiet.terminal.count('/api/')).toBe(patterns.length)
    })

    test(`${start.name}: the first handler that matches decides, and what its key takes of later ones is warned of`, async () => {
      const { url: target } = await backend()
      const patterns = [
        '/ws/first',
        '/{room}/{part}',
        '/ws/chat',
        '/ws/{id:[0-9]{4}}',
        '/ws/**',
        '/**',
        '/deep/a/b',
      ]
      const proxy = { '/api': { target, ws: true } }
      const { server, url, terminal } = await start(await load(), {
        plugins: [universalApi({ wsHandlers: patterns.map((pattern) => echo(pattern)) })],
        server: { proxy },
        preview: { proxy },
      })
      server.printUrls()
      const warnings = terminal.lines.filter((line) => line.includes('cannot be reached')).toSorted()
      expect(warnings).toHaveLength(3)
      expect(warnings[0]).toContain('the handler /api/deep/a/b cannot be reached: the key "/api" of')
      expect(warnings[0]).toContain('the first handler that matches decides, here /api/**')
      expect(warnings[2]).toContain('the handlers /api/{room}/{part}, /api/** cannot be reached')
      expect(warnings[1]).toContain('the handlers /api/ws/chat, /api/ws/{id:[0-9]{4}} cannot be reached')
      expect(warnings[1]).toContain('decides, here /api/{room}/{part}, which')
      expect(warnings[1]).toContain('put it behind')
      const listed = terminal.lines.flatMap((line) => /ws:\S+(\/api\/\S+)/.exec(line)?.[1] ?? [])
      expect(listed).toEqual(['/api/ws/first', '/api/ws/**'])
      for (const [path, who] of [
        ['/api/ws/first', '/ws/first'],
        ['/api/ws/more/parts', '/ws/**'],
        ['/api/ws/chat', 'backend /api/ws/chat'],
        ['/api/ws/1234', 'backend /api/ws/1234'],
        ['/api/deep/a/b', 'backend /api/deep/a/b'],
      ] as const)
        expect([path, await greeter(url + path)]).toEqual([path, who])
    })
  }
})
