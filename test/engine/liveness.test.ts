import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { UniversalApiWsHandler } from '../../src/engine/handler/handler.ts'
import { advance, fakeBlocks, Rig, type Peer } from './rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** A handler that notes what its hooks were told. */
function noting(more: Partial<UniversalApiWsHandler> = {}): {
  handler: UniversalApiWsHandler
  calls: string[]
} {
  const calls: string[] = []
  const handler: UniversalApiWsHandler = {
    pattern: '/x',
    onError: (_conn, error) => void calls.push(`error ${error.code}`),
    onClose: (_conn, code, reason, byClient) => void calls.push(`close ${code} ${reason} ${byClient}`),
    ...more,
  }
  return { handler, calls }
}

describe('heartbeat', () => {
  it('pings every connection every n ms, on one timer', async () => {
    const rig = await Rig.start({ pattern: '/x', heartbeat: 100 })
    const peers: Peer[] = []
    for (let i = 0; i < 50; i++)
      peers.push(await rig.connect('/x', { onPing: (peer) => peer.socket.receivePong('') }))
    expect(vi.getTimerCount()).toBe(1)
    await advance(1000)
    for (const peer of peers) expect(peer.pings).toBe(10)
    for (const peer of peers) peer.socket.receiveClose(1000, '')
    await rig.settle()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('gives a client up at the tick after the third unanswered ping, 3n to 4n after its last sign', async () => {
    for (const offset of [0, 1, 50, 99]) {
      const { handler, calls } = noting({ heartbeat: 100 })
      const rig = await Rig.start(handler)
      const alive = await rig.connect('/x', { onPing: (peer) => peer.socket.receivePong('') })
      await advance(offset)
      const silent = await rig.connect('/x')
      await advance(300 - 1)
      expect(calls).toEqual([])
      await advance(100 - offset)
      expect(calls).toEqual([])
      await advance(1)
      expect(calls).toEqual(['error ERR_HEARTBEAT_TIMEOUT', 'close 1006  false'])
      expect(silent.pings).toBe(3)
      expect(silent.seen).toEqual(['close 1001 '])
      expect(alive.seen).toEqual([])
      expect(rig.server.connections.length).toBe(1)
      expect(rig.server.stats().closedByCode).toEqual({ 1006: 1 })
      alive.socket.vanish()
      await rig.settle()
    }
  })

  it('a tick that is late pings, and does not count', async () => {
    const { handler, calls } = noting({ heartbeat: 100 })
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    const block = fakeBlocks()
    for (let i = 0; i < 10; i++) {
      await advance(99)
      block(3000)
      await advance(1)
    }
    expect(peer.pings).toBe(10)
    expect(calls).toEqual([])
    await advance(300)
    expect(calls).toEqual([])
    await advance(100)
    expect(calls).toEqual(['error ERR_HEARTBEAT_TIMEOUT', 'close 1006  false'])
  })

  it('the error says timeout', async () => {
    const seen: Error[] = []
    const rig = await Rig.start({
      pattern: '/x',
      heartbeat: 100,
      onError: (_conn, error) => void seen.push(error),
    })
    await rig.connect('/x')
    await advance(400)
    expect(seen[0]?.message).toContain('timeout')
  })

  it.each([
    ['a pong', (peer: Peer) => peer.socket.receivePong('')],
    ['a ping', (peer: Peer) => peer.socket.receivePing('')],
    ['a text message', (peer: Peer) => peer.socket.receive('x')],
    ['a binary message', (peer: Peer) => peer.socket.receive(new Uint8Array(1))],
  ])('%s counts as life', async (_name, sign) => {
    const { handler, calls } = noting({ heartbeat: 100 })
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    for (let i = 0; i < 10; i++) {
      await advance(299)
      sign(peer)
    }
    expect(calls).toEqual([])
    await advance(400)
    expect(calls).toEqual(['error ERR_HEARTBEAT_TIMEOUT', 'close 1006  false'])
  })

  it('what the server sends is no sign of life', async () => {
    const { handler, calls } = noting({ heartbeat: 100 })
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    for (let i = 0; i < 8; i++) {
      await advance(50)
      peer.conn.send('still there?')
    }
    expect(calls.length).toBe(2)
  })

  it('a handler that closes in onError decides the code', async () => {
    const { handler, calls } = noting({
      heartbeat: 100,
      onError: (conn, error) => {
        calls.push(`error ${error.code}`)
        conn.close(1000, 'gave up')
      },
    })
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    await advance(400)
    expect(peer.seen).toEqual(['close 1000 gave up'])
    expect(calls).toEqual(['error ERR_HEARTBEAT_TIMEOUT', 'close 1000 gave up false'])
  })

  it('a handler that closes in onError, and a client that does not answer: terminated after 2 s', async () => {
    const { handler, calls } = noting({ heartbeat: 100, onError: (conn) => conn.close(1000) })
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    peer.socket.deaf = true
    await advance(400 + 1999)
    expect(calls).toEqual([])
    await advance(1)
    expect(calls).toEqual(['close 1000  false'])
  })

  it('an onError that throws changes nothing but the log', async () => {
    const { handler, calls } = noting({
      heartbeat: 100,
      onError: () => {
        throw new Error('on purpose')
      },
    })
    const rig = await Rig.start(handler)
    await rig.connect('/x')
    await advance(400)
    expect(calls).toEqual(['close 1006  false'])
    expect(rig.log.filter((line) => line.includes('on purpose'))).toHaveLength(1)
  })

  it('without onError it is logged', async () => {
    const rig = await Rig.start({ pattern: '/x', heartbeat: 100 })
    await rig.connect('/x')
    await advance(400)
    expect(rig.log.filter((line) => line.includes('/x') && line.includes('heartbeat timeout'))).toHaveLength(
      1,
    )
  })

  it.each([[false], [0], [undefined]] as const)('%j is off', async (heartbeat) => {
    const rig = await Rig.start({ pattern: '/x', ...(heartbeat !== undefined && { heartbeat }) })
    const peer = await rig.connect('/x')
    expect(vi.getTimerCount()).toBe(0)
    await advance(600_000)
    expect(peer.pings).toBe(0)
  })

  it('starts again with the next connection after the last one left', async () => {
    const rig = await Rig.start({ pattern: '/x', heartbeat: 100 })
    const first = await rig.connect('/x')
    first.socket.receiveClose(1000, '')
    await advance(1000)
    const second = await rig.connect('/x', { onPing: (peer) => peer.socket.receivePong('') })
    await advance(200)
    expect(second.pings).toBe(2)
  })
})

describe('conn.ping and conn.pong', () => {
  it('take up to 125 bytes', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const { conn } = await rig.connect('/x')
    for (const call of [
      (payload: string | Uint8Array) => conn.ping(payload),
      (payload: string | Uint8Array) => conn.pong(payload),
    ]) {
      call('x'.repeat(125))
      call(new Uint8Array(125))
      for (const payload of ['x'.repeat(126), 'é'.repeat(63), new Uint8Array(126)])
        expect(() => call(payload)).toThrow(expect.objectContaining({ code: 'ERR_CONTROL_PAYLOAD' }))
    }
    expect(conn.closed).toBe(false)
  })

  it('do nothing on a closed connection', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const peer = await rig.connect('/x')
    peer.conn.close()
    peer.conn.ping()
    peer.conn.pong()
    expect(peer.pings).toBe(0)
  })
})

