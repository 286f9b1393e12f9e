import { once } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createTestServer, type TestServer, type TestServerOptions } from '../../src/testing/index.ts'
import type { Scenario, UniversalApiWsHandler } from '../../src/index.ts'
import { connectWs } from '../support/client.ts'
import { RawClient } from '../support/raw-client.ts'

const servers: TestServer[] = []

async function start(handlers: readonly UniversalApiWsHandler[] | TestServerOptions): Promise<TestServer> {
  const server = await createTestServer(handlers)
  servers.push(server)
  return server
}

afterEach(async () => {
  vi.useRealTimers()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const ECHO: UniversalApiWsHandler = { pattern: '/echo', onMessage: (conn, data) => void conn.send(data) }

/** What a promise is rejected with. */
const failure = async (promise: Promise<unknown>): Promise<Error> => {
  const nothing = new Error('it was not rejected')
  const thrown: unknown = await promise.then(
    () => nothing,
    (error: unknown) => error,
  )
  if (thrown === nothing) throw nothing
  return thrown as Error
}

describe('messages', () => {
  test('none is lost that came before it was asked for, and each reader sees all in their order', async () => {
    const server = await start([{ pattern: '/chat' }])
    const client = await connectWs(server.url('/chat'))
    for (let n = 0; n < 1000; n++) client.json(n)
    const { received } = await server.connection()
    const all = Array.from({ length: 1000 }, (_, n) => n)
    const read = async (): Promise<unknown[]> => {
      const seen: unknown[] = []
      for await (const message of received) {
        seen.push(message)
        if (seen.length === 1000) break
      }
      return seen
    }
    const take = async (): Promise<unknown[]> => {
      const seen: unknown[] = []
      while (seen.length < 1000) seen.push(await received.next())
      return seen
    }
    expect(await Promise.all([read(), take(), read()])).toEqual([all, all, all])
    expect(received.all).toEqual(all)
  })

  test('next with a pattern skips what does not match, and two that wait take one after the other', async () => {
    const server = await start([{ pattern: '/chat' }])
    const client = await connectWs(server.url('/chat'))
    const { received } = await server.connection()
    const both = Promise.all([received.next({ type: 'b' }), received.next({ type: 'b' })])
    for (const [type, n] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
      ['b', 4],
      ['c', 5],
    ] as const)
      client.json({ type, n })
    expect(await both).toEqual([
      { type: 'b', n: 2 },
      { type: 'b', n: 4 },
    ])
    expect(await received.next()).toEqual({ type: 'c', n: 5 })
  })

  test('what matches: parts of objects, lists, text, bytes, functions, asymmetric matchers', async () => {
    const server = await start([{ pattern: '/chat' }])
    const client = await connectWs(server.url('/chat'))
    const { received } = await server.connection()
    client.send(new Uint8Array([1, 2]))
    expect(await received.next(new Uint8Array([1, 2]))).toEqual(Buffer.from([1, 2]))
    client.json({ b: 1, a: { x: [1, { y: 2 }], z: 3 } })
    await received.next({ a: { x: [1, { y: expect.any(Number) }] } })
    client.send('hello you')
    await received.next(/YOU/i)
    client.json({ list: [1, 2, 3] })
    await expect(received.next({ list: [1, 2] }, { timeout: 50 })).rejects.toThrow(
      'list[2]: expected nothing, received 3',
    )
    await received.next((message: { list: number[] }) => message.list.length === 3)
    client.json(null)
    expect(await received.next(null)).toBe(null)
  })

  test('a failure says what was wanted, what was nearest and where it differs, and what happened last', async () => {
    const server = await start([ECHO])
    const client = await connectWs(server.url('/echo'))
    const { received } = await server.connection()
    for (let n = 0; n < 12; n++) client.json({ type: 'other', n })
    client.json({ type: 'joined', room: { name: 'a' } })
    await client.next()
    const started = performance.now()
    const error = await failure(received.next({ type: 'join', room: { name: 'a' } }, { timeout: 60 }))
    expect(performance.now() - started).toBeGreaterThanOrEqual(59)
    const text = error.message.replaceAll(/\d+ ms {2}/g, 'T ms  ').replaceAll(/ +T ms/g, '  T ms')
    expect(text).toMatchInlineSnapshot(`
      "the client of connection 1 (/echo): no message that matches within 60 ms
        expected: { type: 'join', room: { name: 'a' } }
        nearest:  { type: 'joined', room: { name: 'a' } }
          type: expected 'join', received 'joined'
        of 13 messages that did not match
        the last 10 entries:
          17 before
        T ms  in        #1 { type: 'other', n: 8 }  (onMessage)
        T ms  out       #1 { type: 'other', n: 8 }
        T ms  in        #1 { type: 'other', n: 9 }  (onMessage)
        T ms  out       #1 { type: 'other', n: 9 }
        T ms  in        #1 { type: 'other', n: 10 }  (onMessage)
        T ms  out       #1 { type: 'other', n: 10 }
        T ms  in        #1 { type: 'other', n: 11 }  (onMessage)
        T ms  out       #1 { type: 'other', n: 11 }
        T ms  in        #1 { type: 'joined', room: { name: 'a' } }  (onMessage)
        T ms  out       #1 { type: 'joined', room: { name: 'a' } }"
    `)
    expect(error).toMatchObject({
      expected: { type: 'join', room: { name: 'a' } },
      actual: { type: 'joined' },
    })
  })

  test('what waits ends at once with a signal, and with the connection', async () => {
    const server = await start([ECHO])
    const client = await connectWs(server.url('/echo'))
    const { received } = await server.connection()
    const aborter = new AbortController()
    const aborted = failure(received.next('x', { signal: aborter.signal, timeout: 60_000 }))
    aborter.abort(new Error('the test is over'))
    expect((await aborted).message).toBe('the test is over')
    const closed = failure(received.next('x', { timeout: 60_000 }))
    client.terminate()
    expect((await closed).message).toContain('the connection closed with 1006 while a message was waited for')
  })

  test('none holds for a time, or until all has arrived, and fails as soon as one is there', async () => {
    const server = await start([ECHO])
    const client = await connectWs(server.url('/echo'))
    const { received } = await server.connection()
    await received.none(undefined, { for: 50 })
    await received.none()
    client.json({ type: 'a' })
    await received.none({ type: 'b' })
    await expect(received.none({ type: 'a' })).rejects.toThrow(
      "no message like { type: 'a' }, received { type: 'a' }",
    )
    await received.next()
    await received.none()
    const failed = failure(received.none('x', { for: 60_000 }))
    client.send('x')
    expect((await failed).message).toContain("received 'x'")
  })
})

describe('connections', () => {
  test('they are given out in the order of accept, or by path and number', async () => {
    const server = await start([ECHO, { pattern: '/chat' }])
    const later = server.connection({ path: '/chat', n: 2, timeout: 30_000 })
    const clients = []
    for (const path of ['/chat', '/echo', '/chat']) clients.push(await connectWs(server.url(path)))
    expect((await later).n).toBe(3)
    expect((await server.connection()).n).toBe(1)
    expect((await server.connection()).path).toBe('/echo')
    expect(server.connections.map(({ n, path }) => [n, path])).toEqual([
      [1, '/chat'],
      [2, '/echo'],
      [3, '/chat'],
    ])
    const error = await failure(server.connection({ path: '/chat', timeout: 20 }))
    expect(error.message).toContain(
      "no further connection on '/chat' within 20 ms\n  there were: /chat, /echo, /chat",
    )
  })

  test('both sides of one: send, close, drop, what each has sent, and how it ended', async () => {
    const server = await start([
      { pattern: '/chat', onMessage: (conn, data) => conn.broadcast(data, { includeSelf: true }) },
    ])
    const [one, two] = [await connectWs(server.url('/chat?who=1')), await connectWs(server.url('/chat'))]
    const [first, second] = [await server.connection(), await server.connection()]
    expect([first.req.url, first.path]).toEqual(['/chat?who=1', '/chat'])
    first.send({ type: 'welcome' })
    expect(await one.next()).toEqual({ type: 'welcome' })
    two.json('to all')
    expect([await one.next(), await two.next()]).toEqual(['to all', 'to all'])
    expect([first.sent, second.sent]).toEqual([[{ type: 'welcome' }, 'to all'], ['to all']])
    first.drop()
    expect((await one.closed).code).toBe(1006)
    expect(await first.closed).toEqual({ code: 1006, reason: '', wasClean: false })
    expect(() => first.send('x')).toThrow('connection 1 (/chat) is closed: nothing is sent')
    second.close(4001, 'go')
    expect(await two.closed).toEqual({ code: 4001, reason: 'go' })
    expect(await second.closed).toEqual({ code: 4001, reason: 'go', wasClean: true })
  })

  test('refuse: so many fail, with that status, and the next opens', async () => {
    const server = await start([ECHO])
    server.refuse('/ech*', { times: 2 })
    for (let i = 0; i < 2; i++)
      await expect(connectWs(server.url('/echo'))).rejects.toThrow(/503|Expected 101/)
    await connectWs(server.url('/echo'))
    expect(server.journal.map(({ kind, status }) => [kind, status])).toEqual([
      ['refused', 503],
      ['refused', 503],
      ['connect', undefined],
    ])
    expect(server.stats().refusedBy).toEqual({ fault: 2 })
    expect(() => server.refuse('/', { status: 200 })).toThrow('option "status" is 200')
  })
})

describe('the clock', () => {
  test('time goes when it is told to: exactly so many, all received when it returns', async () => {
    const server = await start({
      clock: 'virtual',
      handlers: [{ pattern: '/slow', delay: 1000, onMessage: (conn, data) => void conn.send(data) }],
    })
    const client = await connectWs(server.url('/slow'))
    const { received, sent } = await server.connection()
    for (let n = 0; n < 60; n++) {
      client.json(n)
      await received.next(n)
      await server.clock.advance(500)
    }
    // The last one came at 29,500.
    expect(server.clock.now()).toBe(30_000)
    expect(sent).toHaveLength(59)
    await server.clock.advance(499)
    expect(sent).toHaveLength(59)
    await server.clock.advance(1)
    expect(sent).toEqual(Array.from({ length: 60 }, (_, n) => n))
  })

  test('faults go by the virtual clock, are in the journal, and end with reset()', async () => {
    const server = await start({
      clock: 'virtual',
      handlers: [{ pattern: '/echo', onMessage: (conn, data) => void conn.send(data) }],
    })
    const faults = server.setFaults('/echo', { latency: 6000, drop: { nth: 2 } })
    const client = await connectWs(server.url('/echo'))
    const { received } = await server.connection()
    for (const n of [1, 2, 3]) {
      client.json(n)
      await received.next(n)
    }
    await server.settled()
    expect(faults.counts).toMatchObject({ delayed: 2, dropped: 1 })
    let arrived: unknown
    void client.next().then((data) => (arrived = data))
    await server.clock.advance(5999)
    expect(arrived).toBeUndefined()
    await server.clock.advance(1)
    await expect.poll(() => arrived).toBe(1)
    expect(await client.next()).toBe(3)
    const told = server.journal
      .filter(({ kind }) => kind === 'fault')
      .map(({ fault, data }) => [fault?.kind, data])
    expect(told).toEqual([
      ['delay', 1],
      ['drop', 2],
      ['delay', 3],
    ])
    server.setFaults('*', { stall: true, incoming: { stall: true }, handshake: { refuse: 1 } })
    await server.reset()
    const next = await connectWs(server.url('/echo'))
    next.json('as new')
    expect(await next.next()).toBe('as new')
    expect(server.disconnect('/echo')).toBe(1)
    expect((await next.closed).code).toBe(1006)
  })

  test('a heartbeat of 30 s ends who does not answer, in no time; who answers stays', async () => {
    const server = await start({
      clock: 'virtual',
      handlers: [{ pattern: '/beat', heartbeat: 30_000, onError: () => {} }],
    })
    const alive = await connectWs(server.url('/beat'))
    const dead = await new RawClient(server.port).open('/beat')
    const [first, second] = [await server.connection(), await server.connection()]
    const started = performance.now()
    await server.clock.advance(120_000)
    expect(performance.now() - started).toBeLessThan(1000)
    expect(await second.closed).toMatchObject({ code: 1006 })
    expect(first.conn.closed).toBe(false)
    alive.json('still here')
    await first.received.next('still here')
    dead.tcp.destroy()
  })

  test('a refusal with a delay is exact', async () => {
    const server = await start({ clock: 'virtual', handlers: [ECHO] })
    server.refuse('/echo', { times: 1, delay: 6000 })
    const refused = failure(connectWs(server.url('/echo')))
    let done = false
    void refused.then(() => {
      done = true
    })
    await server.clock.advance(0)
    while (server.clock.now() < 5999) await server.clock.advance(1)
    expect(done).toBe(false)
    await server.clock.advance(1)
    expect((await refused).message).toMatch(/503|Expected 101/)
  })

  test('runAll ends when nothing is due, or says what never ends; a real clock does not go by itself', async () => {
    const server = await start({ clock: 'virtual', handlers: [{ ...ECHO, delay: 5000 }] })
    const client = await connectWs(server.url('/echo'))
    client.send('x')
    await server.settled()
    await server.clock.runAll()
    expect(await client.next()).toBe('x')
    expect(server.clock.now()).toBe(5000)
    const beating = await start({ clock: 'virtual', handlers: [{ pattern: '/a', heartbeat: 100 }] })
    await connectWs(beating.url('/a'))
    await expect(beating.clock.runAll(5)).rejects.toThrow('still due after 5 timers')
    await expect((await start([])).clock.advance(1)).rejects.toThrow("clock: 'virtual'")
    await expect(server.clock.advance(-1)).rejects.toThrow('advance(-1)')
  })

  test.each(['before', 'after'])(
    'fake timers of the test, turned on %s the server starts, do not stop it',
    async (when) => {
      const fake = (): void =>
        void vi.useFakeTimers({
          toFake: [
            'setTimeout',
            'clearTimeout',
            'setInterval',
            'clearInterval',
            'setImmediate',
            'clearImmediate',
            'Date',
            'performance',
          ],
        })
      if (when === 'before') fake()
      const server = await start([{ ...ECHO, delay: 5 }])
      if (when === 'after') fake()
      const socket = new WebSocket(server.url('/echo'))
      const reconnects: number[] = []
      setTimeout(() => reconnects.push(1), 60_000)
      await once(socket, 'open')
      socket.send('x')
      const [data] = (await once(socket, 'message')) as [Buffer]
      expect(String(data)).toBe('x')
      const { received } = await server.connection()
      await received.none('y', { for: 20 })
      vi.advanceTimersByTime(60_000)
      expect(reconnects).toEqual([1])
    },
  )
})

describe('the end of a test', () => {
  test('verify says which hook failed, and with strict what nothing took; dispose does too', async () => {
    const server = await start({
      strict: true,
      handlers: [
        {
          pattern: '/bad',
          onMessage() {
            throw new TypeError('boom')
          },
        },
        { pattern: '/deaf', responses: [{ match: (_conn, data) => data === 'a', response: 'b' }] },
      ],
    })
    server.verify()
    const bad = await connectWs(server.url('/bad'))
    bad.send('x')
    await server.settled()
    expect(() => server.verify()).toThrow('/bad: onMessage failed: boom')
    try {
      server.verify()
    } catch (error) {
      expect((error as Error).cause).toEqual(new TypeError('boom'))
    }
    await server.reset()
    server.verify()
    const deaf = await connectWs(server.url('/deaf'))
    deaf.send('a')
    await deaf.next()
    server.verify()
    deaf.json({ type: 'unknown' })
    await server.settled()
    expect(() => server.verify()).toThrow(/nothing took a message: .*#1 { type: 'unknown' }/)
    await expect(server[Symbol.asyncDispose]()).rejects.toThrow('nothing took a message')
    await expect(connectWs(server.url('/deaf'))).rejects.toThrow(/ECONNREFUSED|Failed to connect/)
  })

  test('a scenario: sixty ticks by one advance, and reset() makes what it shares as new', async () => {
    const scenario: Scenario = {
      shared: { price: 100 },
      connect: { send: ({ shared }) => (shared.price += 1) },
      on: [{ when: 'next', replies: [{ send: 'one' }, { send: 'two' }], count: 'handler' }],
      every: [{ every: 1000, send: 'tick' }],
    }
    const server = await start({ handlers: [{ pattern: '/a', scenario }], clock: 'virtual' })
    for (let round = 1; round <= 2; round++) {
      const client = await connectWs(server.url('/a'))
      expect(await client.next()).toBe(101)
      client.send('next')
      expect(await client.next()).toBe('one')
      await server.clock.advance(60_000)
      for (let n = 1; n <= 60; n++) expect([n, await client.next()]).toEqual([n, 'tick'])
      expect((await server.connection()).sent).toHaveLength(62)
      await server.reset()
      expect(server.journal).toEqual([])
    }
  })

  test('reset: connections, journal, use and refuse are gone, and the port stays', async () => {
    const server = await start([ECHO])
    const { port } = server
    server.use({ pattern: '/more' }, { pattern: '/echo', onMessage: (conn) => void conn.send('instead') })
    const [client, more] = [await connectWs(server.url('/echo')), await connectWs(server.url('/more'))]
    client.send('x')
    expect(await client.next()).toBe('instead')
    server.refuse('/**')
    await server.reset()
    expect((await client.closed).code).toBe(1001)
    expect((await more.closed).code).toBe(1001)
    expect([server.journal, server.connections, server.port]).toEqual([[], [], port])
    const again = await connectWs(server.url('/echo'))
    again.send('x')
    expect(await again.next()).toBe('x')
    expect((await server.connection()).n).toBe(1)
    await expect(connectWs(server.url('/more'))).rejects.toThrow(/404|Expected 101/)
  })

  test('who does not answer the close frame keeps nobody waiting', async () => {
    const server = await start({ clock: 'virtual', handlers: [ECHO] })
    const silent = await new RawClient(server.port).open('/echo')
    await server.connection()
    const started = performance.now()
    await server.close()
    await server.close()
    expect(performance.now() - started).toBeLessThan(5000)
    await silent.ended
  })

  test('the journal is bounded, and says how much is gone', async () => {
    const server = await start([{ pattern: '/chat' }])
    const client = await connectWs(server.url('/chat'))
    const connection = await server.connection()
    for (let n = 0; n < 10_000; n++) client.json(n)
    await connection.received.next(9999, { timeout: 30_000 })
    expect(server.journal).toHaveLength(10_000)
    expect(server.journal.at(-1)).toMatchObject({ kind: 'in', data: 9999, connection: 1, path: '/chat' })
    const error = await failure(connection.received.next('x', { timeout: 1 }))
    expect(error.message).toContain('9991 before (1 of them gone from the journal)')
  })
})

test('50 servers at once have ports and connections of their own', async () => {
  const all = await Promise.all(Array.from({ length: 50 }, () => start([ECHO])))
  expect(new Set(all.map(({ port }) => port)).size).toBe(50)
  await Promise.all(
    all.map(async (server, n) => {
      const client = await connectWs(server.url('echo'))
      client.json(n)
      expect(await client.next()).toBe(n)
      expect((await server.connection()).sent).toEqual([n])
    }),
  )
})
