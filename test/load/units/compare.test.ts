import { describe, expect, it } from 'vitest'
import { ratioOfMedians } from '../../../src/load/compare/bootstrap.ts'
import { compareReports, type ReportOfRun } from '../../../src/load/compare/compare-reports.ts'

/** Draws from a bell around 1, the same for a seed. */
function noise(seed: number, deviation: number): () => number {
  let state = seed * 2_654_435_761
  const uniform = (): number => {
    state = (Math.imul(state ^ (state >>> 13), 1_540_483_477) + 0x6d_2b_79_f5) | 0
    return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32
  }
  return () => {
    let sum = 0
    for (let i = 0; i < 12; i++) sum += uniform()
    return 1 + (sum - 6) * deviation
  }
}

function runOf(
  perSecond: number,
  p99: number,
  limited = false,
  seconds: readonly number[] = [],
): ReportOfRun {
  const bySecond = seconds.map((value, index) => ({ second: index + 1, perSecond: value, p50: 1, p99 }))
  return {
    messages: { perSecond },
    handshakes: null,
    latency: { p50: p99 / 2, p99 },
    memory: null,
    generator: { limited },
    bySecond: [{ second: 0, perSecond: null, p50: null, p99: null }, ...bySecond],
  } as unknown as ReportOfRun
}

const verdictOf = (base: readonly ReportOfRun[], next: readonly ReportOfRun[]): string | undefined =>
  compareReports(base, next).find(({ metric }) => metric === 'rate')?.verdict

describe('5 runs and 5 runs', () => {
  const trials = (factor: number): (string | undefined)[] =>
    Array.from({ length: 20 }, (_, trial) => {
      const draw = noise(trial + 1, 0.02)
      const side = (level: number): ReportOfRun[] =>
        Array.from({ length: 5 }, () => runOf(level * draw(), 10 * draw()))
      return verdictOf(side(1000), side(1000 * factor))
    })

  it('of the same server are the same in at least 19 of 20 trials', () => {
    expect(trials(1).filter((verdict) => verdict === 'same').length).toBeGreaterThanOrEqual(19)
  })

  it('of a server that is 15 % slower are worse in at least 19 of 20, and never the same', () => {
    const verdicts = trials(0.85)
    expect(verdicts.filter((verdict) => verdict === 'worse').length).toBeGreaterThanOrEqual(19)
    expect(verdicts).not.toContain('same')
    expect(trials(1.15).filter((verdict) => verdict === 'better').length).toBeGreaterThanOrEqual(19)
  })
})

describe('a comparison', () => {
  it('is the same each time, and knows for latency that less is better', () => {
    const [base, next] = [
      [runOf(100, 10), runOf(101, 11)],
      [runOf(100, 30), runOf(102, 32)],
    ]
    expect(compareReports(base, next)).toEqual(compareReports(base, next))
    expect(compareReports(base, next).map(({ metric, verdict }) => [metric, verdict])).toEqual([
      ['rate', 'same'],
      ['p50', 'worse'],
      ['p99', 'worse'],
    ])
    expect(compareReports(next, base).find(({ metric }) => metric === 'p99')).toMatchObject({
      verdict: 'better',
    })
  })

  it('of one run each is about its seconds, and says so', () => {
    const seconds = (level: number): number[] => Array.from({ length: 20 }, (_, i) => level + (i % 3))
    const [rate] = compareReports([runOf(100, 10, false, seconds(100))], [runOf(80, 10, false, seconds(80))])
    expect(rate).toMatchObject({ metric: 'rate', isOneRun: true, verdict: 'worse' })
    expect(rate!.base).toHaveLength(20)
  })

  it('is unclear where the generator was the limit, and where it may be either', () => {
    expect(verdictOf([runOf(100, 10)], [runOf(50, 10, true)])).toBe(undefined)
    expect(verdictOf([runOf(100, 1), runOf(100, 1)], [runOf(50, 1, true), runOf(50, 1)])).toBe('unclear')
    expect(verdictOf([runOf(100, 1), runOf(140, 1)], [runOf(80, 1), runOf(120, 1)])).toBe('unclear')
  })

  it('takes what differs by less than the tolerance for the same', () => {
    const [base, next] = [
      [runOf(100, 1), runOf(100, 1)],
      [runOf(92, 1), runOf(92, 1)],
    ]
    expect(compareReports(base, next)[0]).toMatchObject({ verdict: 'worse', ratio: 0.92 })
    expect(compareReports(base, next, 0.1)[0]).toMatchObject({ verdict: 'same' })
  })

  it('draws neighbours together: blocks widen the interval of what drifts', () => {
    const drift = Array.from({ length: 40 }, (_, i) => 100 + i)
    const [alone, blocks] = [ratioOfMedians(drift, drift), ratioOfMedians(drift, drift, 10)]
    expect(blocks.high - blocks.low).toBeGreaterThan(alone.high - alone.low)
  })
})
