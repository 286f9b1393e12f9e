// Draws the report that the page carries. Runs in the browser, from one file: nothing is fetched.
;(() => {
  const report = JSON.parse(document.querySelector('#report').textContent)
  const { messages, latency, fanout, handshakes, memory, connections, generator, timeline } = report

  const whole = (value) => Math.round(value).toLocaleString('en')
  const perSecond = (value) => `${value > 0 && value < 10 ? value.toFixed(1) : whole(value)}/s`
  const digits = (value) =>
    value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)
  const ms = (value) => {
    if (value === null || value === undefined) return '–'
    if (value < 1) return `${Math.round(value * 1000)} µs`
    return value < 1000 ? `${digits(value)} ms` : `${digits(value / 1000)} s`
  }
  const bytes = (value) => {
    const units = ['B', 'KiB', 'MiB', 'GiB']
    let rest = value
    let unit = 0
    while (Math.abs(rest) >= 1024 && unit < units.length - 1) {
      rest /= 1024
      unit++
    }
    return `${unit === 0 ? Math.round(rest) : digits(rest)} ${units[unit]}`
  }

  const add = (parent, tag, text, className) => {
    const element = document.createElement(tag)
    if (text !== undefined) element.textContent = text
    if (className) element.className = className
    document.querySelector(parent).append(element)
    return element
  }

  document.querySelector('#scenario').textContent = report.scenario
  document.querySelector('#url').textContent = report.url
  document.querySelector('#what').textContent =
    `${report.seconds.toFixed(1)} s from ${report.startedAt.slice(0, 16).replace('T', ' ')} UTC · ` +
    `${report.machine.runtime} · ${report.machine.cpu}, ${report.machine.cores} cores · ${report.machine.platform}`
  for (const problem of report.problems) add('#verdict', 'li', problem, 'bad')
  for (const reason of generator.reasons)
    add('#verdict', 'li', `The generator was the bottleneck: ${reason}`, 'warn')
  if (report.ok) add('#verdict', 'li', 'Nothing lost, doubled, out of order, refused or dropped')

  const tile = (name, value) => {
    const element = add('#tiles', 'div', undefined, 'tile')
    element.append(Object.assign(document.createElement('span'), { textContent: name }))
    element.append(Object.assign(document.createElement('b'), { textContent: value }))
  }
  if (handshakes) tile('Handshakes', perSecond(handshakes.perSecond))
  else if (report.scenario !== 'idle') tile('Throughput', perSecond(messages.perSecond))
  if (memory && memory.perConnection > 0) tile('Memory a connection', bytes(memory.perConnection))
  if (fanout) tile('Reach', `${Math.floor(fanout.reach * 1e5) / 1e3} %`)
  if (latency)
    for (const name of ['p50', 'p90', 'p99', 'p999', 'max'])
      tile(name === 'p999' ? 'p99.9' : name, ms(latency[name]))
  if (fanout?.lastReceiver) tile('Last receiver, p99', ms(fanout.lastReceiver.p99))

  const detail = (name, value) => {
    add('#details', 'dt', name)
    add('#details', 'dd', value)
  }
  if (report.scenario !== 'idle' && !handshakes)
    detail(
      'Messages',
      `${whole(messages.sent)} sent, ${whole(messages.received)} received, ${whole(messages.lost)} lost, ` +
        `${whole(messages.duplicated)} duplicated, ${whole(messages.outOfOrder)} out of order, ` +
        `${whole(messages.late)} late, ${whole(messages.misdirected)} of other connections, ` +
        `${whole(messages.unexpected)} unexpected`,
      `${whole(messages.mismatched)} other than recorded`,
    )
  if (report.scenario !== 'idle' && !handshakes) detail('Payload', `${bytes(messages.bytesPerSecond)}/s`)
  detail(
    'Connections',
    `${whole(connections.opened)} opened, ${whole(connections.refused)} refused, ${whole(connections.dropped)} dropped`,
  )
  if (memory) detail('Server memory', `${bytes(memory.before)} before, ${bytes(memory.after)} after`)
  else if (report.scenario === 'idle')
    detail('Server memory', 'not measured: --pid <pid> says which process is the server')
  if (report.options.warmup > 0 && report.scenario !== 'idle')
    detail('Warm-up', 'part of the counts, not of rates and latencies')
  detail(
    'Generator',
    (generator.sendLag
      ? `sent late by ${ms(generator.sendLag.p99)} (p99)`
      : `event loop ${Math.round(generator.utilization * 100)} % busy`) +
      `, ${generator.cpu.toFixed(2)} cores, ${generator.workers} ${generator.workers === 1 ? 'worker' : 'workers'}`,
  )
  const asked = Object.entries(report.options).filter(
    ([name, value]) =>
      value !== undefined && value !== null && value !== false && name !== 'scenario' && String(value) !== '',
  )
  const inMs = new Set(['duration', 'warmup', 'timeout'])
  detail(
    'Asked for',
    asked.map(([name, value]) => `${name} ${inMs.has(name) ? ms(value) : value}`).join(' · '),
  )

  if (report.comparison)
    detail(
      'Compared',
      [
        `rate × ${report.comparison.perSecond?.toFixed(2) ?? '–'}, p99 × ${report.comparison.p99?.toFixed(2) ?? '–'} with ${report.comparison.with}`,
        ...report.comparison.invalid,
      ].join(' · '),
    )
  if (report.masked.length > 0) detail('Masked', report.masked.join(', '))

  // Charts

  const HEIGHT = 260
  let charts = []
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  const axis = (format, size) => ({
    stroke: color('--soft'),
    grid: { stroke: color('--grid'), width: 1 },
    ticks: { stroke: color('--line'), width: 1 },
    font: '12px system-ui, sans-serif',
    ...(size && { size }),
    values: (_chart, splits) => splits.map((value) => (value === null ? null : format(value))),
  })
  const line = (label, name, format, extra = {}) => ({
    label,
    stroke: color(name),
    width: 2,
    points: { show: false },
    value: (_chart, value) => format(value),
    ...extra,
  })
  const fromZero = (_chart, _min, max) => [0, max > 0 ? max * 1.08 : 1]

  const draw = (id, series, data, axes, scales) => {
    const parent = document.querySelector(id)
    const width = Math.max(parent.clientWidth, 200)
    charts.push({
      parent,
      chart: new uPlot({ width, height: HEIGHT, series, axes, scales, legend: { live: true } }, data, parent),
    })
  }
  const hide = (id) => {
    document.querySelector(id).hidden = true
  }

  /** The further right, the rarer: 0, 90 %, 99 %, 99.9 % are equally far apart. */
  const rarity = (percentile) => Math.log10(100 / Math.max(100 - percentile, 1e-4))
  const percentileAt = (value) => 100 - 100 / 10 ** value

  function drawAll() {
    for (const { chart } of charts) chart.destroy()
    charts = []
    const seconds = timeline.map(({ second }) => second)
    const second = (value) => `${Number(value.toFixed(1))} s`
    const x = line('At', '--soft', (value) => (value === null ? '–' : second(value)))
    if (timeline.length > 1 && report.scenario !== 'idle')
      draw(
        '#throughput',
        [
          x,
          line(
            handshakes ? 'Handshakes' : 'Messages received',
            '--accent',
            (value) => (value === null ? '–' : perSecond(value)),
            {
              fill: `${color('--accent')}22`,
            },
          ),
        ],
        [seconds, timeline.map((point) => point.perSecond)],
        [
          axis(second),
          axis(
            (value) => (value >= 1e6 ? `${value / 1e6}M` : value >= 1000 ? `${value / 1000}k` : value),
            56,
          ),
        ],
        { x: { time: false }, y: { range: fromZero } },
      )
    else hide('#throughput-card')
    if (timeline.length > 1 && latency)
      draw(
        '#latency',
        [
          x,
          line('p50', '--accent', ms),
          line('p99', '--second', ms),
          line('max', '--third', ms, { width: 1 }),
        ],
        [seconds, ...['p50', 'p99', 'max'].map((name) => timeline.map((point) => point[name]))],
        [axis(second), axis(ms, 66)],
        { x: { time: false }, y: { range: fromZero } },
      )
    else hide('#latency-card')
    if (report.percentiles.length > 1)
      draw(
        '#curve',
        [
          line('Percentile', '--soft', (value) =>
            value === null ? '–' : `${Number(percentileAt(value).toFixed(4))} %`,
          ),
          line('Latency', '--accent', ms, { fill: `${color('--accent')}22` }),
        ],
        [
          report.percentiles.map(([percentile]) => rarity(percentile)),
          report.percentiles.map(([, value]) => value),
        ],
        [
          {
            ...axis((value) => `${Number(percentileAt(value).toFixed(4))} %`),
            splits: (_chart, _axis, min, max) =>
              [0, 0.30103, 1, 2, 3, 4, 5, 6].filter((value) => value >= min && value <= max),
          },
          axis(ms, 66),
        ],
        { x: { time: false }, y: { range: fromZero } },
      )
    else hide('#curve-card')
    document.body.dataset.drawn = String(charts.length)
  }

  drawAll()
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)
  addEventListener('resize', () => {
    for (const { parent, chart } of charts)
      chart.setSize({ width: Math.max(parent.clientWidth, 200), height: HEIGHT })
  })
})()
