import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { Server as SocketServer } from 'socket.io'
import { io } from 'socket.io-client'
import type { Plugin, ViteDevServer } from 'vite'
import { WebSocketServer } from 'ws'
import { describe, expect, test } from 'vitest'
import { universalApi } from '../../src/index.ts'
import { connectWs } from '../support/client.ts'
import { HANDSHAKE, RawClient } from '../support/raw-client.ts'
import { backend, defer, dev, echo, preview, SHOWS_BODIES_OF_UPGRADES, VITES } from './rig.ts'

/** A plugin that adds its own sockets to Vite's server. */
function beside(use: (http: Server) => void): Plugin {
  return {
    name: 'beside',
    configureServer: ({ httpServer }) => use(httpServer as Server),
    configurePreviewServer: ({ httpServer }) => use(httpServer as Server),
  }
}

/** A plugin that answers a path with what was sent there. */
const bodies: Plugin = {
  name: 'bodies',
  configureServer: ({ middlewares }) => void middlewares.use('/bodies', sendBack),
  configurePreviewServer: ({ middlewares }) => void middlewares.use('/bodies', sendBack),
}

function sendBack(request: IncomingMessage, response: ServerResponse): void {
  void request.toArray().then((chunks) => response.end(`${request.method} ${chunks.join('')}`))
}

/** What curl --http2 and Java's client send with their first request. */
const H2C: Readonly<Record<string, string>> = {
  Connection: 'Upgrade, HTTP2-Settings',
  Upgrade: 'h2c',
  'HTTP2-Settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
}

/** Where Vite's own client connects to. */
function hmrUrl(url: string, { config }: ViteDevServer): string {
  return `${url}/?token=${(config as unknown as Record<'webSocketToken', string>).webSocketToken}`
}

/** A promise, and what fulfils it. */
function signal(): { readonly given: Promise<void>; give(): void } {
  let give = (): void => {}
  const given = new Promise<void>((resolve) => (give = resolve))
  return { given, give: () => give() }
}

