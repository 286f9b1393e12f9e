import { realpathSync, statSync } from 'node:fs'

const POLL_MS = 50
/** So many looks have to find the same: half of a file is no config. */
const STILL = 1
/** Who writes a file empties it first, and may be held up before the rest comes: hardly anybody saves an empty one. */
const STILL_EMPTY = 10

/**
 * Looks at a set of files every now and then. The system's own events would be lighter, but they get lost: when
 * an editor replaces a file instead of writing to it, in containers and on network drives, and differently on
 * each platform and runtime.
 */
export class FileWatch {
  #stamps = new Map<string, string>()
  #timer: NodeJS.Timeout | undefined

  /** Call it before a file is read: what changes from then on is a change. A file need not exist. */
  add(path: string): void {
    if (!this.#stamps.has(path)) this.#stamps.set(path, stampOf(path))
  }

  /** Calls back, one call at a time, when files changed and were left alone since. `onChange` must not reject. */
  start(onChange: () => Promise<void>): void {
    let last = ''
    let still = 0
    const poll = async (): Promise<void> => {
      const now = new Map([...this.#stamps.keys()].map((path) => [path, stampOf(path)]))
      const state = [...now.values()].join()
      still = state === last ? still + 1 : 0
      if (state !== [...this.#stamps.values()].join() && still >= this.#looksFor(now)) {
        this.#stamps = now
        await onChange()
      }
      last = state
      if (this.#timer) next()
    }
    const next = (): void => {
      this.#timer = setTimeout(() => void poll(), POLL_MS)
    }
    next()
  }

  /** How many looks have to find the same before it is a change. */
  #looksFor(now: ReadonlyMap<string, string>): number {
    const isEmptied = [...now].some(([path, stamp]) => isEmpty(stamp) && stamp !== this.#stamps.get(path))
    return isEmptied ? STILL_EMPTY : STILL
  }

  /** Forgets what is not among these. */
  keepOnly(paths: ReadonlySet<string>): void {
    for (const path of this.#stamps.keys()) if (!paths.has(path)) this.#stamps.delete(path)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

function isEmpty(stamp: string): boolean {
  return /:0:\d+$/.test(stamp)
}

function stampOf(path: string): string {
  try {
    const stats = statSync(path, { bigint: true })
    const real = realpathSync(path)
    // Where a link to a folder leads is all that it decides; what is in there has stamps of its own.
    if (real !== path && stats.isDirectory()) return real
    return `${real}:${stats.ino}:${stats.size}:${stats.mtimeNs}`
  } catch {
    return 'none'
  }
}
