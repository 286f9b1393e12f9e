// Draws two sides of runs that the page carries, one over the other. Runs in the browser, from one file: nothing is fetched.
;(() => {
  const { comparisons, warnings, base, next, tolerance } = JSON.parse(
    document.querySelector('#report').textContent,
  )
  const sides = [
    { name: 'base', runs: base, color: '--second' },
    { name: 'new', runs: next, color: '--accent' },
  ]
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const digits = (value) => Number(value.toPrecision(3)).toLocaleString('en')
  const say = (text, className) => {
    const element = Object.assign(document.createElement('li'), { textContent: text, className })
    document.querySelector('#verdict').append(element)
  }
  document.querySelector('#base').textContent = base[0].url
  document.querySelector('#next').textContent = next[0].url
  document.querySelector('#what').textContent =
    `${base[0].scenario} · base: ${base.length} ${base.length === 1 ? 'run' : 'runs'}, new: ${next.length} · tolerance ${digits(tolerance * 100)} %`
  for (const { metric, verdict, ratio, low, high, isOneRun } of comparisons)
    say(
      `${metric}: ${verdict}, ${ratio.toFixed(3)} times (${low.toFixed(3)} to ${high.toFixed(3)}${isOneRun ? ', one run' : ''})`,
      verdict === 'worse' ? 'bad' : verdict === 'unclear' ? 'warn' : '',
    )
  for (const warning of warnings) say(warning, 'warn')

  // Charts: a line for each run, those of a side in one colour.
  const charts = []
  const axis = (format) => ({
    stroke: color('--soft'),
    grid: { stroke: color('--grid'), width: 1 },
    ticks: { stroke: color('--line'), width: 1 },
    size: 66,
    values: (_chart, splits) => splits.map((value) => (value === null ? null : format(value))),
  })
  const draw = (id, pick, formatX, formatY, isEmpty) => {
    const lines = sides.flatMap(({ name, runs, color: hue }) =>
      runs.map((run, index) => ({
        label: runs.length > 1 ? `${name} ${index + 1}` : name,
        hue,
        points: pick(run),
      })),
    )
    if (isEmpty || lines.every(({ points }) => points.length < 2)) {
      document.querySelector(`${id}-card`).hidden = true
      return
    }
    const data = uPlot.join(lines.map(({ points }) => [points.map(([x]) => x), points.map(([, y]) => y)]))
    const parent = document.querySelector(id)
    const series = lines.map(({ label, hue }) => ({
      label,
      stroke: color(hue),
      width: 2,
      spanGaps: true,
      points: { show: false },
      value: (_chart, value) => (value === null || value === undefined ? '–' : formatY(value)),
    }))
    const x = { label: 'At', value: (_chart, value) => (value === null ? '–' : formatX(value)) }
    const options = {
      width: Math.max(parent.clientWidth, 200),
      height: 260,
      series: [x, ...series],
      axes: [axis(formatX), axis(formatY)],
      scales: { x: { time: false }, y: { range: (_chart, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
    }
    charts.push({ parent, chart: new uPlot(options, data, parent) })
  }
  const second = (value) => `${Number(value.toFixed(1))} s`
  const ms = (value) => `${digits(value)} ms`
  const measured = ({ bySecond }) => bySecond.filter(({ perSecond }) => perSecond !== null)
  draw(
    '#throughput',
    (run) => measured(run).map((row) => [Math.round(row.second), row.perSecond]),
    second,
    (value) => `${digits(value)}/s`,
  )
  draw('#latency', (run) => measured(run).map((row) => [Math.round(row.second), row.p99]), second, ms)
  const rarity = (percentile) => Math.round(Math.log10(100 / Math.max(100 - percentile, 1e-4)) * 1e4) / 1e4
  const percent = (value) => `${Number((100 - 100 / 10 ** value).toFixed(4))} %`
  draw(
    '#curve',
    (run) => run.percentiles.map(([percentile, value]) => [rarity(percentile), value]),
    percent,
    ms,
  )
  document.body.dataset.drawn = String(charts.length)
  addEventListener('resize', () => {
    for (const { parent, chart } of charts)
      chart.setSize({ width: Math.max(parent.clientWidth, 200), height: 260 })
  })
})()
