import type { ViteDevServer } from 'vite'
import { describe, expect, test } from 'vitest'
import { universalApi } from '../../src/index.ts'
import { dev, echo, VITES, type Running, type Vite } from './rig.ts'

/** A server of a plugin object of its own. */
function serve(vite: Vite, pattern: string, port?: number): Promise<Running<ViteDevServer>> {
  const plugins = [universalApi({ wsHandlers: [echo(pattern)] })]
  return dev(vite, { plugins, ...(port !== undefined && { server: { port } }) })
}

describe.each(VITES)('$name', ({ load }) => {
  test('who never prints the URLs gets those of the handlers once, over restarts too', async () => {
    const vite = await load()
    const first = await serve(vite, '/ws/silent')
    const listed = (running: Running<ViteDevServer>, pattern: string): number =>
      running.terminal.count(`WebSocket: ws://127.0.0.1:${first.port}/api${pattern}`)
    await expect.poll(() => listed(first, '/ws/silent')).toBe(1)
    expect(first.terminal.count('sidewire: runtime')).toBe(1)

    // As Astro restarts: all is made anew.
    await first.server.close()
    const second = await serve(vite, '/ws/silent', first.port)
    const later = await serve(vite, '/ws/later')
    await expect.poll(() => later.terminal.count('/api/ws/later')).toBe(1)
    expect(listed(second, '/ws/silent')).toBe(0)

    await second.server.close()
    const changed = await serve(vite, '/ws/changed', first.port)
    await expect.poll(() => listed(changed, '/ws/changed')).toBe(1)
  })

  test('who prints them gets them once', async () => {
    const vite = await load()
    const plugins = [universalApi({ wsHandlers: [echo('/ws/asked')] })]
    const asked = await dev(vite, { plugins })
    asked.server.printUrls()
    const later = await serve(vite, '/ws/unasked')
    await expect.poll(() => later.terminal.count('/api/ws/unasked')).toBe(1)
    expect(asked.terminal.count('/api/ws/asked')).toBe(1)
  })
})
