import { EventEmitter, once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Server as IoServer } from 'socket.io'
import { io } from 'socket.io-client'
import type { InlineConfig, Plugin, PreviewServer, ViteDevServer } from 'vite'
import { describe, expect, test } from 'vitest'
import { universalApi, type UniversalApiWsHandler } from '../../src/index.ts'
import { createCertificate } from '../cli/certificate.ts'
import { socketIo } from '../../src/presets/presets.ts'
import { freePort } from '../support/free-port.ts'
import { connectWs } from '../support/client.ts'
import { HANDSHAKE, RawClient } from '../support/raw-client.ts'
import { backend, defer, dev, echo, preview, project, VITES, write } from './rig.ts'

/** Says what it was asked, and greets as well. */
function answering(pattern: string, more: Partial<UniversalApiWsHandler> = {}): UniversalApiWsHandler {
  return { ...echo(pattern), onRequest: ({ method, url }) => ({ body: `${method} ${url}` }), ...more }
}

/** The body, or the status of an error. */
async function ask(port: number, path: string, init?: RequestInit): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init })
  const text = await response.text()
  return response.ok ? text : `${response.status}`
}

const PAGE = { headers: { Accept: 'text/html' } }
const FILES = {
  'public/api/public.json': '"public"',
  'public/api/ws/page.html': '<p>public page',
  'api/own.html': '<!doctype html><p>own page',
  'api/folder/index.html': '<!doctype html><p>folder page',
  'api/module.js': 'export const module = 1',
}

