// The chart docs/bench.svg, from the results: how much more than `ws` each contestant does with a second of CPU time.
import { factor } from './table.mjs'
import { machineText } from './machine.mjs'

const NOTE =
  'Median of the ratios within interleaved runs, with their range; longer is better. A window is how many messages are under way.'
const PANELS = ['echo-1', 'echo-16', 'fanout-1000-1', 'fanout-1000-4', 'union-1000', 'compressed-100']
const BASELINE = 'ws'
const STRAIGHT = ['uws', 'bun']

const WIDTH = 880
const MARGIN = 24
const GAP = 32
const COLUMNS = 2
const PANEL_WIDTH = (WIDTH - 2 * MARGIN - GAP) / COLUMNS
const LABELS = 154
/** For the number behind the longest bar. */
const NUMBERS = 44
const PLOT = PANEL_WIDTH - LABELS - NUMBERS
const HEADER = 100
const PANEL_HEAD = 48
const ROW = 18
const BAR = 12
const AXIS = 40
const FOOTER = 44

/** Its own background, so that it can be read on a page of whatever colour; the colours follow the reader's scheme. */
const STYLE = `
  svg { --back: #ffffff; --edge: #d1d9e0; --text: #1f2328; --soft: #59636e; --grid: #e6eaef;
    --ours: #0a7c86; --straight: #818b98; --other: #c3cbd4; }
  @media (prefers-color-scheme: dark) {
    svg { --back: #0d1117; --edge: #3d444d; --text: #f0f6fc; --soft: #9198a1; --grid: #262c36;
      --ours: #2fb3bf; --straight: #7d8590; --other: #454c56; }
  }
  text { font: 12px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: var(--text); paint-order: stroke; stroke: var(--back); stroke-width: 3px; }
  .title { font-size: 17px; font-weight: 600; }
  .panel { font-size: 13px; font-weight: 600; }
  .soft { fill: var(--soft); }
  .small { font-size: 11px; }
  .bold { font-weight: 600; }
  .back { fill: var(--back); stroke: var(--edge); }
  .grid { stroke: var(--grid); }
  .one { stroke: var(--soft); stroke-dasharray: 3 3; }
  .whisker { stroke: var(--text); stroke-width: 1.2; }
  .ours { fill: var(--ours); }
  .straight { fill: var(--straight); }
  .other { fill: var(--other); }
`

