import type { IncomingMessage, Server as HttpServer } from 'node:http'
import type { Duplex } from 'node:stream'
import type { PreviewServer, ResolvedConfig, ViteDevServer } from 'vite'
import type { UniversalApiWsHandler } from '../engine/handler.ts'
import type { Logger } from '../engine/logger.ts'
import { nearestHandler, noHandler } from '../engine/nearest-handler.ts'
import type { ResolvedPluginOptions, ServerOptions } from '../engine/options.ts'
import { clearTimeout, setTimeout } from '../engine/timers.ts'
import type { Target } from '../server/handshake.ts'
import { createServer, type RefusalReason, type Server, type Stats } from '../server/server.ts'
import { claim, type Claim, type ClaimRules } from './claim.ts'
import type { HandlerFiles } from './handler-files.ts'
import { HandlerPaths } from './handler-paths.ts'
import { parentServers, urlOf } from './parent-server.ts'
import { ProxyKeys } from './proxy-keys.ts'
import { Switchboard, type Member } from './switchboard.ts'
import { createTunnel, TUNNEL_HEADERS, type Tunnel } from './tunnel.ts'
import { describeHandlers } from './url-list.ts'

/** Which of Vite's servers the plugin serves. */
export type Host =
  | { readonly kind: 'dev'; readonly server: ViteDevServer }
  | { readonly kind: 'preview'; readonly server: PreviewServer }

/** The gateways of this process that hold a port of the user's choice. */
const holders = new Map<number, Gateway>()
/** How long a restart takes, at most, between making the new server and closing the old one. */
const SUCCESSION_MS = 5000

/** One Vite server's way to its sidecar: starts it, decides which upgrades go there, and ends with the server. */
export class Gateway implements Member {
  readonly #options: ResolvedPluginOptions
  readonly #host: Host
  readonly #config: ResolvedConfig
  readonly #logger: Logger
  readonly #tunnel: Tunnel
  readonly #proxies: ProxyKeys
  #paths: HandlerPaths
  /** What has been said of handlers that proxies hide. */
  readonly #warned = new Set<string>()
  readonly #detach = new Map<HttpServer, () => void>()
  #rules: ClaimRules | undefined
  #files: HandlerFiles | undefined
  #server: Server | undefined
  #ready: Promise<Server> | undefined
  /** Or has failed to. */
  #hasStarted = false
  #closing: Promise<void> | undefined
  #predecessor: Gateway | undefined
  readonly #waiters: (() => void)[] = []

  constructor(options: ResolvedPluginOptions, host: Host) {
    this.#options = options
    this.#host = host
    this.#config = host.server.config
    this.#logger = viteLogger(this.#config)
    this.#proxies = new ProxyKeys(host)
    this.#paths = new HandlerPaths([], [])
    this.#tunnel = createTunnel(
      () => {
        if (!this.#server) throw new Error('the sidecar does not run')
        return this.#server.url.replace(/^ws/, 'http')
      },
      (error) => this.#logger.error(`the way to the sidecar failed: ${error.message}`),
    )
  }

  get server(): Server | undefined {
    return this.#closing ? undefined : this.#server
  }

