import type { Clock } from '../engine/clock.ts'
import { textAnswer } from '../engine/handshake/handshake.ts'
import { compilePattern, type Pattern } from '../engine/handshake/routing.ts'
import type { HttpAnswer } from '../engine/runtime.ts'
import { setImmediate } from '../engine/timers.ts'
import { resolveRefusal, type Refusal } from './options.ts'

interface Refusing {
  readonly pattern: Pattern
  readonly status: number
  readonly delay: number
  left: number
}

/** The handshakes that a test has refused. */
export class Refusals {
  readonly #clock: Clock
  #refusing: Refusing[] = []
  /** Ends of those whose `delay` is not over. */
  readonly #held = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(pattern: string, refusal: Refusal): void {
    const { times, status, delay } = resolveRefusal(pattern, refusal)
    this.#refusing.push({ pattern: compilePattern(pattern), status, delay, left: times })
  }

  /** The answer to a handshake on this path, if it is refused. */
  async answer(path: string): Promise<HttpAnswer | undefined> {
    const refusing = this.#refusing.find(({ pattern, left }) => left > 0 && pattern.match(path) !== undefined)
    if (!refusing) return undefined
    refusing.left--
    const { status, delay } = refusing
    if (delay > 0) await this.#hold(delay)
    return textAnswer(status, 'Refused by the test')
  }

  /** Ends all. A test that is over waits for no refusal: those that wait are given now. */
  async clear(): Promise<void> {
    this.#refusing = []
    if (this.#held.size === 0) return
    for (const done of [...this.#held]) done()
    await new Promise(setImmediate)
  }

  #hold(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        this.#held.delete(done)
        resolve()
      }
      const timer = this.#clock.after(delay, done)
      this.#held.add(done)
    })
  }
}
