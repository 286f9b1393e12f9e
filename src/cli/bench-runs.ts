import { SidewireError } from '../engine/errors.ts'
import { parseThreshold, type Threshold } from '../load/expect/threshold.ts'
import { shown } from '../load/mask.ts'
import type { LoadOptions } from '../load/options.ts'
import type { Report } from '../load/report.ts'
import { resolveTarget } from '../load/target.ts'
import type { BenchFlags } from './bench-options.ts'

/** Runs a load once; `what` says which of several runs it is. */
export type RunOnce = (options: LoadOptions, what?: string) => Promise<Report>

const PAIRS = 5

/** Said before anything is opened. */
export function checkRuns(flags: BenchFlags, { scenario, stages, window }: LoadOptions): void {
  const { find, repeat, against, compare } = flags
  const refuse = (option: string, value: unknown, why: string): never => {
    throw new SidewireError(
      'ERR_OPTION',
      `option "--${option}" is ${JSON.stringify(shown(String(value)))}; ${why}`,
    )
  }
  if (find !== undefined) {
    if (scenario === 'idle' || scenario === 'replay')
      refuse('find', find, `the scenario ${scenario} has no --rate`)
    if (stages.length > 0) refuse('find', find, '--stage says what the load is: leave one of them out')
    if (flags.window !== undefined) refuse('window', window, '--find is an open loop: leave it out')
    for (const [name, value] of Object.entries({ repeat, against, compare }))
      if (value !== undefined) refuse(name, value, '--find makes runs of its own: leave one of them out')
    const { window: each, aborts } = parseThreshold(find, '--find')
    if (aborts) refuse('find', find, 'a step is measured to its end: leave the ! out')
    if (each !== undefined && each > (flags.duration ?? 10) * 1000)
      refuse('find', find, 'a step takes --duration: choose a window that is no longer')
  }
}

/** One run, or as many as the flags ask for. */
export async function runAll(options: LoadOptions, flags: BenchFlags, run: RunOnce): Promise<Report> {
  if (flags.find !== undefined) return runFind(options, parseThreshold(flags.find, '--find'), run)
  const { against } = flags
  const times = flags.repeat ?? (against === undefined ? 1 : PAIRS)
  if (against !== undefined) {
    const { runAgainst } = await import('../load/repeat/against.ts')
    const other = { ...options, target: await resolveTarget(against) }
    return runAgainst(times, other.target.url, (side, index) =>
      run(side === 'A' ? options : other, `run ${index + 1} of ${times} of ${side}`),
    )
  }
  if (times === 1) return run(options)
  const { repeat } = await import('../load/repeat/repeat.ts')
  return repeat(times, (index) => run(options, `run ${index + 1} of ${times}`))
}

async function runFind(options: LoadOptions, threshold: Threshold, run: RunOnce): Promise<Report> {
  const { findRate, FIRST_RATE } = await import('../load/repeat/find-rate.ts')
  let best: Report | undefined
  let last: Report | undefined
  const holdsAll = ({ ok, expectations }: Report): boolean =>
    ok && expectations.every((verdict) => verdict.ok)
  const found = await findRate(options.rate ?? FIRST_RATE, async (rate) => {
    const asked = { ...options, rate, expect: [...options.expect, threshold] }
    const what = `${threshold.text} at ${Math.round(rate)}/s`
    let report = await run(asked, what)
    // What else the machine does makes a rate break that holds, and all that is above it would be left out.
    if (!holdsAll(report) && report.ended !== 'interrupted') report = await run(asked, `${what}, once more`)
    if (report.ended === 'interrupted') return undefined
    last = report
    const holds = holdsAll(report)
    if (holds) best = report
    const value = report.expectations.at(-1)?.value ?? null
    return { value, holds, limited: !holds && report.generator.limited }
  })
  const report = best ?? last
  if (!report) throw new SidewireError('ERR_LOAD', 'stopped before anything was measured')
  return { ...report, found: { threshold: threshold.text, ...found } }
}
