import type { IncomingMessage, Server as HttpServer } from 'node:http'
import type { Duplex } from 'node:stream'
import type { PreviewServer, ResolvedConfig, ViteDevServer } from 'vite'
import type { UniversalApiWsHandler } from '../engine/handler.ts'
import type { Logger } from '../engine/logger.ts'
import type { ResolvedPluginOptions, ServerOptions } from '../engine/options.ts'
import { createServer, type Server } from '../server/server.ts'
import { claim, type ClaimRules } from './claim.ts'
import type { HandlerFiles } from './handler-files.ts'
import { createTunnel, type Tunnel } from './tunnel.ts'
import { describeHandlers } from './url-list.ts'

/** Which of Vite's servers the plugin serves. */
export type Host =
  | { readonly kind: 'dev'; readonly server: ViteDevServer }
  | { readonly kind: 'preview'; readonly server: PreviewServer }

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

/** Upgrades that an instance of the plugin has answered, and the listeners that are an instance's. */
const taken = new WeakSet<IncomingMessage>()
const ourListeners = new WeakSet<object>()

/** One Vite server's way to its sidecar: starts it, decides which upgrades go there, and ends with the server. */
export class Gateway {
  readonly #options: ResolvedPluginOptions
  readonly #host: Host
  readonly #config: ResolvedConfig
  readonly #logger: Logger
  readonly #tunnel: Tunnel
  readonly #detach = new Set<() => void>()
  #files: HandlerFiles | undefined
  #handlers: readonly UniversalApiWsHandler[] = []
  #server: Server | undefined
  #ready: Promise<Server> | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedPluginOptions, host: Host) {
    this.#options = options
    this.#host = host
    this.#config = host.server.config
    this.#logger = viteLogger(this.#config)
    this.#tunnel = createTunnel(
      async () => (await this.ready).url.replace(/^ws/, 'http'),
      (error) => this.#logger.error(`the way to the sidecar failed: ${error.message}`),
    )
  }

  get server(): Server | undefined {
    return this.#closing ? undefined : this.#server
  }

  /** The running sidecar; the first one to ask starts it. */
  get ready(): Promise<Server> {
    return (this.#ready ??= this.#start())
  }

  /** Binds the sidecar's life to that of the Vite server. */
  async serve(): Promise<void> {
    const { httpServer } = this.#host.server
    this.#closeWithVite()
    this.#printWithVite()
    if (httpServer) {
      this.attach(httpServer as HttpServer)
      this.#startWithVite()
      return
    }
    const { url } = await this.ready
    this.#logger.info(
      `middleware mode has no HTTP server: the handlers are at ${url}; plugin.api.attach(httpServer) leads its upgrades there`,
    )
  }

  /** Leads the server's upgrades to the sidecar. Returns a function that takes it back. */
  attach(httpServer: HttpServer): () => void {
    const listener: UpgradeListener = (request, socket, head) => {
      if (this.#server) this.#upgrade(httpServer, request, socket, head)
      else void this.ready.then(() => this.#upgrade(httpServer, request, socket, head)).catch(() => socket.destroy())
    }
    ourListeners.add(listener)
    httpServer.on('upgrade', listener)
    const detach = (): void => {
      httpServer.off('upgrade', listener)
      this.#detach.delete(detach)
    }
    this.#detach.add(detach)
    return detach
  }

  /** 1001 to all, through the tunnel, before Vite destroys its sockets. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      for (const detach of this.#detach) detach()
      await this.#files?.close()
      const server = await this.#ready?.catch(() => undefined)
      await Promise.all([server?.close(), this.#tunnel.close(this.#options.shutdownTimeout)])
    })()
    return this.#closing
  }

  async #start(): Promise<Server> {
    const { wsDir, sidecar } = this.#options
    if (wsDir !== undefined) {
      const { HandlerFiles } = await import('./handler-files.ts')
      this.#files = new HandlerFiles(this.#host, wsDir, this.#logger)
      this.#handlers = await this.#files.load()
    }
    const server = await createServer(this.#serverOptions(sidecar))
    this.#server = server
    this.#files?.watch((handlers) => {
      const before = this.#handlers
      this.#handlers = handlers
      try {
        server.reload(this.#serverOptions(sidecar))
      } catch (error) {
        this.#handlers = before
        throw error
      }
    })
    return server
  }

  #serverOptions({ host, port }: { host: string; port: number }): ServerOptions {
    const { engine, prefixes } = this.#options
    const base = this.#config.base.replace(/\/$/, '')
    // With a base, both ways to write a URL work: with it, as pages do, and without.
    const based = base.startsWith('/') ? prefixes.map((prefix) => base + prefix) : []
    return {
      ...engine,
      endpointPrefix: [...new Set([...prefixes, ...based])],
      wsHandlers: [...(engine.wsHandlers ?? []), ...this.#handlers],
      logger: engine.logger ?? this.#logger,
      host,
      port,
      proxySecret: this.#tunnel.secret,
    }
  }

  #upgrade(httpServer: HttpServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (taken.has(request)) return
    const verdict = claim(request, this.#rules())
    if (verdict === 'not ours') return
    if (verdict === 'unknown') return this.#refuseUnlessTaken(httpServer, request, socket)
    // Before anything else: a client that resets now must not end the dev server.
    socket.on('error', () => socket.destroy())
    taken.add(request)
    if (verdict === 'forbidden') {
      const option = this.#host.kind === 'dev' ? 'server.allowedHosts' : 'preview.allowedHosts'
      return refuse(socket, 403, 'Forbidden', `This host is not allowed; add it to ${option} in the Vite config`)
    }
    this.#tunnel.pass(request, socket, head)
  }

  /** Another instance may still take it, and another plugin may answer later; a socket that nobody takes would hang. */
  #refuseUnlessTaken(httpServer: HttpServer, request: IncomingMessage, socket: Duplex): void {
    if (this.#othersListen(httpServer)) return
    queueMicrotask(() => {
      if (taken.has(request)) return
      taken.add(request)
      socket.on('error', () => socket.destroy())
      refuse(socket, 404, 'Not Found', 'No WebSocket handler matches this path')
    })
  }

  /** Whether anyone but Vite and this plugin listens for upgrades. */
  #othersListen(httpServer: HttpServer): boolean {
    const others = httpServer
      .listeners('upgrade')
      .filter((listener) => !ourListeners.has(listener) && listener.name !== 'hmrServerWsListener')
    // Vite adds one listener, without a name, for all of its proxies.
    const viteProxies = this.#proxies() === undefined ? 0 : 1
    return others.length > viteProxies
  }

  #rules(): ClaimRules {
    const { server, preview } = this.#config
    const { allowedHosts } = this.#host.kind === 'dev' ? server : preview
    // Vite 6 keeps what it adds by itself apart.
    const { additionalAllowedHosts = [] } = this.#config as { additionalAllowedHosts?: string[] }
    return {
      matches: (path) => this.#server?.matches(path) ?? false,
      prefixes: this.#options.prefixes.filter((prefix) => prefix !== ''),
      allowedHosts: allowedHosts === true ? true : [...(allowedHosts ?? []), ...additionalAllowedHosts],
      proxied: Object.entries(this.#proxies() ?? {}).flatMap(([context, target]) => {
        const proxy = typeof target === 'string' ? { target } : target
        return proxy.ws || /^wss?:/.test(String(proxy.target)) ? [context] : []
      }),
    }
  }

  #proxies(): ResolvedConfig['server']['proxy'] {
    return this.#host.kind === 'dev' ? this.#config.server.proxy : this.#config.preview.proxy
  }

  #startWithVite(): void {
    const { server } = this.#host
    if (this.#host.kind === 'dev') {
      const dev = this.#host.server
      const listen = dev.listen.bind(dev)
      dev.listen = async (...args) => {
        const result = await listen(...args)
        await this.ready
        return result
      }
    } else server.httpServer?.once('listening', () => void this.ready.catch(() => {}))
  }

  #closeWithVite(): void {
    const target = this.#host.server as unknown as Record<string, (...args: unknown[]) => Promise<void>>
    // What `close()` and a restart both call in Vite 8; in Vite 6 and 7 that is `close()` itself.
    const name = typeof target['_closeServer'] === 'function' ? '_closeServer' : 'close'
    const close = target[name]
    target[name] = async (...args) => {
      await this.close()
      return close?.apply(this.#host.server, args)
    }
  }

  #printWithVite(): void {
    const { server } = this.#host
    const print = server.printUrls.bind(server)
    server.printUrls = () => {
      print()
      const sidecar = this.#server
      if (!sidecar) return
      const [own] = [...(server.resolvedUrls?.local ?? []), ...(server.resolvedUrls?.network ?? [])]
      const handlers = [...(this.#options.engine.wsHandlers ?? []), ...this.#handlers]
      const lines = describeHandlers(handlers, this.#options.prefixes, own, sidecar)
      for (const line of lines) this.#config.logger.info(line)
    }
  }
}

function refuse(socket: Duplex, status: number, name: string, body: string): void {
  socket.end(
    `HTTP/1.1 ${status} ${name}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}

function viteLogger({ logger }: ResolvedConfig): Logger {
  const timestamp = true
  return {
    error: (message) => logger.error(message, { timestamp }),
    warn: (message) => logger.warn(message, { timestamp }),
    info: (message) => logger.info(message, { timestamp }),
    debug: (message) => logger.info(message, { timestamp }),
  }
}
