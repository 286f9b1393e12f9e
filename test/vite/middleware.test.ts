import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { InlineConfig, ViteDevServer } from 'vite'
import { describe, expect, test } from 'vitest'
import { universalApi, type UniversalApiWsHandler } from '../../src/index.ts'
import { createCertificate } from '../cli/certificate.ts'
import { connectWs } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { defer, dev, echo, isListening, VITES, type Running, type Vite } from './rig.ts'

const broadcasting: UniversalApiWsHandler = {
  pattern: '/ws/all',
  onMessage: (conn, data) => conn.broadcast(data, { includeSelf: true }),
}

const chat = (more: Parameters<typeof universalApi>[0] = {}) =>
  universalApi({ wsHandlers: [echo('/ws/chat', 'chat')], ...more })

/** What Vite's own client gets into its page; there is no other way to it. */
function tokenOf({ config }: ViteDevServer): string {
  return (config as unknown as Record<'webSocketToken', string>).webSocketToken
}

interface Framework extends Running<ViteDevServer> {
  readonly http: Server
  /** Of the framework's own server. */
  readonly at: string
}

/** As frameworks do it: an HTTP server of their own, whose upgrades Vite shares. */
async function framework(
  vite: Vite,
  config: InlineConfig,
  http: Server = createHttpServer(),
  hand: (http: Server) => InlineConfig['server'] = (server) => ({ middlewareMode: true, hmr: { server } }),
): Promise<Framework> {
  const running = await dev(vite, { ...config, server: { ...config.server, ...hand(http) } })
  http.on('request', (request, response) => running.server.middlewares(request, response))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  defer(() => http.close())
  const { port } = http.address() as AddressInfo
  return { ...running, http, at: `${http instanceof HttpsServer ? 'wss' : 'ws'}://127.0.0.1:${port}` }
}

