import { describe, expect, it } from 'vitest'
import { Aggregate } from '../../../src/load/aggregate.ts'
import { Judge, type Verdict } from '../../../src/load/expect/judge.ts'
import { holds, parseThreshold } from '../../../src/load/expect/threshold.ts'

describe('a threshold', () => {
  it.for([
    ['p99<20ms', 20, [19.9], [20]],
    ['p99.9<=50ms', 50, [50], [50.001]],
    ['mean<500us', 0.5, [0.499], [0.5]],
    ['max<1.5s', 1500, [1499], [1500]],
    ['connect.p50 > 1ms', 1, [2], [1]],
    ['rate>=10k', 10_000, [10_000], [9999]],
    ['rate>=1.5M/s', 1_500_000, [1_500_000], [1]],
    ['lost==0', 0, [0], [1]],
    ['lost!=0', 0, [1], [0]],
    ['refused<1%', 0.01, [0.009], [0.01]],
    ['reach==1', 1, [1], [0.999]],
    ['reach>=99.9%', 0.999, [0.999], [0.998]],
  ] as const)('%s', ([text, limit, good, bad]) => {
    const threshold = parseThreshold(text)
    expect(threshold.limit).toBeCloseTo(limit, 9)
    for (const value of good) expect([value, holds(threshold, value)]).toEqual([value, true])
    for (const value of bad) expect([value, holds(threshold, value)]).toEqual([value, false])
  })

  it('may be about windows, and may end the run', () => {
    expect(parseThreshold('p99<20ms@5s!')).toMatchObject({ window: 5000, aborts: true })
    expect(parseThreshold('p99<20ms@2m')).toMatchObject({ window: 120_000, aborts: false })
    expect(parseThreshold('p99<20ms!')).toMatchObject({ window: undefined, aborts: true })
  })

  it.for([
    ['p99', '"p99»«"; an operator has to stand there: <= >= == != < >'],
    ['p101<1ms', '"»p101«<1ms"; a metric has to stand there: p50 (any percentile)'],
    ['latency<1ms', '"»latency«<1ms"; a metric has to stand there'],
    ['last.rate>1', '"»last.rate«>1"; a metric'],
    ['<20ms', '"»«<20ms"; a metric has to stand there'],
    ['', '"»«"; a metric has to stand there'],
    ['p99=20ms', '"p99»=«20ms"; an operator has to stand there: <= >= == != < >; equal is =='],
    ['p99=<20ms', '"p99»=<«20ms"; an operator'],
    ['p99<', '"p99<»«"; a latency has to stand there, a number with us, ms or s, such as 20ms'],
    ['p99<20', '"p99<»20«"; a latency has to stand there'],
    ['p99<20m', '"p99<»20m«"; a latency has to stand there'],
    ['p99<-1ms', '"p99<»-1ms«"; a latency has to stand there'],
    ['rate>10ms', '"rate>»10ms«"; messages a second have to stand there, such as 500, 10k'],
    ['lost<1k', '"lost<»1k«"; a number has to stand there, such as 0, or a share such as 1%'],
    ['opened>5%', '"opened>»5%«"; a number has to stand there'],
    ['reach==all', '"reach==»all«"; a share has to stand there'],
    ['reach==1!', '"reach==1»!«"; the reach is known at the end only'],
    ['p99<20ms@', '"p99<20ms»@«"; a window is whole seconds'],
    ['p99<20ms@0s', '"p99<20ms»@0s«"; a window is whole seconds, or minutes, such as @5s'],
    ['p99<20ms@500ms', '"p99<20ms»@500ms«"; a window'],
    ['p99<20ms!@5s', '"p99<»20ms!@5s«"; behind the value only a window such as @5s and a ! may stand'],
  ] as const)('%s is nonsense, and told where', ([text, message]) => {
    expect(() => parseThreshold(text)).toThrow(`option "--expect" is ${message}`)
  })
})

/** Seconds with a latency each, in intervals of 100 ms with 10 messages. */
function judged(
  texts: readonly string[],
  seconds: readonly number[],
  facts = {},
): { verdicts: Verdict[]; aborted: number | undefined } {
  const judge = new Judge(
    texts.map((text) => parseThreshold(text)),
    'echo',
  )
  const total = new Aggregate(0)
  let aborted: number | undefined
  seconds.forEach((ms, second) => {
    for (let i = 0; i < 10; i++) {
      const interval = new Aggregate(second * 1000 + i * 100, second * 1000 + (i + 1) * 100)
      interval.latency.record(ms, 10)
      interval.counters.sent = interval.counters.measured = 10
      total.append(interval)
      judge.add(interval, total)
      if (judge.broken) aborted ??= interval.to
    }
  })
  const verdicts = judge.verdicts(total, { reach: null, isLimited: false, isInterrupted: false, ...facts })
  return { verdicts, aborted }
}

describe('a verdict', () => {
  it('is about all of the run', () => {
    const { verdicts } = judged(['p50<20ms', 'p99<20ms', 'rate>=99', 'lost==0'], [5, 5, 5, 50])
    expect(verdicts.map(({ ok }) => ok)).toEqual([true, false, true, true])
    expect(verdicts[1]).toMatchObject({ text: 'p99<20ms', unit: 'ms', valid: true })
    expect(verdicts[1]!.value).toBeCloseTo(50, 0)
    expect(verdicts[2]!.value).toBeCloseTo(100, 6)
  })

  it('of windows names the first that is broken, and the worst value', () => {
    const [verdict] = judged(['p50<20ms@2s'], [5, 5, 5, 5, 30, 30, 50, 50, 5]).verdicts
    expect(verdict).toMatchObject({ ok: false, at: 4 })
    expect(verdict!.value).toBeCloseTo(50, 0)
    expect(judged(['p50<60ms@2s'], [5, 50]).verdicts[0]).not.toHaveProperty('at')
  })

  it('with a ! ends the run at the first breach, but in the first second', () => {
    expect(judged(['p99<20ms!'], [5, 5, 50, 5]).aborted).toBe(2100)
    expect(judged(['p99<20ms!'], [50, 50]).aborted).toBe(1000)
    expect(judged(['p99<20ms@1s!'], [5, 50, 50]).aborted).toBe(2000)
    expect(judged(['p99<20ms'], [50, 50]).aborted).toBeUndefined()
  })

  it('says nothing of the server if the generator was the limit and it is broken, or the run was interrupted', () => {
    const limited = judged(['p99<20ms', 'p99<90ms', 'lost>0'], [50], { isLimited: true }).verdicts
    expect(limited.map(({ valid }) => valid)).toEqual([false, true, true])
    expect(judged(['p99<90ms'], [50], { isInterrupted: true }).verdicts[0]).toMatchObject({ valid: false })
  })

  it('of what was not measured is no', () => {
    expect(judged(['connect.p99<1s'], [5]).verdicts[0]).toMatchObject({ value: null, ok: false })
  })
})
