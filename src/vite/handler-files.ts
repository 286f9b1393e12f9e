import { relative } from 'node:path'
import { SidewireError } from '../engine/errors.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { Logger } from '../engine/logger.ts'
import { resolvePluginOptions } from '../engine/handler/options.ts'
import { clearTimeout, setTimeout as setTimer } from '../engine/timers.ts'
import type { Host } from './host.ts'
import { HandlerFolder, slashed, type Listing } from './handler-folder.ts'
import { withDocuments } from './document-loader.ts'
import { loadForDev, loadOnce, type Loader, type Results } from './handler-loader.ts'
import { ErrorOverlay } from './overlay.ts'
import { Saves, stampsOf } from './saves.ts'

/** How often to look for a folder that is not there, and for how many looks at it once it is. */
const LOOK_MS = 200
const LOOKS = 10
/** From when on somebody who waits for the handlers wants to know why. */
const SLOW_MS = 5000
const EVENTS = ['add', 'addDir', 'change', 'unlink'] as const
const NOTHING: Listing = { modules: new Map(), isLinked: false }

type Handlers = readonly UniversalApiWsHandler[]

/**
 * The handlers of a folder's `*.ws.{ts,js,mts,mjs,yaml,yml,json}` and `*.asyncapi.{yaml,yml,json}` files. In the dev server a change of one, or of what it imports,
 * takes effect at once; a file with an error keeps its last good version until it is mended.
 */
export class HandlerFiles {
  readonly #host: Host
  readonly #folder: HandlerFolder
  readonly #inline: Handlers
  readonly #logger: Logger
  readonly #overlay: ErrorOverlay | undefined
  /** By file, in the order of their names. */
  #good = new Map<string, Handlers>()
  /** By file; the folder itself may be what is wrong. */
  #failures = new Map<string, Error>()
  /** What has been said of them. */
  #reported = new Map<string, Error>()
  #loader: Loader | undefined
  #stop: (() => void) | undefined
  #looking: NodeJS.Timeout | undefined
  #end!: () => void
  /** What a file awaits at its top level may never come; nobody waits for it once this is closed. */
  readonly #closed: Promise<void>
  #saves: Saves | undefined
  /** What was there when it was read last, and what it was like. */
  #listing = NOTHING
  #stamps = new Map<string, string>()

  /** @param inline - the handlers of the configuration, whose patterns no file may repeat */
  constructor(host: Host, wsDir: string, inline: Handlers, logger: Logger) {
    this.#host = host
    this.#folder = new HandlerFolder(
      host.server.config,
      wsDir,
      host.kind === 'dev' ? 'its handlers are served as soon as it is there' : 'make it, or leave wsDir out',
    )
    this.#inline = inline
    this.#logger = logger
    this.#overlay = host.kind === 'dev' ? new ErrorOverlay(host.server) : undefined
    this.#closed = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  get handlers(): Handlers {
    return [...this.#good.values()].flat()
  }

  /** Reads the files as they are now. Never rejects: an error is shown, and what was good stays. */
  async load(): Promise<void> {
    await this.#read()
    this.#report()
  }

