import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { UniversalApiWsHandler } from '../../src/engine/handler/handler.ts'
import { advance, Rig, type Peer } from './rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

async function paused(more: Partial<UniversalApiWsHandler>): Promise<{ peer: Peer; calls: string[] }> {
  const calls: string[] = []
  const rig = await Rig.start({
    pattern: '/x',
    onMessage: (_conn, data) => void calls.push(String(data)),
    onError: (_conn, error) => void calls.push(`error ${error.code}`),
    onClose: (_conn, code, reason) => void calls.push(`close ${code} ${reason}`.trim()),
    ...more,
  })
  const peer = await rig.connect('/x')
  expect(peer.conn.pause()).toBe(true)
  return { peer, calls }
}

describe('a paused connection', () => {
  it('is pinged, but not given up by the heartbeat; after resume the pings count from the start', async () => {
    const { peer, calls } = await paused({ heartbeat: 100 })
    await advance(10_000)
    expect([peer.pings, calls]).toEqual([100, []])
    peer.conn.resume()
    await advance(399)
    expect(calls).toEqual([])
    await advance(1)
    expect(calls).toEqual(['error ERR_HEARTBEAT_TIMEOUT', 'close 1006'])
  })

  it('has what it missed before the pause forgotten', async () => {
    const { peer, calls } = await paused({ heartbeat: 100 })
    peer.conn.resume()
    await advance(350)
    peer.conn.pause()
    await advance(10_000)
    peer.conn.resume()
    await advance(300)
    expect(calls).toEqual([])
  })

  it('is not closed for inactivity; after resume the whole time begins', async () => {
    const { peer, calls } = await paused({ inactivityTimeout: 1000 })
    await advance(10_000)
    expect(calls).toEqual([])
    peer.conn.resume()
    await advance(999)
    expect(calls).toEqual([])
    await advance(2000)
    expect(calls).toEqual(['close 1000 Inactivity timeout'])
  })

  it('may have sent meanwhile as much as the time allows, and no more', async () => {
    for (const [count, isClosed] of [
      [110, false],
      [111, true],
    ] as const) {
      const { peer, calls } = await paused({ maxMessagesPerSecond: 10 })
      for (let i = 0; i < count; i++) peer.socket.receive('x')
      await advance(10_000)
      peer.conn.resume()
      expect([count, peer.conn.closed]).toEqual([count, isClosed])
      expect(calls.filter((call) => call === 'x')).toHaveLength(110)
    }
  })

  it('has no allowance left of the pause when what it held back has been read', async () => {
    const { peer } = await paused({ maxMessagesPerSecond: 10 })
    await advance(60_000)
    peer.conn.resume()
    await advance(2000)
    for (let i = 0; i < 10; i++) peer.socket.receive('x')
    expect(peer.conn.closed).toBe(false)
    peer.socket.receive('x')
    expect(peer.conn.closed).toBe(true)
  })

  it('keeps the allowance of pauses that follow each other', async () => {
    const { peer } = await paused({ maxMessagesPerSecond: 10 })
    for (let pause = 0; pause < 10; pause++) {
      for (let i = 0; i < 10; i++) peer.socket.receive('x')
      await advance(1000)
      peer.conn.resume()
      peer.conn.pause()
    }
    expect(peer.conn.closed).toBe(false)
  })

  it('stays paused over a reload, and is let go with its handler', async () => {
    const calls: string[] = []
    const onMessage = (_conn: unknown, data: unknown): void => void calls.push(String(data))
    const rig = await Rig.start({ pattern: '/x', onConnect: (conn) => void conn.pause(), onMessage })
    const { socket, conn, seen } = await rig.connect('/x')
    socket.receive('a')
    rig.server.reload(rig.options({ pattern: '/x', onMessage }))
    expect([conn.isPaused, calls]).toEqual([true, []])
    rig.server.reload(rig.options({ pattern: '/y' }))
    await rig.settle()
    expect([conn.isPaused, calls]).toEqual([false, []])
    expect(seen).toEqual(['close 1001 Handler removed'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that is closed behind a backlog is read on: the end of its client is seen at once', async () => {
    const { peer, calls } = await paused({})
    peer.socket.reads = false
    peer.conn.send('waits')
    peer.socket.receive('a')
    peer.socket.receiveClose(1000, '')
    peer.conn.close(4000)
    await advance(0)
    expect(calls).toEqual(['close 1000'])
    expect(vi.getTimerCount()).toBe(0)
  })
})
