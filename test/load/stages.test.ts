import { describe, expect, it } from 'vitest'
import { bench } from './bench.ts'
import { server, start } from './server-of-test.ts'

describe('--stage', () => {
  it('goes in straight lines from rate to rate, and sends what is under them', async () => {
    const url = await start()
    const { report, stdout, code } = await bench(url, ['--stage', '1s:600/s', '--stage', '1s:0/s'])
    expect(server!.did.received).toBe(600)
    expect(report.messages).toMatchObject({ sent: 600, lost: 0 })
    expect(report.seconds).toBeCloseTo(2, 1)
    expect(report.stages.map(({ text }) => text)).toEqual(['1s:600/s', '1s:0/s'])
    for (const { sent } of report.stages) expect(Math.abs(sent - 300)).toBeLessThan(30)
    expect(stdout).toMatch(/1s:600\/s +\d+ +\d+ +\d+\/s +10 /)
    expect(code).toBe(0)
  })

  it('counts latency from when a message was due: a stall is seen by all that were due in it', async () => {
    const url = await start({ kind: 'stall', ms: 500 })
    const { report } = await bench(url, ['--stage', '0s:200/s', '--stage', '1.2s:400/s'])
    expect(report.latency!.max).toBeGreaterThan(400)
    expect(report.latency!.p90).toBeGreaterThan(250)
    expect(report.messages.lost).toBe(0)
  })

  it('opens and closes connections, no more a second than --connect-rate says', async () => {
    const url = await start()
    const stages = ['--stage', '1s:60c', '--stage', '0.5s:10c']
    const { report, code } = await bench(url, ['--connect-rate', 40, '--workers', 2, ...stages])
    // One each 25 ms, and from the first second on the youngest goes each 10 ms: number 46 would have to go before it comes.
    const { opened } = server!.did
    expect(opened).toBe(46)
    expect(report.connections).toEqual({ opened, refused: 0, dropped: 0 })
    expect(report.messages).toMatchObject({ lost: 0, sent: server!.did.received })
    expect(report.stages[1]!.connections).toBeLessThan(report.stages[0]!.connections)
    expect(code).toBe(0)
  })

  it('holds idle connections that come one after another', async () => {
    const url = await start()
    const { report, code } = await bench(url, ['idle', '--stage', '0.5s:20c'])
    expect(report.connections).toEqual({ opened: 20, refused: 0, dropped: 0 })
    expect(report.connecting!.p50).toBeGreaterThan(0)
    expect(code).toBe(0)
  })

  it('says when no connection was accepted', async () => {
    const url = await start({ kind: 'refuse', status: 401 })
    const { stderr, code } = await bench(url, ['--stage', '0.2s:5c'])
    expect(stderr).toContain('no connection was accepted: the server answered 401 Unauthorized (ERR_LOAD)')
    expect(code).toBe(1)
  })
})

it('--connect-rate opens the connections of a run one after another', async () => {
  const url = await start()
  const before = performance.now()
  const { code } = await bench(url, ['--connect-rate', 20, '--duration', 0.2, '--warmup', 0])
  // The tenth is due 450 ms after the first.
  expect(performance.now() - before).toBeGreaterThan(650)
  expect(code).toBe(0)
})

describe('stages that do not fit are told so', () => {
  it.for([
    [['--stage', '30s'], 'option "--stage" is "30s»«"; write a duration and a target'],
    [['--stage', '1s:5/s', '--duration', '3'], 'option "--duration" is 3; the stages say how long it takes'],
    [['--stage', '1s:5/s', '--rate', '3'], 'option "--rate" is 3; the stages say what the rate is'],
    [['--stage', '1s:5/s', '--window', '3'], 'option "--window" is 3; stages of a rate are an open loop'],
    [['--stage', '1s:5c', '--connections', '3'], 'option "--connections" is 3; the stages say how many'],
    [['--stage', '1s:5/s', '--warmup', '1'], 'option "--warmup" is 1; it is the beginning of the stages'],
    [
      ['fanout', '--stage', '1s:5c'],
      'connections come and go in echo, script, idle only, and this is fanout',
    ],
    [['idle', '--stage', '1s:5/s'], 'the scenario idle has no rate of messages'],
    [['connect', '--connect-rate', '5'], 'the scenario connect is about handshakes: --rate says how many'],
  ] as const)('%s', async ([args, message]) => {
    const { stderr, code } = await bench('ws://127.0.0.1:1/', args)
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(2)
  })
})
