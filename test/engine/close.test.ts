import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { UniversalApiWsHandler } from '../../src/engine/handler/handler.ts'
import { advance, Rig } from './rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function noting(more: Partial<UniversalApiWsHandler> = {}): {
  handler: UniversalApiWsHandler
  calls: string[]
} {
  const calls: string[] = []
  const handler: UniversalApiWsHandler = {
    pattern: '/x',
    onMessage: (_conn, data) => void calls.push(`message ${data}`),
    onError: (_conn, error) => void calls.push(`error ${error.code}`),
    onClose: (_conn, code, reason, byClient) => void calls.push(`close ${code} ${reason} ${byClient}`),
    ...more,
  }
  return { handler, calls }
}

describe('a close behind a backlog', () => {
  it('waits for it to drain', async () => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    peer.socket.reads = false
    expect(peer.conn.send('one')).toBe('queued')
    expect(peer.conn.bufferedAmount).toBe(3)
    peer.conn.close(4000, 'bye')
    expect(peer.conn.closed).toBe(true)
    expect(peer.conn.send('two')).toBe('closed')
    await advance(9999)
    expect(peer.seen).toEqual([])
    peer.socket.readOn()
    await rig.settle()
    expect(peer.seen).toEqual(['one', 'close 4000 bye'])
    expect(calls).toEqual(['close 4000 bye false'])
    expect(peer.conn.bufferedAmount).toBe(0)
    await advance(60_000)
    expect(calls.length).toBe(1)
  })

  it.each([
    [undefined, 10_000],
    [500, 500],
    [0, 0],
  ] as const)('waits closeTimeout (%j) at most', async (closeTimeout, ms) => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler, closeTimeout === undefined ? {} : { closeTimeout })
    const peer = await rig.connect('/x')
    peer.socket.reads = false
    peer.conn.send('one')
    peer.conn.close(4000)
    if (ms > 0) await advance(ms - 1)
    expect(calls).toEqual([])
    await advance(1)
    expect(calls).toEqual(['close 1006  false'])
    expect(rig.server.connections).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('takes no messages and no broadcasts meanwhile', async () => {
    const { handler, calls } = noting({ defaultRoom: 'a' })
    const rig = await Rig.start(handler)
    const [peer, other] = [await rig.connect('/x'), await rig.connect('/x')]
    peer.socket.reads = false
    peer.conn.send('one')
    peer.conn.close(4000)
    peer.socket.receive('late')
    other.conn.broadcast('all')
    other.conn.broadcast('room', { room: 'a' })
    peer.conn.joinRoom('b')
    other.conn.broadcast('room', { room: 'b' })
    peer.socket.readOn()
    await rig.settle()
    expect(peer.seen).toEqual(['one', 'close 4000 '])
    expect(calls).toEqual(['close 4000  false'])
  })

  it('counts a close frame of the client as the first', async () => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    peer.socket.reads = false
    peer.conn.send('one')
    peer.conn.close(4000)
    peer.socket.receiveClose(4001, 'mine')
    await rig.settle()
    expect(calls).toEqual(['close 4001 mine true'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends at once by forceClose', async () => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    peer.socket.reads = false
    peer.conn.send('one')
    peer.conn.close(4000)
    peer.conn.forceClose()
    await rig.settle()
    expect(calls).toEqual(['close 1006  false'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits for the drained event that leaves nothing', async () => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    peer.socket.reads = false
    peer.conn.send('one')
    peer.conn.close(4000)
    peer.socket.data.drained() // a part of it went out
    await rig.settle()
    expect(calls).toEqual([])
    peer.socket.readOn()
    await rig.settle()
    expect(calls).toEqual(['close 4000  false'])
  })
})

describe('a client that does not answer a close frame', () => {
  it('is terminated after 2 s; onClose has our code', async () => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    peer.socket.deaf = true
    peer.conn.close(4000, 'why')
    await advance(1999)
    expect(calls).toEqual([])
    peer.conn.close(4001)
    await advance(1)
    expect(calls).toEqual(['close 4000 why false'])
    expect(rig.server.stats()).toMatchObject({
      connections: 0,
      opened: 1,
      closed: 1,
      closedByCode: { 4000: 1 },
    })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('has 2 s from the hand-over of the frame, not from close()', async () => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    peer.socket.deaf = true
    peer.socket.reads = false
    peer.conn.send('one')
    peer.conn.close(4000)
    await advance(5000)
    peer.socket.readOn()
    await advance(1999)
    expect(calls).toEqual([])
    await advance(1)
    expect(calls).toEqual(['close 4000  false'])
  })
})

describe('backpressure', () => {
  it('past maxBackpressure the client is terminated: onError, then onClose 1006; nothing is skipped', async () => {
    const { handler, calls } = noting({ maxBackpressure: 10 })
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    peer.socket.reads = false
    expect(peer.conn.send('12345')).toBe('queued')
    expect(peer.conn.send('67890')).toBe('queued')
    expect(peer.conn.send('x')).toBe('dropped')
    expect(peer.conn.closed).toBe(true)
    expect(peer.conn.send('y')).toBe('closed')
    await rig.settle()
    expect(calls).toEqual(['error ERR_BACKPRESSURE', 'close 1006  false'])
    expect(rig.server.stats()).toMatchObject({ terminatedForBackpressure: 1, closedByCode: { 1006: 1 } })
  })

  it('holds for broadcasts, too, to each receiver for itself', async () => {
    const { handler, calls } = noting({ maxBackpressure: 10, defaultRoom: 'a' })
    const rig = await Rig.start(handler)
    const [slow, fast, sender] = [await rig.connect('/x'), await rig.connect('/x'), await rig.connect('/x')]
    slow.socket.reads = false
    for (const options of [{}, { room: 'a' }, { rooms: ['a', 'b'] }]) sender.conn.broadcast('12345', options)
    await rig.settle()
    expect(calls).toEqual(['error ERR_BACKPRESSURE', 'close 1006  false'])
    expect(fast.seen.length).toBe(3)
    expect(rig.server.connections.length).toBe(2)
  })

  it("the runtime's own limit ends it in the same way, once", async () => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    peer.socket.data.overflow()
    peer.socket.data.overflow()
    await rig.settle()
    expect(calls).toEqual(['error ERR_BACKPRESSURE', 'close 1006  false'])
  })
})

describe('the end of the server', () => {
  it('closes all with 1001 and resolves when they are gone', async () => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler)
    const peers = [await rig.connect('/x'), await rig.connect('/x')]
    await rig.server.close()
    for (const peer of peers) expect(peer.seen).toEqual([expect.stringMatching(/^close 1001 /)])
    expect(calls).toEqual([
      expect.stringMatching(/^close 1001 .*false$/),
      expect.stringMatching(/^close 1001 .*false$/),
    ])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits shutdownTimeout at most', async () => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler, { shutdownTimeout: 1500 })
    const peer = await rig.connect('/x')
    peer.socket.deaf = true
    let done = false
    void rig.server.close().then(() => {
      done = true
    })
    await advance(1499)
    expect([done, calls]).toEqual([false, []])
    await advance(1)
    expect(done).toBe(true)
    expect(calls).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('waits for a backlog, and for onClose to be called', async () => {
    const { handler, calls } = noting()
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    peer.socket.reads = false
    peer.conn.send('last words')
    let done = false
    void rig.server.close().then(() => {
      done = true
    })
    await advance(1000)
    expect(done).toBe(false)
    peer.socket.readOn()
    await rig.settle()
    expect(done).toBe(true)
    expect(peer.seen[0]).toBe('last words')
    expect(calls).toHaveLength(1)
  })

  it('an onClose that never settles holds nothing up and leaks nothing', async () => {
    const rig = await Rig.start({ pattern: '/x', heartbeat: 100, onClose: () => new Promise(() => {}) })
    const peer = await rig.connect('/x')
    peer.conn.joinRoom('a')
    peer.socket.receiveClose(1000, '')
    await rig.settle()
    expect(rig.server.connections).toEqual([])
    expect(rig.runtime.topics.size).toBe(0)
    expect(vi.getTimerCount()).toBe(0)
    await rig.server.close()
  })

  it('a handshake that is authenticated meanwhile gets 503', async () => {
    let settle: (result: boolean) => void = () => {}
    const rig = await Rig.start({
      pattern: '/x',
      authenticate: () =>
        new Promise<boolean>((resolve) => {
          settle = resolve
        }),
    })
    const answer = rig.handshake('/x')
    await rig.settle()
    await rig.server.close()
    settle(true)
    expect(await answer).toMatchObject({ status: 503 })
  })
})
