import { SidewireError } from '../engine/errors.ts'
import { compare, readEarlier } from '../load/comparison.ts'
import { hideSecrets, shown } from '../load/mask.ts'
import type { LoadOptions, ScenarioName } from '../load/options.ts'
import type { Report } from '../load/report.ts'
import { runLoad } from '../load/run.ts'
import { Secrets } from '../load/secrets.ts'
import { resolveOptions, type BenchFlags } from './bench-options.ts'
import { EXIT } from './bench-exit.ts'
import type { Coordinator } from './bench-coordinator.ts'
import { checkOutputs, writeOutputs } from './bench-outputs.ts'
import { checkRuns, runAll } from './bench-runs.ts'
import { workerModule } from './bench-worker-module.ts'
import { ProgressLine } from './progress-line.ts'
import { messageOf, say } from './report.ts'

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
  let coordinator: Coordinator | undefined
  const { header: headers, join, message, subprotocol } = flags
  const urls = flags.against === undefined ? [url] : [url, flags.against]
  const secrets = flags.showSecrets ? undefined : new Secrets(urls, { headers, join, message, subprotocol })
  hideSecrets(secrets?.values)
  try {
    const earlier = flags.compare === undefined ? undefined : readEarlier(flags.compare, scenario)
    checkOutputs(flags)
    const options = await resolveOptions(url, scenario, file, flags)
    const worker = workerModule()
    checkRuns(flags, options)
    if (flags.agents !== undefined) coordinator = await gather(flags, options, stop.signal)
    const run = async (each: LoadOptions, what?: string): Promise<Report> => {
      line.begin(what)
      return runLoad(coordinator ? { ...each, workers: each.workers * (flags.agents ?? 1) } : each, {
        worker,
        ...(coordinator && {
          crew: (asked: LoadOptions) => coordinator?.crew(asked) ?? [],
          agents: () => coordinator?.health ?? [],
        }),
        secrets: secrets?.values,
        signal: stop.signal,
        onProgress: (progress) => line.show(progress),
      })
    }
    const found = await runAll(options, flags, run)
    line.clear()
    const comparison = earlier && flags.compare ? compare(found, earlier, flags.compare) : null
    const report: Report = { ...(secrets?.mask(found, options) ?? found), comparison }
    await writeOutputs(report, flags)
    process.exitCode = exitCodeOf(report)
  } catch (error) {
    line.clear()
    // Ours were masked where they were written; all of another is from outside.
    console.error(say(error instanceof SidewireError ? messageOf(error) : shown(messageOf(error))))
    process.exitCode = isMisuse(error) ? EXIT.usage : EXIT.failed
  } finally {
    await coordinator?.close()
    process.exitCode = interrupted ?? process.exitCode ?? EXIT.failed
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate)
  }
}

function exitCodeOf({ ok, expectations, comparison, found }: Report): number {
  if (found) return found.rate === null ? EXIT.failed : found.limited ? EXIT.limited : EXIT.fine
  const broken = expectations.filter((each) => !each.ok)
  if (!ok || broken.some(({ valid }) => valid)) return EXIT.failed
  return broken.length > 0 || comparison?.invalid.length ? EXIT.limited : EXIT.fine
}

/** Loaded where there are agents only. */
async function gather(flags: BenchFlags, options: LoadOptions, signal: AbortSignal): Promise<Coordinator> {
  const { agents = 1, listen = LISTEN, token, showSecrets = false } = flags
  const { checkCrew } = await import('../load/agents/crew.ts')
  checkCrew(agents, options)
  const coordinator = await (
    await import('./bench-coordinator.ts')
  ).Coordinator.listen({ agents, ...listen, token, showSecrets })
  try {
    await coordinator.gather(signal)
  } catch (error) {
    await coordinator.close()
    throw error
  }
  return coordinator
}

const LISTEN = { host: '127.0.0.1', port: 8790 }

function isMisuse(error: unknown): boolean {
  return error instanceof SidewireError && (error.code === 'ERR_OPTION' || error.code === 'ERR_CONFIG')
}
