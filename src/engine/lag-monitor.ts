import type { Clock, Timer } from './clock.ts'

/** Looks in each limit: what it finds is at most a quarter too small. */
const LOOKS = 4
const MIN_INTERVAL_MS = 5
const MAX_INTERVAL_MS = 100

/** Tells whether the event loop is late, by how late one timer comes. */
export class LagMonitor {
  readonly #clock: Clock
  #limit = 0
  #timer: Timer | undefined
  /** When the timer has to come next. */
  #due = 0
  /** When it had to come last, and how late it was. */
  #before = 0
  #last = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param limit - in milliseconds; 0 is off */
  watch(limit: number): void {
    if (limit === this.#limit) return
    this.stop()
    this.#limit = limit
    if (limit === 0) return
    const interval = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, limit / LOOKS))
    this.#due = this.#clock.now() + interval
    this.#timer = this.#clock.every(interval, () => {
      const now = this.#clock.now()
      this.#before = this.#due
      this.#last = now - this.#due
      this.#due = now + interval
    })
  }

  /** Whether the timer came too late, or is too late already: a handler may have blocked since. */
  isLagging(): boolean {
    return this.#limit > 0 && (this.#last > this.#limit || this.#clock.now() - this.#due > this.#limit)
  }

  /** Since when what arrives now may have waited for the event loop: since now, if that is in time. */
  waitingSince(now: number): number {
    if (this.#limit === 0) return now
    if (now - this.#due > this.#limit) return this.#due
    return this.#last > this.#limit ? this.#before : now
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#limit = 0
    this.#last = 0
  }
}
