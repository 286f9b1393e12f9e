import { randomBytes } from 'node:crypto'
import type { Server as HttpServer } from 'node:http'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { Logger } from '../engine/logger.ts'
import type { ResolvedPluginOptions, ServerOptions } from '../engine/handler/options.ts'
import { clearTimeout, setTimeout } from '../engine/timers.ts'
import { createServer, type RefusalReason, type Server, type Stats } from '../server/server.ts'
import type { Host } from './host.ts'
import type { HandlerFiles } from './handler-files.ts'
import { TUNNEL_HEADERS } from './tunnel-headers.ts'

/** One Vite server, as the sidecar that it shares with others meets it. */
export interface Tenant {
  readonly host: Host
  readonly logger: Logger
  readonly prefixes: readonly string[]
  /** Whether anybody can connect through it: what only renders pages needs no sidecar. */
  readonly hasClients: boolean
  /** Handshakes that the sidecar never saw. */
  readonly refusedBy: Readonly<Stats['refusedBy']>
  /** Leads the server's upgrades to the engine, until `detach` or the end. */
  attach(httpServer: HttpServer): void
  detach(httpServer: HttpServer): void
  /** They are loaded, or have changed. */
  lookAtHandlers(): void
  /** The sidecar ended with the Vite server that kept it, and may be started again. */
  succeed(): void
}

/** One life of the engine: from its start until the Vite server that keeps it ends or restarts. */
interface Run {
  readonly keeper: Tenant
  readonly ready: Promise<Server>
  server?: Server
  files?: HandlerFiles
  /** Or has failed to. */
  hasStarted: boolean
}

/** The sidecars of this process that hold a port of the user's choice. */
const holders = new Map<number, Sidecar>()
/** How long a restart takes, at most, between making the new server and closing the old one. */
const SUCCESSION_MS = 5000

/**
 * The engine of one plugin object. Frameworks run several Vite servers in one process with the same plugins (Nuxt: one
 * for the browser, one that renders): they share it, and so its rooms, its port and its URL. The first that has clients
 * keeps it, and reads the handler files; when that one ends or restarts, all clients get 1001, and another takes over.
 */
export class Sidecar {
  /** What the engine believes forwarded headers by; made at start, known to nobody else. */
  readonly secret: string = randomBytes(24).toString('base64url')
  readonly #options: ResolvedPluginOptions
  readonly #tenants = new Set<Tenant>()
  #run: Run | undefined
  #ended: Promise<void> = Promise.resolve()
  readonly #waiters: (() => void)[] = []

  constructor(options: ResolvedPluginOptions) {
    this.#options = options
  }

  get tenants(): readonly Tenant[] {
    return [...this.#tenants]
  }

  get server(): Server | undefined {
    return this.#run?.server
  }

  get handlers(): readonly UniversalApiWsHandler[] {
    return [...(this.#options.engine.wsHandlers ?? []), ...(this.#run?.files?.handlers ?? [])]
  }

  get isKept(): boolean {
    return this.#run !== undefined
  }

  get hasStarted(): boolean {
    return this.#run?.hasStarted ?? false
  }

  /** Whether the port is held by one that a restart is about to close. */
  get hasPredecessor(): boolean {
    const holder = holders.get(this.#options.sidecar.port)
    return holder !== undefined && holder !== this
  }

  /** The running engine; the first one to ask starts it. */
  get ready(): Promise<Server> {
    return (this.#run ??= this.#begin()).ready
  }

  /** The engine's counters, with the handshakes that never got there. */
  stats(): Stats | undefined {
    const stats = this.server?.stats()
    if (!stats) return undefined
    for (const { refusedBy } of this.#tenants)
      for (const [name, count] of Object.entries(refusedBy)) {
        const reason = name as RefusalReason
        stats.refused += count
        stats.refusedBy[reason] = (stats.refusedBy[reason] ?? 0) + count
      }
    return stats
  }

  join(tenant: Tenant): void {
    const before = this.#prefixes().length
    this.#tenants.add(tenant)
    const run = this.#run
    if (!run?.server) return
    // With a base of its own.
    if (this.#prefixes().length > before) run.server.reload(this.#serverOptions(run))
    tenant.lookAtHandlers()
  }

  /** Ends the engine if this one keeps it: 1001 to all. */
  async leave(tenant: Tenant): Promise<void> {
    this.#tenants.delete(tenant)
    const run = this.#run
    if (run?.keeper !== tenant) return
    this.#run = undefined
    this.#ended = this.#end(run)
    await this.#ended
    this.tenants.find(({ hasClients }) => hasClients)?.succeed()
  }

  #begin(): Run {
    const keeper = this.tenants.find(({ hasClients }) => hasClients) ?? this.tenants[0]
    if (!keeper) throw new Error('no Vite server runs')
    const server = Promise.resolve().then(() => this.#start(run))
    const ready = server.finally(() => (run.hasStarted = true))
    const run: Run = { keeper, ready, hasStarted: false }
    return run
  }

  async #start(run: Run): Promise<Server> {
    const { wsDir, sidecar, engine } = this.#options
    const { host, logger } = run.keeper
    await this.#ended
    // Only in middleware mode: with a server of its own, Vite closes what was there before it listens again.
    const holder = host.server.httpServer ? undefined : holders.get(sidecar.port)
    if (holder && holder !== this) await holder.#untilFree(sidecar.port)
    if (wsDir !== undefined) {
      const { HandlerFiles } = await import('./handler-files.ts')
      run.files = new HandlerFiles(host, wsDir, engine.wsHandlers ?? [], logger)
      await run.files.load()
    }
    const server = await createServer(this.#serverOptions(run))
    if (sidecar.port !== 0) holders.set(sidecar.port, this)
    run.server = server
    const inform = (): void => {
      for (const tenant of this.#tenants) tenant.lookAtHandlers()
    }
    inform()
    run.files?.watch(() => {
      server.reload(this.#serverOptions(run))
      inform()
    })
    return server
  }

  async #end(run: Run): Promise<void> {
    await run.files?.close()
    const server = await run.ready.catch(() => undefined)
    await server?.close()
    const { port } = this.#options.sidecar
    if (holders.get(port) === this) holders.delete(port)
    for (const waiter of this.#waiters.splice(0)) waiter()
  }

  /** Resolves once the port is free, or when it is clear that this one stays: then listening says so. */
  async #untilFree(port: number): Promise<void> {
    if (holders.get(port) !== this) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.shutdownTimeout + SUCCESSION_MS)
      this.#waiters.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  #serverOptions(run: Run): ServerOptions {
    const { engine, sidecar } = this.#options
    return {
      ...engine,
      endpointPrefix: this.#prefixes(),
      wsHandlers: [...(engine.wsHandlers ?? []), ...(run.files?.handlers ?? [])],
      logger: engine.logger ?? run.keeper.logger,
      ...sidecar,
      inspector: run.keeper.host.kind === 'dev' && (engine.inspector ?? true),
      proxySecret: this.secret,
      proxyHeaders: TUNNEL_HEADERS,
    }
  }

  #prefixes(): string[] {
    return [...new Set(this.tenants.flatMap(({ prefixes }) => prefixes))]
  }
}
