import type { IncomingMessage, Server as HttpServer } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ResolvedConfig } from 'vite'
import { describe } from '../engine/errors.ts'
import { INSIDE, type WithInside } from '../engine/inside.ts'
import { createLogger, type Logger } from '../engine/logger.ts'
import { didYouMean, nearestHandler, noHandler } from '../engine/handshake/nearest-handler.ts'
import type { ResolvedPluginOptions } from '../engine/handler/options.ts'
import { pathOf } from '../engine/handshake/request.ts'
import { prefixesOf } from '../engine/handshake/routing.ts'
import { TrafficLog } from '../engine/traffic-log.ts'
import type { Target } from '../server/handshake.ts'
import type { Server, Stats } from '../server/server.ts'
import { claim, type Claim, type ClaimRules } from './claim.ts'
import { HandlerPaths, isUnder, type HandlerPath } from './handler-paths.ts'
import type { Host } from './host.ts'
import { InspectorLayer } from './inspector-layer.ts'
import { parentServers, urlOf } from './parent-server.ts'
import { ProxyKeys } from './proxy-keys.ts'
import { RequestLayer } from './request-layer.ts'
import type { Sidecar, Tenant } from './sidecar.ts'
import { Switchboard, type Member } from './switchboard.ts'
import { createTunnel, type Tunnel } from './tunnel.ts'
import { describeHandlers } from './url-list.ts'
import { UrlPrinter } from './url-printer.ts'
import { viteLogger } from './vite-logger.ts'

/** Whoever makes up paths shall fill neither the terminal nor the memory. */
const MAX_PATHS = 100

/** One Vite server's way to its sidecar: starts it, decides which upgrades go there, and ends with the server. */
export class Gateway implements Member, Tenant {
  readonly #options: ResolvedPluginOptions
  readonly host: Host
  readonly logger: Logger
  readonly #sidecar: Sidecar
  /** What never gets to the engine, in its words and where it writes them. */
  readonly #traffic: TrafficLog | undefined
  readonly #config: ResolvedConfig
  readonly #tunnel: Tunnel
  readonly #proxies: ProxyKeys
  readonly #urls: UrlPrinter
  readonly #inspector: InspectorLayer | undefined
  #paths: HandlerPaths
  /** The paths that have been said to have no answer. */
  readonly #unanswered = new Set<string>()
  /** What has been said of handlers that proxies hide. */
  readonly #warned = new Set<string>()
  readonly #detach = new Map<HttpServer, () => void>()
  #rules: ClaimRules | undefined
  #closing: Promise<void> | undefined

  constructor(options: ResolvedPluginOptions, host: Host, sidecar: Sidecar) {
    this.#options = options
    this.host = host
    this.#sidecar = sidecar
    this.#config = host.server.config
    this.logger = viteLogger(this.#config)
    const { logLevel = 'info', logger = this.logger } = options.engine
    this.#traffic = TrafficLog.for(createLogger(logLevel, logger), logLevel)
    this.#proxies = new ProxyKeys(host)
    this.#urls = new UrlPrinter(host, (ownUrl) => this.#describe(ownUrl))
    this.#paths = new HandlerPaths([], [])
    if (host.kind === 'dev' && (options.engine.inspector ?? true) !== false)
      this.#inspector = new InspectorLayer(
        host,
        () => (this.#closing ? undefined : sidecar.server),
        () => this.#allowedHosts,
      )
    this.#tunnel = createTunnel(
      sidecar.secret,
      () => {
        const { server } = sidecar
        if (!server) throw new Error('the sidecar does not run')
        return server.url.replace(/^ws/, 'http')
      },
      (error) => this.logger.error(`the way to the sidecar failed: ${error.message}`),
      ({ url = '/', headers: { origin }, socket: { remoteAddress = '' } }, answer, reason) => {
        this.#traffic?.refused({ url, remoteAddress }, answer)
        const { tap } = (sidecar.server as (Server & WithInside) | undefined)?.[INSIDE] ?? {}
        tap?.tell({
          type: 'refused',
          reason,
          pattern: undefined,
          url,
          remoteAddress,
          origin,
          answer,
          close: undefined,
        })
      },
    )
  }

  get refusedBy(): Readonly<Stats['refusedBy']> {
    return this.#tunnel.refusedBy
  }

