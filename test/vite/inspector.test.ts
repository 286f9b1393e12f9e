import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { universalApi } from '../../src/index.ts'
import { createCertificate } from '../cli/certificate.ts'
import { http, Page } from '../inspector/asking.ts'
import { connectWs } from '../support/client.ts'
import { defer, dev, echo, preview, VITES } from './rig.ts'

const plugins = (options: Parameters<typeof universalApi>[0] = {}): ReturnType<typeof universalApi>[] => [
  universalApi({ wsHandlers: [echo('/ws/echo')], ...options }),
]

describe.each(VITES)('$name', ({ load }) => {
  test('the page is at the dev server, beside the project, and shows what comes through it', async () => {
    const { url, terminal, server } = await dev(await load(), { plugins: plugins() })
    const own = url.replace('ws', 'http')
    const { status, body, headers } = await http(`${own}/.sidewire/`)
    expect(status).toBe(200)
    expect(body).toContain('sidewire inspector')
    expect(body).not.toContain('/@vite/client')
    expect(headers['content-security-policy']).toContain("default-src 'none'")
    expect((await http(`${own}/.sidewire/page/inspector.js`)).status).toBe(200)
    expect((await http(`${own}/`)).body).toContain('/@vite/client')
    const page = new Page({ url })
    const client = await connectWs(`${url}/api/ws/echo`)
    await client.next()
    client.send('hello')
    expect(await client.next()).toEqual({ '/ws/echo': 'hello' })
    expect((await page.rowsUntil('message')).find(({ type }) => type === 'message')).toMatchObject({
      text: 'hello',
      path: '/api/ws/echo',
    })
    expect(await page.ask('send', { to: { pattern: '/ws/echo' }, data: { by: 'hand' } })).toEqual({
      receivers: 1,
    })
    expect(await client.next()).toEqual({ by: 'hand' })
    server.printUrls()
    expect(terminal.text).toContain(`Inspector: ${own}/.sidewire/`)
  })

  test("below the project's base, and with the headers that it asks of frames", async () => {
    const { url } = await dev(await load(), {
      base: '/app/',
      plugins: plugins(),
      server: { headers: { 'Cross-Origin-Embedder-Policy': 'require-corp' } },
    })
    const own = url.replace('ws', 'http')
    const { status, headers } = await http(`${own}/app/.sidewire/`)
    expect(status).toBe(200)
    expect(headers['cross-origin-embedder-policy']).toBe('require-corp')
    expect(headers['cross-origin-resource-policy']).toBe('same-origin')
    expect(await http(`${own}/app/.sidewire`)).toMatchObject({
      status: 308,
      headers: { location: '.sidewire/' },
    })
    expect((await http(`${own}/app/.sidewire/page/inspector.css`)).status).toBe(200)
    const watch = (path: string, fields: Record<string, string>): Promise<number> =>
      http(`${own}${path}page/watch`, {
        method: 'POST',
        headers: fields,
        body: '{"after":0,"wait":0,"limit":1}',
      }).then((answer) => answer.status)
    expect(await watch('/app/.sidewire/', { Origin: own })).toBe(200)
    expect(await watch('/app/.sidewire/', { Origin: 'http://localhost:1' })).toBe(403)
    expect(await watch('/app/.sidewire/', {})).toBe(403)
    expect(await watch('/app/.sidewire/', { Origin: 'http://evil.example', Host: 'evil.example' })).toBe(403)
    expect((await http(`${own}/.sidewire/`)).status).not.toBe(200)
  })

  test('a middleware of the project has it too; off by the option; never under preview', async () => {
    const vite = await load()
    const { server } = await dev(vite, { server: { middlewareMode: true }, plugins: plugins() })
    const parent = createHttpServer(server.middlewares)
    await new Promise<void>((resolve) => parent.listen(0, '127.0.0.1', resolve))
    defer(() => parent.close())
    const { port } = parent.address() as AddressInfo
    expect((await http(`http://127.0.0.1:${port}/.sidewire/`)).status).toBe(200)
    const off = await dev(vite, { plugins: plugins({ inspector: false }) })
    expect((await http(`${off.url.replace('ws', 'http')}/.sidewire/page/inspector.js`)).body).not.toContain(
      'preact',
    )
    off.server.printUrls()
    expect(off.terminal.text).not.toContain('Inspector')
    const built = await preview(vite, { plugins: plugins({ inspector: true }) })
    expect((await http(`${built.url.replace('ws', 'http')}/.sidewire/page/inspector.js`)).body).not.toContain(
      'preact',
    )
    expect(built.terminal.text).not.toContain('Inspector')
  })

  test('over https, and what the dev server itself refuses is shown, too', async () => {
    const { url } = await dev(await load(), { plugins: plugins(), server: { https: createCertificate() } })
    const page = new Page({ url })
    await expect(connectWs(`${url}/api/ws/none`)).rejects.toThrow('404')
    await expect(connectWs(`${url}/api/ws/echo`, { headers: { Host: 'evil.example' } })).rejects.toThrow(
      '403',
    )
    const rows = await page.rowsUntil('refused', 2)
    expect(rows).toEqual([
      expect.objectContaining({ reason: 'path', status: 404, path: '/api/ws/none' }),
      expect.objectContaining({
        reason: 'host',
        status: 403,
        cure: 'Add the name to server.allowedHosts of the Vite config.',
      }),
    ])
  })

  test("i + enter opens it, beside the project's own shortcuts", async () => {
    const { server } = await dev(await load(), { plugins: plugins(), base: '/app/' })
    const opened: unknown[] = []
    server.openBrowser = () => void opened.push(server.config.server.open)
    // Vite asks nobody for keys where nobody sits: in CI, or without a terminal.
    vi.stubEnv('CI', undefined)
    const wasTty = process.stdin.isTTY
    try {
      Object.defineProperty(process.stdin, 'isTTY', { value: true, configurable: true })
      server.bindCLIShortcuts({
        customShortcuts: [{ key: 'y', description: 'of the project', action: () => {} }],
      })
      process.stdin.emit('data', 'i\n')
      await expect.poll(() => opened).toEqual(['/app/.sidewire/'])
      expect(server.config.server.open).toBeFalsy()
    } finally {
      Object.defineProperty(process.stdin, 'isTTY', { value: wasTty, configurable: true })
      vi.unstubAllEnvs()
    }
  })

  test('Vite DevTools gets a dock of it', async () => {
    const [plugin] = plugins()
    const docks: unknown[] = []
    const context = {
      docks: { register: (dock: unknown) => docks.push(dock) },
      viteConfig: { base: '/app/' },
    }
    ;(plugin as any).devtools.setup(context)
    expect(docks).toEqual([expect.objectContaining({ type: 'iframe', url: '/app/.sidewire/' })])
    ;(plugins({ inspector: false })[0] as any).devtools.setup(context)
    ;(plugin as any).devtools.setup({})
    expect(docks).toHaveLength(1)
  })
})
