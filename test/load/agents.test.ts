import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { BenchReport } from '../../src/index.ts'
import { Cli, project } from '../cli/cli.ts'
import { within } from '../support/client.ts'
import { server, start } from './server-of-test.ts'

const TOKEN = 'known-to-agents'
const SCRIPT = 'export default { next: (client, n) => String(n), onMessage: (client, data) => Number(data) }'

interface Run {
  readonly coordinator: Cli
  readonly agents: readonly Cli[]
  readonly report: () => BenchReport
}

/** A coordinator, and agents that have come to it. */
async function startRun(
  args: readonly string[],
  agentArgs: readonly (readonly string[])[] = [[], []],
  files: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const cwd = project(files)
  const listen = ['--agents', String(agentArgs.length), '--listen', '127.0.0.1:0', '--token', TOKEN]
  const coordinator = new Cli(['bench', ...args, ...listen, '--json', 'report.json'], { cwd })
  const [, url = ''] = await coordinator.line(/sidewire bench agent (ws:\/\/\S+) --token <the token>/)
  const agents = agentArgs.map(
    (more, index) =>
      new Cli(['bench', 'agent', url, '--token', TOKEN, '--name', `agent${index}`, ...more], { cwd }),
  )
  return {
    coordinator,
    agents,
    report: () => JSON.parse(readFileSync(join(cwd, 'report.json'), 'utf8')) as BenchReport,
  }
}

const codeOf = async (cli: Cli): Promise<number | null> => (await within(cli.exited, 'no end')).code

describe('two agents', () => {
  it('make the load of an echo together, and the report adds them up', async () => {
    const url = await start()
    const run = await startRun([
      url,
      '--duration',
      '0.5',
      '--warmup',
      '0.1',
      '--connections',
      '5',
      '--rate',
      '300',
    ])
    expect(await codeOf(run.coordinator)).toBe(0)
    expect(await Promise.all(run.agents.map(codeOf))).toEqual([0, 0])
    const report = run.report()
    expect(report.agents.map(({ name }) => name).toSorted()).toEqual([
      expect.stringMatching(/^agent0 \([12]\)$/),
      expect.stringMatching(/^agent1 \([12]\)$/),
    ])
    expect(report.messages).toMatchObject({
      sent: server!.did.received,
      received: server!.did.received,
      lost: 0,
    })
    expect(server!.did.received).toBeGreaterThan(150)
    expect(server!.did.opened).toBe(5)
  })

  it('share a fan-out: the reach is of all, the latency of what went between connections of one machine', async () => {
    const url = await start({ kind: 'broadcast', self: false })
    const args = [
      '--duration',
      '0.5',
      '--warmup',
      '0',
      '--connections',
      '6',
      '--senders',
      '3',
      '--rate',
      '60',
    ]
    const run = await startRun([url, 'fanout', ...args])
    expect(await codeOf(run.coordinator)).toBe(0)
    const { fanout, messages } = run.report()
    expect(fanout).toMatchObject({ reach: 1, received: messages.sent * 6 })
    expect(messages).toMatchObject({ lost: 0, unexpected: 0, duplicated: 0 })
    expect(fanout!.timed).toBeGreaterThan(0.3)
    expect(fanout!.timed).toBeLessThan(0.7)
  })

  it('are missed when one dies: the run fails and names it, and the other ends soon', async () => {
    const url = await start()
    const run = await startRun([url, '--duration', '60', '--warmup', '0'])
    await expect.poll(() => server!.did.received).toBeGreaterThan(100)
    const [victim, other] = run.agents
    victim!.kill('SIGKILL')
    const killed = performance.now()
    expect(await codeOf(run.coordinator)).toBe(1)
    expect(run.coordinator.stderr.join('\n')).toMatch(
      /agent agent0 \(\d\) has gone, and its part of the load is missing/,
    )
    await codeOf(other!)
    expect(performance.now() - killed).toBeLessThan(3000)
  })
})

describe('an agent', () => {
  it('with another token is refused', async () => {
    const run = await startRun([await start(), '--duration', '0.2'], [['--token', 'guessed']])
    expect(await codeOf(run.agents[0]!)).toBe(1)
    expect(run.agents[0]!.stderr.join('\n')).toContain(
      'the coordinator refused this agent: this is not its --token (ERR_LOAD)',
    )
    run.coordinator.kill('SIGINT')
    expect(await codeOf(run.coordinator)).toBe(130)
  })

  it.for([
    [['--script', 'same.mjs'], 0, ''],
    [['--script', 'other.mjs'], 1, 'its script is another one than that of the run (SHA-256): copy the file'],
    [[], 1, 'it has no script; start it with --script <file>'],
  ] as const)(
    'runs a script that is named to it, if it is that of the run: %s',
    async ([args, code, message]) => {
      const run = await startRun(
        [await start(), 'script', 'ask.mjs', '--duration', '0.2', '--warmup', '0'],
        [args],
        { 'ask.mjs': SCRIPT, 'same.mjs': SCRIPT, 'other.mjs': `${SCRIPT} ` },
      )
      expect(await codeOf(run.coordinator)).toBe(code)
      expect(run.coordinator.stderr.join('\n')).toContain(message)
      if (code === 0) expect(run.report().messages.received).toBeGreaterThan(10)
    },
  )

  it('for which there is no connection is told before any comes', async () => {
    const args = ['bench', await start(), '--agents', '2', '--connections', '1']
    const cli = new Cli(args, { cwd: project() })
    expect(await codeOf(cli)).toBe(2)
    expect(cli.stderr.join('\n')).toContain(
      'option "--agents" is 2; with 2 threads in all each needs a connection',
    )
  })
})
