import { now } from './clock.ts'
import { DueTimes } from './due-times.ts'
import type { Recorder } from './recorder.ts'
import type { Job } from './scenario.ts'
import { Sequence } from './sequence.ts'

/** The numbered messages of one connection, each due at a time, and the replies to them. */
export class Exchange {
  /** How many were sent. */
  sent = 0
  readonly #timeout: number
  readonly #recorder: Recorder
  readonly #sequence: Sequence
  readonly #dues: DueTimes

  /** @param capacity - how many messages are expected to be under way */
  constructor({ options, recorder }: Job, capacity: number) {
    this.#timeout = options.timeout
    this.#recorder = recorder
    this.#sequence = new Sequence(recorder.faults)
    this.#dues = new DueTimes(capacity)
  }

  /** The number whose reply is due; a reply that was overtaken counts as here, so that a lost one stops nobody. */
  get next(): number {
    return this.#sequence.next
  }

  get underWay(): number {
    return this.sent - this.#sequence.next
  }

  get isSettled(): boolean {
    return this.underWay <= 0
  }

  /** Takes note of when a message is due, before it counts as sent. */
  setDue(number: number, time: number): void {
    this.#dues.set(number, time, number - this.#sequence.next)
  }

  /** When it was due: of a message that is not sent yet. */
  dueOf(number: number): number | undefined {
    return this.#dues.get(number, number)
  }

  /** A reply of so many bytes is here. */
  answered(number: number, time: number, bytes: number): void {
    const due = this.#dues.get(number, this.sent)
    const isLate = due !== undefined && time - due > this.#timeout
    if (!this.#sequence.accept(number, this.sent, isLate)) return
    const recorder = this.#recorder
    recorder.counters.received++
    if (recorder.isMeasuring) {
      recorder.counters.measured++
      recorder.counters.measuredBytes += bytes
    }
    if (due !== undefined) recorder.latency(due, time - due)
  }

  /** In a closed loop a message that is lost would hold its place in the window for ever. */
  giveUpOverdue(): void {
    const limit = now() - this.#timeout
    while (!this.isSettled && (this.#dues.get(this.next, this.sent) ?? 0) < limit) this.#sequence.giveUp()
  }

  /** Nothing comes any more. */
  end(): void {
    this.#sequence.end(this.sent)
  }
}
