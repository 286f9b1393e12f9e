import { expect, it } from 'vitest'
import { BroadcastBoard } from '../../src/load/broadcast-board.ts'
import { now } from '../../src/load/clock.ts'
import { createFanout } from '../../src/load/fanout.ts'
import { DEFAULT_MESSAGE } from '../../src/load/message-template.ts'
import type { LoadOptions } from '../../src/load/options.ts'
import { Recorder } from '../../src/load/recorder.ts'
import { resolveTarget } from '../../src/load/target.ts'
import { server, start } from '../load/server-of-test.ts'

it('a worker that stops first still takes what the senders of a later one send', async () => {
  const url = await start({ kind: 'broadcast', self: false })
  const options: LoadOptions = {
    target: await resolveTarget(url),
    ...{ scenario: 'fanout', script: undefined, connections: 4, senders: 2, workers: 2 },
    ...{ duration: 1000, warmup: 0, timeout: 10_000, rate: 200, window: 1 },
    ...{ message: DEFAULT_MESSAGE, size: undefined, join: undefined, subprotocol: undefined, headers: [] },
    ...{ compress: false, tlsInsecure: false, pid: undefined },
    ...{ playbacks: [], speed: 1, leftOut: [], stages: [], connectRate: undefined, expect: [] },
    ...{ protocol: undefined, maxSize: undefined, seed: 1, localAddresses: [] },
  }
  const shared = new SharedArrayBuffer(BroadcastBoard.bytesFor(options.senders))
  new BroadcastBoard(shared, options.senders).reset(options.connections, options.senders)
  const recorders = [new Recorder(), new Recorder()] as const
  const [first, second] = recorders.map((recorder, index) =>
    createFanout({ options, share: { index, count: 2 }, recorder, shared }),
  ) as [ReturnType<typeof createFanout>, ReturnType<typeof createFanout>]
  await Promise.all([first.open(), second.open()])
  for (const scenario of [first, second]) scenario.start(now())

  const [early, late] = recorders
  let isOver = false
  const finished = first.finish().then(() => (isOver = true))
  const { sent } = late.counters
  await expect.poll(() => late.counters.sent).toBeGreaterThan(sent + 20)
  expect(isOver).toBe(false)
  await Promise.all([finished, second.finish()])

  expect(early.counters.received + late.counters.received).toBe(
    (early.counters.sent + late.counters.sent) * 4,
  )
  for (const { faults } of recorders) expect(faults).toMatchObject({ lost: 0, unexpected: 0 })
  for (const scenario of [first, second]) scenario.close()
  expect(server!.did.opened).toBe(6)
})
