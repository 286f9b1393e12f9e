import { describe, expect, it } from 'vitest'
import type { BenchReport } from '../../src/index.ts'
import { bench } from './bench.ts'
import { server, start } from './server-of-test.ts'

// The report has to say just what the server does, no more and no less.

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}

/** The 20th percentile: a machine that has other work delays many messages, but not all. */
function firstFifth({ percentiles }: BenchReport): number {
  const [, [percentile, ms] = []] = percentiles
  expect(percentile).toBeCloseTo(20)
  return ms!
}

/** What the processes of a busy machine wait for a core, there and back. A wrong measure is wrong by more. */
const BUSY_MS = 10

// What another process of this machine does to a figure may happen once.
describe('latency', { retry: 2 }, () => {
  it('of a server that answers after exactly 20 ms is 20 ms', async () => {
    const url = await start({ kind: 'late', ms: 20 })
    const { code, report } = await bench(url, ['--rate', 200, '--duration', 2, '--warmup', 0.5])
    expect(report.latency!.min).toBeGreaterThanOrEqual(20)
    expect(report.latency!.min).toBeLessThan(Math.min(...server!.lateness) + BUSY_MS)
    expect(report.latency!.p50).toBeGreaterThanOrEqual(20)
    expect(firstFifth(report)).toBeLessThan(medianOf(server!.lateness) + BUSY_MS)
    expect(report.messages.perSecond).toBeGreaterThan(180)
    expect(report.messages.perSecond).toBeLessThan(220)
    expect(code).toBe(0)
  })

  it('in a closed loop is the same, and sets the pace', async () => {
    const url = await start({ kind: 'late', ms: 20 })
    const args = ['--connections', 4, '--window', 2, '--duration', 2, '--warmup', 0.5]
    const { code, report } = await bench(url, args)
    expect(report.latency!.min).toBeGreaterThanOrEqual(20)
    expect(report.latency!.min).toBeLessThan(Math.min(...server!.lateness) + BUSY_MS)
    expect(firstFifth(report)).toBeLessThan(medianOf(server!.lateness) + BUSY_MS)
    // 4 connections, 2 messages under way on each, 50 round trips a second.
    expect(report.messages.perSecond).toBeGreaterThan(100)
    expect(report.messages.perSecond).toBeLessThanOrEqual(404)
    expect(code).toBe(0)
  })

  it('counts from when a message was due: a stall of 500 ms once a second is seen by half of all messages', async () => {
    const url = await start({ kind: 'stall', ms: 500 })
    const { code, report } = await bench(url, ['--rate', 400, '--duration', 4, '--warmup', 0])
    // Evenly from 0 to 500 ms for the half that is due in a stall: so of all, 10 % wait for 400 ms or more.
    expect(report.latency!.p90).toBeGreaterThan(370)
    expect(report.latency!.p90).toBeLessThan(490 + BUSY_MS)
    expect(report.latency!.max).toBeGreaterThan(480)
    expect(report.latency!.max).toBeLessThan(1000)
    expect(report.messages).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, unexpected: 0 })
    // The timeline shows them: no message arrives in a stall.
    expect(report.timeline.filter(({ perSecond }) => perSecond === 0).length).toBeGreaterThanOrEqual(8)
    expect(code).toBe(0)
  })
})

describe('messages', () => {
  const args = ['--connections', 4, '--window', 16, '--duration', 1, '--warmup', 0.2, '--timeout', 1]

  it('that get lost are counted', async () => {
    const url = await start({ kind: 'drop', every: 1000 })
    const { code, stdout, report } = await bench(url, args)
    const { dropped, received } = server!.did
    expect(dropped).toBeGreaterThan(0)
    expect(report.messages).toMatchObject({
      sent: received,
      received: received - dropped,
      lost: dropped,
      duplicated: 0,
      outOfOrder: 0,
      unexpected: 0,
    })
    expect(report).toMatchObject({
      ok: false,
      problems: [`${dropped} ${dropped === 1 ? 'message' : 'messages'} lost`],
    })
    expect(stdout).toContain(`✗ ${dropped} message`)
    expect(code).toBe(1)
  })

  it('that come twice are counted', async () => {
    const url = await start({ kind: 'duplicate', every: 100 })
    const { code, report } = await bench(url, args)
    const { duplicated, received } = server!.did
    expect(report.messages).toMatchObject({ sent: received, received, lost: 0, duplicated, outOfOrder: 0 })
    expect(duplicated).toBeGreaterThan(0)
    expect(code).toBe(1)
  })

  it('that are overtaken are counted', async () => {
    const url = await start({ kind: 'swap', every: 50 })
    const { code, report } = await bench(url, args)
    const { swapped, received } = server!.did
    expect(swapped).toBeGreaterThan(0)
    // One that was held back at the end of the run has nobody to overtake it.
    const { lost, ...messages } = report.messages
    expect(messages).toMatchObject({
      sent: received,
      received: received - lost,
      duplicated: 0,
      outOfOrder: swapped,
    })
    expect(lost).toBeLessThanOrEqual(4)
    expect(code).toBe(1)
  })

  it('of somebody else are unexpected', async () => {
    const url = await start({ kind: 'foreign' })
    const { code, report } = await bench(url, ['--duration', 0.3, '--warmup', 0, '--timeout', 0.2])
    expect(report.messages.unexpected).toBe(server!.did.received)
    expect(report.messages.lost).toBe(report.messages.sent)
    expect(code).toBe(1)
  })
})

