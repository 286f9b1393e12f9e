import { createFaults, type Faults } from './sequence.ts'
import { LatencyHistogram } from './histogram.ts'

/** What one worker saw since its last snapshot; everything a report is made of adds up from these. */
export interface Snapshot extends Counters {
  /** Encoded histograms. */
  readonly latency: string
  readonly lastReceiver: string
  readonly sendLag: string
}

export interface Counters {
  /** Messages, warm-up included. */
  sent: number
  /** First copies of them, or of the replies to them, warm-up included. */
  received: number
  /** Received while it was measured. */
  measured: number
  /** Payload bytes received while it was measured. */
  measuredBytes: number
  /** Handshakes completed while it was measured. */
  handshakes: number
}

/** Past so many, what servers said is left out: with the number of a request in it, no two are the same. */
const MAX_REASONS = 5

/** Runs of messages that took equally long are recorded at once: a chunk of replies to a batch is such a run. */
export class Recorder {
  readonly faults: Faults = createFaults()
  counters: Counters = createCounters()
  opened: number = 0
  refused: number = 0
  dropped: number = 0
  /** Why, by text, with how often. */
  readonly reasons: Map<string, number> = new Map()
  /** Times of the clock between which messages are due that count. */
  measureFrom: number = Infinity
  measureUntil: number = Infinity
  /** The clock is between the two. */
  isMeasuring: boolean = false
  readonly #latency = new LatencyHistogram()
  readonly #lastReceiver = new LatencyHistogram()
  readonly #sendLag = new LatencyHistogram()
  #due = 0
  #ms = 0
  #count = 0

  /** A message that was due then has arrived `ms` later. */
  latency(due: number, ms: number): void {
    if (due === this.#due && ms === this.#ms) {
      this.#count++
      return
    }
    this.flush()
    this.#due = due
    this.#ms = ms
    this.#count = 1
  }

  flush(): void {
    if (this.#count > 0 && this.#counts(this.#due)) this.#latency.record(this.#ms, this.#count)
    this.#count = 0
  }

  lastReceiver(due: number, ms: number): void {
    if (this.#counts(due)) this.#lastReceiver.record(ms)
  }

  /** By how much a message was sent later than it was due: that is the generator's doing. */
  sendLag(due: number, ms: number, count: number): void {
    if (this.#counts(due)) this.#sendLag.record(ms, count)
  }

  ended(how: 'refused' | 'dropped' | 'closed', why: string, said: string): void {
    if (how === 'closed') return
    this[how]++
    const full = said === '' ? why : `${why}: ${said}`
    const reason = this.reasons.has(full) || this.reasons.size < MAX_REASONS ? full : why
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1)
  }

  /** What came since the last time. */
  snapshot(): Snapshot {
    this.flush()
    const snapshot = {
      ...this.counters,
      latency: this.#latency.encode(),
      lastReceiver: this.#lastReceiver.count > 0 ? this.#lastReceiver.encode() : '',
      sendLag: this.#sendLag.count > 0 ? this.#sendLag.encode() : '',
    }
    this.#latency.clear()
    this.#lastReceiver.clear()
    this.#sendLag.clear()
    this.counters = createCounters()
    return snapshot
  }

  #counts(due: number): boolean {
    return due >= this.measureFrom && due < this.measureUntil
  }
}

export function createCounters(): Counters {
  return { sent: 0, received: 0, measured: 0, measuredBytes: 0, handshakes: 0 }
}
