import type { Latency } from '../histogram.ts'
import type { Report } from '../report.ts'
import { valueOf } from '../report-text.ts'
import { duration, percent, rate, whole } from '../units.ts'

/** The report as GitHub shows it under a workflow's run: GitHub-flavoured Markdown. */
export function summaryReport(report: Report): string {
  const { messages, latency, fanout, handshakes, connections, generator, expectations, problems } = report
  const isBroken = !report.ok || expectations.some(({ ok, valid }) => !ok && valid)
  const isUnsure = generator.limited || expectations.some(({ valid }) => !valid)
  const facts: [string, string][] = [
    ...(report.scenario === 'idle'
      ? []
      : [['rate', rate((handshakes ?? messages).perSecond)] satisfies [string, string]]),
    ...(fanout ? [['reach', percent(fanout.reach)] satisfies [string, string]] : []),
    ...(handshakes || report.scenario === 'idle'
      ? []
      : [
          ['messages', `${whole(messages.sent)} sent, ${whole(messages.received)} received`] satisfies [
            string,
            string,
          ],
        ]),
    [
      'connections',
      `${whole(connections.opened)} opened, ${whole(connections.refused)} refused, ${whole(connections.dropped)} dropped`,
    ],
    [
      'measured',
      `${report.seconds.toFixed(1)} s, on ${report.machine.runtime}, ${report.machine.cores} cores`,
    ],
  ]
  const blocks = [
    `### ${isBroken ? '❌' : isUnsure ? '⚠️' : '✅'} sidewire bench ${report.scenario} ${code(report.url)}`,
    table(['', ''], facts),
  ]
  if (latency) blocks.push(latencyTable(latency))
  if (expectations.length > 0)
    blocks.push(
      table(
        ['', 'expected', 'measured'],
        expectations.map((verdict) => [
          verdict.valid ? (verdict.ok ? '✅' : '❌') : '⚠️',
          code(verdict.text),
          `${valueOf(verdict)}${verdict.at === undefined ? '' : `, broken at ${verdict.at.toFixed(1)} s`}${verdict.valid ? '' : ' (says nothing of the server)'}`,
        ]),
      ),
    )
  const notes = [
    ...problems.map((problem) => `- ❌ ${plain(problem)}`),
    ...generator.reasons.map(
      (reason) => `- ⚠️ The generator was the bottleneck, not the server: ${plain(reason)}`,
    ),
  ]
  if (notes.length > 0) blocks.push(notes.join('\n'))
  return `${blocks.join('\n\n')}\n`
}

function latencyTable({ p50, p90, p99, p999, max }: Latency): string {
  return table(
    ['', 'p50', 'p90', 'p99', 'p99.9', 'max'],
    [['latency', ...[p50, p90, p99, p999, max].map(duration)]],
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Text from outside: it makes no table, link or tag of its own. */
function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]<>()#|!~]/g, '\\$&').replaceAll(/\s+/g, ' ')
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'").replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')}\``
}