describe.each(VITES)('$name', ({ load }) => {
  test('socket.io, which ends what nobody answers, does not see a handshake that waits for authenticate', async () => {
    let asked = signal()
    let allowed = signal()
    const slow = echo('/ws/slow', 'slow', {
      authenticate: async () => {
        asked.give()
        await allowed.given
        return true
      },
    })
    const sockets = beside((http) => {
      const server = new SocketServer(http, { destroyUpgradeTimeout: 50, serveClient: false })
      server.on('connection', (socket) => socket.on('ask', (text, answer) => answer(`io ${text}`)))
    })
    const { server, port, url } = await dev(await load(), {
      plugins: [sockets, universalApi({ wsHandlers: [slow] })],
    })
    for (const round of [1, 2]) {
      asked = signal()
      allowed = signal()
      const ours = connectWs(`${url}/api/ws/slow`)
      await asked.given
      // Later than ours and nobody's: when this one is ended, ours would have been.
      const theirs = new RawClient(port)
      const ended = theirs.request('/elsewhere').catch((error: Error) => error.message)
      expect(await ended).toContain('without a response')
      allowed.give()
      expect(await (await ours).next()).toEqual({ hello: 'slow' })

      const client = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnection: false })
      defer(() => client.close())
      expect(await client.timeout(5000).emitWithAck('ask', round)).toBe(`io ${round}`)
      const hmr = await connectWs(hmrUrl(url, server), { protocols: ['vite-hmr'] })
      expect(await hmr.next()).toEqual({ type: 'connected' })
      if (round === 1) await server.restart()
    }
  })

  test('what socket.io, or a listener that destroys, ends without a word is one line for each path, with a hint', async () => {
    const attachments = [
      (http: Server) => void new SocketServer(http, { destroyUpgradeTimeout: 50, serveClient: false }),
      (http: Server) => void http.on('upgrade', (_request, socket: Duplex) => socket.destroy()),
    ]
    for (const attach of attachments) {
      const { port, terminal } = await dev(await load(), {
        plugins: [beside(attach), universalApi({ wsHandlers: [echo('/ws/chat')] })],
      })
      for (const path of ['/api/ws/chta?token=secret', '/api/ws/chta', '/ws/chat'])
        await expect(new RawClient(port).request(path)).rejects.toThrow(/without a response|ECONNRESET/)
      const said = (): string[] => terminal.lines.filter((line) => line.includes('no handler matches'))
      await expect.poll(said).toHaveLength(2)
      expect(said()[0]).toMatch(
        /no handler matches the path "\/api\/ws\/chta"; did you mean \/api\/ws\/chat\?$/,
      )
      expect(said()[1]).toContain('nobody answers the upgrade of "/ws/chat"')
      expect(said()[1]).toMatch(/did you mean \/api\/ws\/chat\?$/)
    }
  })

  test('a client that leaves a handshake to others, who end it then, is no line', async () => {
    const seen = signal()
    const ended = signal()
    const theirs = beside(
      (http) =>
        void http.on('upgrade', (_request, socket: Duplex) => {
          socket.on('error', () => {})
          socket.on('close', () => ended.give())
          socket.on('end', () => socket.end())
          socket.resume()
          seen.give()
        }),
    )
    const { port, terminal } = await dev(await load(), {
      plugins: [theirs, universalApi({ wsHandlers: [echo('/ws/chat')] })],
    })
    const client = new RawClient(port)
    const answer = client.request('/api/theirs').catch(() => {})
    await seen.given
    client.tcp.end()
    await ended.given
    await answer
    expect(terminal.count('no handler matches')).toBe(0)
  })

  for (const start of [dev, preview]) {
    test(`${start.name}: ws's own server, which refuses every other path, refuses none of ours`, async () => {
      const greet = (where: string) => (http: Server) =>
        void new WebSocketServer({ server: http, path: `/api/${where}` }).on('connection', (socket) =>
          socket.send(JSON.stringify({ hello: where })),
        )
      const plugins = [
        beside(greet('theirs')),
        universalApi({ wsHandlers: [echo('/ws/chat', 'ours'), echo('/theirs', 'ours too')] }),
      ]
      const { url } = await start(await load(), { plugins })
      expect(await (await connectWs(`${url}/api/ws/chat`)).next()).toEqual({ hello: 'ours' })
      expect(await (await connectWs(`${url}/api/theirs`)).next()).toEqual({ hello: 'ours too' })
      await expect(connectWs(`${url}/api/nobody`)).rejects.toThrow('400')
      const other = await start(await load(), {
        plugins: [beside(greet('theirs')), universalApi({ wsHandlers: [echo('/ws/chat')] })],
      })
      expect(await (await connectWs(`${other.url}/api/theirs`)).next()).toEqual({ hello: 'theirs' })
    })
  }

  test('listeners see what is not claimed, all of them, in their order, untouched; and nothing else', async () => {
    const seen: string[] = []
    const listen = (name: string) => (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const { url, rawHeaders } = request
      const touched = ['data', 'readable', 'error'].filter((event) => socket.listenerCount(event) > 0)
      seen.push(`${name} ${url} ${rawHeaders[1]} ${touched.join()} ${head.length}`)
      if (name === 'last') socket.end('HTTP/1.1 418 Mine\r\nContent-Length: 0\r\n\r\n')
    }
    const plugin = universalApi({ wsHandlers: [echo('/ws/chat', 'chat')] })
    const { server } = await dev(await load(), { plugins: [plugin], server: { middlewareMode: true } })
    const http = createHttpServer()
    http.on('upgrade', listen('before'))
    plugin.api.attach(http)
    http.on('upgrade', listen('after'))
    http.prependListener('upgrade', listen('first'))
    http.once('upgrade', listen('once'))
    http.on('upgrade', listen('last'))
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    defer(() => http.close())
    const { port } = http.address() as AddressInfo
    const ask = async (path: string): Promise<number> => {
      const client = new RawClient(port)
      const { status } = await client.request(path, HANDSHAKE)
      client.tcp.destroy()
      return status
    }
    const passed = (path: string, ...names: string[]): string[] =>
      names.map((name) => `${name} ${path} 127.0.0.1  0`)
    expect(await ask('/api/ws/chat')).toBe(101)
    expect(seen.splice(0)).toEqual([])
    expect(await ask('/other?x')).toBe(418)
    expect(seen.splice(0)).toEqual(passed('/other?x', 'first', 'before', 'after', 'once', 'last'))
    expect(await ask('/api/none')).toBe(418)
    expect(seen.splice(0)).toEqual(passed('/api/none', 'first', 'before', 'after', 'last'))
    expect(await ask('http://127.0.0.1/api/none')).toBe(418)
    expect(seen.splice(0)).toEqual(passed('http://127.0.0.1/api/none', 'first', 'before', 'after', 'last'))
    await server.restart()
    expect(await ask('http://127.0.0.1/api/ws/chat')).toBe(101)
    expect(seen.splice(0)).toEqual([])
    await server.close()
    expect(await ask('/api/ws/chat')).toBe(418)
    expect(seen.splice(0)).toEqual(passed('/api/ws/chat', 'first', 'before', 'after', 'last'))
    expect(Object.hasOwn(http, 'emit')).toBe(false)
  })

  test('beside other listeners, what nobody answers for 5 s is 404 with a hint, and what somebody answers stays', async () => {
    const theirs = beside((http) => {
      const server = new WebSocketServer({ noServer: true })
      http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (request.url === '/api/theirs')
          server.handleUpgrade(request, socket, head, (ws) =>
            ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary })),
          )
      })
    })
    const plugins = [
      universalApi({ endpointPrefix: ['/api', '/v2'], wsHandlers: [echo('/ws/chat')] }),
      theirs,
    ]
    const { port, url, terminal } = await dev(await load(), { plugins })
    const quiet = await connectWs(`${url}/api/theirs`)
    const used = new RawClient(port)
    expect((await used.request('/main.js', {})).status).toBe(200)
    const answers = Promise.all([
      // What was written before does not count.
      used.request('/api/ws/chatt', HANDSHAKE),
      new RawClient(port).request('/v2/ws/Chat', HANDSHAKE),
    ])
    const started = performance.now()
    const [first, second] = await answers
    expect(performance.now() - started).toBeGreaterThan(4900)
    expect([first.status, second.status]).toEqual([404, 404])
    expect(first.body).toContain('did you mean /api/ws/chat?')
    expect(second.body).toContain('did you mean /v2/ws/chat?')
    expect(terminal.count('no handler matches the path')).toBe(2)
    quiet.json('still there')
    expect(await quiet.next()).toBe('still there')
  })

  test('an upgrade under a prefix that no handler matches is one line for each path, with a hint', async () => {
    const plugins = [universalApi({ wsHandlers: [echo('/ws/chat')] })]
    const { port, terminal } = await dev(await load(), { plugins })
    const quiet = await dev(await load(), {
      plugins: [universalApi({ wsHandlers: [echo('/ws/chat')], logLevel: 'warn' })],
    })
    for (const at of [port, quiet.port])
      for (const path of ['/api/ws/chatt?token=secret', '/api/ws/chatt', '/api/else/where'])
        expect((await new RawClient(at).request(path, HANDSHAKE)).status).toBe(404)
    const [first, second, ...more] = terminal.lines.filter((line) => line.includes('refused'))
    expect(first).toMatch(/no handler matches the path "\/api\/ws\/chatt"; did you mean \/api\/ws\/chat\?$/)
    expect(second).toMatch(/no handler matches the path "\/api\/else\/where"$/)
    expect(more).toEqual([])
    expect(quiet.terminal.count('refused')).toBe(0)
  })

  test('an upgrade outside of every prefix that nobody answers for 5 s is one line for each path, with a hint', async () => {
    const { port, terminal } = await dev(await load(), {
      plugins: [universalApi({ wsHandlers: [echo('/ws/chat')] })],
    })
    const clients = ['/ws/chat?token=secret', '/ws/chat', '//api/ws/chat', '/else/where'].map((path) => {
      const client = new RawClient(port)
      client.request(path, HANDSHAKE).catch(() => {})
      return client
    })
    const said = (): string[] => terminal.lines.filter((line) => line.includes('nobody answers')).toSorted()
    await expect.poll(said, { timeout: 8000 }).toHaveLength(3)
    const [second, third, first] = said()
    expect(first).toContain('"/ws/chat", and no handler matches it; did you mean /api/ws/chat?')
    expect(second).toContain('"//api/ws/chat", and no handler matches it; did you mean /api/ws/chat?')
    expect(third).toMatch(/"\/else\/where", and no handler matches it$/)
    for (const client of clients) client.tcp.destroy()
  })

  for (const start of [dev, preview]) {
    test(`${start.name}: an upgrade to something else than WebSocket is answered as the plain request that it is`, async () => {
      const { url: target } = await backend()
      const proxy = { '/proxied': { target, ws: true } }
      const plugins = [bodies, universalApi({ wsHandlers: [echo('/ws/chat')] })]
      const { port, url } = await start(await load(), { plugins, server: { proxy }, preview: { proxy } })
      // Where a handler matches, where none does, where Vite has a page, where others answer.
      for (const path of ['/api/ws/chat', '/api/none', '/', '/none.js', '/proxied/x', '/bodies']) {
        const ask = async (more: Record<string, string>): Promise<unknown[]> => {
          const client = new RawClient(port)
          const { status, headers, body } = await client.request(path, more)
          client.tcp.destroy()
          return [path, status, headers['content-type'], body]
        }
        const plain = await ask({})
        expect(await ask(H2C)).toEqual(plain)
        expect(await ask({ ...H2C, Upgrade: 'TLS/1.0, IRC/6.9' })).toEqual(plain)
      }
      // What follows the head, in the same packet and later, is the body of the request.
      const posting = new RawClient(port)
      const posted = posting.request('/bodies', { ...H2C, 'Content-Length': '8' }, 'POST /bodies HTTP/1.1')
      posting.tcp.write('body')
      posting.tcp.write('more')
      expect(await posted).toMatchObject(
        SHOWS_BODIES_OF_UPGRADES ? { status: 200, body: 'POST bodymore' } : { status: 501 },
      )
      posting.tcp.destroy()
      // The connection goes on, up to an upgrade that is one.
      const client = new RawClient(port)
      expect((await client.request('/bodies', H2C)).body).toBe('GET ')
      expect((await client.request('/bodies', {})).body).toBe('GET ')
      await client.open('/api/ws/chat')
      expect(JSON.parse(await client.nextText())).toEqual({ hello: '/ws/chat' })
      client.tcp.destroy()
      expect(await (await connectWs(`${url}/proxied/x`)).next()).toEqual({ backend: '/proxied/x' })
    })
  }

  test('an upgrade to something else than WebSocket is for those who listen, and a plain request if nobody answers', async () => {
    const theirs = beside((http) => {
      http.on('upgrade', ({ headers, url }: IncomingMessage, socket: Duplex) => {
        if (url === '/theirs')
          socket.end(`HTTP/1.1 101 \r\nConnection: Upgrade\r\nUpgrade: ${headers.upgrade}\r\n\r\n`)
      })
    })
    const plugins = [theirs, bodies, universalApi({ wsHandlers: [echo('/ws/chat')] })]
    const { port } = await dev(await load(), { plugins })
    expect(await new RawClient(port).request('/theirs', H2C)).toMatchObject({
      status: 101,
      headers: { upgrade: 'h2c' },
    })
    const client = new RawClient(port)
    expect(await client.request('/bodies', H2C)).toMatchObject({ status: 200, body: 'GET ' })
    client.tcp.destroy()
  })
})
