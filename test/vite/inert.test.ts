import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Plugin, ViteDevServer } from 'vite'
import { WebSocketServer } from 'ws'
import { describe, expect, test } from 'vitest'
import { universalApi } from '../../src/index.ts'
import { connectWs, within } from '../support/client.ts'
import { HANDSHAKE, RawClient } from '../support/raw-client.ts'
import { backend, dev, echo, VITES } from './rig.ts'

/** What Vite's own client gets into its page; there is no other way to it. */
function tokenOf({ config }: ViteDevServer): string {
  return (config as unknown as Record<'webSocketToken', string>).webSocketToken
}

/** The status that an upgrade is answered with. */
async function status(port: number, path: string, headers: Record<string, string> = {}): Promise<number> {
  const client = new RawClient(port)
  const { status: code } = await client.request(path, { ...HANDSHAKE, ...headers })
  client.tcp.destroy()
  return code
}

/** Answers upgrades of one path, and leaves the others alone. */
function secondPlugin(path: string): Plugin {
  const sockets = new WebSocketServer({ noServer: true })
  return {
    name: 'second',
    configureServer(server) {
      server.httpServer?.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (request.url?.startsWith(path))
          sockets.handleUpgrade(request, socket, head, (ws) =>
            ws.send(JSON.stringify({ second: request.url })),
          )
      })
    },
  }
}

