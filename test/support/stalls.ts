const EVERY_MS = 10

/**
 * How long this process has had to wait for its turn. Whoever measures in it has waited as long, so an upper bound is
 * one for a free machine, and this on top.
 */
export class Stalls {
  #ms = 0
  #due = performance.now() + EVERY_MS
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.#timer = setInterval(() => this.#look(), EVERY_MS).unref()
  }

  /** Since it was made. */
  get ms(): number {
    return this.#ms
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    this.#ms += Math.max(0, now - this.#due)
    this.#due = now + EVERY_MS
  }
}