  /** A server that only renders has none, though Nuxt hands it the browser's HTTP server; nor has Vitest's. */
  get hasClients(): boolean {
    if (this.host.kind === 'preview' || this.host.server.httpServer) return true
    const { build, server } = this.#config
    const hasSocket = (server as { readonly ws?: unknown }).ws !== false
    return !build.ssr && (hasSocket || parentServers(this.#config).length > 0)
  }

  /** With a base, both ways to write a URL work: with it, as pages do, and without. */
  get prefixes(): readonly string[] {
    const { prefixes } = this.#options
    const base = this.#config.base.replace(/\/$/, '')
    return [
      ...new Set([...prefixes, ...(base.startsWith('/') ? prefixes.map((prefix) => base + prefix) : [])]),
    ]
  }

  /** Binds the sidecar's life to that of the Vite server. */
  async serve(): Promise<void> {
    const { httpServer } = this.host.server
    this.#closeWithVite()
    this.#inspector?.place()
    if (httpServer) {
      this.attach(httpServer as HttpServer)
      await this.#startWithVite(httpServer as HttpServer)
      return
    }
    for (const parent of parentServers(this.#config)) this.attach(parent)
    if (!this.hasClients || this.#sidecar.isKept) return
    // A restart makes the new server first, and closes the old one when this has resolved.
    if (this.#sidecar.hasPredecessor) this.succeed()
    else await this.#announce()
  }

  /** Leads plain HTTP to the handlers that answer it; asked for when Vite's own middlewares are there. */
  answerRequests(): void {
    const { wsDir, engine } = this.#options
    // Those of files may get one at any time.
    if (wsDir === undefined && !engine.wsHandlers?.some((handler) => handler.onRequest !== undefined)) return
    const layer = new RequestLayer(this.host, {
      starting: (path) =>
        this.#ownPrefixes().some((prefix) => isUnder(path, prefix)) ? this.starting : undefined,
      answers: (path) => this.#paths.answers(path),
      server: () => (this.#closing ? undefined : this.#sidecar.server),
    })
    layer.place()
  }

  succeed(): void {
    const { httpServer } = this.host.server
    // One that does not listen yet starts it when it does.
    if (httpServer && !httpServer.listening) return
    void (httpServer ? this.#sidecar.ready : this.#announce()).catch(
      (error: Error) => this.#closing ?? this.logger.error(error.message),
    )
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
      this.#urls.close()
      await Promise.all([this.#sidecar.leave(this), this.#tunnel.close(this.#options.shutdownTimeout)])
      // Last: who comes in the meantime is refused instead of left hanging.
      for (const httpServer of [...this.#detach.keys()]) this.detach(httpServer)
    })()
    return this.#closing
  }

  // What the switchboard asks

  get starting(): Promise<unknown> | undefined {
    return this.#sidecar.hasStarted || this.#closing ? undefined : this.#sidecar.ready
  }

  viteListeners(httpServer: HttpServer): number {
    const own = this.host.server.httpServer
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
    if (this.#tunnel.refuseIfMalformed(request, socket)) return
    if (verdict === 'ours') {
      this.#tunnel.pass(request, socket, head)
      return
    }
    if (verdict === 'unknown') {
      const { url = '/' } = request
      const nearest = this.nearest(url)
      this.#traffic?.unmatched(pathOf(url), nearest)
      this.#tunnel.refuse(request, socket, 'path', 404, noHandler(nearest))
      return
    }
    const option = this.host.kind === 'dev' ? 'server.allowedHosts' : 'preview.allowedHosts'
    const host = JSON.stringify(request.headers.host)
    this.logger.warn(`refused a WebSocket under the name ${host}; if it is yours, add it to ${option}`)
    this.#tunnel.refuse(
      request,
      socket,
      'host',
      403,
      `This host is not allowed; add it to ${option} in the Vite config`,
    )
  }

  unanswered({ url }: Target, where: Parameters<Member['unanswered']>[1]): void {
    const nearest = this.nearest(url)
    if (where === 'under a prefix') {
      this.#traffic?.unmatched(pathOf(url), nearest)
      return
    }
    const path = describe(pathOf(url))
    if (this.#unanswered.has(path) || this.#unanswered.size >= MAX_PATHS) return
    this.#unanswered.add(path)
    this.logger.warn(`nobody answers the upgrade of ${path}, and no handler matches it${didYouMean(nearest)}`)
  }

  /** The handler that the client may have meant. */
  nearest(url: string): string | undefined {
    const { prefixes } = this.#options
    const handlers = this.#sidecar.handlers
      .filter(({ disabled }) => !disabled)
      .map((handler) => ({ pattern: handler.pattern, prefixes: prefixesOf(handler, prefixes) }))
    return nearestHandler(pathOf(url), handlers)
  }

  // Starting

  lookAtHandlers(): void {
    this.#paths = new HandlerPaths(this.#sidecar.handlers, this.prefixes)
    for (const line of this.#proxies.warnings(this.#paths)) {
      if (!this.#warned.has(line)) this.logger.warn(line)
      this.#warned.add(line)
    }
  }

  /** Middleware mode: nobody else says where the handlers are. */
  async #announce(): Promise<void> {
    const { url } = await this.#sidecar.ready
    const [parent] = parentServers(this.#config)
    if (!parent)
      this.logger.info(
        `middleware mode has no HTTP server: the handlers are at ${url}; plugin.api.attach(httpServer) leads its upgrades there`,
      )
    else if (parent.listening) this.#urls.print(urlOf(parent))
    else parent.once('listening', () => this.#urls.print(urlOf(parent)))
  }

  /** The URL list of the handlers, at this server of the project's. */
  #describe(ownUrl: string | undefined): readonly string[] {
    const { server, handlers } = this.#sidecar
    if (!server || this.#closing) return []
    const isHidden = (path: HandlerPath): boolean => this.#proxies.hiding(path, this.#paths) !== undefined
    const inspectorUrl = this.#inspector?.urlAt(ownUrl)
    return describeHandlers(handlers, this.#options.prefixes, isHidden, ownUrl, inspectorUrl, server)
  }

  #makeRules(): ClaimRules {
    return {
      find: (path) => (this.#mayTake(path) && this.starting ? 'not yet known' : this.#paths.find(path)),
      prefixes: this.#ownPrefixes(),
      allowedHosts: this.#allowedHosts,
      proxies: this.#proxies,
    }
  }

  get #allowedHosts(): true | readonly string[] {
    const { server, preview } = this.#config
    const { allowedHosts } = this.host.kind === 'dev' ? server : preview
    // Vite 6 keeps what it adds by itself apart.
    const { additionalAllowedHosts = [] } = this.#config as { additionalAllowedHosts?: string[] }
    return allowedHosts === true ? true : [...(allowedHosts ?? []), ...additionalAllowedHosts]
  }

  /** Whether it takes the handlers to know: those of files may be outside of the prefixes. */
  #mayTake(path: string): boolean {
    const { wsDir, engine } = this.#options
    const prefixes = this.#ownPrefixes()
    if (prefixes.length === 0 || prefixes.some((prefix) => isUnder(path, prefix))) return true
    return wsDir !== undefined || (engine.wsHandlers ?? []).some(({ prefix }) => prefix === false)
  }

  /** What is under them is ours. Without a prefix all paths are everybody's, below the base too. */
  #ownPrefixes(): readonly string[] {
    return this.#options.prefixes.includes('') ? [] : this.prefixes
  }

  async #startWithVite(httpServer: HttpServer): Promise<void> {
    if (this.host.kind === 'preview') {
      // Nothing comes between this hook and listening; the URL list that follows needs the sidecar's port.
      await this.#sidecar.ready
      httpServer.on('error', (error: NodeJS.ErrnoException) => {
        // Vite tries the next port, unless it must not.
        if (error.code !== 'EADDRINUSE' || this.#config.preview.strictPort) void this.close()
      })
      return
    }
    const dev = this.host.server
    const listen = dev.listen.bind(dev)
    dev.listen = async (port, isRestart) => {
      const result = await listen(port, isRestart)
      await this.#sidecar.ready
      // Vite's own restart has printed them before.
      if (!isRestart) this.#urls.printUnlessAsked()
      return result
    }
  }

  #closeWithVite(): void {
    const target = this.host.server as unknown as Record<string, (...args: unknown[]) => Promise<void>>
    // What `close()` and a restart both call in Vite 8; in Vite 6 and 7 that is `close()` itself.
    const name = typeof target['_closeServer'] === 'function' ? '_closeServer' : 'close'
    const close = target[name]
    target[name] = async (...args) => {
      await this.close()
      return close?.apply(this.host.server, args)
    }
  }
}
