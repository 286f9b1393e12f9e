import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createCertificate } from '../cli/certificate.ts'
import type { BenchReport } from '../../src/index.ts'
import { project, run } from '../cli/cli.ts'
import { atLeisure, bench } from './bench.ts'
import { server, start } from './server-of-test.ts'

// The report calls what happened by its name, and the exit code says it to scripts.

const SHORT = ['--duration', '0.3', '--warmup', '0'] as const

describe('a reply that comes after --timeout', () => {
  const args = ['--timeout', 0.3, '--duration', 1.5, '--warmup', 0, '--connections', 2]

  it.for([
    ['closed', []],
    ['open', ['--rate', 20]],
  ] as const)('is late, and neither lost nor out of order, in a loop that is %s', async ([, more]) => {
    const url = await start({ kind: 'late', ms: 600 })
    const { report, stdout, code } = await bench(url, [...args, ...more])
    const { sent, received, lost, late, outOfOrder } = report.messages
    expect(late).toBeGreaterThan(0)
    expect(received).toBe(late)
    expect(outOfOrder).toBe(0)
    // The last ones had no time left.
    expect(lost).toBe(sent - received)
    expect(stdout).toContain(`${late} late`)
    expect(report.problems.join()).toContain('late: answered, but later than --timeout')
    expect(code).toBe(1)
  })
})

describe('the report', () => {
  it('says of an echo against a path that broadcasts what happened, and which scenario fits', async () => {
    const url = await start({ kind: 'broadcast', self: true })
    const { report, stdout, code } = await bench(url, ['--connections', 3, ...SHORT])
    expect(report.messages.misdirected).toBeGreaterThan(0)
    expect(report.messages).toMatchObject({ lost: 0, unexpected: 0 })
    expect(stdout).toContain('the server broadcasts what it gets (measure that with the scenario fanout)')
    expect(code).toBe(1)
  })

  it('says of an echo of which nothing came back what the server has to do for one', async () => {
    const url = await start({ kind: 'drop', every: 1 })
    const { report, stdout, code } = await bench(url, ['--connections', 2, '--timeout', 0.2, ...SHORT])
    expect(report.messages).toMatchObject({ received: 0, lost: server!.did.dropped })
    const hint = `${server!.did.dropped} messages lost: not one came back; does the server send back what it gets, with the {id} in it?`
    expect(report.problems).toEqual([expect.stringContaining(hint)])
    expect(stdout).toContain(`✗ ${hint}`)
    expect(code).toBe(1)
  })

  it('says of idle connections without --pid why there is no memory', async () => {
    const { report, stdout, code } = await bench(await start(), ['idle', '--connections', 5, ...SHORT])
    expect(report.memory).toBeNull()
    expect(stdout).toMatch(/memory +not measured: --pid <pid> says which process is the server/)
    expect(stdout).not.toContain(' B a connection')
    expect(code).toBe(0)
  })

  it.for([
    ['echo', (report: BenchReport) => report.messages.received, () => server!.did.received],
    ['connect', (report: BenchReport) => report.handshakes!.completed, () => server!.did.opened],
  ] as const)('counts with the warm-up everywhere, and says so: %s', async ([scenario, counted, did]) => {
    const url = await start()
    const args = [scenario, '--connections', 2, '--duration', 0.3, '--warmup', 0.5]
    const { report, stdout } = await bench(url, args)
    expect(counted(report)).toBe(did())
    expect(stdout).toContain('Counts include the warm-up; rates and latencies do not.')
  })

  it('goes to standard output as JSON, alone, with --json -', async () => {
    const cwd = project()
    const { code, stdout, stderr } = await run(['bench', await start(), ...SHORT, '--json', '-'], { cwd })
    expect(JSON.parse(stdout.join('\n'))).toMatchObject({ scenario: 'echo', ok: true })
    expect(stderr.join('\n')).toContain('throughput')
    expect(existsSync(join(cwd, '-'))).toBe(false)
    expect(code).toBe(0)
  })
})

