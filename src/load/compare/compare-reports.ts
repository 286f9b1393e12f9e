import type { Report } from '../report.ts'
import { median, ratioOfMedians } from './bootstrap.ts'

/** One figure of two sides. */
export interface MetricComparison {
  readonly metric: 'rate' | 'p50' | 'p99' | 'memory'
  readonly unit: 'per second' | 'ms' | 'bytes'
  /** Of each run; of single runs: of each second. */
  readonly base: readonly number[]
  readonly next: readonly number[]
  /** Of the medians, new by old, and the interval of 95 % around it. */
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly verdict: 'better' | 'worse' | 'same' | 'unclear'
  /** There is one run a side: the interval knows of the seconds in it, and not of what differs from run to run. */
  readonly isOneRun: boolean
}

export type ReportOfRun = Pick<
  Report,
  'messages' | 'handshakes' | 'latency' | 'memory' | 'generator' | 'bySecond'
>

/** What one second does, the next ones do as well: they are drawn together. */
const BLOCK = 5
export const TOLERANCE = 0.05

/**
 * Compares two sides of runs: pure, the same result each time.
 * @param tolerance - a share: what differs by less is the same
 */
export function compareReports(
  base: readonly ReportOfRun[],
  next: readonly ReportOfRun[],
  tolerance: number = TOLERANCE,
): MetricComparison[] {
  const isOneRun = base.length === 1 || next.length === 1
  const isLimited = [...base, ...next].some(({ generator }) => generator.limited)
  return METRICS.flatMap(({ metric, unit, ofRun, ofSecond, isMoreBetter }) => {
    const values = (runs: readonly ReportOfRun[]): number[] =>
      isOneRun && ofSecond
        ? runs.flatMap(({ bySecond }) => bySecond.filter(isWhole).flatMap((second) => ofSecond(second) ?? []))
        : runs.flatMap((run) => ofRun(run) ?? [])
    const [before, after] = [values(base), values(next)]
    // Without a figure, or with one of 0, there is no ratio.
    if (before.length === 0 || after.length === 0 || median(before) <= 0) return []
    const found = ratioOfMedians(before, after, isOneRun ? BLOCK : 1)
    const verdict = isLimited ? 'unclear' : verdictOf(found, tolerance, isMoreBetter)
    return [{ metric, unit, base: before, next: after, ...found, verdict, isOneRun }]
  })
}

interface MetricOf {
  readonly metric: MetricComparison['metric']
  readonly unit: MetricComparison['unit']
  readonly isMoreBetter: boolean
  readonly ofRun: (run: ReportOfRun) => number | undefined
  /** `undefined`: a run has one value. */
  readonly ofSecond?: (second: Report['bySecond'][number]) => number | null
}

const METRICS: readonly MetricOf[] = [
  {
    metric: 'rate',
    unit: 'per second',
    isMoreBetter: true,
    ofRun: ({ handshakes, messages }) => (handshakes ?? messages).perSecond,
    ofSecond: ({ perSecond }) => perSecond,
  },
  {
    metric: 'p50',
    unit: 'ms',
    isMoreBetter: false,
    ofRun: ({ latency }) => latency?.p50,
    ofSecond: ({ p50 }) => p50,
  },
  {
    metric: 'p99',
    unit: 'ms',
    isMoreBetter: false,
    ofRun: ({ latency }) => latency?.p99,
    ofSecond: ({ p99 }) => p99,
  },
  {
    metric: 'memory',
    unit: 'bytes',
    isMoreBetter: false,
    ofRun: ({ memory }) => memory?.perConnection,
  },
]

/** Neither the warm-up nor what came after the end. */
function isWhole({ perSecond }: Report['bySecond'][number]): boolean {
  return perSecond !== null
}

/** Only what lies wholly beyond the tolerance is told apart; what may be either is unclear. */
function verdictOf(
  { ratio, low, high }: Pick<MetricComparison, 'ratio' | 'low' | 'high'>,
  tolerance: number,
  isMoreBetter: boolean,
): MetricComparison['verdict'] {
  const [less, more] = [1 - tolerance, 1 + tolerance]
  if (low > more) return isMoreBetter ? 'better' : 'worse'
  if (high < less) return isMoreBetter ? 'worse' : 'better'
  const isNear = ratio >= less && ratio <= more
  return isNear && ((low >= less && high <= more) || (low <= 1 && high >= 1)) ? 'same' : 'unclear'
}
