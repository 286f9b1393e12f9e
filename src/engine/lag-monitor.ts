import type { Clock, Timer } from './clock.ts'

/** Looks in each limit: what it finds is at most a quarter too small. */
const LOOKS = 4
const MIN_INTERVAL_MS = 5
const MAX_INTERVAL_MS = 100
/**
 * What waited for the event loop need not all be read before the timer is in time again, on a busy machine above all,
 * or if the loop is held up again and again.
 */
const READ_WITHIN_MS = 1000

/** Tells whether the event loop is late, by how late one timer comes. */
export class LagMonitor {
  readonly #clock: Clock
  #limit = 0
  #timer: Timer | undefined
  /** When the timer has to come next. */
  #due = 0
  /** How late it came last. */
  #last = 0
  /** When the first of the delays began that came within {@link READ_WITHIN_MS} of each other, and when they are over. */
  #since = 0
  #until = -Infinity

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
      this.#last = now - this.#due
      if (this.#last > limit) {
        this.#since = this.#delayedSince()
        this.#until = now + READ_WITHIN_MS
      }
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
    if (now - this.#due > this.#limit) return this.#delayedSince()
    return now <= this.#until ? this.#since : now
  }

  /** The timer is late. */
  #delayedSince(): number {
    return this.#due <= this.#until ? this.#since : this.#due
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#limit = 0
    this.#last = 0
    this.#until = -Infinity
  }
}