describe('connections', () => {
  it('that the server closes are dropped, and the report says with which code', async () => {
    const url = await start({ kind: 'close', after: 10 })
    const { code, report } = await bench(url, ['--connections', 3, '--duration', 0.5, '--warmup', 0])
    expect(report.connections).toEqual({ opened: 3, refused: 0, dropped: 3 })
    expect(report.problems).toContain('3 connections: the server closed with 1001 "bye"')
    // The next message of each may have been under way already.
    const { sent, received, lost } = report.messages
    expect(received).toBe(30)
    expect(lost).toBe(sent - received)
    expect(code).toBe(1)
  })

  it('that are all refused make no report, but one line', async () => {
    const url = await start({ kind: 'refuse', status: 401 })
    const { code, stderr, stdout } = await bench(url, ['--duration', 0.3])
    expect(stderr).toBe(
      'sidewire: no connection was accepted: the server answered 401 Unauthorized (ERR_LOAD)',
    )
    expect(stdout).toBe('')
    expect(code).toBe(1)
  })

  it('refused in the scenario connect are counted', async () => {
    const url = await start({ kind: 'refuse', status: 503 })
    const { code, report } = await bench(url, ['connect', '--duration', 0.5, '--warmup', 0])
    expect(report.handshakes!.completed).toBe(0)
    expect(report.connections.refused).toBeGreaterThan(0)
    expect(report.problems[0]).toMatch(/^\d+ connections: the server answered 503 Service Unavailable$/)
    expect(code).toBe(1)
  })
})

describe('broadcasts', () => {
  it('reach everybody', async () => {
    const url = await start({ kind: 'broadcast', self: true })
    const { code, report } = await bench(url, [
      'fanout',
      '--connections',
      20,
      '--senders',
      2,
      '--duration',
      0.5,
    ])
    const { sent, received } = report.messages
    expect(report.fanout).toMatchObject({
      receivers: 20,
      senders: 2,
      expected: sent * 20,
      received: sent * 20,
      reach: 1,
    })
    expect(received).toBe(sent * 20)
    expect(sent).toBeGreaterThan(10)
    expect(report.fanout!.lastReceiver!.p50).toBeGreaterThanOrEqual(report.latency!.p50)
    expect(code).toBe(0)
  })

  it('that leave a receiver out are found', async () => {
    const url = await start({ kind: 'broadcast', self: false, leaveOutEvery: 10 })
    const args = ['fanout', '--connections', 5, '--rate', 200, '--duration', 1, '--warmup', 0, '--timeout', 1]
    const { code, report } = await bench(url, args)
    // Some may have been left out of the probes before the run, and the last ones may have none behind them.
    const { lost } = report.messages
    expect(lost).toBeGreaterThanOrEqual(18)
    expect(lost).toBeLessThanOrEqual(server!.did.dropped)
    expect(report.fanout!.received).toBe(report.fanout!.expected - lost)
    expect(report.fanout!.reach).toBeCloseTo(1 - 1 / 50, 2)
    expect(code).toBe(1)
  })

  it('to rooms need a message to join, and one who forgets it is told', async () => {
    const url = await start({ kind: 'broadcast', self: false, join: 'join me' })
    const joined = await bench(url, ['fanout', '--connections', 5, '--join', 'join me', '--duration', 0.3])
    expect(joined.report.fanout!.reach).toBe(1)
    expect(server!.joins).toHaveLength(6)
    expect(joined.code).toBe(0)
    const forgot = await bench(url, ['fanout', '--connections', 5, '--duration', 0.3])
    expect(forgot.stderr).toMatch(/5 of 5 receivers got no message in the 5 s before the load; .* --join/)
    expect(forgot.code).toBe(1)
  })
})