describe.each(VITES)('$name', ({ load }) => {
  for (const start of [dev, preview] as ((
    vite: any,
    config: InlineConfig,
  ) => ReturnType<typeof dev | typeof preview>)[]) {
    const isDev = start === dev
    test(`${start.name} leads plain HTTP to handlers with onRequest, and takes nothing that is there`, async () => {
      const { url: target } = await backend()
      const root = project(FILES)
      const input = ['index.html', 'api/own.html', 'api/folder/index.html'].map((file) => join(root, file))
      const build = { rollupOptions: { input } }
      const plugin = universalApi({
        wsHandlers: [
          answering('/ws/asked', {
            onRequest: async (req) => ({
              status: 201,
              headers: { 'X-Mine': 'yes' },
              body: {
                url: req.url,
                method: req.method,
                host: req.headers.host,
                from: req.socket.remoteAddress,
              },
            }),
          }),
          echo('/ws/silent'),
          answering('/ws/off', { disabled: true }),
          answering('/ws/undecided', { onRequest: () => undefined }),
          answering('/**'),
        ],
      })
      const mine: Plugin = {
        name: 'mine',
        configureServer: ({ middlewares }: ViteDevServer) => void middlewares.use('/api/mine', hello),
        configurePreviewServer: ({ middlewares }: PreviewServer) => void middlewares.use('/api/mine', hello),
      }
      const proxy = { '/api/proxied': target }
      const { port, url, terminal } = await start(await load(), {
        root,
        plugins: [plugin, mine],
        build,
        server: { proxy },
        preview: { proxy },
      })
      const response = await fetch(`http://127.0.0.1:${port}/api/ws/asked?a=b`, {
        method: 'POST',
        body: 'dropped',
      })
      expect([response.status, response.headers.get('x-mine'), await response.json()]).toEqual([
        201,
        'yes',
        { url: '/api/ws/asked?a=b', method: 'POST', host: `127.0.0.1:${port}`, from: '127.0.0.1' },
      ])
      expect(await ask(port, '/api/else', PAGE)).toBe('GET /api/else')
      expect(await ask(port, '/api/else', { method: 'DELETE' })).toBe('DELETE /api/else')
      expect(await ask(port, '/api/a.js')).toBe('GET /api/a.js')
      expect(await ask(port, '/api/ws/undecided')).toBe('426')
      const preflight = { Origin: 'http://localhost:1', 'Access-Control-Request-Method': 'PUT' }
      const allowed = await fetch(`http://127.0.0.1:${port}/api/else`, {
        method: 'OPTIONS',
        headers: preflight,
      })
      expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([
        204,
        'http://localhost:1',
      ])
      expect(
        (await fetch(`http://127.0.0.1:${port}/api/else`, { method: 'HEAD' })).headers.get('content-length'),
      ).toBe('14')
      // The first handler that matches decides, and this one leaves plain HTTP alone.
      expect(await ask(port, '/api/ws/silent', PAGE)).toContain('<script')
      // Disabled: the next one.
      expect(await ask(port, '/api/ws/off')).toBe('GET /api/ws/off')
      expect(await ask(port, '/api/mine', PAGE)).toBe('hello')
      expect(await ask(port, '/api/proxied/x', PAGE)).toBe('backend')
      expect(await ask(port, '/api/public.json')).toBe('"public"')
      expect(await ask(port, '/api/ws/page.html', PAGE)).toContain('public page')
      for (const path of ['/api/own', '/api/own.html'])
        expect(await ask(port, path, PAGE)).toContain('own page')
      expect(await ask(port, '/api/folder/', PAGE)).toContain('folder page')
      if (isDev) expect(await ask(port, '/api/module.js')).toContain('module = 1')
      for (const path of ['/', '/elsewhere']) expect(await ask(port, path, PAGE)).toContain('<script')
      expect(await (await connectWs(`${url}/api/ws/asked`)).next()).toEqual({ hello: '/ws/asked' })
      expect(terminal.text).not.toMatch(/error/i)
    })

    test(`${start.name}: with a base, both ways to write a URL work`, async () => {
      const plugin = universalApi({ wsHandlers: [answering('/ws/a')] })
      const { port } = await start(await load(), { base: '/app/', plugins: [plugin] })
      for (const path of ['/app/api/ws/a?x=1', '/api/ws/a?x=1'])
        expect(await ask(port, path)).toBe(`GET ${path}`)
      expect(await ask(port, '/api/ws/b')).toBe('404')
      expect(await ask(port, '/')).toBe('302')
      expect(await ask(port, '/app/', PAGE)).toContain('<script')
    })
  }

  test('handler files: onRequest comes, changes and goes with them', async () => {
    const says = (body: string): string =>
      `export default { pattern: '/ws/a', onRequest: () => ({ body: ${JSON.stringify(body)} }) }`
    const root = project({ 'mocks/other.ws.js': "export default { pattern: '/ws/other' }" })
    const plugin = universalApi({ wsDir: 'mocks' })
    const { port } = await dev(await load(), { root, plugins: [plugin], appType: 'mpa' })
    const seen = async (file: string, text: string | undefined, body: string): Promise<void> => {
      if (text === undefined) rmSync(join(root, file))
      else write(root, file, text)
      await expect.poll(() => ask(port, '/api/ws/a'), { interval: 20 }).toBe(body)
    }
    expect(await ask(port, '/api/ws/a')).toBe('404')
    await seen('mocks/a.ws.js', says('one'), 'one')
    await seen('mocks/a.ws.js', says('two'), 'two')
    await seen('mocks/a.ws.js', says('two').replace('pattern', 'disabled: true, pattern'), '404')
    await seen('mocks/a.ws.js', says('three'), 'three')
    await seen('mocks/a.ws.js', "export default { pattern: '/ws/a' }", '404')
    await seen('mocks/a.ws.js', says('four'), 'four')
    await seen('mocks/a.ws.js', undefined, '404')
  })

  test('under our prefix a request waits until the handler files are loaded, and a page does not', async () => {
    const root = project({
      'mocks/slow.ws.js': `
        await new Promise((resolve) => { globalThis.sidewireLoaded = resolve })
        export default { pattern: '/ws/slow', onRequest: () => ({ body: 'loaded' }) }`,
    })
    const port = await freePort()
    const plugin = universalApi({ wsDir: 'mocks' })
    const listening = new EventEmitter()
    const isUp = once(listening, 'now')
    Reflect.deleteProperty(globalThis, 'sidewireLoaded') // of another Vite's turn
    const started = dev(await load(), {
      root,
      plugins: [
        plugin,
        {
          name: 'up',
          configureServer: ({ httpServer }: ViteDevServer) =>
            void httpServer?.once('listening', () => listening.emit('now')),
        },
      ],
      server: { port },
    })
    await isUp
    const waiting = ask(port, '/api/ws/slow')
    expect(await ask(port, '/', PAGE)).toContain('<script')
    await expect
      .poll(() => typeof (globalThis as { sidewireLoaded?: unknown }).sidewireLoaded)
      .toBe('function')
    ;(globalThis as unknown as { sidewireLoaded(): void }).sidewireLoaded()
    expect(await waiting).toBe('loaded')
    await started
  })

  test('over TLS a browser asks by HTTP/2, and the name in Host is held against server.allowedHosts', async () => {
    const seen: unknown[] = []
    const plugin = universalApi({
      wsHandlers: [
        {
          pattern: '/ws/a',
          onRequest({ headers, rawHeaders, httpVersion, socket, url }) {
            seen.push([
              url,
              httpVersion,
              headers.host,
              socket.encrypted,
              rawHeaders.filter((name) => name.startsWith(':')),
            ])
            return { body: 'asked', headers: { 'X-Mine': 'yes' } }
          },
        },
      ],
    })
    const https = createCertificate()
    const { port } = await dev(await load(), { plugins: [plugin], server: { https } })
    const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
    defer(() => session.destroy())
    const stream = session.request({ ':path': '/api/ws/a?b', ':method': 'POST' })
    stream.end('a body')
    let status: unknown
    stream.on('response', (headers) => {
      status = [headers[':status'], headers['x-mine']]
    })
    let body = ''
    for await (const chunk of stream) body += String(chunk)
    expect([status, body]).toEqual([[200, 'yes'], 'asked'])
    expect(seen).toEqual([['/api/ws/a?b', '2.0', `127.0.0.1:${port}`, true, []]])
    const plain = await dev(await load(), { plugins: [plugin] })
    const refused = await new RawClient(plain.port).request('/api/ws/a', { Host: 'evil.example' })
    expect([refused.status, seen.length]).toEqual([403, 1])
  })

  test('in middleware mode and beside a framework that answers everything', async () => {
    const all = {
      name: 'framework',
      configureServer:
        ({ middlewares }: ViteDevServer) =>
        () =>
          void middlewares.use((request: IncomingMessage, response: ServerResponse) =>
            response.end(`framework ${request.url}`),
          ),
    }
    const plugin = universalApi({ wsHandlers: [answering('/ws/a'), echo('/ws/b')] })
    const { server } = await dev(await load(), {
      appType: 'custom',
      plugins: [all, plugin],
      server: { middlewareMode: true, ...({ ws: false } as object) },
    })
    const http = createHttpServer(server.middlewares)
    plugin.api.attach(http)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    defer(() => http.close())
    const { port } = http.address() as AddressInfo
    expect(await ask(port, '/api/ws/a')).toBe('GET /api/ws/a')
    expect(await ask(port, '/api/ws/b')).toBe('framework /api/ws/b')
    expect(await ask(port, '/')).toBe('framework /')
  })

  test('a handler outside of the prefix: socket.io on the port of Vite', async () => {
    const server = new IoServer()
    defer(() => server.close())
    server.on('connection', (socket) => socket.emit('hello', socket.handshake.query['who']))
    const { port } = await dev(await load(), { plugins: [universalApi({ wsHandlers: [socketIo(server)] })] })
    expect(await ask(port, '/socket.io/?EIO=4&transport=polling', PAGE)).toBe('400')
    expect(await ask(port, '/', PAGE)).toContain('<script')
    const client = io(`http://127.0.0.1:${port}`, { tryAllTransports: true, query: { who: 'me' } })
    defer(() => client.disconnect())
    expect(await once(client as never, 'hello')).toEqual(['me'])
  })

  test('where no handler can have onRequest, nothing is put into the stack', async () => {
    const names = async (...plugins: Plugin[]): Promise<string[]> => {
      const { server } = await dev(await load(), { plugins })
      return server.middlewares.stack.map(({ handle }) => (handle as { name?: string }).name ?? '')
    }
    const without = await names()
    const plugin = (handler: UniversalApiWsHandler): Plugin =>
      universalApi({ inspector: false, wsHandlers: [handler] })
    expect(await names(plugin(echo('/ws/a')))).toEqual(without)
    expect(await names(plugin(answering('/ws/a')))).toHaveLength(without.length + 1)
  })

  test('an upgrade to something else is plain HTTP here, too', async () => {
    const plugin = universalApi({ wsHandlers: [answering('/ws/a')] })
    const { port } = await dev(await load(), { plugins: [plugin] })
    const headers = { ...HANDSHAKE, Upgrade: 'h2c', 'Sec-WebSocket-Key': undefined }
    const { status, body } = await new RawClient(port).request('/api/ws/a', headers)
    expect([status, body]).toEqual([200, 'GET /api/ws/a'])
  })
})

function hello(_request: IncomingMessage, response: ServerResponse): void {
  response.end('hello')
}
