import { systemClock, type Clock, type Timer } from '../engine/clock.ts'

/** Time as a test sees it. */
export interface TestClock {
  /** Milliseconds since the server started. */
  now(): number
  /**
   * Lets that much time pass: what is due runs in its order, and after each the server waits until what was sent has
   * arrived. @throws if the server has a real clock
   */
  advance(ms: number): Promise<void>
  /** The same, until nothing is due any more. @throws if something still is after `limit` timers (1,000) */
  runAll(limit?: number): Promise<void>
}

interface VirtualTimer {
  at: number
  /** Those of the same time run in the order in which they were set. */
  readonly order: number
  readonly interval: number | undefined
  readonly run: (isLate: boolean) => void
}

const MAX_TIMERS = 1000

/** A clock that goes only when it is told to. */
export class VirtualClock implements Clock, TestClock {
  readonly #start: number = systemClock.date()
  readonly #timers = new Set<VirtualTimer>()
  readonly #settle: () => Promise<void>
  #now = 0
  #order = 0
  #isReal = false

  /** @param settle - waits until what was sent has arrived */
  constructor(settle: () => Promise<void>) {
    this.#settle = settle
  }

  now(): number {
    return this.#now
  }

  date(): number {
    return this.#start + this.#now
  }

  after(ms: number, run: () => void): Timer {
    return this.#isReal ? systemClock.after(ms, run) : this.#add(ms, undefined, run)
  }

  every(ms: number, run: (isLate: boolean) => void): Timer {
    return this.#isReal ? systemClock.every(ms, run) : this.#add(ms, ms, run)
  }

  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`advance(${ms}): time goes forward; give milliseconds, 0 or more`)
    const end = this.#now + ms
    await this.#settle()
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next())
      await this.#run(next)
    this.#now = end
  }

  async runAll(limit: number = MAX_TIMERS): Promise<void> {
    await this.#settle()
    for (let ran = 0; ; ran++) {
      const next = this.#next()
      if (next === undefined) return
      if (ran === limit)
        throw new Error(
          `runAll(): something is still due after ${limit} timers; one that repeats (a heartbeat, say) never ends: use advance(ms)`,
        )
      await this.#run(next)
    }
  }

  /** For the end of a server, which shall not wait for a test that is over: what is due from now on comes by itself. */
  goReal(): void {
    this.#isReal = true
    for (const { at, interval, run } of this.#timers) {
      if (interval === undefined) systemClock.after(at - this.#now, () => run(false))
    }
    this.#timers.clear()
  }

  async #run(timer: VirtualTimer): Promise<void> {
    this.#now = Math.max(this.#now, timer.at)
    if (timer.interval === undefined) this.#timers.delete(timer)
    else timer.at += timer.interval
    timer.run(false)
    await this.#settle()
  }

  #next(): VirtualTimer | undefined {
    let first: VirtualTimer | undefined
    for (const timer of this.#timers) {
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer
    }
    return first
  }

  #add(ms: number, interval: number | undefined, run: (isLate: boolean) => void): Timer {
    const timer = { at: this.#now + ms, order: ++this.#order, interval, run }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }
}

/** The platform's, which a test can only read. */
export class RealClock implements TestClock {
  readonly #start: number

  constructor(start: number) {
    this.#start = start
  }

  now(): number {
    return systemClock.now() - this.#start
  }

  async advance(): Promise<void> {
    throw new Error(
      `advance(): this server's clock is real; createTestServer({ clock: 'virtual' }) makes one that goes by itself`,
    )
  }

  async runAll(): Promise<void> {
    throw new Error(
      `runAll(): this server's clock is real; createTestServer({ clock: 'virtual' }) makes one that goes by itself`,
    )
  }
}
