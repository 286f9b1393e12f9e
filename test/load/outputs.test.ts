import { readFileSync } from 'node:fs'
import { join } from 'node:path'
// @ts-expect-error -- it brings no types
import { JSDOM } from 'jsdom'
import { describe, expect, it } from 'vitest'
import { project, run } from '../cli/cli.ts'
import { bench } from './bench.ts'
import { start, startAnother } from './server-of-test.ts'

const SHORT = ['--duration', '1.2', '--warmup', '0.2', '--rate', '200'] as const

/** Runs it in a folder; what it wrote there. */
async function benchIn(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const cwd = project({ 'summary.md': '# before\n' })
  const { code, stderr, stdout } = await run(['bench', ...args], { cwd, env })
  return {
    code,
    stderr: stderr.join('\n'),
    stdout,
    cwd,
    read: (name: string) => readFileSync(join(cwd, name), 'utf8'),
  }
}

describe('the files of a run', () => {
  it('are rows for each second, test cases, a summary and data, and say the same', async () => {
    const url = await start({ kind: 'drop', every: 50 })
    const { code, read } = await benchIn(
      [
        ...[
          url,
          ...SHORT,
          '--timeout',
          '0.3',
          '--expect',
          'p99<30s',
          '--expect',
          'p50<1us',
          '--expect',
          'lost<50%',
        ],
        ...['--json', 'r.json', '--csv', 'r.csv', '--junit', 'r.xml', '--summary'],
      ],
      { GITHUB_STEP_SUMMARY: 'summary.md' },
    )
    expect(code === 1 || code === 3).toBe(true)
    const report = JSON.parse(read('r.json'))
    expect(report.schema).toBe('sidewire-bench/2')

    const [head, ...rows] = read('r.csv').trim().split('\n')
    expect(head).toBe('second,stage,sent,received,per_second,p50_ms,p90_ms,p99_ms,max_ms,connections,lost')
    const column = (name: string): number[] =>
      rows.map((row) => Number(row.split(',')[head!.split(',').indexOf(name)]))
    const sum = (name: string): number => column(name).reduce((all, value) => all + value, 0)
    expect([sum('sent'), sum('received'), sum('lost')]).toEqual([
      report.messages.sent,
      report.messages.received,
      report.messages.lost,
    ])
    expect(report.messages.lost).toBeGreaterThan(0)

    const { document } = new JSDOM(read('r.xml'), { contentType: 'text/xml' }).window
    const cases = [...document.querySelectorAll('testcase')]
    expect(cases.map((each) => each.getAttribute('name'))).toEqual([
      'nothing lost, doubled, out of order or refused',
      'p99<30s',
      'p50<1us',
      'lost<50%',
    ])
    expect(cases[2]!.querySelector('failure, skipped')!.getAttribute('message')).toMatch(/[\d.]+ (µs|ms)/)
    expect(document.querySelector('testsuite')!.getAttribute('tests')).toBe('4')

    const summary = read('summary.md')
    expect(summary).toMatch(/^# before\n### (❌|⚠️) sidewire bench echo `ws:/)
    expect(summary).toMatch(/\| ✅ \| `lost<50%` \| [\d.]+ % \|/)
  })

  it.for([
    [
      ['--json', '-', '--csv', '-'],
      'options "--json" and "--csv" are both "-"; standard output takes one of them',
    ],
    [['--summary'], 'option "--summary" has no file, and there is no GITHUB_STEP_SUMMARY'],
    [['--csv', 'no/folder.csv'], 'option "--csv" is "no/folder.csv": '],
  ] as const)('%s is told before the run', async ([args, message]) => {
    const { stderr, code } = await benchIn(['ws://127.0.0.1:1/', ...args], { GITHUB_STEP_SUMMARY: '' })
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })
})

describe('several runs', () => {
  it('are one report, with all of them, and may be compared with others', async () => {
    const url = await start({ kind: 'late', ms: 20 })
    const slow = await startAnother({ kind: 'late', ms: 60 })
    const short = ['--duration', '0.3', '--warmup', '0', '--repeat', '2']
    const { read, code, cwd } = await benchIn([url, ...short, '--against', slow, '--json', 'a.json'])
    expect(code).toBe(0)
    const report = JSON.parse(read('a.json'))
    expect(report.runs).toHaveLength(2)
    expect(report.against.runs).toHaveLength(2)
    expect([1, 2]).toContain(report.medianRun)
    expect(report.messages).toEqual(report.runs[report.medianRun - 1].messages)
    expect(report.against.rate.median).toBeGreaterThan(1.5)

    await run(['bench', slow, ...short, '--json', 'b.json'], { cwd })
    const compared = await run(['bench', 'compare', 'a.json', '--', 'b.json', '--html', 'c.html'], { cwd })
    expect(compared.stdout.join('\n')).toMatch(/base: 2 runs, new: 2 runs\n[^]*rate +worse +0\.\d+ times/)
    expect(compared.code).toBe(1)
    expect(read('c.html')).toContain('"verdict":"worse"')

    await run(['bench', slow, ...short, '--connections', '3', '--json', 'd.json'], { cwd })
    const different = await run(['bench', 'compare', 'a.json', '--', 'd.json'], { cwd })
    expect(different.stderr.join('\n')).toContain(
      'asked for different things (--connections: 10 and 3); --force compares',
    )
    expect(different.code).toBe(2)
    const forced = await run(['bench', 'compare', 'a.json', '--force', '--', 'd.json'], { cwd })
    expect(forced.stdout.join('\n')).toContain('! asked for different things: --connections: 10 and 3')
  })

  it.for([
    [['compare', 'a.json'], 'reports have to stand on both sides of a --'],
    [['compare', 'gone.json', '--', 'a.json'], 'the report "gone.json" cannot be read'],
    [['compare', 'a.json', '--', 'a.json'], 'the report "a.json" is not of the schema sidewire-bench/2'],
    [
      ['compare', 'a.json', '--', 'a.json', '--tolerance', '5'],
      "It has to be a share below 100 %, such as '5%'.",
    ],
  ] as const)('%s is told', async ([args, message]) => {
    const { stderr, code } = await run(['bench', ...args], { cwd: project({ 'a.json': '{}' }) })
    expect(stderr.join('\n')).toContain(message)
    expect(code).toBe(2)
  })
})

describe('--find', () => {
  it('finds the rate that a server takes', async () => {
    // Answers 1,000 a second, and lets the others wait.
    const url = await start({ kind: 'capped', perSecond: 1000 })
    const { report, stdout } = await bench(url, [
      '--find',
      'p90<100ms',
      '--duration',
      0.6,
      '--warmup',
      0,
      '--rate',
      700,
    ])
    const { rate, steps } = report.found!
    expect(rate!).toBeGreaterThan(500)
    expect(rate!).toBeLessThan(1500)
    expect(steps.length).toBeLessThanOrEqual(12)
    expect(report.options['rate']).toBe(rate)
    expect(stdout).toMatch(/found +[\d,]+\/s holds p90<100ms/)
  })

  it.for([
    [['--find', 'p99<20'], 'option "--find" is "p99<»20«"; a latency has to stand there'],
    [['--find', 'p99<20ms!'], 'a step is measured to its end: leave the ! out'],
    [['--find', 'p99<20ms', '--repeat', '3'], 'option "--repeat" is "3"; --find makes runs of its own'],
    [['idle', '--find', 'p99<20ms'], 'the scenario idle has no --rate'],
  ] as const)('%s is told', async ([args, message]) => {
    const { stderr, code } = await bench(await start(), args)
    expect(stderr).toContain(message)
    expect(code).toBe(2)
  })
})