  /** The sidecar's counters, with the handshakes that never got there. */
  stats(): Stats | undefined {
    const stats = this.server?.stats()
    if (!stats) return undefined
    for (const [name, count] of Object.entries(this.#tunnel.refusedBy)) {
      const reason = name as RefusalReason
      stats.refused += count
      stats.refusedBy[reason] = (stats.refusedBy[reason] ?? 0) + count
    }
    return stats
  }

  /** The running sidecar; the first one to ask starts it. */
  get ready(): Promise<Server> {
    this.#ready ??= this.#start().finally(() => (this.#hasStarted = true))
    return this.#ready
  }

  /** Binds the sidecar's life to that of the Vite server. */
  async serve(): Promise<void> {
    const { httpServer } = this.#host.server
    this.#closeWithVite()
    this.#printWithVite()
    if (httpServer) {
      this.attach(httpServer as HttpServer)
      await this.#startWithVite(httpServer as HttpServer)
      return
    }
    for (const parent of parentServers(this.#config)) this.attach(parent)
    this.#predecessor = holders.get(this.#options.sidecar.port)
    // A restart makes the new server first, and closes the old one when this has resolved.
    if (this.#predecessor)
      void this.#announce().catch((error: Error) => this.#closing ?? this.#logger.error(error.message))
    else await this.#announce()
  }

  /** Leads the server's upgrades to the sidecar, until `detach` or the end. */
  attach(httpServer: HttpServer): void {
    if (!this.#detach.has(httpServer)) this.#detach.set(httpServer, Switchboard.join(httpServer, this))
  }

  detach(httpServer: HttpServer): void {
    this.#detach.get(httpServer)?.()
    this.#detach.delete(httpServer)
  }

  /** 1001 to all, through the tunnel, before Vite destroys its sockets. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#files?.close()
      const server = await this.#ready?.catch(() => undefined)
      await Promise.all([server?.close(), this.#tunnel.close(this.#options.shutdownTimeout)])
      // Last: who comes in the meantime is refused instead of left hanging.
      for (const httpServer of [...this.#detach.keys()]) this.detach(httpServer)
      const { port } = this.#options.sidecar
      if (holders.get(port) === this) holders.delete(port)
      for (const waiter of this.#waiters.splice(0)) waiter()
    })()
    return this.#closing
  }

  /** Resolves once the port is free, or when it is clear that this one stays: then listening says so. */
  async leave(port: number): Promise<void> {
    if (holders.get(port) !== this) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.shutdownTimeout + SUCCESSION_MS)
      this.#waiters.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  // What the switchboard asks

  get starting(): Promise<unknown> | undefined {
    return this.#hasStarted || this.#closing ? undefined : this.ready
  }

  viteListeners(httpServer: HttpServer): number {
    const own = this.#host.server.httpServer
    if (httpServer !== own && !parentServers(this.#config).includes(httpServer)) return 0
    const hmr = httpServer
      .listeners('upgrade')
      .filter((listener) => listener.name === 'hmrServerWsListener').length
    // Vite adds one listener, without a name, for all of its proxies.
    return hmr + (httpServer === this.#proxies.server ? 1 : 0)
  }

  claim(httpServer: HttpServer, request: IncomingMessage, target: Target): Claim {
    return claim(httpServer, request, target, (this.#rules ??= this.#makeRules()))
  }

  take(verdict: Parameters<Member['take']>[0], request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (verdict === 'ours') {
      this.#tunnel.pass(request, socket, head)
      return
    }
    if (verdict === 'unknown') {
      this.#tunnel.refuse(request, socket, 'path', 404, noHandler(this.nearest(request.url ?? '/')))
      return
    }
    const option = this.#host.kind === 'dev' ? 'server.allowedHosts' : 'preview.allowedHosts'
    const host = JSON.stringify(request.headers.host)
    this.#logger.warn(`refused a WebSocket under the name ${host}; if it is yours, add it to ${option}`)
    this.#tunnel.refuse(
      request,
      socket,
      'host',
      403,
      `This host is not allowed; add it to ${option} in the Vite config`,
    )
  }

  /** The handler that the client may have meant. */
  nearest(url: string): string | undefined {
    const patterns = this.#handlers().flatMap(({ pattern, disabled }) => (disabled ? [] : [pattern]))
    return nearestHandler(url.split(/[?#]/, 1)[0] ?? '/', this.#options.prefixes, patterns)
  }

  // Starting

  async #start(): Promise<Server> {
    const { wsDir, sidecar } = this.#options
    if (this.#predecessor) await this.#predecessor.leave(sidecar.port)
    if (wsDir !== undefined) {
      const { HandlerFiles } = await import('./handler-files.ts')
      this.#files = new HandlerFiles(this.#host, wsDir, this.#options.engine.wsHandlers ?? [], this.#logger)
      await this.#files.load()
    }
    const server = await createServer(this.#serverOptions())
    if (sidecar.port !== 0) holders.set(sidecar.port, this)
    this.#server = server
    this.#lookAtPaths()
    this.#files?.watch(() => {
      server.reload(this.#serverOptions())
      this.#lookAtPaths()
    })
    return server
  }

  /** Call it when the handlers have changed. */
  #lookAtPaths(): void {
    this.#paths = new HandlerPaths(this.#handlers(), this.#prefixes())
    for (const line of this.#proxies.warnings(this.#paths.all)) {
      if (!this.#warned.has(line)) this.#logger.warn(line)
      this.#warned.add(line)
    }
  }

  /** Middleware mode: nobody else says where the handlers are. */
  async #announce(): Promise<void> {
    const { url } = await this.ready
    const [parent] = parentServers(this.#config)
    if (!parent)
      this.#logger.info(
        `middleware mode has no HTTP server: the handlers are at ${url}; plugin.api.attach(httpServer) leads its upgrades there`,
      )
    else if (parent.listening) this.#print(urlOf(parent))
    else parent.once('listening', () => this.#print(urlOf(parent)))
  }

  /** The URL list of the handlers, at this server of the project's. */
  #print(ownUrl: string | undefined): void {
    const sidecar = this.server
    if (!sidecar) return
    const { prefixes } = this.#options
    const lines = describeHandlers(this.#handlers(), prefixes, this.#proxies, ownUrl, sidecar)
    for (const line of lines) this.#config.logger.info(line)
  }

  #serverOptions(): ServerOptions {
    const { engine, sidecar } = this.#options
    return {
      ...engine,
      endpointPrefix: this.#prefixes(),
      wsHandlers: this.#handlers(),
      logger: engine.logger ?? this.#logger,
      ...sidecar,
      proxySecret: this.#tunnel.secret,
      proxyHeaders: TUNNEL_HEADERS,
    }
  }

  #handlers(): readonly UniversalApiWsHandler[] {
    return [...(this.#options.engine.wsHandlers ?? []), ...(this.#files?.handlers ?? [])]
  }

  /** With a base, both ways to write a URL work: with it, as pages do, and without. */
  #prefixes(): readonly string[] {
    const { prefixes } = this.#options
    const base = this.#config.base.replace(/\/$/, '')
    return [
      ...new Set([...prefixes, ...(base.startsWith('/') ? prefixes.map((prefix) => base + prefix) : [])]),
    ]
  }

  #makeRules(): ClaimRules {
    const { server, preview } = this.#config
    const { allowedHosts } = this.#host.kind === 'dev' ? server : preview
    // Vite 6 keeps what it adds by itself apart.
    const { additionalAllowedHosts = [] } = this.#config as { additionalAllowedHosts?: string[] }
    // Without a prefix all paths are everybody's, below the base too.
    const prefixes = this.#options.prefixes.includes('') ? [] : this.#prefixes()
    return {
      find: (path) => (this.starting ? 'not yet known' : this.#paths.find(path)),
      prefixes,
      allowedHosts: allowedHosts === true ? true : [...(allowedHosts ?? []), ...additionalAllowedHosts],
      proxies: this.#proxies,
    }
  }

  async #startWithVite(httpServer: HttpServer): Promise<void> {
    if (this.#host.kind === 'preview') {
      // Nothing comes between this hook and listening; the URL list that follows needs the sidecar's port.
      await this.ready
      httpServer.on('error', (error: NodeJS.ErrnoException) => {
        // Vite tries the next port, unless it must not.
        if (error.code !== 'EADDRINUSE' || this.#config.preview.strictPort) void this.close()
      })
      return
    }
    const dev = this.#host.server
    const listen = dev.listen.bind(dev)
    dev.listen = async (...args) => {
      const result = await listen(...args)
      await this.ready
      return result
    }
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
      const [own] = [...(server.resolvedUrls?.local ?? []), ...(server.resolvedUrls?.network ?? [])]
      this.#print(own)
    }
  }
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
