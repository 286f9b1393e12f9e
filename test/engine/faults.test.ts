import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { UniversalApiWsHandler } from '../../src/engine/handler/handler.ts'
import type { Faults } from '../../src/engine/handler/faults.ts'
import { streamOf, type Origin, within } from '../../src/faults/chance.ts'
import { damaged } from '../../src/faults/damage.ts'
import * as profiles from '../../src/faults/profiles.ts'
import { choose, wholeWithin } from '../../src/faults/which.ts'
import { advance, Rig } from './rig.ts'

beforeEach(
  () =>
    void vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'],
    }),
)
afterEach(() => vi.useRealTimers())

const echo = (faults?: Faults): UniversalApiWsHandler => ({
  pattern: '/x',
  ...(faults && { faults }),
  onMessage: (conn, data) => void conn.send(data),
})

describe('chance', () => {
  const VECTOR: Origin = { seed: 42, pattern: '/ws/chat', key: 1, direction: 'out', kind: 'drop' }

  it('is the published test vector', () => {
    const draw = streamOf(VECTOR)
    expect([draw(), draw(), draw(), draw(), draw()].map((each) => Number(each.toFixed(6)))).toEqual([
      0.862676, 0.917789, 0.462649, 0.366173, 0.262434,
    ])
  })

  it('hangs on each part of its origin', () => {
    const others: Origin[] = [
      { ...VECTOR, seed: '43' },
      { ...VECTOR, pattern: '/ws/chats' },
      { ...VECTOR, key: 2 },
      { ...VECTOR, direction: 'in' },
      { ...VECTOR, kind: 'latency' },
    ]
    expect(new Set([VECTOR, ...others].map((origin) => streamOf(origin)())).size).toBe(6)
    expect(streamOf({ ...VECTOR, seed: '42', key: '1' })()).toBe(streamOf(VECTOR)())
  })

  it('is spread evenly over the first draws of 10,000 connections', () => {
    const tenths = Array.from({ length: 10 }, () => 0)
    for (let key = 1; key <= 10_000; key++) {
      const tenth = Math.floor(streamOf({ ...VECTOR, key })() * 10)
      tenths[tenth] = (tenths[tenth] ?? 0) + 1
    }
    for (const count of tenths) {
      expect(count).toBeGreaterThan(900)
      expect(count).toBeLessThan(1100)
    }
  })

  it('loses the first message of about one connection in ten', async () => {
    const rig = await Rig.start(echo({ drop: 0.1, seed: 1 }))
    for (let n = 0; n < 10_000; n++) (await rig.connect('/x')).conn.send('first')
    const { dropped } = rig.server.stats().faults
    expect(dropped).toBeGreaterThan(900)
    expect(dropped).toBeLessThan(1100)
  })
})

describe('which', () => {
  it('needs all that is given, and hands on what is left of the chance', () => {
    expect(choose({ rate: 0.5 }, 1, 0.25)).toBe(0.5)
    expect(choose({ rate: 0.5 }, 1, 0.5)).toBeUndefined()
    expect(choose({ nth: [2, 4], after: 2 }, 2, 0)).toBeUndefined()
    expect(choose({ nth: [2, 4], after: 2 }, 4, 0)).toBe(0)
    expect(choose({ rate: 0 }, 1, 0)).toBeUndefined()
  })

  it('takes spans with both ends', () => {
    expect([within([10, 20], () => 0), within([10, 20], () => 0.5), within(7, () => 0.9)]).toEqual([
      10, 15, 7,
    ])
    expect([0, 0.34, 0.99].map((draw) => wholeWithin([1, 3], () => draw))).toEqual([1, 2, 3])
  })
})

describe('damage', () => {
  it('never cuts a character in two, and leaves what is empty', () => {
    for (let where = 0; where < 1; where += 0.05)
      expect(damaged('a👍b👍c', where)).toSatisfy((text: string) => text.isWellFormed() && text.length < 7)
    expect(damaged('', 0.5)).toBe('')
    const bytes = new Uint8Array([0])
    expect(damaged(bytes, 0.99)).toEqual(Buffer.from([128]))
    expect(bytes[0]).toBe(0)
  })
})

