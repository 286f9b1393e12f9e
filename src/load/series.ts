import { Aggregate } from './aggregate.ts'
import type { LoadOptions } from './options.ts'
import type { Interval, Second, StageResult } from './report.ts'
import type { Stage } from './stages/stage.ts'

const SECOND_MS = 1000

/** A run over time: in the intervals in which it was watched, in seconds, and in its stages. */
export class Series {
  readonly timeline: Interval[] = []
  readonly seconds: Second[] = []
  readonly #options: LoadOptions
  readonly #every: number
  readonly #stages: readonly { readonly stage: Stage; readonly end: number; readonly seen: Aggregate }[]
  #second = new Aggregate(0)

  /** @param every - milliseconds of an interval */
  constructor(options: LoadOptions, every: number) {
    this.#options = options
    this.#every = every
    let end = -options.warmup
    this.#stages = options.stages.map((stage) => {
      const from = Math.max(0, end)
      end += stage.duration
      return { stage, end, seen: new Aggregate(from) }
    })
  }

  /** Of the measurement; returns the point of the timeline, unless it is too short to say anything about a second. */
  add(interval: Aggregate): Interval | undefined {
    const middle = (interval.from + interval.to) / 2
    this.#stages.find(({ end }) => middle < end)?.seen.append(interval)
    this.#second.append(interval)
    if (this.#second.length * SECOND_MS >= SECOND_MS - this.#every / 2) this.#endSecond()
    if (interval.length < this.#every / 2000) return undefined
    const { latency } = interval
    const isEmpty = latency.count === 0
    const point: Interval = {
      second: interval.to / 1000,
      perSecond: this.#measured(interval) / interval.length,
      p50: isEmpty ? null : latency.percentile(50),
      p99: isEmpty ? null : latency.percentile(99),
      max: isEmpty ? null : latency.percentile(100),
    }
    this.timeline.push(point)
    return point
  }

  /** What came before the measurement, or after it. */
  addOutside(seen: Aggregate, stage: 'warm-up' | 'end'): void {
    if (stage === 'end' && this.#second.to > this.#second.from) this.#endSecond()
    this.seconds.push(this.#row(seen, stage))
  }

  stages(): StageResult[] {
    return this.#stages.map(({ stage, seen }) => ({
      text: stage.text,
      from: seen.from / 1000,
      to: seen.to / 1000,
      sent: seen.counters.sent,
      received: seen.counters.received,
      perSecond: seen.length > 0 ? this.#measured(seen) / seen.length : 0,
      connections: seen.open,
      latency: seen.latency.summary(),
    }))
  }

  #endSecond(): void {
    const stage = this.#stages.find(({ end }) => (this.#second.from + this.#second.to) / 2 < end)
    this.seconds.push(this.#row(this.#second, stage?.stage.text ?? ''))
    this.#second = new Aggregate(this.#second.to)
  }

  #row(seen: Aggregate, stage: string): Second {
    const { latency } = seen
    const isMeasured = seen.length > 0 && stage !== 'warm-up' && stage !== 'end'
    const at = (percentile: number): number | null =>
      latency.count === 0 ? null : latency.percentile(percentile)
    return {
      second: Math.round(seen.to) / 1000,
      stage,
      sent: seen.counters.sent,
      received: seen.counters.received,
      perSecond: isMeasured ? this.#measured(seen) / seen.length : null,
      p50: at(50),
      p90: at(90),
      p99: at(99),
      max: at(100),
      connections: seen.open,
      lost: seen.totals.lost,
    }
  }

  #measured({ counters }: Aggregate): number {
    return this.#options.scenario === 'connect' ? counters.handshakes : counters.measured
  }
}
