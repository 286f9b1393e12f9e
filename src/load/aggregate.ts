import { LatencyHistogram } from './histogram.ts'
import { createCounters, createTotals, type Counters, type Snapshot, type Totals } from './recorder.ts'

const COUNTERS = Object.keys(createCounters()) as (keyof Counters)[]
const TOTALS = Object.keys(createTotals()) as (keyof Totals)[]

/** Everything that was seen in some time, by all workers: an interval, a second, a stage, a run. */
export class Aggregate {
  readonly counters: Counters = createCounters()
  readonly totals: Totals = createTotals()
  /** Connections that were open at its end. */
  open = 0
  /** Milliseconds from the start of the measurement. */
  from: number
  to: number
  // Made when there is something to put in: each of them is some hundred kilobytes.
  #latency: LatencyHistogram | undefined
  #lastReceiver: LatencyHistogram | undefined
  #sendLag: LatencyHistogram | undefined
  #connecting: LatencyHistogram | undefined

  constructor(from: number, to: number = from) {
    this.from = from
    this.to = to
  }

  get latency(): LatencyHistogram {
    return (this.#latency ??= new LatencyHistogram())
  }

  get lastReceiver(): LatencyHistogram {
    return (this.#lastReceiver ??= new LatencyHistogram())
  }

  get sendLag(): LatencyHistogram {
    return (this.#sendLag ??= new LatencyHistogram())
  }

  get connecting(): LatencyHistogram {
    return (this.#connecting ??= new LatencyHistogram())
  }

  /** Seconds. */
  get length(): number {
    return (this.to - this.from) / 1000
  }

  /** Of one worker, for the same time. */
  addSnapshot(snapshot: Snapshot): void {
    for (const name of COUNTERS) this.counters[name] += snapshot[name]
    for (const name of TOTALS) this.totals[name] += snapshot.totals[name]
    this.open += snapshot.open
    if (snapshot.latency) this.latency.add(snapshot.latency)
    if (snapshot.lastReceiver) this.lastReceiver.add(snapshot.lastReceiver)
    if (snapshot.sendLag) this.sendLag.add(snapshot.sendLag)
    if (snapshot.connecting) this.connecting.add(snapshot.connecting)
  }

  /** What came after it. */
  append(next: Aggregate): void {
    for (const name of COUNTERS) this.counters[name] += next.counters[name]
    for (const name of TOTALS) this.totals[name] += next.totals[name]
    this.open = next.open
    this.to = next.to
    if (next.#latency) this.latency.merge(next.#latency)
    if (next.#lastReceiver) this.lastReceiver.merge(next.#lastReceiver)
    if (next.#sendLag) this.sendLag.merge(next.#sendLag)
    if (next.#connecting) this.connecting.merge(next.#connecting)
  }
}
