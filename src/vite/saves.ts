import { realpath, stat } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { now } from '../engine/timers.ts'

const LOOK_MS = 10
/** So many looks without a change are needed before a file is read: half of one is an error that nobody made. */
const STILL = 1
/**
 * So many looks without a change end it, 100 ms at the least. The watcher takes two changes of a file within 50 ms for
 * one, so in that time nobody else tells of the second; and a slow writer's pauses are no errors to be shown.
 */
const QUIET = 10
/** Who never leaves a file alone waits no longer than this to have it read, and to be told of an error. */
const PATIENCE_MS = 3000

export interface SavesEvents {
  /** Has the files read, which have changed. Resolves to whether they are in order. */
  read(changed: readonly string[]): Promise<boolean>
  /** What was read is what there is, and no half of it. */
  settled(): void
}

/**
 * Files that are being saved. From the first event on, they are looked at until they are left alone, and read whenever
 * they differ from what was read: the last reading is always one of the whole files, whatever events there were.
 */
export class Saves {
  readonly #events: SavesEvents
  /** What each was like when it was read last. */
  readonly #read = new Map<string, string>()
  #quiet = 0
  #running: Promise<void> | undefined
  #isClosed = false

  constructor(events: SavesEvents) {
    this.#events = events
  }

  /**
   * Something has happened to this file, or folder; or may have.
   * @param stamp - what it was like before it was read, if it has been
   */
  touch(file: string, stamp = ''): void {
    this.#quiet = 0
    if (!this.#read.has(file)) this.#read.set(file, stamp)
    this.#running ??= this.#follow()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#running
  }

  async #follow(): Promise<void> {
    let before = ''
    let unread = 0
    let unsaid = 0
    while (this.#quiet < QUIET) {
      await setTimeout(LOOK_MS)
      if (this.#isClosed) return
      const stamps = await stampsOf([...this.#read.keys()])
      const all = [...stamps.values()].join()
      this.#quiet = all === before ? this.#quiet + 1 : 0
      before = all
      if (unsaid > 0 && now() - unsaid > PATIENCE_MS) {
        this.#events.settled()
        unsaid = 0
      }
      const changed = [...stamps.keys()].filter((file) => this.#read.get(file) !== stamps.get(file))
      if (changed.length === 0) continue
      unread ||= now()
      if (this.#quiet < STILL && now() - unread < PATIENCE_MS) continue
      // Before they are read: what changes from now on is a change.
      for (const [file, stamp] of stamps) this.#read.set(file, stamp)
      const isInOrder = await this.#events.read(changed)
      unsaid = isInOrder ? 0 : unsaid || now()
      unread = 0
      this.#quiet = 0
    }
    this.#read.clear()
    this.#running = undefined
    this.#events.settled()
  }
}

export async function stampsOf(files: readonly string[]): Promise<Map<string, string>> {
  return new Map(await Promise.all(files.map(async (file) => [file, await stampOf(file)] as const)))
}

async function stampOf(file: string): Promise<string> {
  try {
    const [real, stats] = await Promise.all([realpath(file), stat(file, { bigint: true })])
    // Where a link to a folder leads is all that it decides; what is in there has stamps of its own.
    return stats.isDirectory() ? real : `${real}:${stats.ino}:${stats.size}:${stats.mtimeNs}`
  } catch {
    return 'none'
  }
}
