const FIRST_MS = 50
const LONGEST_MS = 2000
/** Nodes that have lost the same broker shall not all come back in the same millisecond. */
const SPREAD = 0.2

/** How long to wait before the next dial: 50 ms, twice as long each time, 2 s in the end; 20 % more or less. */
export class Backoff {
  #ms = FIRST_MS

  next(isRefused: boolean): number {
    const ms = isRefused ? LONGEST_MS : this.#ms
    this.#ms = Math.min(this.#ms * 2, LONGEST_MS)
    return ms * (1 - SPREAD + 2 * SPREAD * Math.random())
  }

  /** @param ms - for how long it was up: one that takes connections only to end them is no reason to hurry */
  wasUp(ms: number): void {
    if (ms > LONGEST_MS) this.#ms = FIRST_MS
  }
}
