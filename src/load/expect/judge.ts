import { Aggregate } from '../aggregate.ts'
import type { LatencyHistogram } from '../histogram.ts'
import type { ScenarioName } from '../options.ts'
import type { Totals } from '../recorder.ts'
import { holds, type Metric, type Threshold } from './threshold.ts'

/** What became of a threshold. */
export interface Verdict {
  /** As it was asked for. */
  readonly text: string
  /** Milliseconds, messages a second, a count or a share; of windows the worst; `null` if nothing was measured. */
  readonly value: number | null
  readonly unit: 'ms' | 'per second' | 'count' | 'share'
  readonly ok: boolean
  /** `false`: it says nothing of the server: it is broken and the generator was the limit, or the run was interrupted. */
  readonly valid: boolean
  /** Seconds from the start of the measurement to where it broke first: the start of a window, or where the run was ended. */
  readonly at?: number
}

/** A percentile of less is one of very few messages: nobody's run ends by it. */
const MIN_SECONDS_TO_ABORT = 1

/** Holds thresholds against what is seen, as it comes. */
export class Judge {
  readonly #scenario: ScenarioName
  readonly #items: readonly Item[]
  /** The threshold that ends the run. */
  broken: Threshold | undefined

  constructor(thresholds: readonly Threshold[], scenario: ScenarioName) {
    this.#scenario = scenario
    this.#items = thresholds.map((threshold) => ({
      threshold,
      window: new Aggregate(0),
      worst: null,
      at: undefined,
    }))
  }

  /**
   * @param interval - that is over
   * @param total - with it
   */
  add(interval: Aggregate, total: Aggregate): void {
    for (const item of this.#items) {
      const { threshold } = item
      if (threshold.window !== undefined) {
        item.window.append(interval)
        // Intervals are on a grid, give or take what timers are late.
        const isOver =
          item.window.to >= item.window.from + threshold.window - (interval.to - interval.from) / 2
        if (isOver) this.#endWindow(item, threshold.window)
      } else if (threshold.aborts && interval.to / 1000 >= MIN_SECONDS_TO_ABORT) {
        const value = this.#valueOf(threshold.metric, total)
        if (value !== null && !holds(threshold, value)) item.at ??= interval.to / 1000
      }
      if (threshold.aborts && item.at !== undefined) this.broken ??= threshold
    }
  }

  /**
   * @param total - of the run
   * @param facts - `reach` of a fan-out; `isLimited`: the generator was the limit
   */
  verdicts(
    total: Aggregate,
    facts: { readonly reach: number | null; readonly isLimited: boolean; readonly isInterrupted: boolean },
  ): Verdict[] {
    return this.#items.map((item) => {
      const { threshold } = item
      const { metric, window, text } = threshold
      if (window !== undefined && item.window.to - item.window.from >= window / 2)
        this.#endWindow(item, window)
      const value =
        window !== undefined
          ? item.worst
          : metric.kind === 'reach'
            ? facts.reach
            : this.#valueOf(metric, total)
      const ok = value !== null && holds(threshold, value) && item.at === undefined
      // Who sends late, and reads late, makes messages slow, and fewer; nothing else.
      const isOfTime = metric.kind === 'latency' || metric.kind === 'rate'
      const valid = !facts.isInterrupted && (ok || !facts.isLimited || !isOfTime)
      const at = item.at === undefined ? {} : { at: item.at }
      return { text, value, unit: unitOf(metric), ok, valid, ...at }
    })
  }

  #endWindow(item: Item, length: number): void {
    const { window, threshold } = item
    const value = this.#valueOf(threshold.metric, window)
    item.window = new Aggregate(Math.round(window.from / length + 1) * length)
    // A window in which nothing came is one whose messages come in a later one, and say then how long they took.
    if (value === null) return
    const isBroken = !holds(threshold, value)
    if (item.worst === null || isWorse(threshold, value, item.worst)) item.worst = value
    if (isBroken) item.at ??= window.from / 1000
  }

  #valueOf(metric: Metric, seen: Aggregate): number | null {
    switch (metric.kind) {
      case 'latency':
        return statisticOf(
          seen[metric.of === 'connecting' && this.#scenario === 'connect' ? 'latency' : metric.of],
          metric.statistic,
        )
      case 'rate': {
        const { measured, handshakes } = seen.counters
        return seen.length > 0 ? (this.#scenario === 'connect' ? handshakes : measured) / seen.length : null
      }
      case 'count': {
        const count = seen.totals[metric.of]
        return metric.isShare ? shareOf(metric.of, count, seen) : count
      }
      case 'reach':
        return null
      default:
        return metric satisfies never
    }
  }
}

interface Item {
  readonly threshold: Threshold
  window: Aggregate
  worst: number | null
  at: number | undefined
}

function isWorse({ operator, limit }: Threshold, value: number, than: number): boolean {
  if (operator === '==') return Math.abs(value - limit) > Math.abs(than - limit)
  if (operator === '!=') return Math.abs(value - limit) < Math.abs(than - limit)
  return operator.startsWith('<') ? value > than : value < than
}

function statisticOf(histogram: LatencyHistogram, statistic: 'mean' | 'min' | 'max' | number): number | null {
  if (histogram.count === 0) return null
  if (statistic === 'mean') return histogram.mean
  return histogram.percentile(statistic === 'min' ? 0 : statistic === 'max' ? 100 : statistic)
}

const OF_CONNECTIONS: readonly (keyof Totals)[] = ['opened', 'refused', 'dropped']

function shareOf(name: keyof Totals, count: number, { counters, totals }: Aggregate): number {
  const all = OF_CONNECTIONS.includes(name) ? totals.opened + totals.refused : counters.sent
  return all === 0 ? 0 : count / all
}

function unitOf(metric: Metric): Verdict['unit'] {
  if (metric.kind === 'latency') return 'ms'
  if (metric.kind === 'rate') return 'per second'
  return metric.kind === 'count' && !metric.isShare ? 'count' : 'share'
}
