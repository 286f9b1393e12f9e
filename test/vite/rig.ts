import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import * as vite8 from 'vite'
import type { InlineConfig, Logger, PreviewServer, ViteDevServer } from 'vite'
import { afterEach } from 'vitest'
import { WebSocketServer } from 'ws'
import type { UniversalApiWsHandler } from '../../src/index.ts'
import { within } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'

export type Vite = typeof vite8

const ALL: readonly { readonly name: string; load(): Promise<Vite> }[] = [
  { name: 'Vite 6', load: async () => (await import('vite6')) as unknown as Vite },
  { name: 'Vite 7', load: async () => (await import('vite7')) as unknown as Vite },
  { name: 'Vite 8', load: async () => vite8 },
]

/** Every Vite that the plugin is for; inside Bun that is the newest. */
export const VITES: typeof ALL = process.versions['bun'] === undefined ? ALL : ALL.slice(-1)

/** Whether the platform's node:http shows the body of a request that asks for an upgrade; Bun's does not. */
export const SHOWS_BODIES_OF_UPGRADES: boolean = process.versions['bun'] === undefined

const cleanups: (() => unknown)[] = []

/** Runs after the test, the last one first. */
export function defer(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed())
    await within(Promise.resolve(cleanup()), `no end of ${String(cleanup)}`, 100_000)
})

/** Whether anybody listens there. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const PAGE = '<!doctype html><html><body><script type="module" src="/main.js"></script></body></html>'
const MAIN = 'document.body.dataset.ready = "yes"\n'

/** A project folder of its own, gone after the test. */
export function project(files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'sidewire-vite-'))
  defer(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
  for (const [name, text] of Object.entries({ 'index.html': PAGE, 'main.js': MAIN, ...files }))
    write(root, name, text)
  return root
}

export function write(root: string, name: string, text: string): void {
  mkdirSync(dirname(join(root, name)), { recursive: true })
  writeFileSync(join(root, name), text)
}

/** What Vite and the plugin write to the terminal, colours removed. */
class Terminal {
  readonly lines: string[] = []
  readonly logger: Logger

  constructor() {
    const add = (message: string): void => void this.lines.push(stripVTControlCharacters(message))
    this.logger = {
      info: add,
      warn: add,
      warnOnce: add,
      error: add,
      clearScreen: () => {},
      hasErrorLogged: () => false,
      hasWarned: false,
    }
  }

  get text(): string {
    return this.lines.join('\n')
  }

  count(part: string): number {
    return this.lines.filter((line) => line.includes(part)).length
  }
}

export interface Running<S> {
  readonly server: S
  readonly port: number
  /** `ws://127.0.0.1:PORT`, or `wss:`. */
  readonly url: string
  readonly terminal: Terminal
}

/** Where a package that is asked for the project's Vite finds it. */
function linkVite(root: string, { version }: Vite): string {
  const folder = { 6: 'vite6', 7: 'vite7' }[Number.parseInt(version, 10)] ?? 'vite'
  const link = join(root, 'node_modules/vite')
  if (existsSync(link)) return root
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(fileURLToPath(new URL(`../../node_modules/${folder}`, import.meta.url)), link, 'junction')
  return root
}

export async function dev(vite: Vite, config: InlineConfig = {}): Promise<Running<ViteDevServer>> {
  const port = await freePort()
  const terminal = new Terminal()
  let ready: Promise<unknown> | undefined
  const watching = {
    name: 'watching',
    configureServer: ({ watcher }: ViteDevServer) => void (ready = once(watcher, 'ready')),
  }
  const server = await vite.createServer({
    configFile: false,
    customLogger: terminal.logger,
    // There is nothing to optimise.
    optimizeDeps: { noDiscovery: true },
    ...config,
    plugins: [watching, ...(config.plugins ?? [])],
    root: linkVite(config.root ?? project(), vite),
    server: { host: '127.0.0.1', port, strictPort: true, ...config.server },
  })
  defer(() => server.close())
  // A change during the first scan of the folders would go unseen.
  await ready
  if (!server.config.server.middlewareMode) await server.listen()
  return { server, port, url: `${server.config.server.https ? 'wss' : 'ws'}://127.0.0.1:${port}`, terminal }
}

/** Builds the project first. */
export async function preview(vite: Vite, config: InlineConfig = {}): Promise<Running<PreviewServer>> {
  const port = await freePort()
  const terminal = new Terminal()
  const common = {
    root: config.root ?? project(),
    configFile: false,
    customLogger: terminal.logger,
    ...config,
  } as const
  await vite.build({ ...common, logLevel: 'warn' }) // its progress does not go through the logger
  const server = await vite.preview({
    ...common,
    preview: { host: '127.0.0.1', port, strictPort: true, ...config.preview },
  })
  defer(() => server.close())
  return { server, port, url: `${server.config.preview.https ? 'wss' : 'ws'}://127.0.0.1:${port}`, terminal }
}

/** A handler that greets with its name and echoes. */
export function echo(
  pattern: string,
  name: string = pattern,
  more: Partial<UniversalApiWsHandler> = {},
): UniversalApiWsHandler {
  return {
    pattern,
    onConnect: (conn) => void conn.send({ hello: name }),
    onMessage: (conn, data) => void conn.send({ [name]: data }),
    ...more,
  }
}

/** A WebSocket server of somebody else. */
export async function backend(): Promise<{ readonly url: string; readonly port: number }> {
  const http = createHttpServer((_request, response) => response.end('backend'))
  const server = new WebSocketServer({ server: http })
  server.on('connection', (socket, request) => {
    socket.send(JSON.stringify({ backend: request.url }))
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  defer(() => {
    for (const client of server.clients) client.terminate()
    http.close()
  })
  const { port } = http.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port }
}