describe('inactivity', () => {
  it('closes 1000 "Inactivity timeout"', async () => {
    const { handler, calls } = noting({ inactivityTimeout: 1000 })
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    await advance(999)
    expect(peer.seen).toEqual([])
    await advance(21)
    expect(peer.seen).toEqual(['close 1000 Inactivity timeout'])
    expect(calls).toEqual(['close 1000 Inactivity timeout false'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each([
    ['a message', (peer: Peer) => peer.socket.receive('x')],
    ['a ping', (peer: Peer) => peer.socket.receivePing('')],
  ])('%s resets it', async (_name, sign) => {
    const rig = await Rig.start({ pattern: '/x', inactivityTimeout: 1000 })
    const peer = await rig.connect('/x')
    for (let i = 0; i < 5; i++) {
      await advance(900)
      sign(peer)
    }
    expect(peer.seen).toEqual([])
    await advance(999)
    expect(peer.seen).toEqual([])
    await advance(30)
    expect(peer.seen).toEqual(['close 1000 Inactivity timeout'])
  })

  it.each([
    ['a pong', (peer: Peer) => peer.socket.receivePong('')],
    ['what is sent', (peer: Peer) => void peer.conn.send('x')],
    ['a broadcast', (peer: Peer) => peer.conn.broadcast('x', { includeSelf: true })],
    ['a ping of ours', (peer: Peer) => peer.conn.ping()],
  ])('%s does not', async (_name, act) => {
    const rig = await Rig.start({ pattern: '/x', inactivityTimeout: 1000 })
    const peer = await rig.connect('/x')
    for (let i = 0; i < 11; i++) {
      await advance(93)
      act(peer)
    }
    expect(peer.seen.at(-1)).toBe('close 1000 Inactivity timeout')
  })

  it('is each connection for itself, on one timer, whenever it came', async () => {
    const rig = await Rig.start({ pattern: '/x', inactivityTimeout: 1000 })
    const closedAt: number[] = []
    const peers: Peer[] = []
    const start = performance.now()
    for (let i = 0; i < 20; i++) {
      peers.push(await rig.connect('/x'))
      await advance(37)
    }
    expect(vi.getTimerCount()).toBe(1)
    for (let t = performance.now() - start; t < 2000; t++) {
      await advance(1)
      peers.forEach((peer, index) => {
        if (peer.seen.length > 0) closedAt[index] ??= performance.now() - start
      })
    }
    peers.forEach((_, index) => {
      const due = index * 37 + 1000
      expect(closedAt[index]).toBeGreaterThanOrEqual(due)
      expect(closedAt[index]).toBeLessThanOrEqual(due + 25)
    })
  })

  it('messages behind close() do not arm it again', async () => {
    const rig = await Rig.start({ pattern: '/x', inactivityTimeout: 1000 })
    const peer = await rig.connect('/x')
    peer.socket.deaf = true
    peer.conn.close(4000)
    peer.socket.receive('x')
    await advance(10_000)
    expect(vi.getTimerCount()).toBe(0)
    expect(rig.server.connections).toEqual([])
  })

  it('waits for no onConnect: a client that sends nothing meanwhile is closed', async () => {
    const { handler, calls } = noting({ inactivityTimeout: 1000, onConnect: () => new Promise(() => {}) })
    const rig = await Rig.start(handler)
    await rig.connect('/x')
    await advance(1020)
    expect(calls).toEqual(['close 1000 Inactivity timeout false'])
  })
})
