import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { UniversalApiWsHandler } from '../../src/engine/handler/handler.ts'
import { Rig, type Peer } from './rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** mulberry32: the same numbers for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below)
  }
}

const ROOMS = ['a', 'b', 'c', 'd', 'e']

interface Member {
  readonly peer: Peer
  readonly scope: string
  readonly rooms: Set<string>
}

/** Rooms as behaviour.md section 5 has them, in the simplest way. */
function receivers(
  members: readonly Member[],
  sender: Member | undefined,
  scope: string | undefined,
  rooms: readonly string[] | undefined,
  includeSelf: boolean,
): Member[] {
  return members.filter(
    (member) =>
      (scope === undefined || member.scope === scope) &&
      (member !== sender || includeSelf) &&
      (rooms === undefined || rooms.some((room) => member.rooms.has(room))),
  )
}

async function play(seed: number, scope: 'handler' | 'path', steps: number): Promise<void> {
  const pick = random(seed)
  const rig = await Rig.start([
    { pattern: '/x/*', scope },
    { pattern: '/y', onMessage: () => {} },
  ])
  let members: Member[] = []
  const gone: Member[] = []
  const expected = new Map<Peer, string[]>()
  let sent = 0

  const join = async (): Promise<void> => {
    const path = pick(4) === 0 ? '/y' : `/x/${pick(2)}`
    const peer = await rig.connect(path)
    const own = path === '/y' ? 'y' : scope === 'path' ? path : 'x'
    members.push({ peer, scope: own, rooms: new Set() })
    expected.set(peer, [])
  }
  const someRooms = (): string[] => Array.from({ length: pick(4) }, () => [...ROOMS, 'nobody'][pick(6)] ?? '')

  for (let i = 0; i < 4; i++) await join()
  for (let step = 0; step < steps; step++) {
    const member = members[pick(members.length)]
    const action = pick(100)
    const text = `m${++sent}`
    const expectAt = (reached: Member[]): void =>
      reached.forEach(({ peer }) => expected.get(peer)?.push(text))
    if (member === undefined || action < 5) {
      if (members.length < 7) await join()
    } else if (action < 30) {
      const room = ROOMS[pick(5)] ?? ''
      member.peer.conn.joinRoom(room)
      member.rooms.add(room)
    } else if (action < 45) {
      const room = ROOMS[pick(5)] ?? ''
      member.peer.conn.leaveRoom(room)
      member.rooms.delete(room)
    } else if (action < 50) {
      if (pick(2) === 0) member.peer.socket.receiveClose(1000, '')
      else member.peer.conn.close(1000)
      members = members.filter((other) => other !== member)
      gone.push(member)
      if (pick(2) === 0) await rig.settle()
    } else if (action < 60) {
      const includeSelf = pick(2) === 0
      member.peer.conn.broadcast(text, { includeSelf })
      expectAt(receivers(members, member, member.scope, undefined, includeSelf))
    } else if (action < 85) {
      const rooms = someRooms()
      const includeSelf = pick(2) === 0
      if (rooms.length === 1) member.peer.conn.broadcast(text, { room: rooms[0] ?? '', includeSelf })
      else member.peer.conn.broadcast(text, { rooms, includeSelf })
      expectAt(receivers(members, member, member.scope, rooms, includeSelf))
    } else if (action < 92) {
      const includeSelf = pick(2) === 0
      member.peer.conn.broadcastAllRooms(text, includeSelf)
      expectAt(receivers(members, member, member.scope, [...member.rooms], includeSelf))
    } else if (action < 96) {
      const rooms = someRooms()
      rig.server.publish('/x/*', text, { rooms })
      expectAt(receivers(members, undefined, undefined, rooms, true).filter((other) => other.scope !== 'y'))
    } else {
      member.peer.conn.send(text)
      expectAt([member])
    }
    for (const { peer } of [...members, ...gone]) {
      const messages = peer.seen.filter((entry) => !String(entry).startsWith('close '))
      expect({ seed, step, messages }).toEqual({ seed, step, messages: expected.get(peer) })
    }
    for (const { peer, rooms } of members) expect(new Set(peer.conn.getRooms())).toEqual(rooms)
  }
  for (const { peer } of members) peer.socket.receiveClose(1000, '')
  await rig.settle()
  expect([...rig.runtime.topics.keys()]).toEqual([])
  expect(rig.server.connections).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
  for (const { peer } of [...members, ...gone]) expect(peer.conn.getRooms()).toEqual([])
}

describe('rooms, against a simple model', () => {
  it.each(Array.from({ length: 20 }, (_, seed) => [seed + 1] as const))('seed %i', async (seed) => {
    await play(seed, seed % 2 === 0 ? 'handler' : 'path', 400)
  })
})