describe.each(VITES)('$name', ({ load }) => {
  for (const [where, options, more] of [
    ['under no prefix', { endpointPrefix: '' }, {}],
    ['under the prefix "/"', { endpointPrefix: '/' }, {}],
    ['under a prefix', { endpointPrefix: '/api' }, {}],
    ['outside of the prefix', { endpointPrefix: '/api' }, { prefix: false }],
  ] as const) {
    test(`HMR and vite-ping stay Vite's with "/**" and "/*" ${where}`, async () => {
      const api = universalApi({
        ...options,
        enableWs: true,
        wsHandlers: [echo('/**', 'all', more), echo('/*', 'one', more)],
      })
      const { server, port, url } = await dev(await load(), { plugins: [api] })
      const hmr = await connectWs(`${url}/?token=${tokenOf(server)}`, {
        protocols: ['vite-hmr'],
      })
      expect(hmr.protocol).toBe('vite-hmr')
      expect(await hmr.next()).toEqual({ type: 'connected' })
      // A second 101, or a second server on the socket, would break the frames of the first.
      server.ws.send({ type: 'custom', event: 'still-vite', data: 'x'.repeat(70_000) })
      expect(await hmr.next()).toMatchObject({ event: 'still-vite' })
      const ping = await connectWs(`${url}/`, { protocols: ['vite-ping'] })
      expect(await ping.closed).toMatchObject({ code: 1000 })
      const client = await connectWs(`${url}${where === 'under a prefix' ? '/api' : ''}/x`)
      expect(await client.next()).toEqual({ hello: 'all' })
      expect(api.api.stats().opened).toBe(1)
      expect(await (await fetch(`http://127.0.0.1:${port}/main.js`)).text()).toContain('dataset.ready')
    })
  }

  test('HMR on a path of its own under our prefix', async () => {
    const api = universalApi({ wsHandlers: [echo('/**', 'all')] })
    const { server, url } = await dev(await load(), { plugins: [api], server: { hmr: { path: '/api/hmr' } } })
    const hmr = await connectWs(`${url}/api/hmr?token=${tokenOf(server)}`, {
      protocols: ['vite-hmr'],
    })
    expect(await hmr.next()).toEqual({ type: 'connected' })
    expect(await (await connectWs(`${url}/api/hmr`)).next()).toEqual({ hello: 'all' })
  })

  test('targets of server.proxy, under our prefix too, and whatever our patterns', async () => {
    const other = await backend()
    const api = universalApi({ wsHandlers: [echo('/**', 'all')] })
    const { port, url } = await dev(await load(), {
      plugins: [api],
      server: {
        proxy: {
          '/api/live': { target: other.url, ws: true },
          '/outside': {
            target: other.url.replace('http', 'ws'),
            rewrite: (path) => path.replace('/outside', '/in'),
          },
          '^/api/re[0-9]+': { target: other.url.replace('http', 'ws') },
          '/api/http-only': { target: other.url },
        },
      },
    })
    for (const [path, seen] of [
      ['/api/live/a', '/api/live/a'],
      ['/outside/b', '/in/b'],
      ['/api/re42', '/api/re42'],
    ] as const) {
      const client = await connectWs(url + path)
      expect(await client.next()).toEqual({ backend: seen })
      client.send('x'.repeat(100_000))
      expect(await client.next()).toBe('x'.repeat(100_000))
    }
    expect(api.api.stats().opened).toBe(0)
    expect(await (await connectWs(`${url}/api/http-only/ws`)).next()).toEqual({ hello: 'all' })
    expect(await (await fetch(`http://127.0.0.1:${port}/api/http-only`)).text()).toBe('backend')
  })

  test('what nobody claims under the prefix is refused, also with proxies', async () => {
    const other = await backend()
    const api = universalApi({ endpointPrefix: ['/api', '/v2'], wsHandlers: [echo('/ws/chat')] })
    const { port } = await dev(await load(), {
      plugins: [api],
      server: { proxy: { '/elsewhere': { target: other.url, ws: true } } },
    })
    expect(await status(port, '/api/ws/nothing')).toBe(404)
    expect(await status(port, '/api')).toBe(404)
    expect(await status(port, '/v2/x?y=/api')).toBe(404)
    expect(await status(port, '/api/ws/chat')).toBe(101)
  })

  test('what is outside of the prefix is not touched, nor anything without a prefix', async () => {
    const seen: string[] = []
    const watch = {
      name: 'watch',
      configureServer(server: any) {
        // Not an upgrade listener: with one, we would refuse nothing.
        const emit = server.httpServer.emit.bind(server.httpServer)
        server.httpServer.emit = (event: string, ...args: any[]) => {
          const answer = emit(event, ...args)
          if (event === 'upgrade') {
            const [request, socket] = args
            seen.push(
              `${request.url} ${socket.bytesWritten} ${socket.destroyed} ${socket.listenerCount('data')}`,
            )
            socket.end('HTTP/1.1 418 Untouched\r\nContent-Length: 0\r\n\r\n')
          }
          return answer
        }
      },
    }
    const plain = await dev(await load(), {
      plugins: [watch, universalApi({ wsHandlers: [echo('/ws/chat')] })],
    })
    for (const path of ['/ws/chat', '/apix', '/', '/ap']) expect(await status(plain.port, path)).toBe(418)
    expect(seen).toEqual(['/ws/chat 0 false 0', '/apix 0 false 0', '/ 0 false 0', '/ap 0 false 0'])
    for (const base of ['/', '/app/']) {
      const open = await dev(await load(), {
        base,
        plugins: [watch, universalApi({ endpointPrefix: '', wsHandlers: [echo('/ws/chat')] })],
      })
      expect(await status(open.port, '/other')).toBe(418)
      expect(await status(open.port, '/app/other')).toBe(418)
    }
  })

  test("another plugin's sockets under our prefix, and no hasty 404 of ours next to it", async () => {
    const api = universalApi({ wsHandlers: [echo('/ws/chat')] })
    const { url, server } = await dev(await load(), { plugins: [api, secondPlugin('/api/second')] })
    expect(await (await connectWs(`${url}/api/second/x`)).next()).toEqual({ second: '/api/second/x' })
    expect(await (await connectWs(`${url}/api/ws/chat`)).next()).toEqual({ hello: '/ws/chat' })
    // Theirs to answer, or not.
    const lost = new RawClient(Number(new URL(url).port))
    const answered = lost.request('/api/nobody').then(
      () => 'answered',
      () => 'ended',
    )
    const later = await connectWs(`${url}/api/ws/chat`)
    later.json(1)
    await later.next()
    expect(await later.next()).toEqual({ '/ws/chat': 1 })
    await server.close()
    expect(await within(answered, 'no end of the unanswered upgrade')).toBe('ended')
  })

  test('of several instances the first that matches answers, once', async () => {
    const first = universalApi({ wsHandlers: [echo('/ws/a', 'first'), echo('/ws/both', 'first')] })
    const second = universalApi({ wsHandlers: [echo('/ws/b', 'second'), echo('/ws/both', 'second')] })
    const third = universalApi({ endpointPrefix: '/v3', wsHandlers: [echo('/**', 'third')] })
    const { port, url } = await dev(await load(), { plugins: [first, second, third] })
    for (const [path, name] of [
      ['/api/ws/a', 'first'],
      ['/api/ws/b', 'second'],
      ['/api/ws/both', 'first'],
      ['/v3/ws/both', 'third'],
    ] as const) {
      const client = await new RawClient(port).open(path)
      expect(JSON.parse(await client.nextText())).toEqual({ hello: name })
      client.text('"once"')
      expect(JSON.parse(await client.nextText())).toEqual({ [name]: 'once' })
      client.closeFrame(1000)
      expect(await client.nextClose()).toEqual({ code: 1000, reason: '' })
      expect(client.frames.size).toBe(0)
    }
    expect(await status(port, '/api/ws/none')).toBe(404)
    expect([first, second, third].map(({ api }) => api.stats().opened)).toEqual([2, 1, 1])
    expect([first, second, third].map(({ api }) => api.stats().refused)).toEqual([1, 0, 0])
    await expect(connectWs(`${url}/api/ws/none`)).rejects.toThrow('404')
  })

  test('upgrades that come before the engine runs wait for it', async () => {
    const answers: Promise<number>[] = []
    const early = {
      name: 'early',
      configureServer(server: any) {
        const { port } = server.config.server
        server.httpServer.once('listening', () => {
          for (const path of ['/api/ws/a', '/api/ws/b', '/api/none']) answers.push(status(port, path))
        })
      },
    }
    const plugins = [
      early,
      universalApi({ wsHandlers: [echo('/ws/a')] }),
      universalApi({ wsHandlers: [echo('/ws/b')] }),
    ]
    await dev(await load(), { plugins })
    expect(await Promise.all(answers)).toEqual([101, 101, 404])
  })
})
