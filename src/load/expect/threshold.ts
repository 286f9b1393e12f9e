import { SidewireError } from '../../engine/errors.ts'
import { createTotals, type Totals } from '../recorder.ts'
import { marked } from '../stages/stage.ts'

/** What a threshold is about. */
export type Metric =
  | {
      readonly kind: 'latency'
      readonly of: 'latency' | 'connecting' | 'lastReceiver'
      /** A number is a percentile. */
      readonly statistic: 'mean' | 'min' | 'max' | number
    }
  | { readonly kind: 'rate' }
  /** As a share it is of what was sent, or of the connections that were tried. */
  | { readonly kind: 'count'; readonly of: keyof Totals; readonly isShare: boolean }
  | { readonly kind: 'reach' }

type Comparison = (value: number, limit: number) => boolean

const OPERATORS: Readonly<Record<Operator, Comparison>> = {
  '<=': (value, limit) => value <= limit,
  '>=': (value, limit) => value >= limit,
  '==': (value, limit) => value === limit,
  '!=': (value, limit) => value !== limit,
  '<': (value, limit) => value < limit,
  '>': (value, limit) => value > limit,
}

type Operator = '<=' | '>=' | '==' | '!=' | '<' | '>'

/** What a run has to keep to. */
export interface Threshold {
  /** As it was asked for. */
  readonly text: string
  readonly metric: Metric
  readonly operator: Operator
  /** Milliseconds, messages a second, a count or a share. */
  readonly limit: number
  /** Milliseconds: it has to hold in each of these, and not only in all; `undefined`: in all. */
  readonly window: number | undefined
  /** The run ends when it is broken. */
  readonly aborts: boolean
}

export function holds({ operator, limit }: Threshold, value: number): boolean {
  return OPERATORS[operator](value, limit)
}

const MS = { us: 1e-3, µs: 1e-3, ms: 1, s: 1000 } as const
const FACTORS = { '': 1, k: 1e3, M: 1e6 } as const
const SECONDS = { s: 1000, m: 60_000 } as const
const PREFIXES = { '': 'latency', connect: 'connecting', last: 'lastReceiver' } as const
const COUNTS = createTotals()
const METRICS = `p50 (any percentile), mean, min, max (with connect. or last. before them), rate, reach, ${Object.keys(COUNTS).join(', ')}`

/** @throws `ERR_OPTION` with the place marked, and what to write there */
export function parseThreshold(text: string, option = '--expect'): Threshold {
  const refuse = (from: number, to: number, cure: string): never => {
    throw new SidewireError('ERR_OPTION', `option "${option}" is "${marked(text, from, to)}"; ${cure}`)
  }
  const [, name = '', operator = '', rest = ''] = /^(\s*[\w.]*\s*)([<>=!]*)\s*(.*)$/.exec(text) ?? []
  const metricEnd = name.length
  const valueStart = text.length - rest.length
  const metric = metricOf(name.trim())
  if (!metric) return refuse(0, metricEnd, `a metric has to stand there: ${METRICS}`)
  if (!isOperator(operator))
    return refuse(
      metricEnd,
      metricEnd + operator.length,
      `an operator has to stand there: ${Object.keys(OPERATORS).join(' ')}${operator === '=' ? '; equal is ==' : ''}`,
    )
  const [, value = '', at, aborts = ''] = /^([^@!]*)(?:@([^!]*))?(!?)$/.exec(rest) ?? []
  if (value === '' && rest !== '' && at === undefined)
    return refuse(
      valueStart,
      text.length,
      "behind the value only a window such as @5s and a ! may stand, as in 'p99<20ms@5s!'",
    )
  const valueEnd = valueStart + value.length
  const given = value.trim()
  let window: number | undefined
  if (at !== undefined) {
    const [, amount, unit] = /^([1-9]\d*)(s|m)$/.exec(at) ?? []
    if (amount === undefined)
      return refuse(valueEnd, valueEnd + 1 + at.length, 'a window is whole seconds, or minutes, such as @5s')
    window = Number(amount) * SECONDS[unit as keyof typeof SECONDS]
  }
  if (metric.kind === 'reach' && (window !== undefined || aborts !== ''))
    return refuse(valueEnd, text.length, 'the reach is known at the end only: leave that out')
  const read = readValue(metric, given)
  if (typeof read === 'string') return refuse(valueStart, Math.max(valueEnd, valueStart), read)
  return { text, operator, window, aborts: aborts === '!', ...read }
}

function metricOf(name: string): Metric | undefined {
  if (name === 'rate' || name === 'reach') return { kind: name }
  if (Object.hasOwn(COUNTS, name)) return { kind: 'count', of: name as keyof Totals, isShare: false }
  const [, prefix = '', statistic = ''] =
    /^(?:(connect|last)\.)?(mean|min|max|p\d+(?:\.\d+)?)$/.exec(name) ?? []
  const of = PREFIXES[prefix as keyof typeof PREFIXES]
  if (statistic === 'mean' || statistic === 'min' || statistic === 'max')
    return { kind: 'latency', of, statistic }
  const percentile = Number(statistic.slice(1))
  return statistic !== '' && percentile <= 100 ? { kind: 'latency', of, statistic: percentile } : undefined
}

/** 99.9 % is 0.999, and not 0.9990000000000001. */
function shareOf(percent: number): number {
  return Number((percent / 100).toPrecision(12))
}

function isOperator(text: string): text is Operator {
  return Object.hasOwn(OPERATORS, text)
}

/** A sentence if it cannot be read. */
function readValue(metric: Metric, text: string): Pick<Threshold, 'metric' | 'limit'> | string {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*(\D*)$/.exec(text) ?? []
  const number = Number(digits)
  switch (metric.kind) {
    case 'latency':
      if (digits === undefined || !Object.hasOwn(MS, unit))
        return 'a latency has to stand there, a number with us, ms or s, such as 20ms'
      return { metric, limit: number * MS[unit as keyof typeof MS] }
    case 'rate': {
      const factor = unit.replace(/\/s$/, '')
      if (digits === undefined || !Object.hasOwn(FACTORS, factor))
        return 'messages a second have to stand there, such as 500, 10k or 1.5M'
      return { metric, limit: number * FACTORS[factor as keyof typeof FACTORS] }
    }
    case 'count':
      if (digits !== undefined && unit === '%' && metric.of !== 'opened')
        return { metric: { ...metric, isShare: true }, limit: shareOf(number) }
      if (digits === undefined || unit !== '')
        return 'a number has to stand there, such as 0, or a share such as 1%'
      return { metric, limit: number }
    case 'reach':
      if (digits === undefined || (unit !== '' && unit !== '%'))
        return 'a share has to stand there, such as 1, 0.99 or 99.9%'
      return { metric, limit: unit === '%' ? shareOf(number) : number }
    default:
      return metric satisfies never
  }
}
