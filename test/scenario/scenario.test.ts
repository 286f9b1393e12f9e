import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import {
  createServer,
  defineScenario,
  type Scenario,
  type ServerOptions,
  type UniversalApiWsHandler,
} from '../../src/index.ts'
import { createTestServer, type TestServer, type TestServerOptions } from '../../src/testing/index.ts'
import * as z from 'zod'
import { assertPlatform, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { connectWs, type TestClient } from '../support/client.ts'

assertPlatform()

/** So that times are numbers that one can read. */
const EPOCH = Date.now()

const running: TestServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

describe.each(NETWORK_RUNTIMES)('on %s', (runtime) => {
  async function start(
    scenario: Scenario,
    more: Partial<UniversalApiWsHandler> = {},
    options: Partial<TestServerOptions> = {},
  ): Promise<TestServer> {
    const server = await createTestServer({
      runtime,
      clock: 'virtual',
      handlers: [{ pattern: '/a', scenario, ...more }],
      ...options,
    })
    running.push(server)
    return server
  }
  const connect = (server: TestServer, query = ''): Promise<TestClient> => connectWs(server.url(`/a${query}`))
  /** What came until an answer to `ask`, which is the last. */
  async function until(client: TestClient, last: unknown): Promise<unknown[]> {
    const got: unknown[] = []
    for (;;) {
      const message = await client.next()
      if (JSON.stringify(message) === JSON.stringify(last)) return got
      got.push(message)
    }
  }
  const ECHO = { when: 'ping', reply: { send: 'pong' } } as const

  test('A1: what is sent at the connect comes at its time; a client that has gone leaves nothing behind', async () => {
    let made = 0
    const server = await start({
      connect: [{ send: 'a' }, { wait: 1000 }, { send: () => `b${++made}` }],
      on: [ECHO],
    })
    const client = await connect(server)
    expect(await client.next()).toBe('a')
    await server.clock.advance(999)
    client.send('ping')
    expect(await until(client, 'pong')).toEqual([])
    await server.clock.advance(1)
    expect(await client.next()).toBe('b1')
    const other = await connect(server)
    expect(await other.next()).toBe('a')
    await server.clock.advance(500)
    other.close()
    await other.closed
    await expect.poll(() => server.stats().connections).toBe(1)
    await server.clock.advance(10_000)
    expect(made).toBe(1)
  })

  test('A2: a script that waits holds no message back', async () => {
    const server = await start({ connect: [{ wait: 5000 }, { send: 'late' }], on: [ECHO] })
    const client = await connect(server)
    client.send('ping')
    expect(await client.next()).toBe('pong')
  })

  test('A3: every client has a rhythm of its own, which never drifts', async () => {
    const server = await start({
      every: [{ every: 1000, send: ({ n, now }) => [n, now() - EPOCH] }],
      on: [ECHO],
    })
    const clients: TestClient[] = []
    for (let i = 0; i < 3; i++) {
      clients.push(await connect(server))
      await expect.poll(() => server.stats().connections).toBe(i + 1)
      await server.clock.advance(300)
    }
    await server.clock.advance(100_000)
    const firsts: number[] = []
    for (const client of clients) {
      const ticks: [number, number][] = []
      for (let n = 1; n <= 100; n++) ticks.push(await client.next())
      const [[, first]] = ticks as [[number, number]]
      expect(ticks).toEqual(ticks.map((_, index) => [index + 1, first + index * 1000]))
      firsts.push(first)
    }
    expect(firsts.map((at) => at - firsts[0]!)).toEqual([0, 300, 600])
  })

  test('A4: what goes to all is made once a tick, as long as anybody is there', async () => {
    let calls = 0
    const server = await start({
      every: [{ every: 100, to: 'all', send: ({ n }) => ({ n, call: ++calls }) }],
    })
    const clients = await Promise.all(Array.from({ length: 1000 }, () => connect(server)))
    await expect.poll(() => server.stats().connections).toBe(1000)
    await server.clock.advance(300)
    for (const client of clients)
      for (let n = 1; n <= 3; n++) expect(await client.next()).toEqual({ n, call: n })
    for (const client of clients) client.close()
    await expect.poll(() => server.stats().connections).toBe(0)
    await server.clock.advance(1000)
    expect(calls).toBe(3)
    const again = await connect(server)
    await expect.poll(() => server.stats().connections).toBe(1)
    await server.clock.advance(100)
    expect(await again.next()).toEqual({ n: 1, call: 4 })
  })

  test('A5: replies one after the other: the last again, all again, or on to onMessage; by connection or by handler', async () => {
    const replies = ['1', '2', '3'].map((send) => ({ send }))
    const server = await start(
      {
        on: [
          { when: 'last', replies },
          { when: 'cycle', replies, after: 'cycle' },
          { when: 'pass', replies, after: 'pass' },
          { when: 'shared', replies, count: 'handler' },
        ],
      },
      { onMessage: (conn, data) => void conn.send(`else ${data}`) },
    )
    const [client, other] = [await connect(server), await connect(server)]
    const ask = async (who: TestClient, what: string): Promise<unknown> => {
      who.send(what)
      return who.next()
    }
    const five = async (who: TestClient, what: string): Promise<unknown[]> => {
      const got: unknown[] = []
      for (let i = 0; i < 5; i++) got.push(await ask(who, what))
      return got
    }
    expect(await five(client, 'last')).toEqual([1, 2, 3, 3, 3])
    expect(await five(client, 'cycle')).toEqual([1, 2, 3, 1, 2])
    expect(await five(client, 'pass')).toEqual([1, 2, 3, 'else pass', 'else pass'])
    expect(await ask(other, 'last')).toBe(1)
    expect([await ask(client, 'shared'), await ask(other, 'shared')]).toEqual([1, 2])
  })

  test('A6: an object is in a message, at any depth; text is text', async () => {
    const server = await start({
      on: [
        { when: { a: { b: 1 } }, reply: { send: 'object' } },
        { when: { list: [1, { c: true }] }, reply: { send: 'list' } },
        { when: { s: /^x/ }, reply: { send: 'expression inside' } },
        { when: /^ping/g, reply: { send: 'expression' } },
        { when: 'exactly', reply: { send: 'text' } },
        { when: (data) => data?.z > 1, reply: { send: 'function' } },
      ],
      otherwise: { send: 'none' },
    })
    const client = await connect(server)
    for (const [message, answer] of [
      ['{"a":{"b":1,"c":2}}', 'object'],
      ['{"a":{"b":"1"}}', 'none'],
      ['[{"a":{"b":1}}]', 'none'],
      ['text with {"a":{"b":1}}', 'none'],
      ['{"list":[1,{"c":true,"d":0}]}', 'list'],
      ['{"list":[1,{"c":true},2]}', 'none'],
      ['{"s":"xyz"}', 'expression inside'],
      ['{"s":1}', 'none'],
      ['ping 1', 'expression'],
      ['ping 2', 'expression'],
      ['{"ping":1}', 'none'],
      ['exactly', 'text'],
      ['exactly!', 'none'],
      ['{"z":2}', 'function'],
      ['{"__proto__":{"a":{"b":1}}}', 'none'],
    ]) {
      client.send(message!)
      expect([message, await client.next()]).toEqual([message, answer])
    }
  })

  test('A7: a phase changes when the message matches, not when its reply has been sent', async () => {
    const server = await start({
      on: [
        { when: 'login', phase: 'start', goto: 'ready', reply: [{ wait: 1000 }, { send: 'welcome' }] },
        { when: 'work', phase: ['ready', 'busy'], reply: { send: 'done' } },
        { when: 'rush', goto: 'busy' },
        { when: 'work', reply: { send: 'who are you?' } },
      ],
    })
    const client = await connect(server)
    for (const text of ['work', 'login', 'work']) client.send(text)
    expect([await client.next(), await client.next()]).toEqual(['who are you?', 'done'])
    await server.clock.advance(1000)
    expect(await client.next()).toBe('welcome')
  })

  test('A8: expect takes a message before the rules; in vain it is otherwise, or an error and 1008 that names the step', async () => {
    const failures: { code?: string; message: string }[] = []
    const server = await start(
      {
        connect: [
          { send: 'name?' },
          {
            expect: { name: 'a' },
            within: 500,
            otherwise: [{ send: 'nobody' }, { close: 4000, reason: 'no name' }],
          },
          { send: ({ message }) => `hello ${message.name}` },
          { expect: 'bye' },
          { send: 'bye' },
        ],
        on: [{ when: { name: 'a' }, reply: { send: 'rule' } }],
      },
      { onError: (_conn, error) => void failures.push(error) },
    )
    const client = await connect(server)
    expect(await client.next()).toBe('name?')
    client.json({ name: 'a' })
    client.json({ name: 'a' })
    expect([await client.next(), await client.next()]).toEqual(['hello a', 'rule'])
    await server.clock.advance(5000)
    expect(await client.closed).toEqual({
      code: 1008,
      reason: 'scenario.connect[3]: nothing that it expects came within 5000 ms',
    })
    expect(failures).toMatchObject([{ code: 'ERR_SCENARIO' }])
    const other = await connect(server)
    expect(await other.next()).toBe('name?')
    await server.clock.advance(499)
    expect(other.closed).toBeInstanceOf(Promise)
    await server.clock.advance(1)
    expect(await other.next()).toBe('nobody')
    expect(await other.closed).toEqual({ code: 4000, reason: 'no name' })
    expect(failures).toHaveLength(1)
  })

  /** Of two connections that come at the same time. */
  async function transcript(scenario: Scenario, both = true): Promise<string[][]> {
    const server = await start(scenario)
    const clients: TestClient[] = []
    for (let i = 0; i < 2; i++) {
      const client = await connect(server)
      await expect.poll(() => server.stats().connections).toBe(clients.push(client))
    }
    for (let i = 0; i < 3; i++)
      for (const client of both ? clients : clients.slice(0, 1)) client.json({ ask: i })
    await server.clock.advance(2000)
    const [first, second] = await Promise.all(
      clients.map(async (client) => {
        client.send('ping')
        return (await until(client, 'pong')).map((message) => JSON.stringify(message))
      }),
    )
    await server.close()
    return [first ?? [], second ?? []]
  }

  const dice: Scenario = {
    seed: 7,
    connect: [
      { wait: [10, 50] },
      { send: ({ random }) => [random(), random.int(1, 6), random.pick(['a', 'b', 'c'])] },
    ],
    on: [{ when: { ask: 1 }, reply: { send: ({ random }) => [random.chance(0.5), random.uuid()] } }, ECHO],
  }

  test('A9: a seed brings the same back, on every runtime; connections differ, and nothing else moves them', async () => {
    const [first, second] = await transcript(dice)
    // From the same seed on each of them.
    expect([first, second]).toMatchInlineSnapshot(`
      [
        [
          "[false,"a73fe75f-5c7a-44f9-847f-d494c5661893"]",
          "[0.7421322043519467,6,"a"]",
        ],
        [
          "[true,"73eaefda-66bd-4dd1-895b-53c70de38c6c"]",
          "[0.24786125379614532,5,"c"]",
        ],
      ]
    `)
    expect(await transcript(dice)).toEqual([first, second])
    expect(first).not.toEqual(second)
    const withMore = {
      ...dice,
      on: [...(dice.on ?? []), { when: { ask: 2 }, reply: { send: ({ random }: any) => random() } }],
    }
    const more = await transcript(withMore)
    expect(more[0]?.filter((message) => message.startsWith('['))).toEqual(first)
    expect((await transcript(dice, false))[0]).toEqual(first)
    expect((await transcript({ ...dice, seed: 8 }))[0]).not.toEqual(first)
    const keyed = await transcript({ ...dice, key: () => 'the same' })
    expect(keyed[0]).toEqual(keyed[1])
  })

  test('A10: each connection has its own state, and all share another; both outlive a reload, timers of before do not', async () => {
    const scenario: Scenario = defineScenario({
      state: { n: 0 },
      shared: { n: 0 },
      on: [
        {
          when: 'count',
          reply: [
            { set: ({ state }) => ({ n: state.n + 1 }) },
            { set: ({ shared }) => ({ n: shared.n + 1 }), in: 'shared' },
            { send: ({ state, shared }) => [state.n, shared.n] },
          ],
        },
      ],
      every: [{ every: 20, send: 'old' }],
    })
    const options: ServerOptions = {
      runtime,
      port: 0,
      logLevel: 'silent',
      wsHandlers: [{ pattern: '/a', scenario }],
    }
    const server = await createServer(options)
    try {
      const [client, other] = await Promise.all([1, 2].map(() => connectWs(`${server.url}/api/a`)))
      const ask = async (who: TestClient): Promise<unknown> => {
        who.send('count')
        for (;;) {
          const message = await who.next()
          if (typeof message !== 'string') return message
          ticks.push(message)
        }
      }
      const ticks: string[] = []
      expect([await ask(client!), await ask(client!), await ask(other!)]).toEqual([
        [1, 1],
        [2, 2],
        [1, 3],
      ])
      const every = [{ every: 20, send: 'new' }]
      server.reload({ ...options, wsHandlers: [{ pattern: '/a', scenario: { ...scenario, every } }] })
      // Nothing of before is sent from here on.
      expect(await ask(client!)).toEqual([3, 4])
      ticks.length = 0
      while (ticks.length < 5) ticks.push(await client!.next())
      expect(new Set(ticks)).toEqual(new Set(['new']))
      expect(await ask(other!)).toEqual([2, 5])
      server.reload({
        ...options,
        wsHandlers: [{ pattern: '/a', onMessage: (conn) => void conn.send({ plain: 1 }) }],
      })
      expect(await ask(client!)).toEqual({ plain: 1 })
      expect(await ask(other!)).toEqual({ plain: 1 })
    } finally {
      await server.close()
    }
  })

  test('A14: what is no function is serialised once', async () => {
    let serialised = 0
    const value = { toJSON: () => ({ n: ++serialised }) }
    const server = await start({
      connect: { send: value },
      on: [{ when: 'ask', reply: { send: value, to: 'all' } }],
    })
    // The start looks whether it can be sent at all.
    const atStart = serialised
    const clients = [await connect(server), await connect(server)]
    for (const client of clients) expect(await client.next()).toEqual({ n: atStart + 1 })
    for (let i = 0; i < 5; i++) clients[0]!.send('ask')
    for (const client of clients)
      for (let i = 0; i < 5; i++) expect(await client.next()).toEqual({ n: atStart + 2 })
    expect(serialised).toBe(atStart + 2)
  })

  test('A15: drop and close end it, and all that runs', async () => {
    let after = 0
    const server = await start({
      connect: [{ wait: 100 }, () => void after++],
      on: [
        { when: 'drop', reply: [{ drop: true }, () => void after++] },
        { when: 'close', reply: [{ send: 'last' }, { close: 4001, reason: 'enough' }, () => void after++] },
      ],
    })
    const [one, other] = [await connect(server), await connect(server)]
    one.send('drop')
    other.send('close')
    expect(await one.closed).toMatchObject({ code: 1006 })
    expect(await other.next()).toBe('last')
    expect(await other.closed).toEqual({ code: 4001, reason: 'enough' })
    await server.clock.advance(1000)
    expect(after).toBe(0)
  })

  test('A16: a step that fails ends its run, and nothing else', async () => {
    const failures: [string | undefined, string][] = []
    const server = await start(
      {
        connect: [{ wait: 10 }, { send: 'still there' }],
        on: [
          { when: 'throw', reply: [() => { throw new Error('thrown') }, { send: 'never' }] }, // prettier-ignore
          { when: 'reject', reply: [async () => { throw new Error('rejected') }, { send: 'never' }] }, // prettier-ignore
          { when: 'cycle', reply: [{ send: () => 1n }, { send: 'never' }] },
          { when: 'match', reply: { send: 'ok' } },
          { when: () => { throw new Error('a match') }, reply: { send: 'never' } }, // prettier-ignore
        ],
      },
      { onError: (_conn, error) => void failures.push([error.code, error.message]) },
    )
    const client = await connect(server)
    for (const text of ['throw', 'reject', 'cycle', 'match', 'nothing']) client.send(text)
    expect(await client.next()).toBe('ok')
    await expect.poll(() => failures.length).toBe(4)
    const told = failures.map(([code, message]) => code ?? message)
    expect(new Set(told)).toEqual(new Set(['a match', 'ERR_SERIALIZE', 'rejected', 'thrown']))
    await server.clock.advance(10)
    expect(await client.next()).toBe('still there')
  })

  test('targets: others, all, a room with and without who sends; rooms are joined and left', async () => {
    const server = await start({
      connect: [{ join: ({ conn }) => conn.req.url.split('room=')[1] ?? 'none' }],
      on: [
        { when: 'others', reply: { send: 'to others', to: 'others' } },
        { when: 'all', reply: { send: 'to all', to: 'all' } },
        { when: 'room', reply: { send: 'to x', to: { room: 'x' } } },
        { when: 'room and me', reply: { send: 'to x and me', to: { room: 'x', includeSelf: true } } },
        { when: 'leave', reply: [{ leave: 'x' }, { send: 'left' }] },
        ECHO,
      ],
      every: [{ every: 100, first: 50, times: 2, to: 'all', room: 'x', send: 'tick' }],
    })
    const [a, b, c] = [
      await connect(server, '?room=x'),
      await connect(server, '?room=x'),
      await connect(server, '?room=y'),
    ]
    for (const text of ['others', 'all', 'room', 'room and me', 'ping']) a.send(text)
    expect(await until(a, 'pong')).toEqual(['to all', 'to x and me'])
    b.send('leave')
    b.send('ping')
    expect(await until(b, 'pong')).toEqual(['to others', 'to all', 'to x', 'to x and me', 'left'])
    await server.clock.advance(1000)
    a.send('ping')
    b.send('ping')
    c.send('ping')
    expect(await until(a, 'pong')).toEqual(['tick', 'tick'])
    expect(await until(b, 'pong')).toEqual([])
    expect(await until(c, 'pong')).toEqual(['to others', 'to all'])
  })

  test('repeat is so often, for ever too, and a wait stands in for all of it', async () => {
    const server = await start({
      connect: {
        repeat: Infinity,
        steps: [{ repeat: 2, steps: { send: ({ n }) => `tick ${n}` } }, { wait: 100 }],
      },
      on: [ECHO],
    })
    const client = await connect(server)
    await server.clock.advance(250)
    client.send('ping')
    expect(await until(client, 'pong')).toEqual(Array.from({ length: 6 }, () => 'tick 1'))
  })

  test('sequential makes a whole run the unit, without it they overlap', async () => {
    const scenario: Scenario = {
      on: [
        { when: { n: 1 }, reply: [{ wait: 100 }, { send: 'one' }] },
        { when: { n: 2 }, reply: { send: 'two' } },
      ],
    }
    const told = async (sequential: boolean): Promise<unknown[]> => {
      const server = await start(scenario, { sequential })
      const client = await connect(server)
      client.json({ n: 1 })
      client.json({ n: 2 })
      if (!sequential) {
        const first = await client.next()
        await server.clock.advance(100)
        return [first, await client.next()]
      }
      await expect.poll(() => server.stats().messagesIn).toBe(2)
      await server.clock.advance(100)
      return [await client.next(), await client.next()]
    }
    expect(await told(false)).toEqual(['two', 'one'])
    expect(await told(true)).toEqual(['one', 'two'])
  })

  test('responses come first, and a schema before all of them', async () => {
    const server = await start(
      {
        on: [
          { when: 'a', reply: { send: 'scenario' } },
          { when: 'b', reply: { send: 'scenario' } },
        ],
      },
      { responses: [{ match: (_conn, data) => data === 'a', response: 'rule' }] },
    )
    const client = await connect(server)
    client.send('a')
    client.send('b')
    expect([await client.next(), await client.next()]).toEqual(['rule', 'scenario'])
  })

  test('A18: a wait between two is in between, reaches both ends, and is the same with the same seed', async () => {
    const waits = async (): Promise<number[]> => {
      const at: number[] = []
      const steps = [{ wait: [50, 100] as const }, ({ now }: { now(): number }) => void at.push(now())]
      const server = await start({
        seed: 3,
        connect: [({ now }) => void at.push(now()), { repeat: 1000, steps }],
      })
      await connect(server)
      await expect.poll(() => at.length).toBe(1)
      await server.clock.advance(100_000)
      await server.close()
      return at.slice(1).map((each, index) => each - at[index]!)
    }
    const first = await waits()
    expect(first).toHaveLength(1000)
    // The date is in whole milliseconds.
    expect(Math.min(...first)).toBeGreaterThanOrEqual(49)
    expect(Math.min(...first)).toBeLessThan(52)
    expect(Math.max(...first)).toBeLessThanOrEqual(101)
    expect(Math.max(...first)).toBeGreaterThan(98)
    expect(await waits()).toEqual(first)
  })

  test('A19: with the real clock, many tickers keep their time', async () => {
    const server = await start(
      {
        every: [
          { every: 50, send: 'a' },
          { every: 50, send: 'b' },
          { every: 50, send: 'c' },
        ],
      },
      {},
      { clock: 'real' },
    )
    const clients = await Promise.all(Array.from({ length: 50 }, () => connect(server)))
    await expect.poll(() => server.stats().connections).toBe(50)
    const before = server.stats().messagesOut
    const began = performance.now()
    const ratio = (): number =>
      (server.stats().messagesOut - before) / (((performance.now() - began) / 50) * 150)
    await sleep(1000)
    expect(ratio()).toBeLessThan(1.1)
    // A busy machine is late, and makes up for it.
    await expect.poll(ratio).toBeGreaterThan(0.9)
    for (const client of clients) client.close()
  })

  test('disconnect: the others hear of it, by whichever side it was; the phase, rooms and what was set are still there', async () => {
    const server = await start({
      shared: { here: 0 },
      connect: [
        { set: ({ shared }) => ({ here: shared.here + 1 }), in: 'shared' },
        { join: 'den' },
        { send: 'in' },
      ],
      disconnect: [
        { set: ({ shared }) => ({ here: shared.here - 1 }), in: 'shared' },
        {
          send: ({ conn, shared }) => ({ left: conn.req.url, rooms: conn.getRooms(), here: shared.here }),
          to: { room: 'den' },
        },
        { repeat: 2, steps: { send: 'gone', to: 'others' } },
      ],
      on: [
        { when: 'kick', reply: { close: 4001 } },
        { when: 'cut', reply: { drop: true } },
      ],
    })
    const watcher = await connect(server, '?w')
    expect(await watcher.next()).toBe('in')
    for (const how of ['leave', 'kick', 'cut', 'vanish']) {
      const client = await connect(server, `?${how}`)
      expect(await client.next()).toBe('in')
      if (how === 'leave') client.close()
      else if (how === 'vanish') client.terminate()
      else client.send(how)
      expect([await watcher.next(), await watcher.next(), await watcher.next()]).toEqual([
        { left: `/a?${how}`, rooms: ['den'], here: 1 },
        'gone',
        'gone',
      ])
    }
    server.verify()
  })

  test('goto as a step: behind an expect, that is how somebody logs in', async () => {
    const server = await start({
      connect: [
        { send: 'who?' },
        { expect: { type: 'login' }, within: 1000, otherwise: { close: 4401 } },
        { goto: 'in' },
      ],
      on: [{ when: 'work', phase: 'in', reply: { send: 'done' } }],
      otherwise: { send: 'no' },
    })
    const client = await connect(server)
    expect(await client.next()).toBe('who?')
    client.send('work')
    expect(await client.next()).toBe('no')
    client.json({ type: 'login' })
    client.send('work')
    expect(await client.next()).toBe('done')
    await server.clock.advance(5000)
    client.send('work')
    expect(await client.next()).toBe('done')
  })

  test('numbers, true and false are messages, too', async () => {
    const server = await start({
      on: [
        { when: 5, reply: { send: 'five' } },
        { when: true, reply: { send: 'yes' } },
      ],
      otherwise: { send: 'no' },
    })
    const client = await connect(server)
    for (const [message, answer] of [
      ['5', 'five'],
      ['6', 'no'],
      ['true', 'yes'],
      ['false', 'no'],
      ['"5"', 'no'],
    ] as const) {
      client.send(message)
      expect([message, await client.next()]).toEqual([message, answer])
    }
  })

  test('a reload stops what is said of a handler that is another one, and of no other; what it shares besides is there', async () => {
    const slow: UniversalApiWsHandler = {
      pattern: '/a',
      scenario: { on: [{ when: 'ask', reply: [{ wait: 1000 }, { send: ({ n }) => n }] }] },
    }
    const other = (version: number): UniversalApiWsHandler => ({
      pattern: '/b',
      scenario: {
        shared: { first: version, ...(version > 1 && { second: version }) },
        state: { own: version, ...(version > 1 && { more: version }) },
        on: [{ when: 'ask', reply: [{ wait: 1000 }, { send: ({ shared, state }) => [shared, state] }] }],
      },
    })
    const server = await createTestServer({ runtime, clock: 'virtual', handlers: [] })
    running.push(server)
    server.use(slow, other(1))
    const [one, two] = [await connectWs(server.url('/a')), await connectWs(server.url('/b'))]
    one.send('ask')
    two.send('ask')
    await server.settled()
    server.use(slow, other(2))
    await server.clock.advance(1000)
    expect(await one.next()).toBe(1)
    two.send('ask')
    one.send('ask')
    await server.settled()
    await server.clock.advance(1000)
    expect(await one.next()).toBe(2)
    expect(await two.next()).toEqual([
      { first: 1, second: 2 },
      { own: 1, more: 2 },
    ])
  })

  test('A12, A17: what cannot be is refused at the start, with its place, its value and the cure', async () => {
    const never = { toJSON: () => { throw new Error('never') } } // prettier-ignore
    for (const [scenario, message] of [
      [
        {
          on: [
            { when: 'a', goto: 'inn' },
            { when: 'b', phase: 'in' },
          ],
        },
        /scenario\.on\[1\]\.phase" is "in", and no goto leads there; did you mean "inn"\? there are start, inn/,
      ],
      [
        { disconnect: { send: 'bye' } },
        /scenario\.disconnect\.to" is missing; it has to be 'others', 'all', or \{ room \}: the client has gone/,
      ],
      [
        { disconnect: [{ wait: 5 }] },
        /scenario\.disconnect\[0\]" is \{"wait":5\}; it has to be a function, \{ send, to \}, \{ set \} or \{ repeat \}: the client has gone/,
      ],
      [{ conect: [] }, /unknown option "handlers\[0\]\.scenario\.conect"; did you mean "connect"\?/],
      [
        { on: [{ when: 'a', reply: [{ send: 1 }, { sned: 1 }] }] },
        /scenario\.on\[0\]\.reply\[1\]" is \{"sned":1\}; .* did you mean "send"\?/,
      ],
      [
        { connect: { send: 1, wait: 2 } },
        /scenario\.connect" has "send" and "wait", and a step does one thing/,
      ],
      [{ connect: [{ wait: [5, 1] }] }, /scenario\.connect\[0\]\.wait" is \[5,1\]/],
      [
        { connect: { send: 1, to: 'everybody' } },
        /scenario\.connect\.to" is "everybody"; it has to be 'self', 'others'/,
      ],
      [{ connect: { close: 99 } }, /scenario\.connect\.close" is 99; it has to be a close code/],
      [{ connect: { send: never } }, /scenario\.connect\.send can never be sent: .*never/],
      [
        { connect: { repeat: Infinity, steps: { send: 1 } } },
        /scenario\.connect\.repeat" is Infinity; .*wait of more than 0, or an expect/,
      ],
      [{ connect: { repeat: Infinity, steps: [{ wait: 0 }] } }, /nothing else would ever happen/],
      [{ on: [{ reply: { send: 1 } }] }, /scenario\.on\[0\]\.when" is missing/],
      [
        { on: [{ when: 'a', reply: { send: 1 }, replies: [] }] },
        /scenario\.on\[0\]\.replies" is \[\]; it has to be left out/,
      ],
      [
        { on: [{ when: 'a', after: 'repeat' }] },
        /scenario\.on\[0\]\.after" is "repeat"; it has to be one of 'last'/,
      ],
      [{ every: [{ every: 0, send: 1 }] }, /scenario\.every\[0\]\.every" is 0; .* from 1/],
      [
        { every: [{ every: 1, to: 'all', send: 1, phase: 'x' }] },
        /scenario\.every\[0\]\.phase" is "x"; it has to be left out/,
      ],
      [
        { otherwise: { send: 1 } },
        /scenario\.otherwise" is for messages that nobody takes, and onMessage takes all/,
      ],
    ] as const)
      await expect(
        start(scenario as Scenario, { ...('otherwise' in scenario && { onMessage: () => {} }) }),
      ).rejects.toThrow(message)
  })

  test('what a function of the user does wrong ends nothing, and what stands in the scenario is nobody\u2019s own', async () => {
    const failures: string[] = []
    const server = await start(
      {
        key: () => {
          throw new Error('a key')
        },
        connect: [
          { set: { items: [] } },
          ({ state, random }) => void state.items.push(random()),
          { send: ({ state }) => state.items.length },
          async () => {},
          { wait: 100 },
          { send: 'behind' },
        ],
        on: [
          { when: 'five', reply: { set: () => 5 as never } },
          { when: (async () => true) as never, reply: { send: 'never' } },
        ],
      },
      { onError: (_conn, { message }) => void failures.push(message) },
    )
    for (let i = 0; i < 2; i++) {
      const client = await connect(server)
      expect(await client.next()).toBe(1)
      client.send('five')
      client.send('other')
      await expect.poll(() => server.stats().messagesIn).toBe(2 * (i + 1))
      await server.clock.advance(99)
      await server.clock.advance(1)
      expect(await client.next()).toBe('behind')
    }
    expect(new Set(failures)).toEqual(
      new Set([
        'a key',
        expect.stringMatching(/scenario\.on\[0\]\.reply\.set made 5; it has to make an object/),
        expect.stringMatching(/scenario\.on\[1\]\.when answered a promise/),
      ]),
    )
  })

  test('an expect in an answer of a sequential handler would wait for itself, and is refused', async () => {
    await expect(
      start({ on: [{ when: 'a', reply: [{ expect: 'b' }] }] }, { sequential: true }),
    ).rejects.toThrow(/has an expect in an answer, and the handler is sequential/)
    const server = await start({ connect: [{ expect: 'b' }, { send: 'got it' }] }, { sequential: true })
    const client = await connect(server)
    client.send('b')
    expect(await client.next()).toBe('got it')
  })

  test('what is sent is held against the schema: at the start, and where a function makes it', async () => {
    const failures: unknown[] = []
    const outgoing = z.object({ ok: z.boolean() })
    await expect(start({ connect: { send: { ok: 1 } } }, { schema: { outgoing } })).rejects.toThrow(
      /scenario\.connect\.send can never be sent: invalid outgoing message: ok/,
    )
    const server = await start(
      { connect: [{ send: () => ({ ok: 'no' }) }], every: [{ every: 10, send: { ok: true } }] },
      { schema: { outgoing }, onError: (_conn, error) => void failures.push(error) },
    )
    const client = await connect(server)
    await expect.poll(() => failures).toMatchObject([{ code: 'ERR_INVALID' }])
    await server.clock.advance(10)
    expect(await client.next()).toEqual({ ok: true })
  })

  test('A20: at debug each message says which rule took it, or which was nearest and where it differs', async () => {
    const log: string[] = []
    const quiet = (): void => {}
    const server = await start(
      {
        on: [
          { when: { type: 'a', x: { y: 1 } }, goto: 'later' },
          { when: { type: 'b' } },
          { when: 'c', phase: 'later' },
        ],
      },
      {},
      {
        logLevel: 'debug',
        strict: true,
        logger: { error: quiet, warn: quiet, info: quiet, debug: (text) => void log.push(text) },
      },
    )
    const client = await connect(server)
    client.json({ type: 'b' })
    client.json({ type: 'a', x: { y: 2 } })
    client.send('c')
    const said = (): string[] => log.flatMap((line) => /\): (.*(?:took it|rule of).*)$/.exec(line)?.[1] ?? [])
    await expect
      .poll(said)
      .toEqual([
        'scenario.on[1] took it',
        'no rule of the scenario took it: nearest was on[0], which differs at message.x.y',
        'no rule of the scenario took it: nearest was on[2], which is not for the phase "start"',
      ])
    expect(() => server.verify()).toThrow(
      /^nothing took a message: .*; nearest was on\[0\], which differs at message\.x\.y\n {2}and 1 more/,
    )
  })
})
