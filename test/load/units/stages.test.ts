import { describe, expect, it } from 'vitest'
import { connectionPlan } from '../../../src/load/stages/connection-plan.ts'
import { constantRate, stagedRate, type DueCurve } from '../../../src/load/stages/due-curve.ts'
import { parseStage, parseStages } from '../../../src/load/stages/stage.ts'

function duesOf(curve: DueCurve): number[] {
  const dues: number[] = []
  for (let at = curve(0); at !== Infinity; at = curve(dues.length)) dues.push(at)
  return dues
}

describe('a rate in stages', () => {
  it('makes as many messages as the area has units, each second on the line', () => {
    const dues = duesOf(stagedRate(parseStages(['5s:1000/s', '5s:0/s'])))
    expect(dues).toHaveLength(5000)
    expect(dues).toEqual(dues.toSorted((a, b) => a - b))
    for (let second = 0; second < 10; second++) {
      const line = second < 5 ? 200 * (second + 0.5) : 200 * (9.5 - second)
      const count = dues.filter((at) => at >= second * 1000 && at < (second + 1) * 1000).length
      expect(Math.abs(count - line)).toBeLessThanOrEqual(line * 0.03)
    }
  })

  it('jumps in a stage of no time, holds, and sends nothing at 0', () => {
    const dues = duesOf(stagedRate(parseStages(['0s:100/s', '1s:100/s', '1s:0/s', '1s:0/s', '1s:200/s'])))
    expect(dues).toHaveLength(100 + 50 + 100)
    expect(dues.slice(0, 3)).toEqual([5, 15, 25])
    expect(dues.filter((at) => at >= 2000 && at < 3000)).toEqual([])
  })

  it('is, without stages, a message at even distances from the start on', () => {
    expect([0, 1, 2].map(constantRate(200))).toEqual([0, 5, 10])
  })
})

describe('connections in stages', () => {
  it('come and go on the line, the youngest first', () => {
    const plan = connectionPlan(parseStages(['1s:10c', '1s:10c', '1s:5c']))
    const opens = plan.filter(({ type }) => type === 'open')
    expect(opens.map(({ at }) => at)).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
    const closes = plan.filter(({ type }) => type === 'close')
    expect(closes.map(({ at, index }) => [at, index])).toEqual([
      [2200, 9],
      [2400, 8],
      [2600, 7],
      [2800, 6],
      [3000, 5],
    ])
  })

  it('are no more than the handshakes a second that are asked for, and those that nobody wants any more are not opened', () => {
    const plan = connectionPlan(parseStages(['0s:100c', '1s:100c', '0s:0c']), 50)
    const opens = plan.filter(({ type }) => type === 'open')
    expect(opens.map(({ at }) => at)).toEqual(Array.from({ length: 50 }, (_, n) => n * 20))
    expect(plan.filter(({ type }) => type === 'close')).toHaveLength(50)
  })
})

it.for([
  ['30s', '"30s»«"; write a duration and a target'],
  ['30:5/s', '"»30«:5/s"; the duration has to be a number with ms, s, m or h'],
  ['2h:5', '"2h:»5«"; the target has to end in /s or c'],
  ['25h:5/s', '"»25h«:5/s"; a stage takes at most a day'],
  ['1s:0.5c', '"1s:»0.5c«"; connections are a whole number'],
  ['1s:200M/s', '"1s:»200M/s«"; the rate is at most 100M/s'],
])('a stage such as %s is told where it is wrong', ([text, message]) => {
  expect(() => parseStage(text!)).toThrow(message)
})

it.for([
  [['1s:5/s', '1s:5c'], 'the stages of a run are all of a rate (/s) or all of connections (c)'],
  [['0s:5/s'], 'all stages together take no time'],
  [['1s:0/s'], 'no stage asks for any load'],
] as const)('stages %s do not make a run', ([texts, message]) => {
  expect(() => parseStages(texts)).toThrow(message)
})