describe('unions of rooms', () => {
  const handler: UniversalApiWsHandler = { pattern: '/x' }

  it('that repeat are one publish; joins and leaves in between are followed', async () => {
    const rig = await Rig.start(handler)
    const [one, two, three] = [await rig.connect('/x'), await rig.connect('/x'), await rig.connect('/x')]
    one.conn.joinRoom('a')
    two.conn.joinRoom('a')
    two.conn.joinRoom('b')
    const publishes = (): number => {
      const before = rig.runtime.publishes
      three.conn.broadcast('m', { rooms: ['a', 'b'] })
      return rig.runtime.publishes - before
    }
    publishes()
    expect(publishes()).toBe(1)
    expect(publishes()).toBe(1)
    expect([one.seen.length, two.seen.length, three.seen.length]).toEqual([3, 3, 0])
    three.conn.joinRoom('b')
    one.conn.leaveRoom('a')
    expect(publishes()).toBe(1)
    expect([one.seen.length, two.seen.length, three.seen.length]).toEqual([3, 4, 0])
    one.conn.broadcast('m', { rooms: ['b', 'a', 'b'] })
    expect([one.seen.length, two.seen.length, three.seen.length]).toEqual([3, 5, 1])
  })

  it('are limited, and the ones in use are kept', async () => {
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    const rooms = Array.from({ length: 40 }, (_, index) => `r${index}`)
    for (const room of rooms) peer.conn.joinRoom(room)
    const outsider = await rig.connect('/x')
    let sent = 0
    const publish = (...names: string[]): number => {
      const before = rig.runtime.publishes
      outsider.conn.broadcast('m', { rooms: names })
      sent++
      return rig.runtime.publishes - before
    }
    publish('r0', 'r1')
    publish('r0', 'r1')
    for (const first of rooms) {
      for (const second of rooms.slice(0, 12)) {
        if (first === second) continue
        publish(first, second)
        publish(first, second)
        expect(publish('r0', 'r1')).toBe(1)
      }
    }
    expect(peer.seen.length).toBe(sent)
    // No scope and no room was broadcast to by itself.
    expect(rig.runtime.topics.size).toBeLessThanOrEqual(64)
    expect(rig.runtime.topics.size).toBeGreaterThan(1)
    for (const room of rooms) peer.conn.leaveRoom(room)
    expect(rig.runtime.topics.size).toBe(0)
  })

  it('that do not repeat make no topics', async () => {
    const rig = await Rig.start(handler)
    const peer = await rig.connect('/x')
    for (let i = 0; i < 1000; i++) {
      peer.conn.joinRoom(`a${i}`)
      peer.conn.joinRoom(`b${i}`)
      peer.conn.broadcast('m', { rooms: [`a${i}`, `b${i}`], includeSelf: true })
      peer.conn.leaveRoom(`a${i}`)
      peer.conn.leaveRoom(`b${i}`)
    }
    expect(peer.seen.length).toBe(1000)
    expect(rig.runtime.subscribes).toBe(0)
  })

  it('of a room that is emptied and filled again', async () => {
    const rig = await Rig.start(handler)
    const [one, two] = [await rig.connect('/x'), await rig.connect('/x')]
    one.conn.joinRoom('a')
    two.conn.joinRoom('b')
    for (let i = 0; i < 3; i++) two.conn.broadcast(i, { rooms: ['a', 'b'] })
    one.conn.leaveRoom('a')
    two.conn.broadcast('nobody', { rooms: ['a', 'b'] })
    one.conn.joinRoom('a')
    for (let i = 3; i < 6; i++) two.conn.broadcast(i, { rooms: ['a', 'b'] })
    expect(one.seen).toEqual(['0', '1', '2', '3', '4', '5'])
    expect(two.seen).toEqual([])
  })
})

describe('native subscriptions', () => {
  it('are made by the first broadcast, one for each member, and followed from then on', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const peers = await Promise.all(Array.from({ length: 5 }, () => rig.connect('/x')))
    const [one, two, three] = peers as [Peer, Peer, Peer]
    for (const { conn } of [one, two]) conn.joinRoom('a')
    expect(rig.runtime.subscribes).toBe(0)
    three.conn.broadcast('m', { room: 'a' })
    expect(rig.runtime.subscribes).toBe(2)
    three.conn.joinRoom('a')
    expect(rig.runtime.subscribes).toBe(3)
    two.conn.leaveRoom('a')
    one.conn.broadcast('n', { room: 'a' })
    expect([one.seen, two.seen, three.seen]).toEqual([['m'], ['m'], ['n']])
    expect(rig.runtime.subscribes).toBe(3)
    one.conn.broadcast('all')
    expect(rig.runtime.subscribes).toBe(3 + peers.length)
    const late = await rig.connect('/x')
    one.conn.broadcast('all')
    expect(late.seen).toEqual(['all'])
    expect(rig.runtime.subscribes).toBe(3 + peers.length + 1)
  })

  it('for 10,000 rooms: none to join and leave them, one for each that is broadcast to', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const { conn, seen } = await rig.connect('/x')
    const rooms = Array.from({ length: 10_000 }, (_, index) => `room ${index}`)
    for (const room of rooms) conn.joinRoom(room)
    expect(conn.rooms.size).toBe(rooms.length)
    for (const room of rooms) conn.leaveRoom(room)
    expect(rig.runtime.subscribes).toBe(0)
    for (const room of rooms) conn.joinRoom(room)
    for (const room of rooms) conn.broadcast(room, { room, includeSelf: true })
    expect(rig.runtime.subscribes).toBe(rooms.length)
    expect(rig.runtime.topics.size).toBe(rooms.length)
    expect(seen).toEqual(rooms)
    for (const room of rooms) conn.leaveRoom(room)
    expect(rig.runtime.subscribes).toBe(rooms.length)
    expect(rig.runtime.topics.size).toBe(0)
  })
})

