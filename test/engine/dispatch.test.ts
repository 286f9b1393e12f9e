import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Connection } from '../../src/engine/connection/connection.ts'
import type { UniversalApiWsHandler } from '../../src/engine/handler/handler.ts'
import type { MemorySocket } from '../support/memory-runtime.ts'
import { advance, Rig } from './rig.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** When each message reached `onMessage`, in ms since the connection opened. */
async function timeline(more: Partial<UniversalApiWsHandler>): Promise<{
  at: (ms: number, ...messages: string[]) => Promise<void>
  calls: [string, number][]
  rig: Rig
}> {
  const calls: [string, number][] = []
  const start = performance.now()
  const rig = await Rig.start({
    pattern: '/x',
    onMessage: (_conn, data) => void calls.push([String(data), performance.now() - start]),
    ...more,
  })
  const peer = await rig.connect('/x')
  return {
    rig,
    calls,
    async at(ms, ...messages) {
      await advance(start + ms - performance.now())
      for (const message of messages) peer.socket.receive(message)
    },
  }
}

const after = <T>(ms: number, value: T): Promise<T> =>
  new Promise((resolve) => setTimeout(() => resolve(value), ms))

describe('delay', () => {
  it('is for each message from its arrival, concurrent', async () => {
    const { at, calls } = await timeline({ delay: 100 })
    await at(0, 'a', 'b')
    await at(30, 'c')
    await at(99)
    expect(calls).toEqual([])
    await at(250, 'd')
    await at(400)
    expect(calls).toEqual([
      ['a', 100],
      ['b', 100],
      ['c', 130],
      ['d', 350],
    ])
  })

  it('runs while an async onConnect is pending', async () => {
    const { at, calls } = await timeline({ delay: 100, onConnect: () => after(150, undefined) })
    await at(0, 'a')
    await at(100, 'b')
    await at(300)
    expect(calls).toEqual([
      ['a', 150],
      ['b', 200],
    ])
  })

  it('runs while an async transformRawData does, which starts at arrival', async () => {
    const { at, calls } = await timeline({
      delay: 100,
      transformRawData: (data) => after(Number(data.toString().split(' ')[1]), data.toString()),
    })
    await at(0, 'a 250', 'b 10')
    await at(50, 'c 0')
    await at(400)
    expect(calls).toEqual([
      ['a 250', 250],
      ['b 10', 250],
      ['c 0', 250],
    ])
  })

  it('goes on when the client closes, and onClose comes behind it', async () => {
    const { at, calls, rig } = await timeline({
      delay: 100,
      onClose: (_conn, code) => void calls.push([`close ${code}`, performance.now()]),
    })
    await at(0, 'a')
    await at(50, 'b')
    for (const socket of rig.runtime.sockets) socket.receiveClose(1000, '')
    await at(500)
    expect(calls).toEqual([
      ['a', 100],
      ['b', 150],
      ['close 1000', expect.any(Number)],
    ])
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each([
    ['close()', (conn: Connection) => conn.close(4000)],
    ['forceClose()', (conn: Connection) => conn.forceClose()],
    [
      'a message over maxPayload',
      (_conn: Connection, socket: MemorySocket) => socket.receive('x'.repeat(99)),
    ],
    ['what is no frame', (_conn: Connection, socket: MemorySocket) => socket.fail(1002)],
    [
      'the end of the server',
      (_conn: Connection, _socket: MemorySocket, rig: Rig) => void rig.server.close(),
    ],
  ])('is over with %s', async (_name, end) => {
    const { at, calls, rig } = await timeline({
      delay: 100,
      maxPayload: 50,
      onClose: () => void calls.push(['close', 0]),
    })
    await at(0, 'a')
    await at(50)
    for (const socket of rig.runtime.sockets) end(socket.data as Connection, socket, rig)
    await at(500)
    expect(calls).toEqual([['close', 0]])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is over with the end of the server, also for a client that has gone before', async () => {
    const { at, calls, rig } = await timeline({
      delay: 100,
      onClose: () => void calls.push(['close', 0]),
    })
    await at(0, 'a')
    for (const socket of rig.runtime.sockets) socket.receiveClose(1000, '')
    await at(50)
    expect(calls).toEqual([])
    await rig.server.close()
    expect(calls).toEqual([['close', 0]])
    expect(vi.getTimerCount()).toBe(0)
    await at(500)
    expect(calls).toEqual([['close', 0]])
  })

  it('goes on for a client that the heartbeat gives up', async () => {
    const { at, calls } = await timeline({
      delay: 1000,
      heartbeat: 100,
      onError: () => {},
      onClose: (_conn, code) => void calls.push([`close ${code}`, 0]),
    })
    await at(0, 'a')
    await at(999)
    expect(calls).toEqual([])
    await at(1100)
    expect(calls).toEqual([
      ['a', 1000],
      ['close 1006', 0],
    ])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('sequential', () => {
  it('starts the next when the last has settled, well or not', async () => {
    const starts: [string, number][] = []
    const begin = performance.now()
    const { at } = await timeline({
      sequential: true,
      onMessage: async (_conn, data) => {
        starts.push([data, performance.now() - begin])
        await after(100, undefined)
        if (data === 'b') throw new Error('on purpose')
      },
      onError: () => {},
    })
    await at(0, 'a', 'b', 'c')
    await at(250, 'd')
    await at(1000)
    expect(starts).toEqual([
      ['a', 0],
      ['b', 100],
      ['c', 200],
      ['d', 300],
    ])
  })

  it('waits for async responses, too', async () => {
    const order: string[] = []
    const { at } = await timeline({
      sequential: true,
      responses: [
        {
          match: (_conn, data) => data === 'slow',
          response: async () => {
            order.push('start')
            await after(100, undefined)
            order.push('end')
          },
        },
      ],
      onMessage: (_conn, data) => void order.push(data),
    })
    await at(0, 'slow', 'next')
    await at(200)
    expect(order).toEqual(['start', 'end', 'next'])
  })

  it('with delay: the delays run side by side, the handlers do not', async () => {
    const starts: [string, number][] = []
    const begin = performance.now()
    const { at } = await timeline({
      sequential: true,
      delay: 50,
      onMessage: async (_conn, data) => {
        starts.push([data, performance.now() - begin])
        await after(30, undefined)
      },
    })
    await at(0, 'a', 'b')
    await at(300)
    expect(starts).toEqual([
      ['a', 50],
      ['b', 80],
    ])
  })
})

describe('order', () => {
  it('handlers start in arrival order through every kind of waiting', async () => {
    const { at, calls } = await timeline({
      delay: 10,
      onConnect: () => after(25, undefined),
      transformRawData: (data) => {
        const text = data.toString()
        return Number(text) % 3 === 0 ? after(40 - Number(text), text) : text
      },
      responses: [
        {
          match: (_conn, data) => (Number(data) % 2 ? after(Number(data) % 5, false) : false),
          response: 'never',
        },
      ],
    })
    for (let i = 0; i < 40; i++) await at(i, String(i))
    await at(1000)
    expect(calls.map(([data]) => data)).toEqual(Array.from({ length: 40 }, (_, i) => String(i)))
  })

  it('messages behind a pending onConnect come first, those that come while they are handled after them', async () => {
    const order: string[] = []
    let settle: () => void = () => {}
    const rig = await Rig.start({
      pattern: '/x',
      onConnect: () =>
        new Promise<void>((resolve) => {
          settle = resolve
        }),
      onMessage: (_conn, data) => {
        order.push(data)
        if (data === 'a') peer.socket.receive('c')
      },
    })
    const peer = await rig.connect('/x')
    peer.socket.receive('a')
    peer.socket.receive('b')
    settle()
    await rig.settle()
    peer.socket.receive('d')
    expect(order).toEqual(['a', 'b', 'c', 'd'])
  })

  it.each([{}, { raw: true }])(
    'without anything to wait for, the handler is called before the runtime has its turn back: %j',
    async (more) => {
      const order: string[] = []
      const rig = await Rig.start({
        pattern: '/x',
        ...more,
        onMessage: (_conn, data) => void order.push(data),
      })
      const peer = await rig.connect('/x')
      peer.socket.receive('a')
      order.push('received')
      expect(order).toEqual(['a', 'received'])
    },
  )

  it('an onConnect that fails: 1011, and what waited is dropped', async () => {
    for (const onConnect of [
      () => Promise.reject(new Error('async')),
      () => {
        throw new Error('sync')
      },
    ]) {
      const calls: string[] = []
      const rig = await Rig.start({
        pattern: '/x',
        onConnect,
        onMessage: () => void calls.push('message'),
        onError: (_conn, error) => void calls.push(error.message),
        onClose: (_conn, code) => void calls.push(`close ${code}`),
      })
      const peer = await rig.connect('/x')
      peer.socket.receive('a')
      await rig.settle()
      expect(calls).toEqual([expect.stringMatching(/sync$/), 'close 1011'])
      expect(peer.seen).toEqual(['close 1011 '])
    }
  })

  it('nothing reaches onMessage when we close the connection while a transform, a match or onConnect is pending', async () => {
    for (const more of [
      { transformRawData: (data: Buffer) => after(50, data) },
      { responses: [{ match: () => after(50, false), response: 1 }] },
      { responses: [{ match: () => after(50, true), response: 1 }] },
      { responses: [{ match: () => true, response: () => after(50, 'late') }] },
      { onConnect: () => after(50, undefined) },
    ] satisfies Partial<UniversalApiWsHandler>[]) {
      const { at, calls, rig } = await timeline(more)
      const [socket] = rig.runtime.sockets
      await at(0, 'a', 'b')
      await at(20)
      const conn = socket?.data as Connection
      conn.close()
      await at(500)
      expect(calls).toEqual([])
      expect(rig.server.stats().messagesOut).toBe(0)
      expect(rig.log.filter((line) => line.startsWith('error'))).toEqual([])
    }
  })

  it('messages that were handled are let go, also while others always wait', async () => {
    const { at, rig } = await timeline({ delay: 10, onMessage: () => {} })
    const [socket] = rig.runtime.sockets
    const kept: WeakRef<Uint8Array>[] = []
    for (let i = 0; i < 1000; i++) {
      const payload = new Uint8Array(100)
      kept.push(new WeakRef(payload))
      socket?.receive(payload)
      await at(i)
    }
    vi.useRealTimers()
    await new Promise((resolve) => setImmediate(resolve)) // a WeakRef holds on until the end of its turn
    collectGarbage()
    expect(kept.filter((ref) => ref.deref() !== undefined).length).toBeLessThan(300)
  })
})

function collectGarbage(): void {
  if (process.versions['bun'] !== undefined) return Bun.gc(true)
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

describe('responses', () => {
  const rule = (
    match: unknown,
    response: unknown,
    broadcast?: unknown,
  ): NonNullable<UniversalApiWsHandler['responses']>[number] =>
    ({ match: () => match as boolean, response, ...(broadcast !== undefined && { broadcast }) }) as never

  async function answers(responses: UniversalApiWsHandler['responses'], message = 'hi'): Promise<unknown[]> {
    const rig = await Rig.start({
      pattern: '/x',
      responses: responses ?? [],
      onMessage: (conn) => void conn.send('onMessage'),
      onError: (conn, error) => void conn.send(error.message),
    })
    const peer = await rig.connect('/x')
    peer.socket.receive(message)
    await advance(100)
    return peer.seen
  }

  it.each([
    ['a value', [rule(true, { a: 1 })], ['{"a":1}']],
    ['a string', [rule(true, 'text')], ['text']],
    ['bytes', [rule(true, Buffer.from([1]))], [Buffer.from([1])]],
    ['null is a value', [rule(true, null)], ['null']],
    ['undefined sends nothing', [rule(true, undefined)], []],
    ['a function', [rule(true, (_conn: unknown, data: string) => `${data}!`)], ['hi!']],
    ['an async function', [rule(true, async () => after(10, [1]))], ['[1]']],
    ['a function that gives undefined', [rule(true, () => undefined)], []],
    ['the first that matches', [rule(false, 'no'), rule(true, 'yes'), rule(true, 'late')], ['yes']],
    ['an async match', [rule(Promise.resolve(false), 'no'), rule(after(10, true), 'yes')], ['yes']],
    ['none', [rule(false, 'no'), rule(Promise.resolve(false), 'no')], ['onMessage']],
    ['no rules', [], ['onMessage']],
    ['a response that throws', [rule(true, () => { throw new Error('bad') })], ['bad']], // prettier-ignore
    ['a response that rejects', [rule(true, () => Promise.reject(new Error('bad')))], ['bad']],
  ])('%s', async (_name, rules, expected) => {
    expect(await answers(rules)).toEqual(expected)
  })

  it('a match that fails is reported, and the next rule is asked', async () => {
    const throws = { match: (): boolean => { throw new Error('bad') }, response: 'no' } // prettier-ignore
    const rejects = { match: () => Promise.reject(new Error('bad')), response: 'no' }
    expect(await answers([throws, rule(true, 'yes')])).toEqual(['bad', 'yes'])
    expect(await answers([rejects, rule(true, 'yes')])).toEqual(['bad', 'yes'])
    expect(await answers([rejects, throws])).toEqual(['bad', 'bad', 'onMessage'])
  })

  it('a static value is serialised once, at start', async () => {
    let calls = 0
    const value = { toJSON: () => ++calls }
    const rig = await Rig.start({ pattern: '/x', responses: [rule(true, value)] })
    expect(calls).toBe(1)
    const peer = await rig.connect('/x')
    for (let i = 0; i < 3; i++) peer.socket.receive('x')
    await rig.settle()
    expect(peer.seen).toEqual(['1', '1', '1'])
    expect(calls).toBe(1)
  })

  it('broadcast: true goes to the rooms of the sender without it, to nobody if it is in none', async () => {
    const rig = await Rig.start({ pattern: '/x', responses: [rule(true, 'r', true)] })
    const [one, two, three] = [await rig.connect('/x'), await rig.connect('/x'), await rig.connect('/x')]
    one.socket.receive('x')
    await rig.settle()
    expect([one.seen, two.seen, three.seen]).toEqual([[], [], []])
    for (const { conn } of [one, two]) conn.joinRoom('a')
    for (const { conn } of [one, two]) conn.joinRoom('b')
    three.conn.joinRoom('c')
    one.socket.receive('x')
    await rig.settle()
    expect([one.seen, two.seen, three.seen]).toEqual([[], ['r'], []])
  })

  it.each([
    [{ room: 'a' }, [0, 1, 0]],
    [{ room: 'a', includeSelf: true }, [1, 1, 0]],
    [{ rooms: ['a', 'c'] }, [0, 1, 1]],
    [{ rooms: ['c'], includeSelf: true }, [0, 0, 1]],
    [{ rooms: [] }, [0, 0, 0]],
    [{}, [0, 1, 1]],
    [{ includeSelf: true }, [1, 1, 1]],
    [false, [1, 0, 0]],
  ])('broadcast: %j', async (options, counts) => {
    const rig = await Rig.start({
      pattern: '/x',
      responses: [rule(true, () => Promise.resolve('r'), options)],
    })
    const [one, two, three] = [await rig.connect('/x'), await rig.connect('/x'), await rig.connect('/x')]
    for (const { conn } of [one, two]) conn.joinRoom('a')
    three.conn.joinRoom('c')
    one.socket.receive('x')
    await rig.settle()
    expect([one.seen.length, two.seen.length, three.seen.length]).toEqual(counts)
  })
})

describe('failures of hooks', () => {
  const hooks: [string, Partial<UniversalApiWsHandler>][] = []
  const bad = (): never => {
    throw new Error('on purpose')
  }
  for (const fail of [bad, () => Promise.reject(new Error('on purpose'))])
    for (const hook of ['onMessage', 'onPing', 'onPong', 'onClose', 'transformRawData'] as const)
      hooks.push([hook, { [hook]: fail }])

  it.each(hooks)('%s: to onError, or logged with the pattern, the hook and the stack', async (name, hook) => {
    for (const withOnError of [true, false]) {
      const errors: string[] = []
      const rig = await Rig.start({
        pattern: '/x',
        ...hook,
        ...(withOnError && { onError: (_conn, error) => void errors.push(error.message) }),
      })
      const peer = await rig.connect('/x')
      peer.socket.receive('m')
      peer.socket.receivePing('')
      peer.socket.receivePong('')
      await rig.settle()
      peer.socket.receiveClose(1000, '')
      await rig.settle()
      const lines = rig.log.filter((line) => line.startsWith('error'))
      expect(errors).toEqual(withOnError ? ['on purpose'] : [])
      expect(lines).toHaveLength(withOnError ? 0 : 1)
      if (!withOnError) {
        expect(lines[0]).toContain('/x')
        expect(lines[0]).toContain(peer.conn.id)
        expect(lines[0]).toContain(name)
        expect(lines[0]).toMatch(/on purpose\n?.*\n?.*dispatch\.test/s)
      }
      expect(rig.server.stats().handlerErrors).toBe(1)
      expect(rig.server.connections).toEqual([])
    }
  })

  it('an onError that throws or rejects is logged, and that is all', async () => {
    for (const onError of [bad, () => Promise.reject(new Error('on purpose'))]) {
      const rig = await Rig.start({ pattern: '/x', onMessage: bad, onError })
      const peer = await rig.connect('/x')
      peer.socket.receive('m')
      await rig.settle()
      expect(rig.log.filter((line) => line.startsWith('error') && line.includes('onError'))).toHaveLength(1)
      expect(peer.conn.closed).toBe(false)
    }
  })
})
