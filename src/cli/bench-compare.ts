import { SidewireError } from '../engine/errors.ts'
import { compareReports, TOLERANCE } from '../load/compare/compare-reports.ts'
import { compareText } from '../load/compare/compare-text.ts'
import { differencesIn, readReports, warningsOf } from '../load/compare/read-reports.ts'
import { EXIT } from './bench-exit.ts'
import { BETWEEN } from './bench-sides.ts'
import { messageOf, say } from './report.ts'
import { checkWritable, write } from './report-files.ts'

export interface CompareFlags {
  readonly tolerance?: number
  readonly html?: string
  readonly force?: boolean
}

/** `sidewire bench compare <base...> -- <new...>` */
export async function benchCompare(files: readonly string[], flags: CompareFlags): Promise<void> {
  try {
    const [before, after] = sidesOf(files)
    const [base, next] = [before.flatMap(readReports), after.flatMap(readReports)]
    const tolerance = flags.tolerance ?? TOLERANCE
    checkWritable('--html', flags.html)
    const all = [...base, ...next]
    const different = differencesIn(all)
    if (different.length > 0 && !flags.force)
      throw new SidewireError(
        'ERR_OPTION',
        `the runs were asked for different things (${different.join('; ')}); --force compares them all the same`,
      )
    const comparisons = compareReports(base, next, tolerance)
    const warnings = [...different.map((each) => `asked for different things: ${each}`), ...warningsOf(all)]
    const text = compareText(comparisons, [base.length, next.length], warnings)
    if (flags.html === '-') console.error(text)
    else console.log(text)
    if (flags.html !== undefined) {
      const { compareHtml } = await import('../load/compare/compare-html.ts')
      write('--html', flags.html, compareHtml({ comparisons, warnings, base, next, tolerance }))
    }
    const isWorse = comparisons.some(({ verdict }) => verdict === 'worse')
    const isLimited = all.some(({ generator }) => generator.limited)
    process.exitCode = isWorse ? EXIT.failed : isLimited ? EXIT.limited : EXIT.fine
  } catch (error) {
    console.error(say(messageOf(error)))
    process.exitCode =
      error instanceof SidewireError && error.code === 'ERR_OPTION' ? EXIT.usage : EXIT.failed
  }
}

function sidesOf(files: readonly string[]): [base: readonly string[], next: readonly string[]] {
  const at = files.indexOf(BETWEEN)
  const next = at === -1 ? [] : files.slice(at + 1)
  if (at > 0 && next.length > 0 && !next.includes(BETWEEN)) return [files.slice(0, at), next]
  throw new SidewireError(
    'ERR_OPTION',
    'reports have to stand on both sides of a --: sidewire bench compare before.json -- after.json',
  )
}
