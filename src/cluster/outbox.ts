import { Fifo } from '../engine/fifo.ts'

interface Kept {
  readonly frame: Uint8Array
  /** When it was sent. */
  readonly at: number
}

/** What a node has sent last, within a bound of bytes and one of time, to send again to who has missed it. */
export class Outbox {
  readonly #maxBytes: number
  readonly #maxMs: number
  readonly #kept = new Fifo<Kept>()
  #bytes = 0
  /** The number of the last message; the first is 1. */
  #last = 0

  constructor(maxBytes: number, maxMs: number) {
    this.#maxBytes = maxBytes
    this.#maxMs = maxMs
  }

  get last(): number {
    return this.#last
  }

  /** The number of the oldest message that is kept; of the next one, if none is. */
  first(now: number): number {
    this.#forget(now)
    return (this.#last - this.#kept.size + 1) >>> 0
  }

  /** @returns the number that the next message has */
  number(): number {
    this.#last = (this.#last + 1) >>> 0
    return this.#last
  }

  /** Keeps the message that the last number was for. */
  keep(frame: Uint8Array, now: number): void {
    this.#kept.push({ frame, at: now })
    this.#bytes += frame.length
    this.#forget(now)
  }

  /** Those of a range that are there still. */
  *range(from: number, to: number, now: number): Generator<Uint8Array> {
    let seq = this.first(now)
    for (const { frame } of this.#kept) {
      if (((seq - from) | 0) >= 0 && ((seq - to) | 0) <= 0) yield frame
      seq = (seq + 1) >>> 0
    }
  }

  #forget(now: number): void {
    for (;;) {
      const oldest = this.#kept.first
      if (!oldest) return
      if (this.#bytes <= this.#maxBytes && now - oldest.at <= this.#maxMs) return
      this.#bytes -= oldest.frame.length
      this.#kept.shift()
    }
  }
}
