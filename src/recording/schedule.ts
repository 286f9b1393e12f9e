import { clearTimeout, MAX_TIMER_MS, now, setTimeout } from '../engine/timers.ts'

interface Entry {
  readonly due: number
  readonly run: () => void
}

/** What is due when, by one timer that is at its head: times are absolute, so that nothing drifts. */
export class Schedule {
  /** By time; what is due at the same one in the order in which it was added. */
  readonly #entries: Entry[] = []
  #head = 0
  readonly #mayRun: () => boolean
  #timer: NodeJS.Timeout | undefined
  #isStopped = false
  #isRunning = false

  /** @param mayRun - asked before each; after a no, whoever knows that it may calls `run` */
  constructor(mayRun: () => boolean) {
    this.#mayRun = mayRun
  }

  get isEmpty(): boolean {
    return this.#head === this.#entries.length
  }

  /** Call `run` afterwards. */
  add(due: number, run: () => void): void {
    let at = this.#entries.length
    while (at > this.#head && (this.#entries[at - 1]?.due ?? 0) > due) at--
    this.#entries.splice(at, 0, { due, run })
  }

  /** Runs what is due. */
  run(): void {
    if (this.#isRunning) return
    clearTimeout(this.#timer)
    this.#isRunning = true
    try {
      for (
        let entry = this.#entries[this.#head];
        entry && !this.#isStopped;
        entry = this.#entries[this.#head]
      ) {
        const wait = entry.due - now()
        if (wait > 0) return this.#sleep(wait)
        if (!this.#mayRun()) return
        this.#head++
        if (this.#head > 1000 && this.#head * 2 > this.#entries.length) this.#forget()
        entry.run()
      }
    } finally {
      this.#isRunning = false
    }
  }

  #sleep(ms: number): void {
    this.#timer = setTimeout(() => this.run(), Math.min(Math.ceil(ms), MAX_TIMER_MS))
  }

  #forget(): void {
    this.#entries.splice(0, this.#head)
    this.#head = 0
  }

  /** For good. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#entries.length = this.#head = 0
  }
}
