import { readFileSync } from 'node:fs'
import { SidewireError } from '../engine/errors.ts'
import { shown } from './mask.ts'
import type { Comparison, Report } from './report.ts'

type Earlier = Pick<Report, 'scenario' | 'messages' | 'handshakes' | 'latency' | 'generator'>

/**
 * Reads a report that `--json` wrote.
 * @throws `ERR_OPTION` for what is none, or is of another scenario
 */
export function readEarlier(path: string, scenario: string): Earlier {
  const refuse = (why: string, cause?: unknown): never => {
    throw new SidewireError('ERR_OPTION', `option "--compare" is ${JSON.stringify(shown(path))}; ${why}`, {
      cause,
    })
  }
  let report: Partial<Earlier> | null = null
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Partial<Earlier> | null
  } catch (cause) {
    refuse(`it cannot be read: ${shown((cause as Error).message)}`, cause)
  }
  if (typeof report?.messages?.perSecond !== 'number' || typeof report.generator?.limited !== 'boolean')
    return refuse('it has to be a report that --json wrote')
  if (report.scenario !== scenario)
    return refuse(`it is of the scenario ${shown(String(report.scenario))}, and this run is ${scenario}`)
  return report as Earlier
}

export function compare(report: Report, earlier: Earlier, path: string): Comparison {
  const ratio = (now: number | undefined, before: number | undefined): number | null =>
    now !== undefined && before !== undefined && before > 0 ? now / before : null
  return {
    with: shown(path),
    perSecond: ratio(
      (report.handshakes ?? report.messages).perSecond,
      (earlier.handshakes ?? earlier.messages).perSecond,
    ),
    p99: ratio(report.latency?.p99, earlier.latency?.p99),
    invalid: [
      ...(report.generator.limited ? ['the generator was the bottleneck of this run'] : []),
      ...(earlier.generator.limited ? ['the generator was the bottleneck of the earlier run'] : []),
    ],
  }
}
