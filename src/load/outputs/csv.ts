import type { Report } from '../report.ts'

const HEAD = 'second,stage,sent,received,per_second,p50_ms,p90_ms,p99_ms,max_ms,connections,lost'

/** A row for the warm-up, one for each second, and one for what came after the end: together they are the counts of the report. */
export function csvReport({ bySecond }: Pick<Report, 'bySecond'>): string {
  const rows = bySecond.map(
    ({ second, stage, sent, received, perSecond, p50, p90, p99, max, connections, lost }) =>
      [
        second,
        stage,
        sent,
        received,
        perSecond === null ? null : Number(perSecond.toFixed(3)),
        p50,
        p90,
        p99,
        max,
        connections,
        lost,
      ]
        .map((value) => value ?? '')
        .join(','),
  )
  return `${[HEAD, ...rows].join('\n')}\n`
}
