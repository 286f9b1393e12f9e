import { appendFileSync } from 'node:fs'
import { SidewireError } from '../engine/errors.ts'
import type { Report } from '../load/report.ts'
import { htmlReport } from '../load/report-html.ts'
import { textReport } from '../load/report-text.ts'
import type { BenchFlags } from './bench-options.ts'
import { checkWritable, unwritable, write } from './report-files.ts'

type Outputs = Pick<BenchFlags, 'json' | 'html' | 'csv' | 'junit' | 'summary'>

const FILES = ['json', 'html', 'csv', 'junit'] as const

/** Said before the run, and not after all of it. */
export function checkOutputs(outputs: Outputs): void {
  const toStandardOutput = FILES.filter((name) => outputs[name] === '-').map((name) => `"--${name}"`)
  if (toStandardOutput.length > 1)
    throw new SidewireError(
      'ERR_OPTION',
      `options ${toStandardOutput.join(' and ')} are ${toStandardOutput.length > 2 ? 'all' : 'both'} "-"; standard output takes one of them`,
    )
  for (const name of FILES) checkWritable(`--${name}`, outputs[name])
  if (outputs.summary !== undefined) checkWritable('--summary', summaryFile(outputs.summary))
}

/** Where everything goes that was asked for. */
export async function writeOutputs(report: Report, outputs: Outputs): Promise<void> {
  const { json, html, csv, junit, summary } = outputs
  // Whoever reads the data from standard output wants nothing else there.
  const print = FILES.some((name) => outputs[name] === '-') ? console.error : console.log
  print(textReport(report))
  if (json !== undefined) write('--json', json, `${JSON.stringify(report, undefined, 2)}\n`)
  if (html !== undefined) write('--html', html, htmlReport(report))
  if (csv !== undefined) write('--csv', csv, (await import('../load/outputs/csv.ts')).csvReport(report))
  if (junit !== undefined)
    write('--junit', junit, (await import('../load/outputs/junit.ts')).junitReport(report))
  if (summary !== undefined) {
    const { summaryReport } = await import('../load/outputs/summary.ts')
    const file = summaryFile(summary)
    try {
      // GitHub gives a step one file, to which everybody appends.
      appendFileSync(file, summaryReport(report))
    } catch (cause) {
      throw unwritable('--summary', file, cause)
    }
  }
}

function summaryFile(summary: string | true): string {
  const file = summary === true ? process.env['GITHUB_STEP_SUMMARY'] : summary
  if (file) return file
  throw new SidewireError(
    'ERR_OPTION',
    'option "--summary" has no file, and there is no GITHUB_STEP_SUMMARY in the environment; write: --summary <file>',
  )
}
