import type { Server } from 'node:http'
import type { Plugin } from 'vite'
import { describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { universalApi } from '../../src/index.ts'
import { connectWs } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { backend, dev, echo, isListening, preview, project, VITES, write } from './rig.ts'

/** A WebSocket server of somebody else's on Vite's port, for one path; it refuses all other upgrades that it sees. */
const theirs: Plugin = {
  name: 'theirs',
  configureServer: ({ httpServer }) => listen(httpServer as Server),
  configurePreviewServer: ({ httpServer }) => listen(httpServer as Server),
}

function listen(server: Server): void {
  const sockets = new WebSocketServer({ server, path: '/theirs' })
  sockets.on('connection', (socket) => socket.send(JSON.stringify({ hello: 'theirs' })))
}

async function greeter(url: string): Promise<string> {
  const client = await connectWs(url)
  const greeting = await client.next()
  client.terminate()
  return 'backend' in greeting ? `backend ${greeting.backend}` : greeting.hello
}

const handler = (fields: string): string =>
  `export default { ${fields}, onConnect: (conn) => void conn.send({ hello: 'file' }) }`

describe.each(VITES)('$name', ({ load }) => {
  for (const start of [dev, preview]) {
    test(`${start.name}: prefix: false is claimed exactly, whatever the base is, and is listed as it stands`, async () => {
      const { url, server, terminal } = await start(await load(), {
        base: '/app/',
        plugins: [
          theirs,
          universalApi({
            wsHandlers: [
              echo('/socket.io/', 'socket', { prefix: false }),
              echo('/cable/{id}', 'cable', {
                prefix: false,
                onRequest: (req) => ({ status: 200, body: `plain ${req.params['id']}` }),
              }),
              echo('/ws/chat', 'behind'),
            ],
          }),
        ],
      })
      for (const [path, who] of [
        ['/socket.io/', 'socket'],
        ['/socket.io/?EIO=4&transport=websocket', 'socket'],
        ['/cable/7', 'cable'],
        ['/api/ws/chat', 'behind'],
        ['/app/api/ws/chat', 'behind'],
        ['/theirs', 'theirs'],
      ] as const)
        expect([path, await greeter(url + path)]).toEqual([path, who])
      // Others refuse what is not claimed.
      for (const path of ['/socket.io', '/app/socket.io/', '/cable/', '/cable/7/', '/ws/chat', '/'])
        await expect(connectWs(url + path)).rejects.toThrow('400')
      const http = url.replace('ws', 'http')
      expect(await (await fetch(`${http}/cable/7`)).text()).toBe('plain 7')
      expect(await (await fetch(`${http}/cable/7/8`)).text()).not.toContain('plain')
      server.printUrls()
      const listed = terminal.lines.join('\n').match(/ws:\/\/127\.0\.0\.1:\d+\/\S+/g) ?? []
      const paths = new Set(listed.map((each) => each.replace(/^ws:\/\/[^/]+/, '')))
      expect([...paths]).toEqual(['/socket.io/', '/cable/{id}', '/api/ws/chat'])
    })

    test(`${start.name}: beside a proxy the one that names more of the path wins, outside of the prefix too`, async () => {
      const { url: target } = await backend()
      const proxy = { '/live': { target, ws: true }, '/cable/': { target, ws: true } }
      const { url, terminal } = await start(await load(), {
        plugins: [
          universalApi({
            wsHandlers: [
              echo('/live/mock', 'mock', { prefix: false }),
              echo('/cable/', 'cable', { prefix: false }),
              echo('/**', 'all', { prefix: false }),
            ],
          }),
        ],
        server: { proxy },
        preview: { proxy },
      })
      for (const [path, who] of [
        ['/live/mock', 'mock'],
        ['/live/else', 'backend /live/else'],
        ['/cable/', 'backend /cable/'],
        ['/elsewhere', 'all'],
      ] as const)
        expect([path, await greeter(url + path)]).toEqual([path, who])
      expect(terminal.text).toMatch(/the handler \/cable\/ cannot be reached: the key "\/cable\/"/)
    })
  }

  test('a name that Vite does not serve is refused there, too', async () => {
    const { url } = await dev(await load(), {
      plugins: [universalApi({ wsHandlers: [echo('/cable', 'cable', { prefix: false })] })],
    })
    await expect(connectWs(`${url}/cable`, { headers: { Host: 'evil.example' } })).rejects.toThrow('403')
  })

  test('a handler file moves out of the prefix and back', async () => {
    const root = project({ 'mocks/a.ws.js': handler("pattern: '/cable', prefix: false") })
    const { url } = await dev(await load(), { root, plugins: [universalApi({ wsDir: 'mocks' })] })
    expect(await greeter(`${url}/cable`)).toBe('file')
    write(root, 'mocks/a.ws.js', handler("pattern: '/cable'"))
    const inside = (): Promise<string> => greeter(`${url}/api/cable`).catch(() => 'nobody')
    await expect.poll(inside, { interval: 50 }).toBe('file')
  })

  test('what comes while the handler files are loading waits for them', async () => {
    const name = `sidewireTest${Math.random().toString(36).slice(2)}`
    const shared = globalThis as unknown as Record<string, unknown>
    let go = (): void => {}
    shared[name] = new Promise<void>((resolve) => (go = resolve))
    const root = project({
      'mocks/a.ws.js': `await globalThis.${name}\n${handler("pattern: '/cable', prefix: false")}`,
    })
    const port = await freePort()
    const running = dev(await load(), { root, server: { port }, plugins: [universalApi({ wsDir: 'mocks' })] })
    await expect.poll(() => isListening(port)).toBe(true)
    const greeting = greeter(`ws://127.0.0.1:${port}/cable`)
    // Whoever asks later has his answer: the upgrade has come.
    await (await fetch(`http://127.0.0.1:${port}/main.js`)).text()
    go()
    expect(await greeting).toBe('file')
    await running
    Reflect.deleteProperty(shared, name)
  })
})
