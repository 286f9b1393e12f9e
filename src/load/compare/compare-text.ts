import pc from 'picocolors'
import { bytes, duration, rate } from '../units.ts'
import { median } from './bootstrap.ts'
import type { MetricComparison } from './compare-reports.ts'

/** The comparison as a terminal shows it. */
export function compareText(
  comparisons: readonly MetricComparison[],
  sides: readonly [base: number, next: number],
  warnings: readonly string[],
): string {
  const [base, next] = sides
  const runs = (count: number): string => (count === 1 ? 'one run' : `${count} runs`)
  const lines = comparisons.map(({ metric, ratio, low, high, verdict, isOneRun, ...rest }) => {
    const show = SHOWN[rest.unit]
    const figures = `${show(median(rest.base))} -> ${show(median(rest.next))}`
    const of = isOneRun ? ', one run' : ''
    return `  ${metric.padEnd(7)} ${PAINT[verdict](verdict.padEnd(7))} ${ratio.toFixed(3)} times (${low.toFixed(3)} to ${high.toFixed(3)}${of})  ${pc.dim(figures)}`
  })
  return [
    pc.bold(`base: ${runs(base)}, new: ${runs(next)}`),
    lines.join('\n'),
    ...warnings.map((warning) => pc.yellow(`! ${warning}`)),
  ].join('\n\n')
}

const SHOWN: Record<MetricComparison['unit'], (value: number) => string> = {
  'per second': rate,
  ms: duration,
  bytes,
}

const PAINT: Record<MetricComparison['verdict'], (text: string) => string> = {
  better: pc.green,
  worse: pc.red,
  same: (text) => text,
  unclear: pc.yellow,
}
