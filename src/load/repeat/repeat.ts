import { median } from '../compare/bootstrap.ts'
import type { Verdict } from '../expect/judge.ts'
import { holds, parseThreshold } from '../expect/threshold.ts'
import type { Report } from '../report.ts'

/** Runs several times, or until somebody interrupts it; the report is that of the run in the middle, with all of them. */
export async function repeat(times: number, run: (index: number) => Promise<Report>): Promise<Report> {
  const runs: Report[] = []
  while (runs.length < times && runs.at(-1)?.ended !== 'interrupted') runs.push(await run(runs.length))
  return combine(runs)
}

/** @param runs - one at least */
export function combine(runs: readonly Report[]): Report {
  const inOrder = runs
    .map((report, index) => ({ report, index }))
    .toSorted((a, b) => figureOf(a.report) - figureOf(b.report))
  const middle = inOrder[(inOrder.length - 1) >> 1] as { report: Report; index: number } // there is one
  return {
    ...middle.report,
    ok: runs.every(({ ok }) => ok),
    problems: runs.flatMap(({ problems }, index) =>
      problems.map((problem) => `run ${index + 1}: ${problem}`),
    ),
    ended: runs.at(-1)?.ended ?? 'whole',
    expectations: middle.report.expectations.map(
      (_, index) => inTheMiddle(runs.map(({ expectations }) => expectations[index] as Verdict)), // all have the same
    ),
    runs,
    medianRun: middle.index + 1,
  }
}

/** By what runs are told apart: at a rate that is given it is how long messages take. */
function figureOf({ options, handshakes, messages, latency, memory, scenario }: Report): number {
  if (scenario === 'idle') return memory?.perConnection ?? 0
  if (options['rate'] !== undefined) return latency?.p99 ?? 0
  return (handshakes ?? messages).perSecond
}

/** A threshold holds if the median of the runs keeps to it: one run in which the machine was busy breaks nothing. */
function inTheMiddle(verdicts: readonly Verdict[]): Verdict {
  const [first] = verdicts as [Verdict] // one of each run
  const values = verdicts.flatMap(({ value }) => value ?? [])
  const value = values.length === 0 ? null : median(values)
  const ok = value !== null && holds(parseThreshold(first.text), value)
  const { text, unit } = first
  const isOneOfThem =
    verdicts.filter((verdict) => verdict.ok === ok && verdict.valid).length * 2 >= verdicts.length
  return { text, unit, value, ok, valid: isOneOfThem }
}
