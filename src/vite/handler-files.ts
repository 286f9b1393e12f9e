import { readdir } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import type { ViteDevServer } from 'vite'
import { SidewireError } from '../engine/errors.ts'
import type { UniversalApiWsHandler } from '../engine/handler.ts'
import type { Logger } from '../engine/logger.ts'
import type { Host } from './gateway.ts'

const NAME = /\.ws\.(?:ts|js|mts|mjs)$/

type Handlers = readonly UniversalApiWsHandler[]

/**
 * The handlers of a folder's `*.ws.{ts,js,mts,mjs}` files, loaded through Vite, so that its aliases, plugins and
 * TypeScript work in them. In the dev server a change of one, or of what it imports, loads all of them again.
 */
export class HandlerFiles {
  readonly #host: Host
  readonly #folder: string
  readonly #logger: Logger
  #last: Handlers = []
  #failure: Error | undefined
  #stop: (() => void) | undefined
  #busy: Promise<void> = Promise.resolve()

  constructor(host: Host, wsDir: string, logger: Logger) {
    this.#host = host
    this.#folder = resolve(host.server.config.root, wsDir)
    this.#logger = logger
  }

  /** The handlers of the files as they are now; after an error, those of the last time that there was none. */
  async load(): Promise<Handlers> {
    try {
      this.#last = await this.#read()
      this.#mended()
    } catch (error) {
      this.#failed(error as Error)
    }
    return this.#last
  }

  /** Tells every new set of handlers; what `use` throws is an error of the files. */
  watch(use: (handlers: Handlers) => void): void {
    if (this.#host.kind !== 'dev') return
    const { server } = this.#host
    const reload = async (): Promise<void> => {
      try {
        const handlers = await this.#read()
        use(handlers)
        this.#last = handlers
        this.#mended()
      } catch (error) {
        this.#failed(error as Error)
      }
    }
    const changed = (path: string): void => {
      const file = slashed(path)
      if (!this.#concerns(server, file)) return
      server.environments.ssr.moduleGraph.onFileChange(file)
      this.#busy = this.#busy.then(reload)
    }
    const greet = (): void => {
      if (this.#failure) this.#showOverlay(this.#failure)
    }
    server.watcher.add(this.#folder)
    for (const event of ['add', 'change', 'unlink']) server.watcher.on(event, changed)
    server.ws.on('connection', greet)
    this.#stop = () => {
      for (const event of ['add', 'change', 'unlink']) server.watcher.off(event, changed)
      server.ws.off('connection', greet)
    }
  }

  async close(): Promise<void> {
    this.#stop?.()
    await this.#busy
  }

  async #read(): Promise<Handlers> {
    const load = await this.#loader()
    const handlers: UniversalApiWsHandler[] = []
    for (const file of await this.#list()) {
      const exported = (await load(file)).default
      const list: unknown[] = Array.isArray(exported) ? exported : [exported]
      for (const handler of list) {
        if (typeof handler === 'object' && handler !== null) handlers.push(handler as UniversalApiWsHandler)
        else
          throw new SidewireError(
            'ERR_CONFIG',
            `${file} has no handler as its default export; write: export default defineHandler({ pattern: '/ws/chat' })`,
          )
      }
    }
    return handlers
  }

  async #list(): Promise<string[]> {
    const names = await readdir(this.#folder, { recursive: true }).catch((cause: Error) => {
      throw new SidewireError('ERR_CONFIG', `option "wsDir" is ${this.#folder}: ${cause.message}`, { cause })
    })
    return names
      .filter((name) => NAME.test(name) && !name.split(sep).includes('node_modules'))
      .map((name) => slashed(resolve(this.#folder, name)))
      .toSorted()
  }

  /** Loads what has changed since the last time afresh. */
  async #loader(): Promise<(file: string) => Promise<{ default?: unknown }>> {
    if (this.#host.kind === 'dev') {
      const { server } = this.#host
      return (file) => server.ssrLoadModule(file)
    }
    // A preview server has no module graph.
    const { runnerImport } = await import('vite')
    const { root, resolve: resolution } = this.#host.server.config
    return async (file) => {
      const { module } = await runnerImport<{ default?: unknown }>(file, {
        root,
        resolve: { alias: resolution.alias },
        logLevel: 'silent',
      })
      return module
    }
  }

  /** Whether the file is a handler file, or one that a handler file imports. */
  #concerns(server: ViteDevServer, file: string): boolean {
    if (this.#isHandlerFile(file)) return true
    // After an error the graph does not know all that is imported.
    if (this.#failure && !file.includes('/node_modules/')) return true
    const pending = [...(server.environments.ssr.moduleGraph.getModulesByFile(file) ?? [])]
    const seen = new Set(pending)
    for (const module of pending) {
      if (module.file !== null && this.#isHandlerFile(module.file)) return true
      for (const importer of module.importers) {
        if (!seen.has(importer)) pending.push(importer)
        seen.add(importer)
      }
    }
    return false
  }

  #isHandlerFile(file: string): boolean {
    return file.startsWith(`${slashed(this.#folder)}/`) && NAME.test(file)
  }

  #failed(error: Error): void {
    this.#failure = error
    this.#logger.error(`the handler files have an error, the last good ones stay: ${error.stack ?? error.message}`)
    this.#showOverlay(error)
  }

  #mended(): void {
    if (!this.#failure) return
    this.#failure = undefined
    this.#logger.info('the handler files are in order again')
    // What Vite's client takes the overlay away for.
    if (this.#host.kind === 'dev') this.#host.server.ws.send({ type: 'update', updates: [] })
  }

  #showOverlay(error: Error): void {
    if (this.#host.kind !== 'dev') return
    const { message, stack = '' } = error
    this.#host.server.ws.send({ type: 'error', err: { message, stack, plugin: 'sidewire' } })
  }
}

/** Vite writes paths with slashes on every platform. */
function slashed(path: string): string {
  return path.replaceAll('\\', '/')
}
