import type { Line } from './lines.ts'
import { markOf, wordOf } from './words.ts'

interface Wanted {
  readonly text: string
  readonly isRegex: boolean
}

interface Answer {
  readonly id: number
  readonly found: readonly number[]
}

/** A regular expression may take for ever over one message: then it is ended. */
const MAX_MS = 1500

/** Which lines have a text. Regular expressions run in a worker, which can be ended. */
export class Search {
  readonly #tell: (trouble: string | undefined) => void
  #worker: Promise<Worker> | undefined
  #asked = 0
  readonly #waiting = new Map<number, (found: readonly number[] | undefined) => void>()
  /** What took too long, until it is another one. */
  #refused: string | undefined

  /** @param tell - what is wrong with a search, or that nothing is */
  constructor(tell: (trouble: string | undefined) => void) {
    this.#tell = tell
  }

  /** At once; `undefined`: it has to be waited for. */
  test(lines: readonly Line[], { text, isRegex }: Wanted): readonly Line[] | undefined {
    if (text === '' || lines.length === 0) return lines
    if (isRegex) return this.#refused === text ? [] : undefined
    const low = text.toLowerCase()
    return lines.filter((line) => isGap(line) || textOf(line).toLowerCase().includes(low))
  }

  /** None, where it is no expression, or one that takes too long: it has been told then. */
  async find(lines: readonly Line[], wanted: Wanted): Promise<readonly Line[]> {
    const now = this.test(lines, wanted)
    if (now) return now
    const { text } = wanted
    try {
      RegExp(text, 'i')
    } catch (error) {
      this.#tell((error as Error).message)
      return []
    }
    const found = await this.#ask(text, lines.map(textOf))
    if (!found) {
      this.#refused = text
      this.#tell(`this expression takes more than ${MAX_MS} ms: it was ended`)
      return []
    }
    this.#refused = undefined
    const set = new Set(found)
    return lines.filter((line, index) => isGap(line) || set.has(index))
  }

  async #ask(regex: string, texts: readonly string[]): Promise<readonly number[] | undefined> {
    // Its time begins when it has started, which may take as long on a busy machine.
    const worker = await (this.#worker ??= this.#start())
    const id = ++this.#asked
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        worker.terminate()
        this.#worker = undefined
        for (const settle of [...this.#waiting.values()]) settle(undefined)
      }, MAX_MS)
      this.#waiting.set(id, (found) => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        resolve(found)
      })
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's takes none
      worker.postMessage({ id, regex, texts })
    })
  }

  #start(): Promise<Worker> {
    const worker = new Worker('page/search.js', { type: 'module' })
    return new Promise((resolve) => {
      worker.addEventListener('message', ({ data }: MessageEvent<'ready' | Answer>) => {
        if (data === 'ready') resolve(worker)
        else this.#waiting.get(data.id)?.(data.found)
      })
    })
  }
}

function isGap({ type }: Line): boolean {
  return type === 'left' || type === 'restart'
}

/** All of a line that can be searched. */
function textOf(line: Line): string {
  const { text, path, reason, error, room, rooms, by, code, type, pattern, fault, faults } = line
  const marks = fault ? wordOf(line) : faults && markOf(line)
  return [type, text, pattern, path, reason, error, room, rooms?.join(' '), by, code, marks]
    .filter((part) => part !== undefined && part !== '')
    .join('\n')
}
