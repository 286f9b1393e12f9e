import { createFaults, type Faults } from './sequence.ts'
import { LatencyHistogram } from './histogram.ts'

/** What is counted from the start to the end, by name; a snapshot has by how much it grew. */
export interface Totals extends Faults {
  opened: number
  refused: number
  dropped: number
}

/** What one worker saw since its last snapshot; everything a report is made of adds up from these. */
export interface Snapshot extends Counters {
  readonly totals: Totals
  /** Connections that are open. */
  readonly open: number
  /** Encoded histograms. */
  readonly latency: string
  readonly lastReceiver: string
  readonly sendLag: string
  /** From when a connection was due to be opened to the answer of the server; warm-up included. */
  readonly connecting: string
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
  /** The first message that was other than recorded. */
  mismatch: string | undefined
  opened: number = 0
  refused: number = 0
  dropped: number = 0
  /** Why connections were refused or dropped, by text, with how often. */
  readonly reasons: { readonly refused: Map<string, number>; readonly dropped: Map<string, number> } = {
    refused: new Map(),
    dropped: new Map(),
  }
  /** Times of the clock between which messages are due that count. */
  measureFrom: number = Infinity
  measureUntil: number = Infinity
  /** The clock is between the two. */
  isMeasuring: boolean = false
  readonly #latency = new LatencyHistogram()
  readonly #lastReceiver = new LatencyHistogram()
  readonly #sendLag = new LatencyHistogram()
  readonly #connecting = new LatencyHistogram()
  #gone = 0
  #told: Totals = createTotals()
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
    if (how !== 'refused') this.#gone++
    if (how === 'closed') return
    this[how]++
    const reasons = this.reasons[how]
    const full = said === '' ? why : `${why}: ${said}`
    const reason = reasons.has(full) || reasons.size < MAX_REASONS ? full : why
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }

  /** A connection that was due to be opened is open `ms` later. */
  connected(ms: number): void {
    this.opened++
    this.#connecting.record(ms)
  }

  /** What came since the last time. */
  snapshot(): Snapshot {
    this.flush()
    const { opened, refused, dropped } = this
    const totals: Totals = { ...this.faults, opened, refused, dropped }
    const snapshot = {
      ...this.counters,
      totals: difference(totals, this.#told),
      open: Math.max(0, opened - this.#gone),
      latency: this.#latency.count > 0 ? this.#latency.encode() : '',
      lastReceiver: this.#lastReceiver.count > 0 ? this.#lastReceiver.encode() : '',
      sendLag: this.#sendLag.count > 0 ? this.#sendLag.encode() : '',
      connecting: this.#connecting.count > 0 ? this.#connecting.encode() : '',
    }
    this.#told = totals
    this.#latency.clear()
    this.#lastReceiver.clear()
    this.#sendLag.clear()
    this.#connecting.clear()
    this.counters = createCounters()
    return snapshot
  }

  #counts(due: number): boolean {
    return due >= this.measureFrom && due < this.measureUntil
  }
}

export function createTotals(): Totals {
  return { ...createFaults(), opened: 0, refused: 0, dropped: 0 }
}

function difference(now: Totals, before: Totals): Totals {
  const grown = createTotals()
  for (const name of Object.keys(grown) as (keyof Totals)[]) grown[name] = now[name] - before[name]
  return grown
}

export function createCounters(): Counters {
  return { sent: 0, received: 0, measured: 0, measuredBytes: 0, handshakes: 0 }
}
