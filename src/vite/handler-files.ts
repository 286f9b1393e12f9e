import { readdir, stat } from 'node:fs/promises'
import { relative, resolve, sep } from 'node:path'
import { SidewireError } from '../engine/errors.ts'
import type { UniversalApiWsHandler } from '../engine/handler.ts'
import type { Logger } from '../engine/logger.ts'
import { resolvePluginOptions } from '../engine/options.ts'
import { clearTimeout, setTimeout as setTimer } from '../engine/timers.ts'
import type { Host } from './gateway.ts'
import { loadForDev, loadOnce, type Loader, type Results } from './handler-loader.ts'
import { ErrorOverlay } from './overlay.ts'
import { Saves, stampsOf } from './saves.ts'

const NAME = /\.ws\.(?:ts|js|mts|mjs)$/
/** How often to look for a folder that is not there, and for how many looks at it once it is. */
const LOOK_MS = 200
const LOOKS = 10
const EVENTS = ['add', 'addDir', 'change', 'unlink'] as const

type Handlers = readonly UniversalApiWsHandler[]

/**
 * The handlers of a folder's `*.ws.{ts,js,mts,mjs}` files. In the dev server a change of one, or of what it imports,
 * takes effect at once; a file with an error keeps its last good version until it is mended.
 */
export class HandlerFiles {
  readonly #host: Host
  readonly #folder: string
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
  #saves: Saves | undefined
  /** What the files were like before they were read at the start. */
  #stamps = new Map<string, string>()

  /** @param inline - the handlers of the configuration, whose patterns no file may repeat */
  constructor(host: Host, wsDir: string, inline: Handlers, logger: Logger) {
    this.#host = host
    this.#folder = slashed(resolve(host.server.config.root, wsDir))
    this.#inline = inline
    this.#logger = logger
    this.#overlay = host.kind === 'dev' ? new ErrorOverlay(host.server) : undefined
  }

  get handlers(): Handlers {
    return [...this.#good.values()].flat()
  }

  /** Reads the files as they are now. Never rejects: an error is shown, and what was good stays. */
  async load(): Promise<void> {
    await this.#read()
    this.#report()
  }

  async #read(): Promise<void> {
    this.#loader ??=
      this.#host.kind === 'dev' ? await loadForDev(this.#host.server) : loadOnce(this.#host.server.config)
    const failures = new Map<string, Error>()
    const files = await this.#list().catch((error: Error) => {
      failures.set(this.#folder, error)
      return []
    })
    if (!this.#saves && this.#host.kind === 'dev') this.#stamps = await stampsOf(files)
    const results = await this.#loader
      .load(files, [...this.#failures.keys()])
      .catch((error: Error): Results => {
        failures.set(this.#folder, error)
        return new Map()
      })
    const good = new Map<string, Handlers>()
    // Who has just taken a pattern of another file is the one to blame, not the other.
    const isNewcomer = (file: string): number => {
      const result = results.get(file)
      const own = new Set((this.#good.get(file) ?? []).flatMap(patternOf))
      const list: unknown[] = result?.status === 'fulfilled' ? [result.value.default].flat() : []
      return Number(
        list.some((handler) => !own.has(slashFirst((handler as { pattern?: unknown } | null)?.pattern))),
      )
    }
    for (const file of files.toSorted((a, b) => isNewcomer(a) - isNewcomer(b))) {
      const before = this.#good.get(file)
      const result = results.get(file)
      try {
        if (result) {
          good.set(file, this.#check(file, handlersOf(result), good))
        } else if (before) good.set(file, before)
      } catch (error) {
        failures.set(file, error as Error)
        if (before && isNew(before, good)) good.set(file, before)
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
        for (const file of changed) this.#loader?.forget(server, file)
        await this.#read()
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
    const changed = (path: string): void => {
      const file = slashed(path)
      if (this.#concerns(file)) saves.touch(file)
    }
    // Vite watches its root; what is added twice, while it does not exist, may never be seen.
    if (!this.#folder.startsWith(`${slashed(server.config.root)}/`)) server.watcher.add(this.#folder)
    for (const event of EVENTS) server.watcher.on(event, changed)
    this.#saves = saves
    this.#stop = () => {
      clearTimeout(this.#looking)
      for (const event of EVENTS) server.watcher.off(event, changed)
    }
    // The watcher may not tell of what happens during its first look at a folder.
    for (const [file, stamp] of this.#stamps) saves.touch(file, stamp)
    this.#stamps.clear()
    if (this.#failures.has(this.#folder)) this.#look()
  }

  /**
   * Vite's watcher may miss a folder that is made later, and says nothing of the files that it finds there when it is
   * told of the folder. So we look ourselves, until the watcher has had the time to know it.
   */
  #look(): void {
    if (this.#looking || !this.#stop || this.#host.kind !== 'dev') return
    const { watcher } = this.#host.server
    const known = new Map<string, number>()
    let left = LOOKS
    const again = (): void => {
      this.#looking = setTimer(() => void look(), LOOK_MS).unref()
    }
    const look = async (): Promise<void> => {
      const files = await this.#list().catch(() => undefined)
      const times = await Promise.all((files ?? []).map((file) => stat(file).catch(() => undefined)))
      if (!this.#stop) return
      if (files && left === LOOKS) {
        watcher.add(this.#folder)
        this.#saves?.touch(this.#folder)
      }
      for (const [index, file] of (files ?? []).entries()) {
        const time = times[index]?.mtimeMs ?? 0
        if (known.get(file) !== time) this.#saves?.touch(file)
        known.set(file, time)
      }
      left = files ? left - 1 : LOOKS
      this.#looking = undefined
      if (left > 0) again()
    }
    again()
  }

  async close(): Promise<void> {
    this.#stop?.()
    this.#stop = undefined
    const saves = this.#saves
    this.#saves = undefined
    this.#overlay?.close()
    await saves?.close()
    await this.#loader?.close()
  }

  async #list(): Promise<string[]> {
    const names = await readdir(this.#folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
      const next =
        this.#host.kind === 'dev'
          ? 'its handlers are served as soon as it is there'
          : 'make it, or leave wsDir out'
      const why =
        cause.code === 'ENOENT'
          ? `and there is no such folder; ${next}`
          : `and cannot be read: ${cause.message}`
      throw new SidewireError('ERR_CONFIG', `option "wsDir" is ${this.#folder}, ${why}`, { cause })
    })
    return names
      .filter((name) => NAME.test(name) && !name.split(sep).includes('node_modules'))
      .map((name) => slashed(resolve(this.#folder, name)))
      .toSorted()
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
    if (file.startsWith(`${this.#folder}/`) && NAME.test(file)) return true
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
    if (failures.has(this.#folder)) this.#look()
    if (first) this.#overlay?.show(this.#name(first[0]), first[1])
    else this.#overlay?.hide()
  }

  /** What is served in its place. */
  #rest(file: string): string {
    if (file === this.#folder)
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

/** Vite writes paths with slashes on every platform. */
function slashed(path: string): string {
  return path.replaceAll('\\', '/')
}
