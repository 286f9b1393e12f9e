import { expect, it } from 'vitest'
import { bench } from './bench.ts'
import { server, start } from './server-of-test.ts'

async function sizesWith(seed: number): Promise<readonly number[]> {
  const url = await start()
  const args = ['--seed', seed, '--size', '60-500', '--connections', 1, '--duration', 0.2, '--warmup', 0]
  const { report, code } = await bench(url, args)
  expect(report.messages.lost).toBe(0)
  expect(code).toBe(0)
  return server!.sizes
}

it('a range of sizes is drawn from --seed: the same sizes in the same order', async () => {
  const [first, again, other] = [await sizesWith(7), await sizesWith(7), await sizesWith(8)]
  const count = Math.min(first.length, again.length, other.length)
  expect(count).toBeGreaterThan(30)
  expect(first.slice(0, count)).toEqual(again.slice(0, count))
  expect(first.slice(0, count)).not.toEqual(other.slice(0, count))
  expect(Math.min(...first)).toBeGreaterThanOrEqual(60)
  expect(Math.max(...first)).toBeLessThanOrEqual(500)
  expect(new Set(first).size).toBeGreaterThan(20)
})

it('--local-ips are taken in turns', async () => {
  const url = await start()
  const { report, code } = await bench(url, [
    ...['--local-ips', '127.0.0.2,127.0.0.3', '--connections', 4, '--duration', 0.2, '--warmup', 0],
  ])
  expect(server!.addresses.toSorted()).toEqual([...['127.0.0.2', '127.0.0.2', '127.0.0.3', '127.0.0.3']])
  expect(report.ok).toBe(true)
  expect(code).toBe(0)
})

it.for([
  [['--local-ips', 'eth0'], "It has to be addresses such as '127.0.0.2,127.0.0.3'."],
  [['--size', '500-60'], "It has to be a number from 1 to 1000000, or two such as '64-1024'"],
  [['--size', '100-200', '--message', '{"id":"{id}"}'], 'put {pad} where it may be filled up'],
] as const)('%s is told', async ([args, message]) => {
  const { stderr, code } = await bench('ws://127.0.0.1:1/', args)
  expect(stderr).toContain(message)
  expect(code).toBe(2)
})