describe('broadcasts', () => {
  it('are serialised once, whatever the number of receivers', async () => {
    const rig = await Rig.start({ pattern: '/x', defaultRoom: 'a' })
    const peers = await Promise.all(Array.from({ length: 10 }, () => rig.connect('/x')))
    peers[0]?.conn.joinRoom('b')
    let calls = 0
    const data = { toJSON: () => ++calls }
    for (const options of [
      {},
      { room: 'a' },
      { rooms: ['a', 'b'] },
      { rooms: ['a', 'b'] },
      { rooms: ['a', 'b'] },
    ])
      peers[0]?.conn.broadcast(data, options)
    expect(calls).toBe(5)
    for (const peer of peers.slice(1)) expect(peer.seen).toEqual(['1', '2', '3', '4', '5'])
  })

  it('count each receiver, and nobody costs no publish', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const [one, two, three] = [await rig.connect('/x'), await rig.connect('/x'), await rig.connect('/x')]
    one.conn.broadcast('hello')
    expect(rig.server.stats()).toMatchObject({ messagesOut: 2, bytesOut: 10 })
    two.conn.joinRoom('a')
    three.conn.joinRoom('b')
    one.conn.broadcast('hello', { rooms: ['a', 'b'] })
    one.conn.broadcast('hello', { rooms: ['a', 'b'] })
    expect(rig.server.stats()).toMatchObject({ messagesOut: 6, bytesOut: 30 })
    const before = rig.runtime.publishes
    two.conn.broadcast('hello', { room: 'a' })
    two.conn.broadcast('hello', { rooms: [] })
    two.conn.broadcast('hello', { rooms: ['nobody', 'none'] })
    expect(rig.runtime.publishes).toBe(before)
    expect(rig.server.stats().messagesOut).toBe(6)
  })

  it('to a room are compressed by the threshold in bytes, not characters', async () => {
    const rig = await Rig.start({ pattern: '/x', compression: { threshold: 6 } })
    const [one, two] = [await rig.connect('/x'), await rig.connect('/x')]
    for (const text of ['12345', '123456', 'üüü', 'üü', '€€']) one.conn.broadcast(text)
    one.conn.broadcast(Buffer.alloc(6))
    one.conn.broadcast(Buffer.alloc(5))
    expect(two.compressed).toEqual([false, true, true, false, true, true, false])
  })

  it.each([[''], [undefined], [null], [7], [{}]])(
    'joining the room %j throws ERR_ROOM_NAME',
    async (room) => {
      const rig = await Rig.start({ pattern: '/x' })
      const { conn } = await rig.connect('/x')
      expect(() => conn.joinRoom(room as string)).toThrow(expect.objectContaining({ code: 'ERR_ROOM_NAME' }))
      expect(conn.getRooms()).toEqual([])
    },
  )

  it('any other string is a room', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const [one, two] = [await rig.connect('/x'), await rig.connect('/x')]
    for (const room of ['__proto__', 'constructor', ' ', 'a,b', '😀', 'x'.repeat(10_000), '/x', '1']) {
      one.conn.joinRoom(room)
      two.conn.broadcast(room, { room })
      expect(one.seen.at(-1)).toBe(room)
    }
  })

  it('server.publish reaches every path of a handler, by its pattern with or without a slash', async () => {
    const rig = await Rig.start([{ pattern: 'x/{id}', scope: 'path' }, { pattern: '/y' }])
    const [one, two, other] = [await rig.connect('/x/1'), await rig.connect('/x/2'), await rig.connect('/y')]
    rig.server.publish('/x/{id}', 1)
    rig.server.publish('x/{id}', 2)
    expect([one.seen, two.seen, other.seen]).toEqual([['1', '2'], ['1', '2'], []])
    expect(() => rig.server.publish('/z', 1)).toThrow(
      expect.objectContaining({
        code: 'ERR_UNKNOWN_HANDLER',
        message: expect.stringContaining('/x/{id}, /y'),
      }),
    )
    expect(() => rig.server.publish('/y', 1n)).toThrow(expect.objectContaining({ code: 'ERR_SERIALIZE' }))
  })
})
