import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { advance, fakeBlocks, Rig } from './rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** How many messages in a row are taken, `ms` apart, until the connection is closed; `count` if it never is. */
async function taken(rate: number, count: number, ms: number): Promise<number> {
  let handled = 0
  const rig = await Rig.start({
    pattern: '/x',
    maxMessagesPerSecond: rate,
    onMessage: () => void handled++,
  })
  const peer = await rig.connect('/x')
  for (let i = 0; i < count && !peer.conn.closed; i++) {
    peer.socket.receive('x')
    if (ms > 0) await advance(ms)
  }
  expect(peer.conn.closed).toBe(handled < count)
  expect(peer.seen).toEqual(handled < count ? ['close 1008 Too many messages'] : [])
  expect(rig.server.stats().closedForMessageRate).toBe(handled < count ? 1 : 0)
  return handled
}

describe('maxMessagesPerSecond', () => {
  it.each([1, 3, 7, 50, 1000, 100_000])('%d at once, and not one more', async (rate) => {
    expect(await taken(rate, rate + 10, 0)).toBe(rate)
  })

  it('who keeps to it stays, for as long as it likes', async () => {
    expect(await taken(3, 1000, 334)).toBe(1000)
    expect(await taken(50, 5000, 20)).toBe(5000)
  })

  it('who is a little faster has used up its second after a while', async () => {
    // 10 each second come in, 8 are let through; the burst of 8 lasts for 4 seconds.
    const handled = await taken(8, 1000, 100)
    expect(handled).toBeGreaterThan(32)
    expect(handled).toBeLessThan(44)
  })

  it('a pause gives back one second, not more', async () => {
    const rig = await Rig.start({ pattern: '/x', maxMessagesPerSecond: 10 })
    const peer = await rig.connect('/x')
    for (let i = 0; i < 10; i++) peer.socket.receive('x')
    await advance(500)
    for (let i = 0; i < 5; i++) peer.socket.receive('x')
    expect(peer.conn.closed).toBe(false)
    await advance(60_000)
    for (let i = 0; i < 10; i++) peer.socket.receivePing('')
    expect(peer.conn.closed).toBe(false)
    peer.socket.receivePong('')
    expect(peer.conn.closed).toBe(false)
    peer.socket.receive('x')
    expect(peer.conn.closed).toBe(true)
  })

  it.each(['before the timer', 'behind the timer'])(
    'after the event loop was blocked, what came meanwhile counts for that time: %s',
    async (order) => {
      const rig = await Rig.start({ pattern: '/x', maxMessagesPerSecond: 10 })
      const [honest, flooder] = [await rig.connect('/x'), await rig.connect('/x')]
      for (const peer of [honest, flooder]) for (let i = 0; i < 10; i++) peer.socket.receive('x')
      await advance(1049)
      fakeBlocks()(3000)
      if (order === 'behind the timer') await advance(1)
      for (let i = 0; i < 39; i++) honest.socket.receive('x')
      expect(honest.conn.closed).toBe(false)
      for (let i = 0; i < 42; i++) flooder.socket.receive('x')
      expect(flooder.conn.closed).toBe(true)
      // It is over with the next turn of the timer.
      await advance(1050)
      for (let i = 0; i < 10; i++) honest.socket.receive('x')
      expect(honest.conn.closed).toBe(false)
      for (let i = 0; i < 2; i++) honest.socket.receive('x')
      expect(honest.conn.closed).toBe(true)
    },
  )

  it('who keeps to it stays, though what it sent is read late, and behind other delays', async () => {
    const rig = await Rig.start({ pattern: '/x', maxMessagesPerSecond: 6 })
    const peer = await rig.connect('/x')
    const block = fakeBlocks()
    // 3 seconds in eight blocks, with a turn of the timer between them in which others were read.
    for (let i = 0; i < 8; i++) {
      block(375)
      await advance(60)
    }
    for (let i = 0; i < 17; i++) peer.socket.receive('x')
    expect(peer.conn.closed).toBe(false)
    // That it had 3.5 seconds is all that it is given.
    for (let i = 0; i < 11; i++) peer.socket.receive('x')
    expect(peer.conn.closed).toBe(true)
  })

  it('a reload changes it for open connections', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const peer = await rig.connect('/x')
    for (let i = 0; i < 100; i++) peer.socket.receive('x')
    rig.server.reload(rig.options({ pattern: '/x' }, { maxMessagesPerSecond: 2 }))
    peer.socket.receive('x')
    peer.socket.receive('x')
    expect(peer.conn.closed).toBe(false)
    peer.socket.receive('x')
    expect(peer.conn.closed).toBe(true)
  })
})
