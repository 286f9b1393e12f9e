/** Taken entries that a list may hold before it is cut. */
const MAX_TAKEN = 64

/** A queue. `Array.shift()` would move a long list each time. */
export class Fifo<T> {
  #entries: T[] = []
  /** Index of the first that is left. */
  #next = 0

  get size(): number {
    return this.#entries.length - this.#next
  }

  get first(): T | undefined {
    return this.#entries[this.#next]
  }

  push(entry: T): void {
    this.#entries.push(entry)
  }

  /** Takes the first. What was taken is let go now and then: a queue that is never empty would keep everything. */
  shift(): T | undefined {
    const { first } = this
    if (this.size > 0) this.#next++
    if (this.#next >= MAX_TAKEN && this.#next * 2 >= this.#entries.length) {
      this.#entries.splice(0, this.#next)
      this.#next = 0
    }
    return first
  }

  /** Takes all. */
  clear(): T[] {
    const left = this.#entries.slice(this.#next)
    this.#entries = []
    this.#next = 0
    return left
  }

  *[Symbol.iterator](): Generator<T> {
    for (let index = this.#next; index < this.#entries.length; index++) yield this.#entries[index] as T
  }
}
