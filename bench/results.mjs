// What a run leaves behind: figures by scenario, entry and run, and what follows from them.
import { ratiosOf, SCENARIOS, TARGETS } from './scenarios.mjs'
import { median, pairwise, spread } from './statistics.mjs'

/** A server that has this share of its core is the slower side: what it does in a second is what it can do. */
const BUSY = 0.9

/**
 * Adds medians, ratios and targets. `figures` has, by scenario and entry, a list of runs; a run that failed is `null`.
 * Nothing here is measured.
 */
export function conclude({ scenarios: figures, ...rest }) {
  const scenarios = SCENARIOS.filter(({ name }) => figures[name]).map((scenario) => ({
    name: scenario.name,
    title: scenario.title,
    detail: scenario.detail,
    load: scenario.load,
    entries: scenario.entries.map(({ key, title }) => ({
      key,
      title,
      ...summarize(figures[scenario.name][key]),
      runs: figures[scenario.name][key],
    })),
    ratios: scenario.load.scenario === 'idle' ? [] : ratiosIn(scenario, figures[scenario.name]),
  }))
  const targets = TARGETS.filter(({ scenario }) => figures[scenario]).map((target) =>
    check(target, figures[target.scenario]),
  )
  return { ...rest, scenarios, targets }
}

function summarize(runs) {
  const done = runs.filter((run) => run !== null)
  return Object.fromEntries(
    Object.keys(done[0] ?? {}).map((figure) => {
      const values = done.map((run) => run[figure])
      return [figure, values.includes(null) ? null : spread(values)]
    }),
  )
}

/** `basis` is the figure to go by; the other one is there for whoever wants to see it. */
function ratiosIn(scenario, figures) {
  return ratiosOf(scenario).flatMap(([of, by]) => {
    const ratio = ratioOf(figures[of], figures[by])
    return ratio ? [{ of, by, ...ratio }] : []
  })
}

function ratioOf(ofRuns, byRuns) {
  const divide = (figure) => pairwise(ofRuns, byRuns, figure, (a, b) => a / b)
  const perSecond = divide('perSecond')
  if (!perSecond) return undefined
  const isBusy = [ofRuns, byRuns].every((runs) => median(runs.flatMap((run) => run?.serverCpu ?? [])) >= BUSY)
  return {
    basis: isBusy ? 'perSecond' : 'perCpuSecond',
    perSecond,
    perCpuSecond: divide('perCpuSecond'),
    ...(ofRuns.every((run) => run?.p50 !== null) && { p50: divide('p50') }),
  }
}

function check(target, figures) {
  const { of, by, atLeast, moreBytes } = target
  if (moreBytes !== undefined) {
    const more = pairwise(figures[of], figures[by], 'held', (a, b) => a - b)
    return { ...target, measured: more ?? null, reached: more !== undefined && more.median <= moreBytes }
  }
  const ratio = ratioOf(figures[of], figures[by])
  const measured = ratio?.[ratio.basis]
  return {
    ...target,
    basis: ratio?.basis,
    measured: measured ?? null,
    reached: measured !== undefined && measured.median >= atLeast,
  }
}

/** JSON with a line for each run and each ratio. */
export function resultsText(results) {
  const text = JSON.stringify(results, undefined, 2)
  return `${text.replaceAll(/\{[^{}[\]]*\}/g, (object) => object.replaceAll(/\s+/g, ' '))}\n`
}
