// The results in a terminal.
import { machineText } from './machine.mjs'
import { count, factor, table, withSpread } from './table.mjs'

export function reportText(results) {
  const { runs, seconds } = results.options
  return [
    ...machineText(results),
    results.machine.coresApart
      ? 'Server and generator had a core each.'
      : 'Server and generator shared all cores: see bench/README.md.',
    `${runs} ${runs === 1 ? 'run' : 'runs'} of ${seconds} s, interleaved; medians, with the smallest and the largest value.`,
    '',
    ...results.scenarios.flatMap((scenario) => [
      `## ${scenario.title}: ${scenario.detail}`,
      '',
      scenarioTable(scenario),
      '',
    ]),
    '## Targets',
    '',
    targetTable(results),
    '',
    ...results.problems.map((problem) => `FAILED: ${problem}`),
  ].join('\n')
}

function scenarioTable({ load, entries, ratios }) {
  if (load.scenario === 'idle') {
    return table(
      ['', 'bytes a connection', 'with the young generation'],
      entries.map(({ title, held, rss }) => [title, cell(held, count), cell(rss, count)]),
      ['left', 'right', 'right'],
    )
  }
  return table(
    ['', 'a second', 'a second of its CPU', 'CPU', 'p50, ms', 'p99, ms', 'ratios'],
    entries.map(({ key, title, perSecond, perCpuSecond, serverCpu, p50, p99 }) => [
      title,
      cell(perSecond, count),
      cell(perCpuSecond, count),
      serverCpu ? `${Math.round(serverCpu.median * 100)} %` : 'failed',
      p50 ? p50.median.toFixed(2) : '',
      p99 ? p99.median.toFixed(2) : '',
      ratios
        .filter(({ of }) => of === key)
        .map((ratio) => `${ratioText(ratio)} of ${ratio.by}`)
        .join(', '),
    ]),
    ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
  )
}

function cell(figure, format) {
  return figure ? withSpread(figure, format) : 'failed'
}

function ratioText(ratio) {
  return withSpread(ratio[ratio.basis], factor) + (ratio.basis === 'perCpuSecond' ? ' a CPU second' : '')
}

function targetTable({ scenarios, targets }) {
  return table(
    ['target', 'wanted', 'measured', 'reached'],
    targets.map((target) => {
      const scenario = scenarios.find(({ name }) => name === target.scenario)
      const titleOf = (wanted) => scenario.entries.find(({ key }) => key === wanted).title
      return [
        `${scenario.title}, ${scenario.detail}: ${titleOf(target.of)} beside ${titleOf(target.by)}`,
        target.moreBytes === undefined
          ? `at least ${target.atLeast}`
          : `at most ${target.moreBytes} bytes more`,
        measuredText(target),
        target.reached ? 'yes' : 'no',
      ]
    }),
  )
}

function measuredText({ measured, moreBytes, basis }) {
  if (measured === null) return 'nothing'
  if (moreBytes !== undefined) return `${withSpread(measured, count)} bytes`
  return withSpread(measured, factor) + (basis === 'perCpuSecond' ? ' a CPU second' : '')
}
