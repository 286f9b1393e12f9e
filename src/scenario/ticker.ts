import type { Clock, Timer } from '../engine/clock.ts'
import type { Random } from '../engine/handler/scenario.ts'
import type { Span } from '../engine/handler/faults.ts'
import { within } from '../faults/chance.ts'

/** A machine that slept does not make up for what it missed. */
const CATCH_UP_MS = 1000

interface Rhythm {
  readonly every: Span
  readonly first?: Span
  readonly times?: number
}

/** Something again and again, at times that are counted from the first on: a late one makes none of the others late. */
export class Ticker {
  readonly #clock: Clock
  readonly #rhythm: Rhythm
  readonly #random: Random
  readonly #tick: () => void
  #left: number
  #due: number
  #timer: Timer | undefined

  constructor(clock: Clock, rhythm: Rhythm, random: Random, tick: () => void) {
    this.#clock = clock
    this.#rhythm = rhythm
    this.#random = random
    this.#tick = tick
    this.#left = rhythm.times ?? Infinity
    this.#due = clock.now()
    this.#plan(rhythm.first ?? rhythm.every)
  }

  stop(): void {
    this.#left = 0
    this.#timer?.cancel()
  }

  #plan(span: Span): void {
    if (this.#left <= 0) return
    const now = this.#clock.now()
    if (now - this.#due > CATCH_UP_MS) this.#due = now
    this.#due += within(span, this.#random)
    this.#timer = this.#clock.after(Math.max(0, this.#due - now), () => {
      this.#left--
      this.#tick()
      this.#plan(this.#rhythm.every)
    })
  }
}
