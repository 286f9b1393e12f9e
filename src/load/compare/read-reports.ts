import { readFileSync } from 'node:fs'
import { SidewireError } from '../../engine/errors.ts'
import { shown } from '../mask.ts'
import { SCHEMA, type Report } from '../report.ts'

/**
 * The runs in reports that `--json` wrote: of one with `--repeat` all of them.
 * @throws `ERR_OPTION` for what is none
 */
export function readReports(path: string): readonly Report[] {
  const refuse = (why: string, cause?: unknown): never => {
    throw new SidewireError('ERR_OPTION', `the report ${JSON.stringify(shown(path))} ${why}`, { cause })
  }
  let report: Partial<Report> | null = null
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Partial<Report> | null
  } catch (cause) {
    return refuse(`cannot be read: ${shown((cause as Error).message)}`, cause)
  }
  if (report?.schema !== SCHEMA)
    return refuse(
      `is not of the schema ${SCHEMA}, but ${shown(String(report?.schema ?? 'of none'))}: write it anew, with --json of this version`,
    )
  return report.runs ?? [report as Report]
}

/** What two sides have to have in common, or their figures say nothing of the server. */
const SAME = [
  'connections',
  'senders',
  'rate',
  'window',
  'size',
  'message',
  'compress',
  'workers',
  'stages',
  'protocol',
  'speed',
] as const

/** Each option that differs, in a line. */
export function differencesIn(reports: readonly Report[]): string[] {
  const [first, ...others] = reports
  if (!first) return []
  const text = (value: unknown): string =>
    value === undefined || value === null ? 'none' : JSON.stringify(value)
  const found = new Set<string>()
  for (const other of others) {
    if (other.scenario !== first.scenario) found.add(`scenario: ${first.scenario} and ${other.scenario}`)
    for (const name of SAME) {
      const [a, b] = [text(first.options[name]), text(other.options[name])]
      if (a !== b) found.add(`--${name}: ${shown(a)} and ${shown(b)}`)
    }
  }
  return [...found]
}

/** What makes a comparison doubtful, but not impossible. */
export function warningsOf(reports: readonly Report[]): string[] {
  const warnings: string[] = []
  const all = (pick: (report: Report) => string): string[] => [...new Set(reports.map(pick))]
  const machines = all(({ machine }) => `${machine.cpu}, ${machine.cores} cores, ${machine.platform}`)
  if (machines.length > 1) warnings.push(`the generators ran on different machines: ${machines.join(' / ')}`)
  const runtimes = all(({ machine }) => machine.runtime)
  if (runtimes.length > 1) warnings.push(`the generators ran on different runtimes: ${runtimes.join(' / ')}`)
  if (reports.some(({ generator }) => generator.limited))
    warnings.push('the generator was the limit of a run, so nothing is told apart: the figures are its own')
  const unwell = reports.filter(({ ok }) => !ok).length
  if (unwell > 0) warnings.push(`a check failed in ${unwell} of the runs`)
  return warnings
}