  async #read(changed: readonly string[] = []): Promise<void> {
    const slow = setTimer(() => {
      this.#logger.warn(
        `the handler files are still loading after ${SLOW_MS / 1000} s: does one of them await something at its top level?`,
      )
    }, SLOW_MS).unref()
    try {
      await Promise.race([this.#readAll(changed), this.#closed])
    } finally {
      clearTimeout(slow)
    }
  }

  async #readAll(changed: readonly string[]): Promise<void> {
    this.#loader ??= withDocuments(
      this.#host.kind === 'dev' ? await loadForDev(this.#host.server) : loadOnce(this.#host.server.config),
      this.#logger,
    )
    const failures = new Map<string, Error>()
    const { modules: before } = this.#listing
    this.#listing = await this.#folder.list().catch((error: Error) => {
      failures.set(this.#folder.path, error)
      return NOTHING
    })
    const { modules } = this.#listing
    if (this.#host.kind === 'dev') this.#stamps = await stampsOf([...modules.keys()])
    const moduleOf = (file: string): string => modules.get(file) ?? before.get(file) ?? file
    for (const file of changed) {
      this.#loader.forget(moduleOf(file))
      const former = before.get(file)
      if (former !== undefined && former !== moduleOf(file)) await this.#loader.move(former, file)
    }
    const files = [...modules.keys()].filter((file) => this.#folder.names(file))
    const results = await this.#loader
      .load(files.map(moduleOf), Array.from(this.#failures.keys(), moduleOf))
      .catch((error: Error): Results => {
        failures.set(this.#folder.path, error)
        return new Map()
      })
    const good = new Map<string, Handlers>()
    // Who has just taken a pattern of another file is the one to blame, not the other.
    const isNewcomer = (file: string): number => {
      const result = results.get(moduleOf(file))
      const own = new Set((this.#good.get(file) ?? []).flatMap(patternOf))
      const list: unknown[] = result?.status === 'fulfilled' ? [result.value.default].flat() : []
      return Number(
        list.some((handler) => !own.has(slashFirst((handler as { pattern?: unknown } | null)?.pattern))),
      )
    }
    for (const file of files.toSorted((a, b) => isNewcomer(a) - isNewcomer(b))) {
      const served = this.#good.get(file)
      const result = results.get(moduleOf(file))
      try {
        if (result) {
          good.set(file, this.#check(file, handlersOf(result), good))
        } else if (served) good.set(file, served)
      } catch (error) {
        failures.set(file, error as Error)
        if (served && isNew(served, good)) good.set(file, served)
      }
    }
    // The first match wins, so the order must not depend on what changed last.
    this.#good = new Map([...good].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    this.#failures = failures
  }

  /** Calls `use` for each new set of handlers. */
  watch(use: () => void): void {
    if (this.#host.kind !== 'dev') return
    const { server } = this.#host
    const saves = new Saves({
      read: async (changed) => {
        await this.#read(changed)
        try {
          // Closed in the meantime: there is nobody left to use them.
          if (this.#saves) use()
        } catch (error) {
          this.#logger.error(`the handler files cannot be used: ${(error as Error).stack}`)
        }
        const isInOrder = this.#failures.size === 0
        if (isInOrder && this.#saves) this.#report()
        return isInOrder
      },
      settled: () => this.#report(),
    })
    const changed = (name: string): void => {
      const file = slashed(name)
      if (this.#concerns(file)) saves.touch(file)
    }
    // Vite watches its root; what is added twice, while it does not exist, may never be seen.
    const { path } = this.#folder
    if (!path.startsWith(`${slashed(server.config.root)}/`)) server.watcher.add(path)
    for (const event of EVENTS) server.watcher.on(event, changed)
    this.#saves = saves
    this.#stop = () => {
      clearTimeout(this.#looking)
      for (const event of EVENTS) server.watcher.off(event, changed)
    }
    // The watcher may not tell of what happens during its first look at a folder.
    for (const [file, stamp] of this.#stamps) saves.touch(file, stamp)
    this.#look(true)
    // On a busy machine that look takes long.
    server.watcher.once('ready', () => this.#look(true))
  }

  /**
   * Vite's watcher may miss a folder that is made later, and says nothing of the files that it finds there when it is
   * told of the folder; nor does it tell of a file that is made during its first look, or of a link that is pointed
   * elsewhere. So we look ourselves: until the watcher has had the time to know the folder, and for as long as there are links.
   * @param isUnknown - the watcher may not know the folder yet
   */
  #look(isUnknown: boolean = false): void {
    const { path } = this.#folder
    let isMissing = this.#failures.has(path)
    if (!isUnknown && !isMissing && !this.#listing.isLinked) return
    if (this.#looking || !this.#stop || this.#host.kind !== 'dev') return
    const { watcher } = this.#host.server
    let left = LOOKS
    const again = (): void => {
      this.#looking = setTimer(() => void look(), LOOK_MS).unref()
    }
    const look = async (): Promise<void> => {
      const listing = await this.#folder.list().catch(() => undefined)
      const stamps = await stampsOf([...(listing ?? NOTHING).modules.keys()])
      if (!this.#stop) return
      if (isMissing !== (listing === undefined)) this.#saves?.touch(path)
      if (isMissing && listing) watcher.add(path)
      isMissing = listing === undefined
      for (const file of new Set([...stamps.keys(), ...this.#stamps.keys()])) {
        const known = this.#stamps.get(file)
        if (stamps.get(file) !== known) this.#saves?.touch(file, known)
      }
      left = isMissing ? LOOKS : left - 1
      this.#looking = undefined
      if (left > 0 || listing?.isLinked) again()
    }
    again()
  }

  async close(): Promise<void> {
    this.#end()
    this.#stop?.()
    this.#stop = undefined
    const saves = this.#saves
    this.#saves = undefined
    this.#overlay?.close()
    await saves?.close()
    await this.#loader?.close()
  }

  /** What the engine would say of these handlers, in the words of somebody who looks at the file. */
  #check(file: string, handlers: Handlers, others: ReadonlyMap<string, Handlers>): Handlers {
    resolvePluginOptions({ wsHandlers: handlers })
    for (const [where, list] of [['the configuration', this.#inline] as const, ...others]) {
      const twin = handlers.find((handler) => !isNew([handler], new Map([[where, list]])))
      if (!twin) continue
      throw new SidewireError(
        'ERR_PATTERN_DUPLICATE',
        `the pattern "${twin.pattern}" is also one of ${where === 'the configuration' ? where : this.#name(where)}; ` +
          'merge the two, change one, or set disabled: true',
      )
    }
    return handlers
  }

  /** Whether the file is a handler file, or one that a handler file imports. */
  #concerns(file: string): boolean {
    if (this.#folder.names(file)) return true
    // After an error nobody knows all that would be imported.
    if (this.#failures.size > 0 && !file.includes('/node_modules/')) return true
    return this.#loader?.uses(file) ?? false
  }

  #report(): void {
    const failures = this.#failures
    const before = this.#reported
    this.#reported = failures
    for (const [file, error] of failures) {
      // Saved again with the same error: it has been said.
      if (before.get(file)?.message === error.message) continue
      const what = error instanceof SidewireError ? error.message : (error.stack ?? error.message)
      this.#logger.error(`${this.#name(file)} has an error, ${this.#rest(file)}: ${what}${cure(error)}`)
    }
    if (before.size > 0 && failures.size === 0) this.#logger.info('the handler files are in order again')
    const [first] = failures
    this.#look()
    if (first) this.#overlay?.show(this.#name(first[0]), first[1])
    else this.#overlay?.hide()
  }

  /** What is served in its place. */
  #rest(file: string): string {
    if (file === this.#folder.path)
      return this.#good.size > 0 ? 'the last good handlers stay' : 'it has no handlers'
    if (this.#good.has(file)) return 'its last good version stays'
    return this.#host.kind === 'dev' ? 'it is left out until it is mended' : 'it is left out'
  }

  #name(file: string): string {
    return slashed(relative(this.#host.server.config.root, file))
  }
}

/** Vite runs them as ES modules, whatever they are called and package.json says. */
function cure(error: Error): string {
  return /^(?:require|module|exports) is not defined/.test(error.message)
    ? '\nHandler files are ES modules: write import and export default.'
    : ''
}

function handlersOf(result: PromiseSettledResult<{ default?: unknown }>): Handlers {
  if (result.status === 'rejected') throw result.reason
  const { default: exported } = result.value
  const list: unknown[] = Array.isArray(exported) ? exported : [exported]
  if (list.every((handler) => typeof handler === 'object' && handler !== null)) return list as Handlers
  throw new SidewireError(
    'ERR_CONFIG',
    "the default export is no handler, nor a list of them; write: export default defineHandler({ pattern: '/ws/chat' })",
  )
}

/** Whether none of the handlers' patterns is taken. */
function isNew(handlers: Handlers, others: ReadonlyMap<string, Handlers>): boolean {
  const taken = new Set([...others.values()].flat().flatMap(patternOf))
  return handlers.flatMap(patternOf).every((pattern) => !taken.has(pattern))
}

function patternOf({ pattern, disabled }: UniversalApiWsHandler): string[] {
  return disabled ? [] : [slashFirst(pattern)]
}

function slashFirst(pattern: unknown): string {
  return typeof pattern === 'string' ? pattern.replace(/^\/*/, '/') : ''
}
