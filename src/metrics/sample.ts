/** What tells series of one name apart; never anything that a client has chosen. */
export type Labels = Readonly<Record<string, string>>

interface Named {
  /** With its unit, and `_total` for a counter: https://prometheus.io/docs/practices/naming/ */
  readonly name: string
  readonly help: string
  readonly labels?: Labels | undefined
}

export interface NumberSample extends Named {
  readonly type: 'counter' | 'gauge'
  readonly value: number
  /** What several processes make of it together, where that is not the sum. */
  readonly across?: 'max' | 'min'
}

export interface HistogramSample extends Named {
  readonly type: 'histogram'
  /** How many fell into each of the `BUCKETS` and no smaller one; the last is what was above all of them. */
  readonly counts: readonly number[]
  readonly sum: number
}

/** One series at one moment: plain data, which one process may send to another as JSON. */
export type Sample = NumberSample | HistogramSample
