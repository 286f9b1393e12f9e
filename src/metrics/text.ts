import { BUCKETS } from './histogram.ts'
import type { HistogramSample, Labels, Sample } from './sample.ts'

/** The text format of Prometheus, 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** All series of a name stand together, behind one HELP and one TYPE: a second of either is an error of the format. */
export function toText(samples: readonly Sample[]): string {
  const families = new Map<string, string>()
  for (const sample of samples) {
    const { name } = sample
    const before = families.get(name) ?? headOf(sample)
    families.set(name, before + linesOf(sample))
  }
  return [...families.values()].join('')
}

function headOf({ name, help, type }: Sample): string {
  return `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`
}

function linesOf(sample: Sample): string {
  const { name, labels } = sample
  return sample.type === 'histogram'
    ? bucketsOf(sample)
    : `${name}${labelsOf(labels)} ${textOf(sample.value)}\n`
}

/** Each bucket has what the smaller ones have, too. */
function bucketsOf({ name, labels, counts, sum }: HistogramSample): string {
  let text = ''
  let count = 0
  for (const [index, more] of counts.entries()) {
    count += more
    const le = textOf(BUCKETS[index] ?? Infinity)
    text += `${name}_bucket${labelsOf({ ...labels, le })} ${count}\n`
  }
  return `${text}${name}_sum${labelsOf(labels)} ${textOf(sum)}\n${name}_count${labelsOf(labels)} ${count}\n`
}

function labelsOf(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** As Go reads it. */
function textOf(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
