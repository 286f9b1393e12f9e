import { everyLate, type Clock, type Timer } from '../engine/clock.ts'
import { Histogram } from './histogram.ts'

/** Fifty looks a second find what blocks for longer than this, and cost a thousandth of a processor at most. */
const INTERVAL_MS = 20
/** Looks of the last minute: a quantile of all since the start would hide what is now. */
const RECENT = 3000

/** How late the event loop is, by how late one timer comes. */
export class EventLoop {
  readonly #histogram = new Histogram()
  readonly #recent = new Float64Array(RECENT)
  readonly #timer: Timer
  #looks = 0
  #last = 0

  constructor(clock: Clock) {
    this.#timer = everyLate(clock, INTERVAL_MS, (late) => this.#observe(Math.max(0, late) / 1000))
  }

  get lag(): ReturnType<() => Histogram['state']> {
    return this.#histogram.state
  }

  /** Seconds, of the last look. */
  get last(): number {
    return this.#last
  }

  /** Seconds that one of a hundred looks of the last minute was late by, or more. */
  get p99(): number {
    const looks = this.#recent.slice(0, Math.min(this.#looks, RECENT)).toSorted()
    return looks[Math.floor(looks.length * 0.99)] ?? 0
  }

  stop(): void {
    this.#timer.cancel()
  }

  #observe(seconds: number): void {
    this.#histogram.observe(seconds)
    this.#recent[this.#looks++ % RECENT] = seconds
    this.#last = seconds
  }
}
