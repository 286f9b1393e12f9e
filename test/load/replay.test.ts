import { afterEach, describe, expect, it } from 'vitest'
import { endAll, PLATFORMS, project, serve } from '../cli/cli.ts'
import { bench } from './bench.ts'

afterEach(endAll)

const HEAD = {
  sidewire: 'recording/1',
  at: '2026-11-25T20:00:00.000Z',
  url: 'ws://localhost',
  redacted: false,
}

function recording(...events: readonly object[]): string {
  return [HEAD, ...events].map((line) => JSON.stringify(line)).join('\n')
}

const open = (conn: number, path: string): object => ({ t: 0, conn, type: 'open', path })

/** A greeting, a question with its answer and a push behind it, a second question 100 ms later. */
const ORDERS = recording(
  open(1, '/api/orders?user=1'),
  { t: 1, conn: 1, from: 'server', json: { type: 'hello', sentAt: 1 } },
  { t: 5, conn: 1, from: 'client', json: { id: 1, ask: 'a' } },
  { t: 8, conn: 1, from: 'server', json: { id: 1, answer: 'a' } },
  { t: 9, conn: 1, from: 'server', json: { push: 'a' } },
  { t: 109, conn: 1, from: 'client', json: { id: 2, ask: 'b' } },
  { t: 111, conn: 1, from: 'server', json: { id: 2, answer: 'b' } },
  { t: 112, conn: 1, from: 'server', json: { push: 'b' } },
  open(2, '/api/other'),
  { t: 1, conn: 2, from: 'client', text: 'of another path' },
)

/** @param change - of what is sent, by number; `undefined` sends nothing */
const config = (change = '(data) => data'): string => `
  const change = ${change}
  const say = (conn, data) => { const made = change(data); if (made !== undefined) conn.send(made) }
  export default { wsHandlers: [{ pattern: '/orders',
    onConnect: (conn) => say(conn, { type: 'hello', sentAt: Date.now() }),
    onMessage(conn, { id, ask }) {
      if (ask === undefined) throw new Error('what is this?')
      say(conn, { id, answer: ask })
      say(conn, { push: ask })
    } }] }`

const SHORT = ['--duration', 1, '--warmup', 0.1, '--connections', 3] as const
const files = { 'orders.jsonl': ORDERS }

describe.each(PLATFORMS)('replay as load, on $runtime', (target) => {
  const start = async (change?: string): Promise<string> =>
    serve(project({ 'sidewire.config.mjs': config(change) }), [], target).started()

  it('plays what was recorded on that path, in order and in its time, over and over', async () => {
    const url = await start()
    const began = performance.now()
    const { report, code, stdout, stderr } = await bench(url, ['replay', 'orders.jsonl', ...SHORT], {
      files,
      target,
    })
    expect([code, stderr]).toEqual([0, ''])
    expect(report).toMatchObject({
      ok: true,
      scenario: 'replay',
      messages: { lost: 0, mismatched: 0, unexpected: 0 },
    })
    // By three, at least 105 ms a round; a busy machine has it run for longer than it was told.
    expect(report.connections.opened).toBeGreaterThan(6)
    const rounds = Math.ceil((performance.now() - began) / 105)
    expect(report.connections.opened).toBeLessThanOrEqual(3 * rounds)
    expect(report.messages.received).toBeGreaterThan(2 * report.messages.sent)
    expect(report.latency?.p50).toBeGreaterThan(0)
    expect(stdout).toContain('3 connections, 1 times as fast as recorded')
    expect(JSON.stringify(report)).not.toContain('hello')
  })

  it('at ten times the speed there are more rounds', async () => {
    const url = await start()
    const { report } = await bench(url, ['replay', 'orders.jsonl', '--speed', 10, ...SHORT], {
      files,
      target,
    })
    expect(report.ok).toBe(true)
    expect(report.connections.opened).toBeGreaterThan(3 * 14)
  })

  it('counts what is other than recorded, what is lost, and what nobody asked for', async () => {
    const other = await bench(
      await start(`(data) => (data.answer === 'b' ? { ...data, answer: 'c' } : data)`),
      ['replay', 'orders.jsonl', ...SHORT],
      { files, target },
    )
    expect(other.code).toBe(1)
    expect(other.report.messages.mismatched).toBeGreaterThan(2)
    expect(other.report.messages).toMatchObject({ lost: 0, unexpected: 0 })
    expect(other.stdout).toMatch(
      /other than what was recorded in their place; the first: message \d+ of the connection, at \$\.answer: "c" in the place of "b"/,
    )
    const lost = await bench(
      await start(`(data) => (data.answer === 'a' ? undefined : data)`),
      ['replay', 'orders.jsonl', ...SHORT],
      { files, target },
    )
    expect(lost.report.messages.lost).toBeGreaterThan(2)
    expect(lost.report.messages.mismatched).toBe(0)
  })
})

it.each([
  [['replay'], 'the scenario replay needs a file: sidewire bench <url> replay <file>'],
  [['replay', 'none.jsonl'], 'none.jsonl'],
  [['echo', '--speed', 2], 'option "--speed" is 2; only the scenario replay has a recording'],
  [
    ['replay', 'orders.jsonl', '--rate', 5],
    'option "--rate" is "5"; in the scenario replay the recording says what is sent',
  ],
  [['replay', 'silent.jsonl'], 'no client says anything in silent.jsonl'],
] as const)('%j is one line that says why', async (args, says) => {
  const silent = recording(open(1, '/x'), { t: 1, conn: 1, from: 'server', text: 'alone' })
  const { code, stderr } = await bench('ws://127.0.0.1:1/x', args, {
    files: { ...files, 'silent.jsonl': silent },
  })
  expect(code).not.toBe(0)
  expect(stderr.split('\n')).toEqual([expect.stringContaining(says)])
})
