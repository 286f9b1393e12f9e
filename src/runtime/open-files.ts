import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { clearTimeout, setTimeout } from '../engine/timers.ts'

/** Files that are kept for handlers and whoever is refused: an eighth of the limit, this at most. */
const MOST_RESERVED = 64
/** How long handshakes are refused before it is looked whether there are files again, in milliseconds. */
const RECHECK_MS = 1000
/** Every how many connections it is looked whether one more can be kept, when it is not known that it can. */
const PROBE_EVERY = 4

/**
 * Tells when file descriptors run short. With none left, uWebSockets.js and Bun ask for the next connection again and
 * again and use a whole processor for it, Node hangs up without a word, and handlers cannot open files: so it must not
 * come to that. Only Linux tells (`/proc/self`), elsewhere there are always enough.
 */
export class OpenFiles {
  readonly #limit: number = readLimit()
  readonly #reserved: number = Math.min(MOST_RESERVED, Math.floor(this.#limit / 8))
  /** How many handshakes may come before the files are counted again; with 10,000 open, that takes 10 ms. */
  #credit = 0
  #timer: NodeJS.Timeout | undefined
  /** How many connections there is room for without another look. */
  #spare = 0
  #connections = 0
  #isFull = false

  /**
   * Asked once for each handshake. Its connection has a file already, and so have others that came at the same time
   * and are about to be refused: counted among them, all would be refused, and all that come back later, too. So a
   * share of what there was room for gets in, and while there is no room the files are counted by a timer.
   */
  isShort(): boolean {
    if (this.#limit === Infinity) return false
    if (this.#timer !== undefined) return true
    if (this.#credit === 0) this.#count()
    if (this.#credit === 0) return true
    this.#credit--
    return false
  }

  /** Asked once for each connection, where the platform tells of it before its handshake: whether to hang up. */
  isFull(): boolean {
    if (this.#limit === Infinity || this.#spare-- > 0) return false
    // Those below are taken first, so a number from the rest says that they are all in use.
    if (this.#isFull || ++this.#connections % PROBE_EVERY === 0)
      this.#isFull = nextFile() >= this.#limit - this.#reserved / 2
    return this.#isFull
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #count(): void {
    const room = this.#limit - this.#reserved - countFiles()
    // Behind Vite a client takes three.
    const share = Math.ceil(room / 4)
    this.#spare = share
    this.#credit = room > 0 ? Math.max(share, this.#reserved >> 2) : 0
    this.#timer = room > 0 ? undefined : setTimeout(() => this.#count(), RECHECK_MS).unref()
  }
}

function readLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? Infinity : Number(soft)
  } catch {
    return Infinity
  }
}

function countFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    // None left to look with.
    return Infinity
  }
}

/** POSIX: the lowest number that is not in use. */
function nextFile(): number {
  try {
    const file = openSync('/dev/null', 'r')
    closeSync(file)
    return file
  } catch {
    return Infinity
  }
}
