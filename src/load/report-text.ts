import { stripVTControlCharacters } from 'node:util'
import pc from 'picocolors'
import type { Latency } from './histogram.ts'
import type { Verdict } from './expect/judge.ts'
import type { RatioRange, Report } from './report.ts'
import { bytes, duration, percent, rate, whole } from './units.ts'

/** The report as a terminal shows it. */
export function textReport(report: Report): string {
  const { messages, latency, fanout, handshakes, memory, connections, generator } = report
  const rows: [string, string][] = []
  if (handshakes)
    rows.push(['handshakes', `${pc.bold(rate(handshakes.perSecond))}  (${whole(handshakes.completed)})`])
  else if (report.scenario !== 'idle')
    rows.push(
      ['throughput', `${pc.bold(rate(messages.perSecond))}  ${bytes(messages.bytesPerSecond)}/s`],
      ['messages', messageCounts(report)],
    )
  if (fanout)
    rows.push([
      'reach',
      `${percent(fanout.reach)}  (${whole(fanout.received)} of ${whole(fanout.expected)}${fanout.timed < 1 ? `; the latency is of ${percent(fanout.timed)}` : ''})`,
    ])
  rows.push([
    'connections',
    `${whole(connections.opened)} opened, ${whole(connections.refused)} refused, ${whole(connections.dropped)} dropped`,
  ])
  if (memory) rows.push(['memory', memoryOf(memory)])
  else if (report.scenario === 'idle')
    rows.push(['memory', 'not measured: --pid <pid> says which process is the server'])
  rows.push(['generator', generatorHealth(report)])
  if (report.agents.length > 0)
    rows.push([
      'agents',
      report.agents.map(({ name, roundTrip }) => `${name}, ${duration(roundTrip)} away`).join('; '),
    ])
  rows.push(...ofRuns(report))
  if (report.comparison) rows.push(['compared', comparisonOf(report.comparison)])
  if (report.masked.length > 0)
    rows.push(['masked', `${report.masked.join(', ')}  ${pc.dim('(--show-secrets shows them)')}`])
  const latencies = [
    ...(latency
      ? [latencyRow(fanout ? 'to a receiver' : handshakes ? 'handshake' : 'latency', latency)]
      : []),
    ...(report.connecting && !handshakes ? [latencyRow('to connect', report.connecting)] : []),
    ...(fanout?.lastReceiver ? [latencyRow('to the last receiver', fanout.lastReceiver)] : []),
  ]
  const blocks = [
    `${pc.bold(report.scenario)} ${report.url}  ${pc.dim(`${report.seconds.toFixed(1)} s, ${loop(report)}`)}`,
    table(rows.map(([name, value]) => [pc.dim(name), value])),
  ]
  if (latencies.length > 0)
    blocks.push(
      table([['', 'p50', 'p90', 'p99', 'p99.9', 'max'].map((name) => pc.dim(name)), ...latencies], true),
    )
  if (report.stages.length > 0) blocks.push(stageTable(report))
  const verdict = [
    ...report.expectations.map(verdictLine),
    ...report.problems.map((problem) => pc.red(`✗ ${problem}`)),
    ...generator.reasons.map((reason) =>
      pc.yellow(`! The generator was the bottleneck, not the server: ${reason}`),
    ),
  ]
  for (const why of report.comparison?.invalid ?? [])
    verdict.push(pc.yellow(`! The comparison says nothing of the servers: ${why}`))
  if (Number(report.options['warmup']) > 0 && report.scenario !== 'idle')
    blocks.push(pc.dim('  Counts include the warm-up; rates and latencies do not.'))
  if (verdict.length > 0) blocks.push(verdict.join('\n'))
  return blocks.join('\n\n')
}

/** What several runs say that one does not. */
function ofRuns({ runs, medianRun, against, found, scenario }: Report): [string, string][] {
  const rows: [string, string][] = []
  const span = (values: readonly number[], show: (value: number) => string): string =>
    `${show(Math.min(...values))} to ${show(Math.max(...values))}`
  if (runs && runs.length > 1) {
    const rates = runs.map(({ handshakes, messages }) => (handshakes ?? messages).perSecond)
    const slow = runs.flatMap(({ latency }) => latency?.p99 ?? [])
    const figures =
      scenario === 'idle'
        ? ''
        : `: ${span(rates, rate)}${slow.length > 0 ? `, p99 ${span(slow, duration)}` : ''}`
    rows.push(['runs', `${runs.length}${figures}; this is number ${medianRun}, in the middle`])
  }
  if (against) {
    const times = (range: RatioRange | null): string =>
      range
        ? `${pc.bold(range.median.toFixed(2))} times (${range.smallest.toFixed(2)} to ${range.largest.toFixed(2)})`
        : 'unknown'
    rows.push(['against', `${against.url}: rate ${times(against.rate)}, p99 ${times(against.p99)}`])
  }
  if (found) {
    const result = found.rate === null ? 'no rate holds' : `${pc.bold(rate(found.rate))} holds`
    const more = found.limited ? ', and more was too much for the generator' : ''
    rows.push(['found', `${result} ${found.threshold}${more}  (${found.steps.length} steps)`])
  }
  return rows
}