describe('Ctrl-C in the warm-up', () => {
  it('says that nothing was measured, and blames nobody', async () => {
    const { code, stdout, stderr } = await bench(await start(), ['--duration', 60, '--warmup', 60], {
      during: async (cli) => {
        await expect.poll(() => server!.did.received).toBeGreaterThan(500)
        cli.kill('SIGINT')
      },
    })
    expect(stderr).toContain('stopped before anything was measured')
    expect(stdout + stderr).not.toContain('generator')
    expect(code).toBe(130)
  })
})

describe('TLS', () => {
  it.for([
    [
      'wss:// to a server without it',
      undefined,
      'wss:',
      'the server does not speak TLS: try ws:// (ERR_LOAD)',
    ],
    [
      'ws:// to a server that speaks it',
      createCertificate(),
      'ws:',
      'if it speaks TLS, try wss:// (ERR_LOAD)',
    ],
  ] as const)('%s', async ([, tls, protocol, words]) => {
    const url = await start({ kind: 'echo' }, tls)
    const { code, stderr } = await bench(url.replace(/^wss?:/, protocol), [...SHORT])
    expect(stderr).toContain('no connection was accepted: the server')
    expect(stderr.trim().endsWith(words)).toBe(true)
    expect(code).toBe(1)
  })
})

describe('a mistake is said before the run', () => {
  it.for([
    [['--json', 'no/such/folder/x.json'], 'option "--json" is "no/such/folder/x.json": '],
    [['--html', '.'], 'option "--html" is ".": it is a folder'],
    [['--senders', '3'], 'option "--senders" is 3; only the scenario fanout has senders, and this is echo'],
    [
      ['connect', '--pid', '1'],
      'option "--pid" is 1; only the scenario idle reports memory, and this is connect (ERR_OPTION)',
    ],
    [['--duration', '0'], 'It has to be a number of seconds above 0, at most 86400.'],
  ] as const)('%s', async ([args, words]) => {
    const url = await start()
    const { code, stdout, stderr } = await run(['bench', url, ...SHORT.map(String), ...args], {
      cwd: project(),
    })
    expect(stderr.join('\n')).toContain(words)
    expect(stderr).toHaveLength(1)
    expect(stdout.join('')).toBe('')
    expect(server!.did.opened).toBe(0)
    expect(code).toBe(2)
  })
})

describe('--compare', () => {
  const EARLIER = {
    scenario: 'echo',
    messages: { perSecond: 10 },
    handshakes: null,
    latency: { p99: 100 },
    generator: { limited: false },
  }
  const against = async (earlier: unknown) => {
    const file = join(project(), 'before.json')
    writeFileSync(file, JSON.stringify(earlier))
    return bench(await start({ kind: 'late', ms: 50 }), ['--connections', 2, ...SHORT, '--compare', file])
  }

  it('divides by the figures of an earlier report', async () => {
    const { report, stdout, code } = await atLeisure(() => against(EARLIER))
    expect(report.comparison).toMatchObject({ invalid: [], with: expect.stringContaining('before.json') })
    expect(report.comparison!.perSecond).toBeCloseTo(report.messages.perSecond / 10)
    expect(report.comparison!.p99).toBeCloseTo(report.latency!.p99 / 100)
    expect(stdout).toMatch(/compared +rate \d+\.\d\d times, p99 \d+\.\d\d times that of /)
    expect(code).toBe(0)
  })

  it('makes exit code 3 where the generator was the limit, because the figures say nothing then', async () => {
    const { stdout, code } = await against({ ...EARLIER, generator: { limited: true } })
    expect(stdout).toContain(
      'The comparison says nothing of the servers: the generator was the bottleneck of the earlier',
    )
    expect(code).toBe(3)
  })

  it.for([
    [{ ...EARLIER, scenario: 'fanout' }, 'it is of the scenario fanout, and this run is echo'],
    [{}, 'it has to be a report that --json wrote'],
  ] as const)('refuses what cannot be compared: %j', async ([earlier, why]) => {
    const { stderr, code } = await against(earlier)
    expect(stderr).toContain(why)
    expect(code).toBe(2)
  })
})
