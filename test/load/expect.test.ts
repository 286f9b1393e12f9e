import { describe, expect, it } from 'vitest'
import { atLeisure, bench } from './bench.ts'
import { server, start } from './server-of-test.ts'

const SHORT = ['--duration', 0.4, '--warmup', 0.1, '--rate', 100] as const

/** Keeps the generator busy with each message, so that it is late with the next. */
const SLOW = `export default { next: (client, n) => {
  const end = performance.now() + 8
  while (performance.now() < end);
  return String(n)
} }`

describe('--expect', () => {
  it('that holds is exit code 0', async () => {
    const args = ['--expect', 'p99<30s', '--expect', 'lost==0', '--expect', 'connect.max<30s', ...SHORT]
    const { report, stdout, code } = await bench(await start(), args)
    expect(report.expectations.map(({ text, ok, valid }) => [text, ok, valid])).toEqual([
      ['p99<30s', true, true],
      ['lost==0', true, true],
      ['connect.max<30s', true, true],
    ])
    expect(stdout).toMatch(/^✓ p99<30s {2}\(.* (ms|s)\)$/m)
    expect(code).toBe(0)
  })

  it('that does not hold is exit code 1, and says what it was', async () => {
    const url = await start({ kind: 'late', ms: 30 })
    const run = await atLeisure(() => bench(url, ['--expect', 'p50<10ms', '--duration', 0.4, '--warmup', 0]))
    expect(run.report).toMatchObject({
      ok: true,
      expectations: [{ text: 'p50<10ms', ok: false, valid: true }],
    })
    expect(run.stdout).toMatch(/^✗ p50<10ms {2}\(\S+ ms\)$/m)
    expect(run.code).toBe(1)
  })

  it('that does not hold where the generator was the limit is exit code 3', async () => {
    const args = [
      'script',
      'slow.mjs',
      '--expect',
      'p99<1ms',
      '--duration',
      0.4,
      '--warmup',
      0,
      '--rate',
      400,
    ]
    const { report, stdout, code } = await bench(await start(), args, { files: { 'slow.mjs': SLOW } })
    expect(report.generator.limited).toBe(true)
    expect(report.expectations).toMatchObject([{ ok: false, valid: false }])
    expect(stdout).toContain('says nothing of the server')
    expect(code).toBe(3)
  })

  it('decides how much of what is otherwise a problem may be', async () => {
    const url = await start({ kind: 'drop', every: 10 })
    const { report, code } = await bench(url, ['--timeout', 0.2, '--expect', 'lost<20%', ...SHORT])
    expect(report.messages.lost).toBe(server!.did.dropped)
    expect(report).toMatchObject({ ok: true, problems: [], expectations: [{ ok: true, unit: 'share' }] })
    expect(code).toBe(0)
  })

  it('of windows finds the one in which the server stalled, and ends the run there with a !', async () => {
    const url = await start({ kind: 'stallOnce', after: 1100, ms: 700 })
    const args = ['--rate', 200, '--duration', 30, '--warmup', 0, '--expect', 'p99<300ms@1s!']
    const { report, code } = await bench(url, args)
    const [verdict] = report.expectations
    expect(verdict).toMatchObject({ ok: false, at: 1 })
    expect(verdict!.value).toBeGreaterThan(600)
    expect(report.ended).toBe('aborted')
    expect(report.seconds).toBeLessThan(4)
    expect(code).toBe(1)
  })

  it('says nothing of a server whose run was interrupted', async () => {
    const args = ['--duration', 60, '--warmup', 0, '--rate', 1000, '--expect', 'p99<30s']
    const { report, code } = await bench(await start(), args, {
      during: async (cli) => {
        await expect.poll(() => server!.did.received).toBeGreaterThan(300)
        cli.kill('SIGINT')
      },
    })
    expect(report).toMatchObject({ ended: 'interrupted', expectations: [{ ok: true, valid: false }] })
    expect(code).toBe(130)
  })

  it.for([
    [['--expect', 'p99=20ms'], 'option "--expect" is "p99»=«20ms"; an operator has to stand there'],
    [
      ['--expect', 'reach==1'],
      'option "--expect" is "reach==1"; only the scenario fanout has that, and this is echo',
    ],
    [['--expect', 'p99<1s@60s'], 'the run measures for 10 s: choose a window that is no longer'],
    [['idle', '--expect', 'rate>1'], 'the scenario idle sends no messages'],
  ] as const)('that is nonsense is exit code 2: %s', async ([args, message]) => {
    const { stderr, code } = await bench('ws://127.0.0.1:1/', args)
    expect(stderr).toContain(message)
    expect(stderr).toContain('(ERR_OPTION)')
    expect(code).toBe(2)
  })
})
