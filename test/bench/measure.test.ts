import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { measure } from '../../bench/measure.mjs'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const RUN = here('../../bench/run.mjs')
const folder = mkdtempSync(join(tmpdir(), 'sidewire-bench-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.concurrent('a measurement fails where a server', () => {
  const measureFaulty = (protocol: 'ws' | 'socket.io', mistake: string) =>
    measure(
      {
        command: [process.execPath, [here('faulty-server.mjs'), protocol, mistake]],
        path: '/api/echo',
        ...(protocol === 'socket.io' && { client: 'socket-io' as const }),
      },
      { load: { scenario: 'echo', connections: 2, window: 4 }, seconds: 0.3, warmup: 0.1 },
    )

  test.each([
    ['ws', 'drop', /lost/],
    ['ws', 'duplicate', /duplicated/],
    ['ws', 'swap', /out of order/],
    ['socket.io', 'drop', /lost|outOfOrder/],
    ['socket.io', 'duplicate', /duplicated/],
    ['socket.io', 'swap', /outOfOrder/],
  ] as const)('on %s would %s messages', async (protocol, mistake, problem) => {
    await expect(measureFaulty(protocol, mistake)).rejects.toThrow(problem)
  })

  test('does not start', async () => {
    const entry = { command: [process.execPath, ['-e', 'process.exit(7)']] as const, path: '/' }
    const load = { scenario: 'echo', connections: 1 } as const
    await expect(measure(entry, { load, seconds: 1, warmup: 0 })).rejects.toThrow('ended with 7')
  })
})

describe('bench/run.mjs', () => {
  const run = (...args: string[]) => promisify(execFile)(process.execPath, [RUN, ...args])

  test('measures, compares and reports', async () => {
    const file = join(folder, 'results.json')
    const { stdout } = await run('--quick', '--only', 'vite-1', '--seconds', '1', '--out', file)
    const results = JSON.parse(readFileSync(file, 'utf8'))
    expect(results).toMatchObject({ problems: [], options: { runs: 1, seconds: 1 } })
    expect(results.date).toMatch(/^\d{4}-\d\d-\d\d$/)
    expect(results.versions.node).toBe(process.versions.node)
    const [{ entries, ratios }] = results.scenarios
    const figures = entries.map(({ runs }: { runs: Record<string, number>[] }) => runs[0])
    for (const { perSecond, perCpuSecond, p50, p99, serverCpu } of figures) {
      expect(Math.min(perSecond, perCpuSecond, p50, p99, serverCpu)).toBeGreaterThan(0)
      expect(p99).toBeGreaterThanOrEqual(p50)
      // Some of its threads could have a core of their own, where they are not pinned.
      expect(serverCpu).toBeLessThan(2)
    }
    const { perSecond } = ratios.find(({ by }: { by: string }) => by === 'vite-sidecar')
    expect(perSecond.median).toBeCloseTo(figures[0].perSecond / figures[1].perSecond, 6)
    expect(stdout).toContain("| through the dev server's port |")
  })

  test('says which scenarios there are', async () => {
    await expect(run('--only', 'nonsense')).rejects.toThrow(
      '--only has "nonsense", but the scenarios are echo-1, echo-16, ',
    )
  })
})
