import { median } from '../compare/bootstrap.ts'
import type { Against, RatioRange, Report } from '../report.ts'
import { combine } from './repeat.ts'

/** Both servers in turns, A B A B: what else the machine does, it does to both. */
export async function runAgainst(
  times: number,
  url: string,
  run: (side: 'A' | 'B', index: number) => Promise<Report>,
): Promise<Report> {
  const [ours, others]: [Report[], Report[]] = [[], []]
  const isInterrupted = (): boolean =>
    [ours.at(-1), others.at(-1)].some((report) => report?.ended === 'interrupted')
  while (others.length < times && !isInterrupted()) {
    ours.push(await run('A', ours.length))
    if (!isInterrupted()) others.push(await run('B', others.length))
  }
  return { ...combine(ours), against: compareInPairs(url, ours, others) }
}

export function compareInPairs(url: string, ours: readonly Report[], others: readonly Report[]): Against {
  const rangeOf = (figure: (report: Report) => number | undefined): RatioRange | null => {
    const ratios = others.flatMap((other, index) => {
      const [a, b] = [ours[index] && figure(ours[index]), figure(other)]
      return a !== undefined && b !== undefined && b > 0 ? [a / b] : []
    })
    if (ratios.length === 0) return null
    return { median: median(ratios), smallest: Math.min(...ratios), largest: Math.max(...ratios) }
  }
  return {
    url,
    runs: others,
    rate: rangeOf(({ handshakes, messages }) => (handshakes ?? messages).perSecond),
    p99: rangeOf(({ latency }) => latency?.p99),
  }
}
