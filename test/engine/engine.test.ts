import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Codec, WebSocketConnection } from '../../src/index.ts'
import type { Clock, Timer } from '../../src/engine/clock.ts'
import { Engine } from '../../src/engine/engine.ts'
import { createLogger } from '../../src/engine/logger.ts'
import { resolveServerOptions } from '../../src/engine/handler/options.ts'
import type { RawRequest } from '../../src/engine/runtime.ts'
import { HANDSHAKE } from '../support/raw-client.ts'
import { advance, fakeClock, Rig } from './rig.ts'

const REQUEST: RawRequest = {
  method: 'GET',
  url: '/x',
  httpVersion: '1.1',
  rawHeaders: ['Host', 'x', ...Object.entries(HANDSHAKE).flat()],
  remoteAddress: '127.0.0.1',
  remotePort: 1,
  encrypted: false,
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('authenticate', () => {
  it('has authenticateTimeout, then 503; its timer goes with its answer', async () => {
    const rig = await Rig.start({ pattern: '/x', authenticate: () => new Promise<boolean>(() => {}) })
    let answer: unknown
    void rig.handshake('/x').then((result) => {
      answer = result
    })
    await advance(9999)
    expect(answer).toBeUndefined()
    await advance(1)
    expect(answer).toMatchObject({ status: 503 })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('takes its own time below that', async () => {
    const rig = await Rig.start(
      {
        pattern: '/x',
        authenticate: () => new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 49)),
      },
      { authenticateTimeout: 50 },
    )
    const connecting = rig.connect('/x')
    await advance(49)
    expect((await connecting).conn.closed).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('takes thenables that are no promises', async () => {
    const thenable = (result: unknown): never =>
      // oxlint-disable-next-line unicorn/no-thenable -- users may have them from other libraries
      ({ then: (resolve: (value: unknown) => void) => resolve(result) }) as never
    const rig = await Rig.start([
      { pattern: '/yes', authenticate: () => thenable({ success: true, data: 7 }) },
      { pattern: '/no', authenticate: () => thenable('yes') },
    ])
    expect((await rig.connect('/yes')).conn.authData).toBe(7)
    expect(await rig.handshake('/no')).toMatchObject({ status: 401 })
  })

  it('who is closed by a code is not there: no rooms, no counters, no timers of the handler', async () => {
    const rig = await Rig.start({
      pattern: '/x',
      defaultRoom: 'a',
      heartbeat: 100,
      inactivityTimeout: 1000,
      authenticate: () => ({ success: false, code: 4401, reason: 'no' }),
    })
    const peer = await rig.connect('/x')
    expect(peer.seen).toEqual(['close 4401 no'])
    expect(rig.runtime.topics.size).toBe(0)
    expect(peer.pings).toBe(0)
    expect(rig.server.stats()).toMatchObject({
      connections: 0,
      opened: 0,
      closed: 0,
      refused: 1,
      closedByCode: {},
    })
    await advance(5000)
    expect(vi.getTimerCount()).toBe(0)
    expect(rig.runtime.sockets.size).toBe(0)
  })
})

describe.each(['maxConnections', 'maxConnectionsPerAddress'] as const)('%s', (option) => {
  it('an accepted handshake counts at once, and for a moment only if its client went away before it opened', async () => {
    const options = resolveServerOptions({
      wsHandlers: [{ pattern: '/x' }],
      endpointPrefix: '',
      [option]: 1,
    })
    const engine = new Engine(options, createLogger('silent'), fakeClock)
    const upgrade = async (): Promise<boolean> => (await engine.upgrade(REQUEST)).accept
    expect([await upgrade(), await upgrade()]).toEqual([true, false])
    await advance(1000)
    expect([await upgrade(), await upgrade()]).toEqual([true, false])
    await engine.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a connection that ends makes room', async () => {
    const rig = await Rig.start({ pattern: '/x' }, { [option]: 1 })
    const { conn } = await rig.connect('/x')
    expect(await rig.handshake('/x')).toMatchObject({ status: option === 'maxConnections' ? 503 : 429 })
    conn.close()
    await rig.settle()
    expect((await rig.connect('/x')).conn.closed).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a reload changes it, and it counts who was there before', async () => {
    const handler = { pattern: '/x' }
    const rig = await Rig.start(handler)
    const [first] = [await rig.connect('/x'), await rig.connect('/x')]
    rig.server.reload(rig.options(handler, { [option]: 2 }))
    expect(await rig.handshake('/x')).toHaveProperty('status')
    first.conn.close()
    await rig.settle()
    await rig.connect('/x')
    expect(await rig.handshake('/x')).toHaveProperty('status')
    rig.server.reload(rig.options(handler, { [option]: 0 }))
    await rig.connect('/x')
  })
})

describe('maxEventLoopLag', () => {
  it('has one timer, from the start to the end, and none if it is off', async () => {
    const rig = await Rig.start({ pattern: '/x' }, { maxEventLoopLag: 100 })
    expect(vi.getTimerCount()).toBe(1)
    await advance(10_000)
    await rig.connect('/x')
    expect(vi.getTimerCount()).toBe(1)
    rig.server.reload(rig.options({ pattern: '/x' }, { maxEventLoopLag: 200 }))
    expect(vi.getTimerCount()).toBe(1)
    rig.server.reload(rig.options({ pattern: '/x' }))
    expect(vi.getTimerCount()).toBe(0)
    rig.server.reload(rig.options({ pattern: '/x' }, { maxEventLoopLag: 100 }))
    expect(vi.getTimerCount()).toBe(1)
    await rig.server.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it('looks at the time at a handshake, too: a handler may have blocked since the timer came', async () => {
    const clock = new ManualClock()
    const engine = new Engine(
      resolveServerOptions({ wsHandlers: [{ pattern: '/x' }], endpointPrefix: '', maxEventLoopLag: 100 }),
      createLogger('silent'),
      clock,
    )
    engine.attach(
      {
        port: 1,
        publish() {},
        subscribers: () => 0,
        isShortOfFiles: () => false,
        stopListening() {},
        close: async () => {},
      },
      {} as never,
    )
    const isLetIn = async (): Promise<boolean> => (await engine.upgrade(REQUEST)).accept
    const seen: [number, boolean][] = []
    // The timer comes every 25 ms; at 175 it is more than 100 ms late and has not come yet, at 300 it has come late.
    for (const [time, comes] of [
      [25, true],
      [50, true],
      [150, false],
      [176, false],
      [300, true],
      [325, true],
      [350, true],
    ] as const) {
      clock.time = time
      if (comes) clock.tick(false)
      seen.push([time, await isLetIn()])
    }
    expect(seen).toEqual([
      [25, true],
      [50, true],
      [150, true],
      [176, false],
      [300, false],
      [325, true],
      [350, true],
    ])
  })
})

/** Time goes as the test says, and the timer comes when it says. */
class ManualClock implements Clock {
  time = 0
  tick: (isLate: boolean) => void = () => {}
  now(): number {
    return this.time
  }
  date(): number {
    return this.time
  }
  after(): Timer {
    return { cancel: () => {} }
  }
  every(_ms: number, run: (isLate: boolean) => void): Timer {
    this.tick = run
    return { cancel: () => {} }
  }
}

describe('reload', () => {
  it('keeps connections, rooms and metadata, and calls the new hooks', async () => {
    const rig = await Rig.start({ pattern: '/x', onMessage: (conn) => void conn.send('old') })
    const [one, two] = [await rig.connect('/x'), await rig.connect('/x')]
    one.conn.joinRoom('a')
    one.conn.metadata['user'] = 'Alice'
    rig.server.reload(
      rig.options({
        pattern: '/x',
        onMessage: (conn, data) => conn.broadcast(data, { room: 'a', includeSelf: true }),
      }),
    )
    two.socket.receive('new')
    expect(one.seen).toEqual(['new'])
    expect(one.conn.metadata).toEqual({ user: 'Alice' })
    expect(rig.server.connections.length).toBe(2)
  })

  it('closes the connections of handlers that are gone with 1001', async () => {
    const rig = await Rig.start([{ pattern: '/x', heartbeat: 100 }, { pattern: '/y' }])
    const [x, y] = [await rig.connect('/x'), await rig.connect('/y')]
    rig.server.reload(rig.options([{ pattern: '/y' }, { pattern: '/z' }]))
    await rig.settle()
    expect(x.seen).toEqual([expect.stringMatching(/^close 1001 /)])
    expect(y.seen).toEqual([])
    expect(await rig.handshake('/x')).toMatchObject({ status: 404 })
    await rig.connect('/z')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('refuses who is authenticated for a handler that is gone meanwhile', async () => {
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
    rig.server.reload(rig.options({ pattern: '/y' }))
    settle(true)
    expect(await answer).toMatchObject({ status: 404 })
    expect(rig.server.stats().opened).toBe(0)
  })

  it('closes with 1001 whose handler goes between the answer to the handshake and the open socket', async () => {
    for (let turns = 1; turns < 10; turns++) {
      const rig = await Rig.start({ pattern: '/x', authenticate: async () => true })
      const opening = rig.handshake('/x')
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      rig.server.reload(rig.options({ pattern: '/y' }))
      const answer = await opening
      await rig.settle()
      if ('status' in answer) expect(answer.status).toBe(404)
      else expect(answer.seen).toEqual(['close 1001 Handler removed'])
      expect(rig.server.stats().connections).toBe(0)
    }
  })

  it('reads what waits as the new handler wants it', async () => {
    const seen: unknown[] = []
    const onMessage = (_conn: unknown, data: unknown): void => void seen.push(data)
    const rig = await Rig.start({ pattern: '/x', delay: 100, onMessage })
    const { socket } = await rig.connect('/x')
    socket.receive('"parsed, then transformed"')
    rig.server.reload(
      rig.options({
        pattern: '/x',
        onMessage,
        transformRawData: async (data) => `transformed ${data.toString()}`,
      }),
    )
    await advance(100)
    socket.receive('"transformed, then parsed"')
    rig.server.reload(rig.options({ pattern: '/x', onMessage }))
    await advance(100)
    expect(seen).toEqual(['transformed "parsed, then transformed"', 'transformed, then parsed'])
  })

  it('reads what waits raw, or parsed, as the new handler wants it', async () => {
    const seen: unknown[] = []
    const onMessage = (_conn: unknown, data: unknown): void => void seen.push(data)
    const rig = await Rig.start({ pattern: '/x', raw: true, delay: 100, onMessage })
    const { socket } = await rig.connect('/x')
    socket.receive('{"was":"raw"}')
    rig.server.reload(rig.options({ pattern: '/x', delay: 100, onMessage }))
    await advance(100)
    socket.receive('{"was":"parsed"}')
    rig.server.reload(rig.options({ pattern: '/x', raw: true, onMessage }))
    await advance(100)
    socket.receive('{"now":1}')
    expect(seen).toEqual([{ was: 'raw' }, '{"was":"parsed"}', '{"now":1}'])
  })

  it('reads what waits, and sends, by the codec of the new handler', async () => {
    const named = (name: string): Codec => ({
      name,
      encode: (data) => `${name}<${String(data)}`,
      decode: (payload) => `${name}>${String(payload)}`,
    })
    const fields = {
      pattern: '/x',
      responses: [
        { match: (_conn: unknown, data: unknown) => String(data).endsWith('static'), response: 's' },
      ],
      onMessage: (conn: WebSocketConnection, data: unknown) => void conn.send(data),
    }
    const rig = await Rig.start({ ...fields, codec: named('old'), delay: 100 })
    const { socket, seen, conn } = await rig.connect('/x')
    for (const text of ['static', 'a']) socket.receive(text)
    conn.send('before')
    rig.server.reload(rig.options({ ...fields, codec: named('new') }))
    await advance(100)
    socket.receive('b')
    await rig.settle()
    rig.server.publish('/x', 'p')
    expect(seen).toEqual(['old<before', 'new<s', 'new<new>a', 'new<new>b', 'new<p'])
  })

  it('does not report a transform that nobody waits for any more', async () => {
    const errors: unknown[] = []
    const onError = (_conn: unknown, error: Error): void => void errors.push(error)
    const seen: unknown[] = []
    const onMessage = (_conn: unknown, data: unknown): void => void seen.push(data)
    const fail = async (): Promise<never> => {
      throw new Error('on purpose')
    }
    const rig = await Rig.start({ pattern: '/x', delay: 100, onMessage, onError, transformRawData: fail })
    const { socket } = await rig.connect('/x')
    socket.receive('1')
    rig.server.reload(rig.options({ pattern: '/x', delay: 100, onMessage, onError }))
    await advance(100)
    expect([seen, errors]).toEqual([[1], []])
  })

  it('with an error keeps the old handlers', async () => {
    const rig = await Rig.start({ pattern: '/x', onMessage: (conn) => void conn.send('old') })
    const peer = await rig.connect('/x')
    expect(() => rig.server.reload(rig.options({ pattern: '/{' }))).toThrow(
      expect.objectContaining({ code: 'ERR_PATTERN' }),
    )
    peer.socket.receive('?')
    expect(peer.seen).toEqual(['old'])
    expect((await rig.connect('/x')).conn.closed).toBe(false)
  })

  it('changes the scope of open connections', async () => {
    const rig = await Rig.start({ pattern: '/x/*', defaultRoom: 'a' })
    const [one, two] = [await rig.connect('/x/1'), await rig.connect('/x/2')]
    rig.server.reload(rig.options({ pattern: '/x/*', scope: 'path' }))
    one.conn.broadcast('apart')
    one.conn.broadcast('apart', { room: 'a' })
    expect(two.seen).toEqual([])
    rig.server.reload(rig.options({ pattern: '/x/*', scope: 'handler' }))
    one.conn.broadcast('together', { room: 'a' })
    expect(two.seen).toEqual(['together'])
    for (const { socket } of [one, two]) socket.receiveClose(1000, '')
    await rig.settle()
    expect(rig.runtime.topics.size).toBe(0)
  })

  it('starts, changes and ends the heartbeat', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const peer = await rig.connect('/x', { onPing: ({ socket }) => socket.receivePong('') })
    rig.server.reload(rig.options({ pattern: '/x', heartbeat: 100 }))
    await advance(1000)
    expect(peer.pings).toBe(10)
    rig.server.reload(rig.options({ pattern: '/x', heartbeat: 500 }))
    await advance(1000)
    expect(peer.pings).toBe(12)
    rig.server.reload(rig.options({ pattern: '/x' }))
    await advance(1000)
    expect(peer.pings).toBe(12)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('while the only connection waits for its backlog: the next one has a heartbeat, and nothing stays behind', async () => {
    for (const scope of ['handler', 'path'] as const) {
      const rig = await Rig.start({ pattern: '/x', heartbeat: 100 })
      const leaving = await rig.connect('/x')
      leaving.socket.reads = false
      leaving.conn.send('x')
      leaving.conn.close()
      rig.server.reload(rig.options({ pattern: '/x', heartbeat: 200, scope }))
      const next = await rig.connect('/x', { onPing: ({ socket }) => socket.receivePong('') })
      await advance(1000)
      expect(next.pings).toBe(5)
      leaving.socket.readOn()
      next.socket.receiveClose(1000, '')
      await rig.settle()
      expect(rig.server.connections).toEqual([])
      expect(rig.runtime.topics.size).toBe(0)
      expect(vi.getTimerCount()).toBe(0)
    }
  })
})

describe('stats', () => {
  it('counts messages and bytes both ways, connections and how they ended', async () => {
    const rig = await Rig.start({ pattern: '/x', onMessage: (conn, data) => void conn.send(data) })
    const peer = await rig.connect('/x')
    peer.socket.receive('aü')
    peer.socket.receive(new Uint8Array(10))
    await rig.handshake('/nothing')
    expect(rig.server.stats()).toEqual({
      connections: 1,
      opened: 1,
      closed: 0,
      refused: 1,
      refusedBy: { path: 1 },
      closedByCode: {},
      messagesIn: 2,
      messagesOut: 2,
      bytesIn: 13,
      bytesOut: 13,
      terminatedForBackpressure: 0,
      closedForMessageRate: 0,
      closedForQueue: 0,
      handlerErrors: 0,
      invalid: { incoming: 0, outgoing: 0 },
      faults: expect.objectContaining({ dropped: 0, refused: 0 }),
      broker: expect.objectContaining({ state: 'off', nodes: 0, sent: 0, received: 0, lost: 0 }),
    })
    peer.socket.receiveClose(4001, '')
    await rig.settle()
    expect(rig.server.stats()).toMatchObject({ connections: 0, closed: 1, closedByCode: { 4001: 1 } })
  })

  it('is a copy', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const before = rig.server.stats()
    before.closedByCode[1000] = 7
    expect(rig.server.stats().closedByCode).toEqual({})
  })
})

describe('server.connections', () => {
  it('lists id, path, rooms, address and since when', async () => {
    vi.setSystemTime(1_700_000_000_000)
    const rig = await Rig.start({ pattern: '/x/{id}', defaultRoom: 'a' })
    const { conn } = await rig.connect('/x/1?y=2')
    expect(rig.server.connections).toEqual([
      { id: conn.id, path: '/x/1', rooms: ['a'], remoteAddress: '127.0.0.1', since: 1_700_000_000_000 },
    ])
  })

  it('ids are UUIDs of version 4, all different', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const ids = new Set<string>()
    for (let i = 0; i < 50; i++) ids.add((await rig.connect('/x')).conn.id)
    expect(ids.size).toBe(50)
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})

describe('limits', () => {
  it('a message over maxPayload is 1009 and reaches no hook; one of just that size does', async () => {
    const calls: string[] = []
    const rig = await Rig.start({
      pattern: '/x',
      maxPayload: 4,
      onMessage: (_conn, data) => void calls.push(data),
      onClose: (_conn, code) => void calls.push(`close ${code}`),
    })
    const peer = await rig.connect('/x')
    peer.socket.receive('abcd')
    peer.socket.receive('üüü')
    await rig.settle()
    expect(calls).toEqual(['abcd', 'close 1009'])
    expect(peer.seen).toEqual([expect.stringMatching(/^close 1009 /)])
  })
})

describe('file descriptors that run out', () => {
  const log = [expect.stringMatching(/^warn .*file descriptors .* run out/)]

  it('are 503 with Retry-After, counted, and one warning', async () => {
    const rig = await Rig.start({ pattern: '/x' })
    const { conn } = await rig.connect('/x')
    rig.runtime.isShortOfFiles = true
    for (let i = 0; i < 2; i++)
      expect(await rig.handshake('/x')).toMatchObject({ status: 503, headers: { 'Retry-After': '1' } })
    expect(rig.log).toEqual(log)
    expect(conn.closed).toBe(false)
    rig.runtime.isShortOfFiles = false
    await rig.connect('/x')
    expect(rig.server.stats()).toMatchObject({ connections: 2, refused: 2, refusedBy: { openFiles: 2 } })
  })

  it('are of no interest to who is refused for another reason', async () => {
    const rig = await Rig.start({ pattern: '/x' }, { maxConnections: 1 })
    await rig.connect('/x')
    rig.runtime.isShortOfFiles = true
    await rig.handshake('/x')
    await rig.handshake('/y')
    expect(rig.server.stats().refusedBy).toEqual({ maxConnections: 1, path: 1 })
    expect(rig.log).toEqual([])
  })

  it('are the same warning when a runtime hangs up', () => {
    const lines: string[] = []
    const warn = (line: string): void => void lines.push(`warn ${line}`)
    const logger = { error() {}, warn, info() {}, debug() {} }
    const engine = new Engine(resolveServerOptions({}), createLogger('warn', logger), fakeClock)
    engine.hungUp()
    engine.hungUp()
    expect(engine.stats).toMatchObject({ refused: 2, refusedBy: { openFiles: 2 } })
    expect(lines).toEqual(log)
  })
})
