import { describe, expect, it } from 'vitest'
import { compareInPairs } from '../../../src/load/repeat/against.ts'
import { findRate } from '../../../src/load/repeat/find-rate.ts'
import { combine } from '../../../src/load/repeat/repeat.ts'
import type { Report } from '../../../src/load/report.ts'

describe('--find', () => {
  /** A server that keeps to it up to a rate. */
  const upTo = (cap: number, limited = false) =>
    findRate(500, async (rate) => ({ value: rate, holds: rate <= cap, limited: rate > cap && limited }))

  it.for([1, 3, 240, 500, 501, 5000, 123_456])('finds %d/s within 5 %%', async (cap) => {
    const { rate, steps, limited } = await upTo(cap)
    expect(rate!).toBeLessThanOrEqual(cap)
    expect(rate!).toBeGreaterThanOrEqual(cap / 1.05)
    expect(limited).toBe(false)
    expect(steps.every((step) => step.holds === step.rate <= cap)).toBe(true)
  })

  it('needs 12 steps for a cap of 5,000/s', async () => {
    expect((await upTo(5000)).steps.length).toBeLessThanOrEqual(12)
  })

  it('says when not even one a second holds, and when more was too much for the generator', async () => {
    expect(await upTo(0)).toMatchObject({ rate: null })
    expect(await upTo(5000, true)).toMatchObject({ limited: true })
  })

  it('ends where it is interrupted', async () => {
    const found = await findRate(500, async (rate) =>
      rate > 1000 ? undefined : { value: 1, holds: true, limited: false },
    )
    expect(found).toMatchObject({ rate: 1000, steps: [{ rate: 500 }, { rate: 1000 }] })
  })
})

function reportOf(perSecond: number, p99: number, more: Partial<Report> = {}): Report {
  return {
    scenario: 'echo',
    options: {},
    messages: { perSecond },
    handshakes: null,
    latency: { p99 },
    ok: true,
    problems: [],
    ended: 'whole',
    expectations: [{ text: 'p99<20ms', value: p99, unit: 'ms', ok: p99 < 20, valid: true }],
    ...more,
  } as unknown as Report
}

describe('--repeat', () => {
  it('reports the run in the middle, with all of them', () => {
    const runs = [reportOf(300, 5), reportOf(100, 5), reportOf(200, 5)]
    expect(combine(runs)).toMatchObject({ messages: { perSecond: 200 }, medianRun: 3, runs })
  })

  it('holds the median of the values against a threshold: one busy moment breaks nothing', () => {
    expect(combine([reportOf(1, 5), reportOf(1, 90), reportOf(1, 6)]).expectations).toEqual([
      { text: 'p99<20ms', value: 6, unit: 'ms', ok: true, valid: true },
    ])
    expect(combine([reportOf(1, 50), reportOf(1, 90), reportOf(1, 6)]).expectations[0]).toMatchObject({
      ok: false,
      valid: true,
    })
  })

  it('has the problems of every run, by its number', () => {
    const bad = reportOf(1, 1, { ok: false, problems: ['3 messages lost'] })
    expect(combine([reportOf(1, 1), bad])).toMatchObject({ ok: false, problems: ['run 2: 3 messages lost'] })
  })
})

it('--against divides the figures of runs that stood beside each other', () => {
  const pair = compareInPairs(
    'ws://b',
    [reportOf(100, 10), reportOf(220, 10)],
    [reportOf(100, 5), reportOf(200, 5)],
  )
  expect(pair.rate).toEqual({ median: 1.05, smallest: 1, largest: 1.1 })
  expect(pair.p99).toEqual({ median: 2, smallest: 2, largest: 2 })
})
