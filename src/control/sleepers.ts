import type { Clock } from '../engine/clock.ts'

/** Those who wait until something has happened, or their time is over. */
export class Sleepers {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async sleep(ms: number): Promise<void> {
    if (ms <= 0) return
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        timer.cancel()
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = this.#clock.after(ms, wake)
      this.#waiting.add(wake)
    })
  }

  wake(): void {
    if (this.#waiting.size > 0) for (const wake of [...this.#waiting]) wake()
  }
}