export function chartSvg(results) {
  const panels = PANELS.map((name) => results.scenarios.find((scenario) => scenario.name === name)).filter(
    Boolean,
  )
  const heights = rowsOf(panels).map(
    (row) => PANEL_HEAD + AXIS + ROW * Math.max(...row.map((scenario) => barsOf(scenario).length)),
  )
  const height = HEADER + heights.reduce((sum, value) => sum + value, 0) + FOOTER
  const body = rowsOf(panels).flatMap((row, index) => {
    const y = HEADER + heights.slice(0, index).reduce((sum, value) => sum + value, 0)
    return row.map((scenario, column) => panel(scenario, MARGIN + column * (PANEL_WIDTH + GAP), y))
  })
  const title = 'Messages per second of the server’s CPU time, as a multiple of ws'
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">
<style>${STYLE}</style>
<rect class="back" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
${text(MARGIN, 34, title, 'title')}
${text(MARGIN, 55, NOTE, 'soft')}
${legend(MARGIN, 80)}
${body.join('\n')}
${footer(results, height)}
</svg>
`
}

function rowsOf(panels) {
  const rows = []
  for (let at = 0; at < panels.length; at += COLUMNS) rows.push(panels.slice(at, at + COLUMNS))
  return rows
}

/** By contestant, the ratio to `ws` with its spread; 1 for `ws` itself. Rooms that are there for comparison are left out. */
function barsOf({ entries, ratios }) {
  return entries.flatMap(({ key, title }) => {
    const one = { median: 1, min: 1, max: 1 }
    const ratio =
      key === BASELINE ? one : ratios.find(({ of, by }) => of === key && by === BASELINE)?.perCpuSecond
    return ratio && !key.includes(':') ? [{ key, title, ...ratio }] : []
  })
}

function panel(scenario, x, y) {
  const bars = barsOf(scenario)
  const { step, end } = scale(Math.max(...bars.map(({ max }) => max)))
  const left = x + LABELS
  const at = (value) => round(left + (value / end) * PLOT)
  const top = y + PANEL_HEAD
  const bottom = top + bars.length * ROW
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, index) => index * step)
  const rows = bars.map((bar, index) => ({ ...bar, kind: kindOf(bar), middle: top + (index + 0.5) * ROW }))
  return [
    text(x, y + 16, scenario.title, 'panel'),
    text(x, y + 32, scenario.detail, 'soft small'),
    ...ticks.map((tick) => line(at(tick), top - 2, at(tick), bottom, 'grid')),
    ...ticks.map((tick) =>
      text(at(tick), bottom + 14, times(Number(tick.toFixed(2))), 'soft small', 'middle'),
    ),
    ...rows.map(({ kind, middle, median }) =>
      rectangle(kind, left, middle - BAR / 2, at(median) - left, BAR),
    ),
    line(at(1), top - 2, at(1), bottom, 'one'),
    line(left, top - 2, left, bottom, 'whisker'),
    ...rows.flatMap(({ min, max, middle }) => (max > min ? whisker(at(min), at(max), middle) : [])),
    ...rows.flatMap(({ title, kind, middle, median, max }) => {
      const bold = kind === 'ours' ? ' bold' : ''
      return [
        text(left - 8, middle + 4, title, bold.trim(), 'end'),
        text(at(max) + 6, middle + 4, times(factor(median)), `small${bold}`),
      ]
    }),
  ].join('\n')
}

function kindOf({ key }) {
  if (key.startsWith('engine-')) return 'ours'
  return STRAIGHT.includes(key) ? 'straight' : 'other'
}

function times(value) {
  return `${value}×`
}

function whisker(from, to, y) {
  return [
    line(from, y, to, y, 'whisker'),
    line(from, y - 3, from, y + 3, 'whisker'),
    line(to, y - 3, to, y + 3, 'whisker'),
  ]
}

function legend(x, y) {
  const items = [
    ['ours', 'sidewire'],
    ['straight', 'the runtime without it'],
    ['other', 'others'],
  ]
  let at = x
  const parts = items.map(([kind, label]) => {
    const part = rectangle(kind, at, y - 10, 12, 12) + text(at + 18, y, label, 'soft')
    at += 38 + label.length * 6.4
    return part
  })
  return parts.join('\n')
}

function footer(results, height) {
  const { runs, seconds } = results.options
  const [machine, versions] = machineText(results)
  return [
    text(
      MARGIN,
      height - 30,
      `${runs} ${runs === 1 ? 'run' : 'runs'} of ${seconds} s. ${machine}`,
      'soft small',
    ),
    text(MARGIN, height - 14, `${versions}. socket.io is driven by its own client.`, 'soft small'),
  ].join('\n')
}

/** Ticks from 0 on: three to six of them, at round numbers. */
function scale(max) {
  const rough = max / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((value) => value >= rough)
  return { step, end: Math.ceil(max / step) * step }
}

function text(x, y, content, kind = '', anchor = 'start') {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const where = anchor === 'start' ? '' : ` text-anchor="${anchor}"`
  return `<text${kind && ` class="${kind}"`} x="${round(x)}" y="${round(y)}"${where}>${escaped}</text>`
}

function rectangle(kind, x, y, width, height) {
  return `<rect class="${kind}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${height}" rx="1.5"/>`
}

function line(x1, y1, x2, y2, kind) {
  return `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`
}

function round(value) {
  return Number(value.toFixed(1))
}
