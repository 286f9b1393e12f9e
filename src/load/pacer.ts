import { now } from './clock.ts'

/** Timers are late by up to a millisecond or two; what is due sooner is waited for in turns of the event loop. */
const SPIN_MS = 2.5

/**
 * The open loop: calls at fixed times, whatever became of the calls before. What is late is made up for at once, and
 * knows when it was due: a stall of the server, or of this process, does not make later messages disappear.
 */
export class Pacer {
  readonly #dueOf: (index: number) => number
  readonly #send: (index: number, due: number) => void
  readonly #flush: () => void
  #start = 0
  #count = 0
  #timer: NodeJS.Timeout | undefined
  #running = false

  /**
   * @param dueOf - when a call is due, in milliseconds from the start, by its number; `Infinity`: none is left
   * @param send - `index` counts the calls; `due` is the time of the clock at which this one was due
   * @param flush - after all calls that were due in a turn
   */
  constructor(
    dueOf: (index: number) => number,
    send: (index: number, due: number) => void,
    flush: () => void,
  ) {
    this.#dueOf = dueOf
    this.#send = send
    this.#flush = flush
  }

  start(at: number): void {
    this.#start = at
    this.#running = true
    this.#turn()
  }

  /** @param overdue - told of each call that was due, and was not made in time */
  stop(overdue: (due: number, late: number) => void): void {
    if (!this.#running) return
    this.#running = false
    clearTimeout(this.#timer)
    const time = now()
    for (let due = this.#next(); due < time; due = this.#next()) {
      overdue(due, time - due)
      this.#count++
    }
  }

  #next(): number {
    return this.#start + this.#dueOf(this.#count)
  }

  readonly #turn = (): void => {
    if (!this.#running) return
    const time = now()
    let due = this.#next()
    while (due <= time) {
      this.#send(this.#count++, due)
      due = this.#next()
    }
    this.#flush()
    if (due === Infinity) return
    const wait = due - now()
    if (wait > SPIN_MS) this.#timer = setTimeout(this.#turn, wait - SPIN_MS)
    else setImmediate(this.#turn)
  }
}
