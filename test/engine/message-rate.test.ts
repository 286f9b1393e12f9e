import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { advance, Rig } from './rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

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
