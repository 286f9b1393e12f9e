// The tables of docs/how-fast.md, from the results.
import { machineText } from './machine.mjs'
import { count, factor, table, withSpread } from './table.mjs'

const MARK = '†'

/** What stands between the markers of the page. */
export function pageTables(results) {
  const { runs } = results.options
  const [machine, versions] = machineText(results)
  return [
    engineTable(results),
    '',
    viteTable(results),
    '',
    `Messages a second of the one, divided by those of the other, within a run${spreadText(runs)}. ` +
      `${MARK}: a second of the server's CPU time, because the generator was the slower side. ` +
      'A window is how many messages are under way at a time.',
    `${machine}; ${versions}.`,
  ].join('\n')
}

function spreadText(runs) {
  return runs === 1
    ? ', of which there was one'
    : `: the median of ${runs}, with the smallest and the largest`
}

function engineTable({ scenarios }) {
  const columns = [
    ['on uws / uWebSockets.js', 'engine-uws', 'uws'],
    ['on bun / `Bun.serve`', 'engine-bun', 'bun'],
    ['on ws / `ws`', 'engine-ws', 'ws'],
    ['on uws / `ws`', 'engine-uws', 'ws'],
    ['on uws / `ws`, serialised for each', 'engine-uws', 'reference'],
  ]
  const rows = scenarios
    .filter(({ name }) => !name.startsWith('vite'))
    .flatMap((scenario) => {
      const cells = (pairs) => pairs.map((pair) => pair && cell(scenario, pair))
      const row = [`${scenario.title} (${scenario.detail})`, ...cells(columns.map(([, of, by]) => [of, by]))]
      if (!scenario.name.startsWith('union')) return [row]
      const besideRoom = columns.slice(0, 3).map(([, of]) => [of, `${of}:room`])
      return [row, ['the same / one room of as many', ...cells(besideRoom), '', '']]
    })
  return table(['', ...columns.map(([head]) => head)], rows)
}

function cell(scenario, [of, by]) {
  if (scenario.load.scenario === 'idle') {
    const held = (wanted) => scenario.entries.find(({ key }) => key === wanted).held
    const [ours, theirs] = [held(of), held(by)]
    return ours && theirs ? `${count(ours.median)} / ${count(theirs.median)} bytes` : ''
  }
  const ratio = scenario.ratios.find((one) => one.of === of && one.by === by)
  return ratio ? ratioText(ratio) : ''
}

function ratioText(ratio) {
  return withSpread(ratio[ratio.basis], factor) + (ratio.basis === 'perCpuSecond' ? ` ${MARK}` : '')
}

function viteTable({ scenarios }) {
  const figures = [
    ['vite-16', 'perCpuSecond', "echoes a second of the server's CPU time"],
    ['vite-1', 'p50', 'round trip, median'],
  ]
  const rows = figures.map(([name, figure, title]) => {
    const { ratios } = scenarios.find((scenario) => scenario.name === name) ?? { ratios: [] }
    return [
      title,
      ...['vite-sidecar', 'vite-ws'].map((wanted) => {
        const ratio = ratios.find(({ by }) => by === wanted)?.[figure]
        return ratio ? withSpread(ratio, factor) : ''
      }),
    ]
  })
  return table(
    ["through the Vite dev server's port", "/ the engine's own port", "/ `ws` in Vite's own server"],
    rows,
  )
}