describe('a link', () => {
  it('takes only the one with faults out of the native topic, and puts it back', async () => {
    const rig = await Rig.start({ ...echo(), defaultRoom: 'r' })
    const peers = [await rig.connect('/x'), await rig.connect('/x'), await rig.connect('/x')]
    const ask = (): unknown[] => {
      rig.server.publish('/x', 'all')
      rig.server.publish('/x', 'union', { rooms: ['r', 's'] })
      return peers.map(({ seen }) => seen.splice(0).join())
    }
    peers[1]?.conn.joinRoom('s')
    for (let n = 0; n < 3; n++) expect(ask()).toEqual(['all,union', 'all,union', 'all,union'])
    const before = rig.runtime.publishes
    peers[1]?.conn.setFaults({ drop: { nth: 1 } })
    expect(ask()).toEqual(['all,union', 'union', 'all,union'])
    expect(rig.runtime.publishes - before).toBe(2)
    peers[1]?.conn.leaveRoom('s')
    peers[1]?.conn.joinRoom('t')
    expect(ask()).toEqual(['all,union', 'all,union', 'all,union'])
    peers[1]?.conn.setFaults(undefined)
    expect(ask()).toEqual(['all,union', 'all,union', 'all,union'])
    expect(rig.server.stats().messagesOut).toBe(3 * 2 * 6)
  })

  it('delivers when a message is due, to the millisecond, whatever came before', async () => {
    const rig = await Rig.start(echo({ latency: 100, bandwidth: 1000 }))
    const { conn, seen } = await rig.connect('/x')
    conn.send('x'.repeat(50))
    conn.send('y'.repeat(50))
    await advance(149)
    expect(seen).toHaveLength(0)
    await advance(1)
    expect(seen).toHaveLength(1)
    await advance(49)
    expect(seen).toHaveLength(1)
    await advance(1)
    expect(seen).toHaveLength(2)
    expect(conn.bufferedAmount).toBe(0)
  })

  it('keeps no message that has arrived, though it is never empty', async () => {
    const rig = await Rig.start(echo({ latency: 50 }))
    const { conn, seen } = await rig.connect('/x')
    for (let n = 0; n < 1000; n++) {
      conn.send(n)
      await advance(1)
    }
    expect(seen).toHaveLength(951)
    expect(conn.bufferedAmount).toBe(49 * 3)
  })

  it('a heartbeat in a stall counts each ping that is not sent', async () => {
    const rig = await Rig.start({ ...echo({ stall: true }), heartbeat: 100, onError: () => {} })
    const peer = await rig.connect('/x')
    await advance(399)
    expect([peer.pings, rig.server.stats().connections]).toEqual([0, 1])
    await advance(2)
    expect(rig.server.stats().connections).toBe(0)
    // The end of the TCP connection, and no close frame in front of it.
    expect(peer.seen).toEqual(['close 1006 '])
  })

  it('lifts everything when the server closes: what waits arrives, and then 1001', async () => {
    const rig = await Rig.start(echo({ stall: true }))
    const { conn, seen } = await rig.connect('/x')
    conn.send('held')
    await rig.server.close()
    expect(seen).toEqual(['held', 'close 1001 Server is going away'])
  })

  it('a reload with the same faults leaves what waits alone, and with others hands it over', async () => {
    const handler = echo({ stall: true })
    const rig = await Rig.start(handler)
    const { conn, seen } = await rig.connect('/x')
    conn.send('held')
    rig.server.reload(rig.options({ ...handler }))
    expect(seen).toEqual([])
    rig.server.reload(rig.options(echo()))
    expect(seen).toEqual(['held'])
  })

  it('a drawn seed is told with the first fault that hangs on it, and once', async () => {
    const rig = await Rig.start(echo(), { logLevel: 'info' })
    const handle = rig.server.setFaults('/x', { drop: 0.5 })
    const { conn } = await rig.connect('/x')
    for (let n = 0; n < 50; n++) conn.send(n)
    const told = rig.log.filter((line) => line.includes('seed'))
    expect(told).toEqual([
      `info [sidewire] /x: faults by chance, with the seed ${handle.seed}; faults: { seed: ${handle.seed} } repeats them`,
    ])
  })
})

describe('profiles', () => {
  it.each(Object.entries(profiles))('%s can be switched on', async (_name, faults) => {
    const rig = await Rig.start(echo())
    const handle = rig.server.setFaults('/x', faults)
    expect(handle.counts.dropped).toBe(0)
  })
})

describe('a connection that is being closed', () => {
  it('in a stall gets what waits, and its close frame, when the stall is lifted, also if a reload has removed its handler', async () => {
    const rig = await Rig.start(echo())
    const { conn, seen } = await rig.connect('/x')
    const handle = rig.server.setFaults('/x', { stall: true })
    conn.send('held')
    rig.server.reload(rig.options([]))
    expect(seen).toEqual([])
    handle.stop()
    expect(seen).toEqual(['held', 'close 1001 Handler removed'])
  })

  it('is told so by setFaults(undefined), too', async () => {
    const rig = await Rig.start(echo())
    const { conn, seen } = await rig.connect('/x')
    conn.setFaults({ stall: true })
    conn.close(4000, 'x')
    expect(seen).toEqual([])
    conn.setFaults(undefined)
    expect(seen).toEqual(['close 4000 x'])
  })

  it('answers to what was on its way in are the business of the faults that come next', async () => {
    const rig = await Rig.start(echo({ incoming: { stall: true }, latency: 1000 }))
    const { conn, seen, socket } = await rig.connect('/x')
    socket.receive('question')
    conn.setFaults({})
    conn.close(4000, 'x')
    expect(seen).toEqual(['question', 'close 4000 x'])
  })
})

describe('a handshake that waits', () => {
  it('goes on at once when its faults are lifted: by stop(), or by a reload', async () => {
    const rig = await Rig.start(echo({ handshake: { delay: 60_000 } }))
    const handle = rig.server.setFaults('/x', { handshake: { delay: 60_000 } })
    const first = rig.connect('/x')
    await rig.settle()
    handle.stop()
    expect((await first).conn.closed).toBe(false)
    const second = rig.connect('/x')
    await rig.settle()
    rig.server.reload(rig.options(echo()))
    expect((await second).conn.closed).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('leaves no timer behind when the server closes, nor does a pattern that there is not', async () => {
    const rig = await Rig.start(echo({ handshake: { delay: 60_000 } }))
    const answer = rig.handshake('/x')
    await rig.settle()
    expect(() => rig.server.setFaults('/nope', {}, { for: 60_000 })).toThrow('no enabled handler')
    await rig.server.close()
    expect(await answer).toMatchObject({ status: 503 })
    expect(vi.getTimerCount()).toBe(0)
  })
})
