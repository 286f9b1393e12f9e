import { createServer as createHttpServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { SidewireError, universalApi } from '../../src/index.ts'
import { createCertificate } from '../cli/certificate.ts'
import { NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { connectWs, within } from '../support/client.ts'
import { HANDSHAKE, RawClient } from '../support/raw-client.ts'
import { freePort } from '../support/free-port.ts'
import { Stalls } from '../support/stalls.ts'
import { defer, dev, echo, isListening, preview, project, VITES, write } from './rig.ts'

const chat = (more: Parameters<typeof universalApi>[0] = {}) =>
  universalApi({ wsHandlers: [echo('/ws/chat', 'chat')], ...more })

/** The port of the sidecar. */
const portOf = (plugin: ReturnType<typeof universalApi>): number => Number(new URL(plugin.api.url!).port)

describe.each(VITES)('$name', ({ load }) => {
  for (const scheme of ['http', 'https']) {
    for (const start of [dev, preview]) {
      test(`${start.name} over ${scheme}, with a base`, async () => {
        const plugin = chat()
        const https = scheme === 'https' ? { https: createCertificate() } : {}
        const { url, server } = await start(await load(), {
          base: '/app/',
          plugins: [plugin],
          server: https,
          preview: https,
        })
        for (const path of ['/api/ws/chat', '/app/api/ws/chat']) {
          const client = await connectWs(url + path)
          expect(await client.next()).toEqual({ hello: 'chat' })
          client.json({ a: 1 })
          expect(await client.next()).toEqual({ chat: { a: 1 } })
        }
        const refused = new RawClient(Number(new URL(url).port))
        if (scheme === 'http') expect((await refused.request('/app/api/none', HANDSHAKE)).status).toBe(404)
        refused.tcp.destroy()
        const last = await connectWs(`${url}/api/ws/chat`)
        const port = portOf(plugin)
        await server.close()
        expect(await last.closed).toMatchObject({ code: 1001 })
        expect(await isListening(port)).toBe(false)
        expect(plugin.api.url).toBeUndefined()
      })
    }
  }

  test('enablePreview: false, disable, enableWs: false and no handlers start nothing', async () => {
    const vite = await load()
    const quiet = chat({ enablePreview: false })
    const { port } = await preview(vite, { plugins: [quiet] })
    expect(quiet.api.url).toBeUndefined()
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
    for (const plugin of [chat({ disable: true }), chat({ enableWs: false }), universalApi()]) {
      const { url, server } = await dev(vite, { plugins: [plugin] })
      expect(plugin.api.url).toBeUndefined()
      const client = new RawClient(Number(new URL(url).port))
      const ended = client.request('/api/ws/chat').catch((error: Error) => error.message)
      await server.close()
      expect(await ended).toContain('without a response')
    }
  })

  test('vite build starts nothing, and knows virtual:sidewire', async () => {
    const vite = await load()
    const port = await freePort()
    const plugin = chat({ sidecar: { port } })
    const root = project({
      'main.js': "import { wsUrl } from 'virtual:sidewire'\nconsole.log('built', typeof wsUrl)",
    })
    const result = (await vite.build({ root, configFile: false, logLevel: 'silent', plugins: [plugin] })) as {
      output: { type: string; code?: string }[]
    }
    expect(result.output.map(({ code }) => code ?? '').join()).toMatch(/built/)
    expect(plugin.api.url).toBeUndefined()
    expect(await isListening(port)).toBe(false)
  })

  test('a port that is taken: strictPort leaves no sidecar, otherwise the next one serves', async () => {
    const vite = await load()
    const blocker = createHttpServer()
    const taken = await freePort()
    await new Promise<void>((resolve) => blocker.listen(taken, '127.0.0.1', resolve))
    defer(() => blocker.close())
    const sidecar = await freePort()
    for (const start of [dev, preview]) {
      const root = project()
      const options = { host: '127.0.0.1', port: taken, strictPort: true }
      const config = {
        root,
        plugins: [chat({ sidecar: { port: sidecar } })],
        server: options,
        preview: options,
      }
      await expect(start(vite, config)).rejects.toThrow(/in use/)
      await expect.poll(() => isListening(sidecar)).toBe(false)
      const plugin = chat()
      const loose = { ...options, strictPort: false }
      const { server } = await start(vite, { root, plugins: [plugin], server: loose, preview: loose })
      const { port } = server.httpServer!.address() as AddressInfo
      expect(port).not.toBe(taken)
      expect(await (await connectWs(`ws://127.0.0.1:${port}/api/ws/chat`)).next()).toEqual({ hello: 'chat' })
    }
  })

  test('a sidecar port that is taken is one clear error', async () => {
    const vite = await load()
    const blocker = createHttpServer()
    const port = await freePort()
    await new Promise<void>((resolve) => blocker.listen(port, '127.0.0.1', resolve))
    defer(() => blocker.close())
    for (const start of [dev, preview])
      await expect(start(vite, { plugins: [chat({ sidecar: { port } })] })).rejects.toMatchObject({
        name: 'SidewireError',
        code: 'ERR_LISTEN',
        message: expect.stringContaining(String(port)),
      })
  })

  test('a restart sends 1001, and frees and takes the fixed port again', async () => {
    const port = await freePort()
    const plugin = chat({ sidecar: { port } })
    const { server, url } = await dev(await load(), { plugins: [plugin] })
    for (let round = 0; round < 3; round++) {
      const client = await connectWs(`${url}/api/ws/chat`)
      expect(await client.next()).toEqual({ hello: 'chat' })
      await server.restart()
      expect(await client.closed).toMatchObject({ code: 1001 })
      expect(portOf(plugin)).toBe(port)
    }
    await server.close()
    expect(await isListening(port)).toBe(false)
  })

  test('a change of the configuration file restarts, with the new handlers', async () => {
    const vite = await load()
    const config = (pattern: string) => `
      import { universalApi } from ${JSON.stringify(join(import.meta.dirname, '../../dist/index.js'))}
      export default { plugins: [universalApi({ wsHandlers: [{ pattern: '${pattern}' }] })] }`
    const root = project({ 'vite.config.js': config('/ws/before'), 'package.json': '{ "type": "module" }' })
    const { url } = await dev(vite, { root, configFile: join(root, 'vite.config.js') })
    const client = await connectWs(`${url}/api/ws/before`)
    write(root, 'vite.config.js', config('/ws/after'))
    expect(await client.closed).toMatchObject({ code: 1001 })
    await expect
      .poll(() =>
        connectWs(`${url}/api/ws/after`).then(
          () => 'open',
          (error: Error) => error.message,
        ),
      )
      .toBe('open')
    await expect(connectWs(`${url}/api/ws/before`)).rejects.toThrow('404')
  })

  test('50 restarts leak no port, timer, socket or listener', async () => {
    const plugins = [
      chat({ logLevel: 'error' }),
      chat({ endpointPrefix: '/v2', wsDir: 'mocks', logLevel: 'error' }),
    ]
    const root = project({
      'mocks/a.ws.js': "export default { pattern: '/ws/file', heartbeat: 1000, inactivityTimeout: 5000 }",
    })
    const { server, url } = await dev(await load(), { root, plugins })
    const ports: number[] = []
    const round = async (): Promise<void> => {
      ports.push(...plugins.map(portOf))
      const clients = [await connectWs(`${url}/api/ws/chat`), await connectWs(`${url}/v2/ws/file`)]
      await server.restart()
      for (const client of clients) expect(await client.closed).toMatchObject({ code: 1001 })
    }
    const count = () => ({
      resources: Object.fromEntries(
        ['TCPServerWrap', 'TCPSocketWrap', 'Timeout', 'FSEventWrap'].map((name) => [
          name,
          process.getActiveResourcesInfo().filter((resource) => resource === name).length,
        ]),
      ),
      upgrade: server.httpServer!.listenerCount('upgrade'),
      close: server.httpServer!.listenerCount('close'),
      watcher: ['add', 'change', 'unlink'].map((event) => server.watcher.listenerCount(event)),
      exit: process.listenerCount('exit') + process.listenerCount('SIGTERM'),
    })
    for (let i = 0; i < 3; i++) await round()
    const before = count()
    for (let i = 0; i < 50; i++) await round()
    await expect
      .poll(() => {
        const after = count()
        // A few sockets of the last round may still be closing.
        return Object.entries(after.resources).filter(([name, n]) => n > before.resources[name]! + 2)
      })
      .toEqual([])
    expect({ ...count(), resources: 0 }).toEqual({ ...before, resources: 0 })
    const now = plugins.map(portOf)
    // One that was freed may be somebody else's for a while.
    await expect
      .poll(async () => {
        const open = await Promise.all(ports.filter((port) => !now.includes(port)).map(isListening))
        return open.filter(Boolean)
      })
      .toEqual([])
    await server.close()
    expect(await Promise.all(now.map(isListening))).toEqual([false, false])
  })

  test('closing with a client that answers nothing ends in time, with 1001 on its wire', async () => {
    const plugin = chat({ shutdownTimeout: 500 })
    const { server, port } = await dev(await load(), { plugins: [plugin] })
    const deaf = await new RawClient(port).open('/api/ws/chat')
    const asleep = await new RawClient(port).open('/api/ws/chat')
    asleep.tcp.pause()
    const started = performance.now()
    const stalls = new Stalls()
    await within(server.close(), 'no end of close()')
    expect(performance.now() - started).toBeLessThan(4000 + stalls.ms)
    expect(await deaf.nextClose()).toMatchObject({ code: 1001 })
    expect(plugin.api.connections).toEqual([])
  })

  for (const runtime of NETWORK_RUNTIMES) {
    test(`50 clients get everything that was sent, then 1001, through the tunnel (${runtime})`, async () => {
      const text = 'x'.repeat(200_000)
      const plugin = universalApi({
        runtime,
        // 50 MB take a busy machine longer than the default.
        shutdownTimeout: 60_000,
        wsHandlers: [echo('/ws/chat', 'chat'), { pattern: '/ws/big' }],
      })
      const { server, url } = await dev(await load(), { plugins: [plugin] })
      const clients = await Promise.all(Array.from({ length: 50 }, () => connectWs(`${url}/api/ws/big`)))
      await expect.poll(() => plugin.api.stats().connections).toBe(50)
      for (let i = 0; i < 5; i++) plugin.api.publish('/ws/big', { i, text })
      await Promise.all([
        server.close(),
        ...clients.map(async (client) => {
          for (let i = 0; i < 5; i++) expect(await client.next()).toEqual({ i, text })
          expect(await client.closed).toEqual({ code: 1001, reason: 'Server is going away' })
        }),
      ])
    })
  }

  test('8 MB both ways, and a slow reader loses nothing', async () => {
    const plugin = universalApi({
      wsHandlers: [{ pattern: '/ws/big', onMessage: (conn, data) => void conn.send(data) }],
    })
    const { port, url } = await dev(await load(), { plugins: [plugin] })
    const client = await connectWs(`${url}/api/ws/big`)
    const big = Buffer.alloc(8 * 1024 * 1024, 7)
    client.send(big)
    expect(big.equals(await client.next())).toBe(true)
    const slow = await new RawClient(port).open('/api/ws/big')
    slow.tcp.pause()
    const piece = Buffer.alloc(1024 * 1024, 1)
    await expect.poll(() => plugin.api.stats().connections).toBe(2)
    for (let i = 0; i < 12; i++) plugin.api.publish('/ws/big', piece.fill(i))
    // The other client has them all long before the slow one begins to read.
    for (let i = 0; i < 12; i++) expect((await client.next())[0]).toBe(i)
    slow.tcp.resume()
    for (let i = 0; i < 12; i++) {
      const { payload } = await slow.next()
      expect([payload.length, payload[0]]).toEqual([piece.length, i])
    }
  })

  test('middleware mode: said once, reached at the sidecar, attached by hand and taken back', async () => {
    const plugin = chat()
    const { server, terminal } = await dev(await load(), {
      plugins: [plugin],
      server: { middlewareMode: true },
    })
    const direct = await connectWs(`${plugin.api.url}/api/ws/chat`)
    expect(await direct.next()).toEqual({ hello: 'chat' })
    expect(terminal.count('middleware mode')).toBe(1)
    expect(terminal.text).toContain(plugin.api.url)
    const http: Server = createHttpServer(server.middlewares)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    defer(() => http.close())
    const { port } = http.address() as AddressInfo
    const detach = plugin.api.attach(http)
    plugin.api.attach(http)
    expect(http.listenerCount('upgrade')).toBe(1)
    const url = `ws://127.0.0.1:${port}/api/ws/chat`
    const client = await connectWs(url)
    expect(await client.next()).toEqual({ hello: 'chat' })
    await expect(connectWs(url.replace('chat', 'none'))).rejects.toThrow('404')
    await server.restart()
    expect(await client.closed).toMatchObject({ code: 1001 })
    expect(terminal.count('middleware mode')).toBe(2)
    expect(await (await connectWs(url)).next()).toEqual({ hello: 'chat' })
    detach()
    expect(http.listenerCount('upgrade')).toBe(0)
  })

  test('middleware mode restarts on a fixed sidecar port', async () => {
    const port = await freePort()
    const plugin = chat({ sidecar: { port } })
    const { server, terminal } = await dev(await load(), {
      plugins: [plugin],
      server: { middlewareMode: true },
    })
    for (let round = 1; round < 4; round++) {
      const client = await connectWs(`ws://127.0.0.1:${port}/api/ws/chat`)
      await server.restart()
      expect(await client.closed).toMatchObject({ code: 1001 })
      await expect.poll(() => terminal.count('middleware mode')).toBe(round + 1)
    }
    expect(terminal.text).not.toContain('ERR_')
  })

  test('two servers that want the same sidecar port: the second says so', async () => {
    const vite = await load()
    const port = await freePort()
    await dev(vite, { plugins: [chat({ sidecar: { port } })] })
    await expect(dev(vite, { plugins: [chat({ sidecar: { port } })] })).rejects.toThrow(SidewireError)
  })
})