function comparisonOf({ with: path, perSecond, p99 }: NonNullable<Report['comparison']>): string {
  const times = (value: number | null): string => (value === null ? 'unknown' : `${value.toFixed(2)} times`)
  return `rate ${times(perSecond)}, p99 ${times(p99)} that of ${path}`
}

/** What a process gives back at the same time may be more than what the connections cost. */
function memoryOf({ before, after, perConnection }: NonNullable<Report['memory']>): string {
  const what =
    perConnection > 0
      ? pc.bold(`${bytes(perConnection)} a connection`)
      : 'no growth to be seen; hold more --connections'
  return `${what}  (${bytes(before)}, then ${bytes(after)})`
}

/** An open loop waits in turns of the event loop: how late it sent says more than how busy it was. */
function generatorHealth({ generator: { utilization, cpu, sendLag }, agents }: Report): string {
  const state = sendLag
    ? `sent late by ${duration(sendLag.p99)} (p99)`
    : `event loop ${Math.round(utilization * 100)} % busy`
  return agents.length > 0 ? state : `${state}, ${cpu.toFixed(2)} cores`
}

function messageCounts({ messages }: Report): string {
  const faults: [number, string][] = [
    [messages.lost, 'lost'],
    [messages.duplicated, 'duplicated'],
    [messages.outOfOrder, 'out of order'],
    [messages.late, 'late'],
    [messages.misdirected, 'of other connections'],
    [messages.unexpected, 'unexpected'],
    [messages.mismatched, 'other than recorded'],
  ]
  const found = faults
    .filter(([count]) => count > 0)
    .map(([count, what]) => pc.red(`${whole(count)} ${what}`))
  return [`${whole(messages.sent)} sent, ${whole(messages.received)} received`, ...found].join(', ')
}

/** How the load was made, in a few words. */
function loop({ options, scenario, stages }: Report): string {
  const connections = `${whole(Number(options['connections']))} ${scenario === 'fanout' ? 'receivers' : 'connections'}`
  const senders = scenario === 'fanout' ? `, ${whole(Number(options['senders']))} sending` : ''
  if (scenario === 'idle') return connections
  if (scenario === 'replay') return `${connections}, ${Number(options['speed'])} times as fast as recorded`
  if (stages.length > 0) return `in ${whole(stages.length)} ${stages.length === 1 ? 'stage' : 'stages'}`
  const pace =
    options['rate'] === undefined
      ? scenario === 'connect'
        ? ''
        : `, window ${whole(Number(options['window']))}`
      : `, ${rate(Number(options['rate']))} open loop`
  return connections + senders + pace
}

function stageTable({ stages }: Report): string {
  const head = ['stage', 'sent', 'received', 'a second', 'connections', 'p50', 'p99']
  return table(
    [
      head.map((name) => pc.dim(name)),
      ...stages.map(({ text, sent, received, perSecond, connections, latency }) => [
        text,
        whole(sent),
        whole(received),
        rate(perSecond),
        whole(connections),
        ...(latency ? [duration(latency.p50), duration(latency.p99)] : ['–', '–']),
      ]),
    ],
    true,
  )
}

function verdictLine(verdict: Verdict): string {
  const { text, ok, valid, at } = verdict
  const where = at === undefined ? '' : `, broken at ${Number(at.toFixed(1))} s`
  const line = `${text}  ${pc.dim(`(${valueOf(verdict)}${where})`)}`
  if (!valid) return pc.yellow(`! ${line} says nothing of the server`)
  return ok ? `${pc.green('✓')} ${line}` : pc.red(`✗ ${line}`)
}

/** What a threshold is held against, in words. */
export function valueOf({ value, unit }: Pick<Verdict, 'value' | 'unit'>): string {
  if (value === null) return 'nothing was measured'
  if (unit === 'ms') return duration(value)
  if (unit === 'share') return percent(value)
  return unit === 'per second' ? rate(value) : whole(value)
}

function latencyRow(name: string, { p50, p90, p99, p999, max }: Latency): string[] {
  return [pc.dim(name), ...[p50, p90, p99, p999, max].map(duration)]
}

/** Columns as wide as their widest cell; numbers end where they end above. */
function table(rows: readonly (readonly string[])[], alignRight = false): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))))
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const space = ' '.repeat((widths[column] ?? 0) - width(cell))
          return alignRight && column > 0 ? space + cell : cell + space
        })
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `  ${line}`)
    .join('\n')
}

function width(text: string): number {
  return stripVTControlCharacters(text).length
}
