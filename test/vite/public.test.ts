import type { wsUrl as WsUrl } from 'virtual:sidewire'
import type { UserConfig as UserConfig8 } from 'vite'
import type { UserConfig as UserConfig6 } from 'vite6'
import type { UserConfig as UserConfig7 } from 'vite7'
import { describe, expect, test } from 'vitest'
import universalApiByDefault, { SidewireError, universalApi } from '../../src/index.ts'
import { createCertificate } from '../cli/certificate.ts'
import { NODE_RUNTIME } from '../contract/runtimes.ts'
import { connectWs } from '../support/client.ts'
import { dev, echo, preview, project, VITES } from './rig.ts'

test('the plugin fits the types of every Vite, and is the default export too', () => {
  const plugin = universalApi()
  const configs = [
    { plugins: [plugin] } satisfies UserConfig6,
    { plugins: [plugin] } satisfies UserConfig7,
    { plugins: [plugin] } satisfies UserConfig8,
  ]
  expect(configs).toHaveLength(3)
  expect(universalApiByDefault).toBe(universalApi)
})

test('api.attach of what is no server is ERR_OPTION, before anything is kept of it', () => {
  for (const wrong of [undefined, null, 5173, {}]) {
    const attach = (): unknown => universalApi().api.attach(wrong as never)
    expect(attach).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION', message: expect.stringContaining('HTTP server') }),
    )
  }
})

test('a mistake in the options is thrown where they are written', () => {
  const mistakes: [unknown, string, RegExp][] = [
    [{ wsHandler: [] }, 'ERR_OPTION', /wsHandler".*wsHandlers/],
    [{ wsHandlers: [{ pattern: 1 }] }, 'ERR_OPTION', /wsHandlers\[0\]\.pattern/],
    [{ wsHandlers: [{ pattern: '/a' }, { pattern: '/a' }] }, 'ERR_PATTERN_DUPLICATE', /\/a/],
    [{ wsHandlers: [{ pattern: '/ws/{' }] }, 'ERR_PATTERN', /\/ws\/\{/],
    [{ sidecar: { host: '0.0.0.0' } }, 'ERR_OPTION', /loopback/],
    [{ sidecar: { port: -1 } }, 'ERR_OPTION', /sidecar\.port/],
    [{ wsDir: 7 }, 'ERR_OPTION', /wsDir/],
    [
      { wsHandlers: [{ pattern: '/a', responses: [{ match: () => true, response: 1n }] }] },
      'ERR_RESPONSE',
      /responses\[0\]/,
    ],
  ]
  for (const [options, code, message] of mistakes) {
    let thrown: unknown
    try {
      universalApi(options as object)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(SidewireError)
    expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) })
    // Vite shows the message alone when the configuration is edited.
    expect((thrown as Error).message).toMatch(/^universalApi\(\) of sidewire: /)
  }
})

describe.each(VITES)('$name', ({ load }) => {
  const plugin = () =>
    universalApi({
      endpointPrefix: ['/api', '/v2'],
      wsHandlers: [
        echo('/ws/chat', 'chat', {
          authenticate: true,
          heartbeat: 30_000,
          compression: true,
          subprotocols: ['a', 'b'],
        }),
        echo('game/{id}', 'game', { scope: 'path', inactivityTimeout: 5000 }),
        { pattern: '/ws/off', disabled: true },
      ],
    })

  test('the URL list names every handler with its options, and the runtime', async () => {
    const vite = await load()
    const https = createCertificate()
    for (const [start, config, scheme] of [
      [dev, {}, 'ws'],
      [preview, {}, 'ws'],
      [dev, { base: '/app/', server: { https } }, 'wss'],
      [dev, { server: { host: true } }, 'ws'],
    ] as const) {
      const api = plugin()
      const { server, terminal, port } = await start(vite, { ...config, plugins: [api] })
      server.printUrls()
      const host = 'server' in config && 'host' in config.server ? 'localhost' : '127.0.0.1'
      const printed = terminal.text
      for (const prefix of ['/api', '/v2']) {
        const origin = `${scheme}://${host}:${port}${prefix}`
        expect(printed).toMatch(
          new RegExp(`${origin}/ws/chat \\(authenticated, heartbeat 30000 ms, compression, a b\\)`),
        )
        expect(printed).toContain(`${origin}/game/{id} (inactivity 5000 ms, scope path)`)
      }
      expect(printed).toMatch(new RegExp(`runtime ${NODE_RUNTIME} at ws://127\\.0\\.0\\.1:\\d+`))
      expect(printed).toContain(api.api.url)
      expect(printed).not.toContain('/ws/off')
      // The list is right: what it names can be reached.
      const [, shown = ''] = /(wss?:\S+)\/game\/\{id\}/.exec(printed) ?? []
      expect(await (await connectWs(`${shown}/game/7`)).next()).toEqual({ hello: 'game' })
    }
  })

  test('virtual:sidewire gives the URL in dev, also over https', async () => {
    const vite = await load()
    const root = project({ 'main.js': "export { wsUrl } from 'virtual:sidewire'" })
    const api = plugin()
    const { server } = await dev(vite, { root, plugins: [api] })
    const module = await server.transformRequest('virtual:sidewire')
    expect(module?.code).toContain(`"${api.api.url}"`)
    const { wsUrl } = (await server.ssrLoadModule('/main.js')) as { wsUrl: typeof WsUrl }
    expect(await (await connectWs(`${wsUrl}/api/game/1`)).next()).toEqual({ hello: 'game' })
    const off = await dev(vite, { root, plugins: [universalApi()] })
    expect((await off.server.ssrLoadModule('/main.js'))['wsUrl']).toBeUndefined()
  })

  test('api publishes, counts, lists, and says when nothing runs', async () => {
    const { api } = plugin()
    expect(api.url).toBeUndefined()
    expect(api.connections).toEqual([])
    expect(() => api.stats()).toThrow('does not run')
    expect(() => api.publish('game/{id}', 1)).toThrow('does not run')
    const running = plugin()
    const { server, url } = await dev(await load(), { plugins: [running] })
    const client = await connectWs(`${url}/v2/game/7`)
    await client.next()
    running.api.publish('game/{id}', { to: 'all' })
    expect(await client.next()).toEqual({ to: 'all' })
    expect(() => running.api.publish('/nobody', 1)).toThrow(/no enabled handler/)
    expect(running.api.stats()).toMatchObject({ opened: 1, connections: 1 })
    expect(running.api.connections).toMatchObject([{ path: expect.stringContaining('/game/7'), rooms: [] }])
    expect(running.api.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/)
    await server.close()
    expect(running.api.connections).toEqual([])
    expect(() => running.api.stats()).toThrow('does not run')
  })
})
