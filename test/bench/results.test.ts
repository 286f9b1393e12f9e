import { expect, test } from 'vitest'
import { conclude } from '../../bench/results.mjs'

const run = (perSecond: number, serverCpu: number) => ({
  perSecond,
  perCpuSecond: perSecond / serverCpu,
  p50: 1,
  p99: 2,
  serverCpu,
  generatorBusy: 0.5,
})

function echoOf(ours: (object | null)[], straight: (object | null)[]) {
  const scenario = { 'engine-uws': ours, uws: straight }
  const others = Object.fromEntries(
    ['engine-bun', 'engine-ws', 'bun', 'ws', 'crossws-node', 'crossws-bun', 'socket.io', 'reference'].map(
      (name) => [name, [run(1, 1)]],
    ),
  )
  const { scenarios, targets } = conclude({ scenarios: { 'echo-1': { ...others, ...scenario } } })
  return {
    ratio: scenarios[0]?.ratios.find(({ of, by }) => of === 'engine-uws' && by === 'uws'),
    target: targets.find(({ of }) => of === 'engine-uws'),
  }
}

test('a ratio is taken within a run, and its median shown with the spread', () => {
  const { ratio, target } = echoOf(
    [run(90, 1), run(50, 1), run(95, 1)],
    [run(100, 1), run(50, 1), run(100, 1)],
  )
  expect(ratio?.basis).toBe('perSecond')
  expect(ratio?.perSecond).toEqual({ median: 0.95, min: 0.9, max: 1 })
  expect(target).toMatchObject({ atLeast: 0.92, measured: { median: 0.95 }, reached: true })
})

test('where a server was idle, the figure to go by is of its CPU time', () => {
  const { ratio, target } = echoOf([run(100, 1)], [run(100, 0.5)])
  expect(ratio?.basis).toBe('perCpuSecond')
  expect(target).toMatchObject({ measured: { median: 0.5 }, reached: false })
})

test('a run that failed is in no ratio, and nothing measured is nothing reached', () => {
  expect(echoOf([run(10, 1), null], [run(10, 1), run(1, 1)]).ratio?.perSecond.median).toBe(1)
  const { ratio, target } = echoOf([null], [run(10, 1)])
  expect(ratio).toBeUndefined()
  expect(target).toMatchObject({ measured: null, reached: false })
})
