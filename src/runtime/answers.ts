import { setImmediate } from '../engine/timers.ts'

/** Answers to handshakes that are not written yet. A runtime that closes waits for them: 503 is more than a hang-up. */
export class Answers {
  readonly #pending = new Set<Promise<unknown>>()

  /** @param answer - settles when the answer is written, or nobody is left to read it; it does not reject */
  add<T>(answer: Promise<T>): Promise<T> {
    this.#pending.add(answer)
    void answer.then(() => this.#pending.delete(answer))
    return answer
  }

  /** Resolves when all are written. The engine has refused those that waited for `authenticate`. */
  async written(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending)
    // What is written goes out at the end of the turn, as the server may be closed from inside of a request.
    await new Promise((resolve) => setImmediate(resolve))
  }
}
