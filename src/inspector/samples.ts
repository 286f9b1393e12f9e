import { everyLate, type Clock, type Timer } from '../engine/clock.ts'
import type { Stats } from '../engine/stats.ts'

/** What a second was like. */
export interface Sample {
  /** Milliseconds since the epoch, at its end. */
  readonly at: number
  readonly connections: number
  /** In this second. */
  readonly messagesIn: number
  readonly messagesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Milliseconds that the event loop was late, at most. */
  readonly lag: number
}

const SECOND_MS = 1000
const LOOKS_PER_S = 10
/** Five minutes. */
const MAX_SAMPLES = 300
/** Who looks no longer may come back. */
const PATIENCE_MS = 60_000

/** The last minutes, second by second, from when a page is opened until some time after it was closed. */
export class Samples {
  readonly #stats: Stats
  readonly #clock: Clock
  readonly #lateBy: (() => number) | undefined
  #samples: Sample[] = []
  #timer: Timer | undefined
  #until = 0

  /** @param lateBy - how late another event loop was since it was asked last, in milliseconds */
  constructor(stats: Stats, clock: Clock, lateBy?: () => number) {
    this.#lateBy = lateBy
    this.#stats = stats
    this.#clock = clock
  }

  after(at: number): readonly Sample[] {
    return this.#samples.filter((sample) => sample.at > at)
  }

  /** Somebody looks. */
  keep(): void {
    this.#until = this.#clock.now() + PATIENCE_MS
    if (this.#timer) return
    this.#samples = []
    const interval = SECOND_MS / LOOKS_PER_S
    let before = { ...this.#stats }
    let lag = 0
    let looks = 0
    this.#timer = everyLate(this.#clock, interval, (late) => {
      lag = Math.max(lag, this.#lateBy?.() ?? late)
      if (++looks < LOOKS_PER_S) return
      const { connections, messagesIn, messagesOut, bytesIn, bytesOut } = this.#stats
      this.#samples.push({
        at: this.#clock.date(),
        connections,
        messagesIn: messagesIn - before.messagesIn,
        messagesOut: messagesOut - before.messagesOut,
        bytesIn: bytesIn - before.bytesIn,
        bytesOut: bytesOut - before.bytesOut,
        lag: Math.round(lag * 10) / 10,
      })
      if (this.#samples.length > MAX_SAMPLES) this.#samples.shift()
      before = { ...this.#stats }
      lag = looks = 0
      if (this.#clock.now() > this.#until) this.close()
    })
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
