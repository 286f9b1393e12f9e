import { SidewireError } from '../engine/errors.ts'
import { compare, readEarlier } from '../load/comparison.ts'
import { hideSecrets, shown } from '../load/mask.ts'
import type { ScenarioName } from '../load/options.ts'
import type { Report } from '../load/report.ts'
import { htmlReport } from '../load/report-html.ts'
import { textReport } from '../load/report-text.ts'
import { runLoad } from '../load/run.ts'
import { Secrets } from '../load/secrets.ts'
import { resolveOptions, type BenchFlags } from './bench-options.ts'
import { ProgressLine } from './progress-line.ts'
import { messageOf, say } from './report.ts'
import { checkWritable, write } from './report-files.ts'

/** `sidewire bench <url> [scenario] [file]` */
export async function bench(
  url: string,
  scenario: ScenarioName,
  file: string | undefined,
  flags: BenchFlags,
): Promise<void> {
  const stop = new AbortController()
  let interrupted: number | undefined
  const end = (code: number): void => {
    // The second Ctrl-C does not wait for the report.
    if (interrupted !== undefined) process.exit(code)
    interrupted = code
    stop.abort()
  }
  const onInterrupt = (): void => end(EXIT.interrupted)
  const onTerminate = (): void => end(EXIT.terminated)
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate)
  const line = new ProgressLine()
  const { header: headers, join, message, subprotocol } = flags
  const secrets = flags.showSecrets ? undefined : new Secrets(url, { headers, join, message, subprotocol })
  hideSecrets(secrets?.values)
  try {
    const earlier = flags.compare === undefined ? undefined : readEarlier(flags.compare, scenario)
    checkOutputs(flags)
    const options = await resolveOptions(url, scenario, file, flags)
    const worker = new URL(
      import.meta.url.endsWith('.ts') ? './bench-worker.ts' : './bench-worker.js',
      import.meta.url,
    )
    const found = await runLoad(options, {
      worker,
      secrets: secrets?.values,
      signal: stop.signal,
      onProgress: (progress) => line.show(progress),
    })
    line.clear()
    const comparison = earlier && flags.compare ? compare(found, earlier, flags.compare) : null
    const report: Report = { ...(secrets?.mask(found, options) ?? found), comparison }
    // Whoever reads the data from standard output wants nothing else there.
    const print = flags.json === '-' || flags.html === '-' ? console.error : console.log
    print(textReport(report))
    if (flags.json !== undefined) write('--json', flags.json, `${JSON.stringify(report, undefined, 2)}\n`)
    if (flags.html !== undefined) write('--html', flags.html, htmlReport(report))
    process.exitCode = exitCodeOf(report)
  } catch (error) {
    line.clear()
    // Ours were masked where they were written; all of another is from outside.
    console.error(say(error instanceof SidewireError ? messageOf(error) : shown(messageOf(error))))
    process.exitCode = isMisuse(error) ? EXIT.usage : EXIT.failed
  } finally {
    process.exitCode = interrupted ?? process.exitCode ?? EXIT.failed
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate)
  }
}

/** What scripts and CI go by; docs/reference/cli.md and `--help` say the same. */
const EXIT = { fine: 0, failed: 1, usage: 2, limited: 3, interrupted: 130, terminated: 143 } as const

function exitCodeOf({ ok, expectations, comparison }: Report): number {
  const broken = expectations.filter((each) => !each.ok)
  if (!ok || broken.some(({ valid }) => valid)) return EXIT.failed
  return broken.length > 0 || comparison?.invalid.length ? EXIT.limited : EXIT.fine
}

function checkOutputs({ json, html }: BenchFlags): void {
  if (json === '-' && html === '-')
    throw new SidewireError(
      'ERR_OPTION',
      'options "--json" and "--html" are both "-"; standard output takes one of them',
    )
  checkWritable('--json', json)
  checkWritable('--html', html)
}

function isMisuse(error: unknown): boolean {
  return error instanceof SidewireError && (error.code === 'ERR_OPTION' || error.code === 'ERR_CONFIG')
}