describe.each(VITES)('$name', ({ load }) => {
  for (const scheme of ['http', 'https']) {
    test(`attaches itself to the ${scheme} server that Vite was handed, and stays over restarts`, async () => {
      const plugin = chat()
      const http = scheme === 'http' ? createHttpServer() : createHttpsServer(createCertificate())
      const { server, terminal, at } = await framework(await load(), { plugins: [plugin] }, http)
      const port = new URL(at).port
      const shown = `WebSocket: ${scheme.replace('http', 'ws')}://localhost:${port}/api/ws/chat`
      await expect.poll(() => terminal.count(shown)).toBe(1)
      expect(terminal.count('middleware mode')).toBe(0)
      for (let round = 0; round < 3; round++) {
        const client = await connectWs(`${at}/api/ws/chat`)
        expect(await client.next()).toEqual({ hello: 'chat' })
        client.json(round)
        expect(await client.next()).toEqual({ chat: round })
        const hmr = await connectWs(`${at}/?token=${tokenOf(server)}`, { protocols: ['vite-hmr'] })
        expect(await hmr.next()).toEqual({ type: 'connected' })
        // Nobody else listens: what is unknown is refused, as with a server of Vite's own.
        await expect(connectWs(`${at}/api/ws/none`)).rejects.toThrow('404')
        await server.restart()
        expect(await client.closed).toMatchObject({ code: 1001 })
      }
      const last = await connectWs(`${at}/api/ws/chat`)
      await server.close()
      expect(await last.closed).toMatchObject({ code: 1001 })
      expect(http.listenerCount('upgrade')).toBe(0)
    })
  }

  test('the server that Vite has for its proxies only', async () => {
    const backend = createHttpServer()
    const hand = (http: Server): InlineConfig['server'] => ({
      middlewareMode: { server: http },
      hmr: false,
      proxy: { '/elsewhere': { target: 'ws://127.0.0.1:9', ws: true } },
    })
    const { at, terminal } = await framework(await load(), { plugins: [chat()] }, backend, hand)
    expect(await (await connectWs(`${at}/api/ws/chat`)).next()).toEqual({ hello: 'chat' })
    await expect(connectWs(`${at}/api/ws/none`)).rejects.toThrow('404')
    expect(terminal.count('middleware mode')).toBe(0)
  })

  test('attached by itself and by hand is attached once, and one detach takes it back', async () => {
    const plugin = chat()
    const { http, at } = await framework(await load(), { plugins: [plugin] })
    const before = http.listenerCount('upgrade')
    const detach = plugin.api.attach(http)
    expect(http.listenerCount('upgrade')).toBe(before)
    expect(await (await connectWs(`${at}/api/ws/chat`)).next()).toEqual({ hello: 'chat' })
    detach()
    expect(http.listenerCount('upgrade')).toBe(before - 1)
  })

  test('two servers with one plugin share the engine, its rooms, its port and its URL', async () => {
    const vite = await load()
    const port = await freePort()
    const plugin = chat({ sidecar: { port }, wsHandlers: [broadcasting] })
    // As Nuxt does it: a server for the browser, and one that only renders, which is handed the same HTTP server.
    const http = createHttpServer()
    const rendering: InlineConfig = {
      plugins: [plugin],
      build: { ssr: true },
      server: { middlewareMode: { server: http }, hmr: { port: await freePort() } },
    }
    const first = await dev(vite, rendering)
    expect(plugin.api.url).toBeUndefined()
    expect(first.terminal.count('middleware mode')).toBe(0)
    const browser = await framework(vite, { plugins: [plugin], base: '/_nuxt/' }, http)
    const other = await framework(vite, { plugins: [plugin], base: '/other/' })
    const second = await dev(vite, rendering)
    expect(plugin.api.url).toBe(`ws://127.0.0.1:${port}`)
    for (const { server } of [first, browser, other, second]) {
      const loaded = await server.transformRequest('virtual:sidewire')
      expect(loaded?.code).toContain(`ws://127.0.0.1:${port}`)
    }
    const urls = [
      `${browser.at}/_nuxt/api/ws/all`,
      `${other.at}/other/api/ws/all`,
      `${plugin.api.url}/api/ws/all`,
    ]
    const clients = await Promise.all(urls.map((url) => connectWs(url)))
    await expect.poll(() => plugin.api.stats().connections).toBe(3)
    clients[0]!.json('to all')
    for (const client of clients) expect(await client.next()).toBe('to all')
    await expect(connectWs(`${other.at}/api/ws/none`)).rejects.toThrow('404')
    expect(plugin.api.stats().refusedBy).toEqual({ path: 1 })

    // Who has no clients may come and go.
    await second.server.restart()
    await second.server.close()
    await other.server.close()
    clients[0]!.json('still there')
    expect(await clients[0]!.next()).toBe('still there')
    await browser.server.restart()
    expect(await clients[0]!.closed).toMatchObject({ code: 1001 })
    const again = await connectWs(`${browser.at}/api/ws/all`)
    again.json('again')
    expect(await again.next()).toBe('again')
    expect(plugin.api.url).toBe(`ws://127.0.0.1:${port}`)
    await browser.server.close()
    expect(await again.closed).toMatchObject({ code: 1001 })
    expect(await isListening(port)).toBe(false)
    for (const { terminal } of [first, second]) expect(terminal.count('WebSocket:')).toBe(0)
    expect(first.terminal.text + second.terminal.text + browser.terminal.text).not.toContain('ERR_')
  })

  test('when the server that keeps the engine ends, the next one takes it over', async () => {
    const vite = await load()
    const plugin = chat()
    const first = await dev(vite, { plugins: [plugin] })
    const second = await dev(vite, { plugins: [plugin] })
    const clients = [
      await connectWs(`${first.url}/api/ws/chat`),
      await connectWs(`${second.url}/api/ws/chat`),
    ]
    await expect.poll(() => plugin.api.stats().connections).toBe(2)
    await first.server.close()
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1001 })
    expect(await (await connectWs(`${second.url}/api/ws/chat`)).next()).toEqual({ hello: 'chat' })
    await second.server.close()
    expect(plugin.api.url).toBeUndefined()
  })

  test('a server without sockets, such as that of Vitest, starts none until it is asked', async () => {
    const vite = await load()
    const plugin = chat()
    const { server, terminal } = await dev(vite, {
      plugins: [plugin],
      server: { middlewareMode: true, hmr: false, ws: false },
    })
    expect(plugin.api.url).toBeUndefined()
    expect(terminal.text).toBe('')
    const loaded = await server.transformRequest('virtual:sidewire')
    expect(plugin.api.url).toMatch(/^ws:/)
    expect(loaded?.code).toContain(plugin.api.url)
  })
})
