import { afterEach, describe, expect, test } from 'vitest'
import type { UniversalApiWsHandler, WebSocketConnection } from '../../src/index.ts'
import { createTestServer, type TestServer } from '../../src/testing/index.ts'
import { connectWs } from '../support/client.ts'

// What a user may write that is wrong or unusual, and what is said or done then.

const servers: TestServer[] = []

async function start(...args: Parameters<typeof createTestServer>): Promise<TestServer> {
  const server = await createTestServer(...args)
  servers.push(server)
  return server
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

const ECHO: UniversalApiWsHandler = { pattern: '/echo', onMessage: (conn, data) => void conn.send(data) }

test.each<[given: unknown, said: string]>([
  [{ handler: [] }, 'unknown option "handler"; createTestServer() has "handlers"'],
  [{ wsHandlers: [] }, 'unknown option "wsHandlers"; createTestServer() has "handlers"'],
  [{ handlers: ECHO }, 'option "handlers" is {"pattern":"/echo"}; it has to be a list of handlers'],
  [
    { handlers: [{ pattern: '/a', onMesage: () => {} }] },
    'unknown option "handlers[0].onMesage"; did you mean',
  ],
  [ECHO, 'unknown option "pattern"; it belongs to a handler, an entry of handlers'],
  [[undefined], 'option "handlers[0]" is undefined; it has to be a handler'],
  [null, 'createTestServer() got null; it has to be a list of handlers, or an object of options'],
  ['/chat', 'createTestServer() got "/chat"; it has to be a list of handlers'],
  [{ clock: 'fake' }, `option "clock" is "fake"; it has to be 'real' or 'virtual'`],
  [{ strict: 1 }, 'option "strict" is 1; it has to be true or false'],
  [
    { timeout: '5s' },
    'option "timeout" is "5s"; it has to be milliseconds from 0 to 2147483647, or Infinity',
  ],
  [{ timeout: Number.NaN }, 'option "timeout" is NaN'],
  [{ nonsense: 1 }, 'unknown option "nonsense"; known are'],
])('createTestServer(%j)', async (given, said) => {
  await expect(createTestServer(given as never)).rejects.toMatchObject({
    code: 'ERR_OPTION',
    message: expect.stringContaining(said),
  })
})

test.each<[pattern: unknown, refusal: unknown, said: string]>([
  [undefined, {}, 'refuse() got undefined for a pattern; it has to be a path'],
  ['/echo', 3, 'refuse() got 3 behind the pattern; it has to be { times, status, delay }'],
  ['/echo', { time: 1 }, 'refuse(): unknown option "time"; known are times, status, delay'],
  ['/echo', { times: 0 }, 'option "times" is 0; it has to be a whole number from 1, or Infinity'],
  ['/echo', { times: 'two' }, 'option "times" is "two"'],
  ['/echo', { status: 101 }, 'option "status" is 101; it has to be the status of a refusal, 400 to 599'],
  ['/echo', { status: '503' }, 'option "status" is "503"'],
  ['/echo', { delay: -1 }, 'option "delay" is -1; it has to be milliseconds from 0'],
  ['/echo', { delay: '1s' }, 'option "delay" is "1s"'],
  ['/a/{', {}, '/a/{'],
])('refuse(%j, %j) says so, and refuses nobody', async (pattern, refusal, said) => {
  const server = await start([ECHO])
  expect(() => server.refuse(pattern as never, refusal as never)).toThrow(said)
  await connectWs(server.url('/echo'))
})

describe('use', () => {
  test.each<[handler: unknown, said: string]>([
    [undefined, 'option "handlers[0]" is undefined'],
    [{ onMessage: () => {} }, 'option "handlers[0].pattern" is missing'],
    [{ pattern: '/x', onMesage: () => {} }, 'unknown option "handlers[0].onMesage"'],
    [{ pattern: '/ws/:id' }, '/ws/:id'],
  ])('of %j leaves everything as it was', async (handler, said) => {
    const server = await start([ECHO])
    server.use({ pattern: '/more', onMessage: (conn) => void conn.send('more') })
    const client = await connectWs(server.url('/more'))
    expect(() => server.use(handler as never)).toThrow(said)
    client.send('x')
    expect(await client.next()).toBe('more')
    const echo = await connectWs(server.url('/echo'))
    echo.send('x')
    expect(await echo.next()).toBe('x')
  })

  test('twice with one pattern, with and without its slash: the last one stands', async () => {
    const server = await start([ECHO])
    const says = (text: string, pattern: string): UniversalApiWsHandler => ({
      pattern,
      onMessage: (conn) => void conn.send(text),
    })
    server.use(says('first', '/echo'))
    server.use(says('second', 'echo'))
    const client = await connectWs(server.url('/echo'))
    client.send('x')
    expect(await client.next()).toBe('second')
  })

  test('tells the handlers that stay nothing: they are the same', async () => {
    const starts: string[] = []
    const server = await start([
      {
        ...ECHO,
        onPong: () => {},
        onStart: () => void starts.push('start'),
        onStop: () => void starts.push('stop'),
      },
    ])
    server.use({ pattern: '/more' })
    expect(starts).toEqual(['start'])
  })
})

test('a handler that is an object of a class, with fields of its own, and no pong of the kit reaches it', async () => {
  class Counting implements UniversalApiWsHandler {
    readonly pattern = '/count'
    readonly #pongs: string[] = []
    #count = 0

    get pongs(): readonly string[] {
      return this.#pongs
    }

    onMessage(conn: WebSocketConnection): void {
      conn.send(++this.#count)
    }

    onPong(_conn: WebSocketConnection, data: Buffer): void {
      this.#pongs.push(`${this.#count} ${data.toString()}`)
    }
  }
  const handler = new Counting()
  const server = await start([handler])
  const client = await connectWs(server.url('/count'))
  client.send('x')
  expect(await client.next()).toBe(1)
  const connection = await server.connection()
  await server.settled()
  connection.conn.ping('mine')
  await server.settled()
  expect(handler.pongs).toEqual(['1 mine'])
})

test.each(['real', 'virtual'] as const)(
  'a refusal with a delay does not outlast reset() and close(), clock: %s',
  async (clock) => {
    const server = await start({ clock, handlers: [ECHO] })
    // An hour: the test would end by its own time.
    for (const end of [() => server.reset(), () => server.close()]) {
      server.refuse('/echo', { times: 1, delay: 3_600_000 })
      const open = (): Promise<string> =>
        connectWs(server.url('/echo')).then(
          () => 'opened',
          (error: Error) => error.message,
        )
      const both = [open(), open()]
      // When one of them is in, the other one is held.
      await server.connection({ timeout: 30_000 })
      await end()
      expect((await Promise.all(both)).toSorted()).toEqual([
        expect.stringMatching(/503|Expected 101/),
        'opened',
      ])
    }
  },
)

test('a hook that fails after reset() is no failure of the next test', async () => {
  let fail: () => void = () => {}
  const server = await start([
    {
      pattern: '/late',
      onMessage: () => new Promise((_, reject) => (fail = () => reject(new Error('late')))),
    },
    ECHO,
  ])
  const late = await connectWs(server.url('/late'))
  late.send('x')
  await (await server.connection()).received.next('x')
  await server.reset()
  fail()
  const client = await connectWs(server.url('/echo'))
  client.send('x')
  expect(await client.next()).toBe('x')
  await server.settled()
  server.verify()
  expect(server.journal.map(({ kind }) => kind)).toEqual(['connect', 'in', 'out'])
})

describe('waiting', () => {
  test('two for a connection at once get one each, in their order', async () => {
    const server = await start([ECHO])
    const both = Promise.all([server.connection({ timeout: 30_000 }), server.connection({ timeout: 30_000 })])
    await connectWs(server.url('/echo?1'))
    await connectWs(server.url('/echo?2'))
    expect((await both).map(({ req }) => req.url)).toEqual(['/echo?1', '/echo?2'])
  })

  test('a next() whose time is over, or whose signal is, does not wait for one before it', async () => {
    const server = await start([ECHO])
    const client = await connectWs(server.url('/echo'))
    const { received } = await server.connection()
    const first = received.next('a', { timeout: 30_000 })
    client.send('b')
    await expect(received.next('b', { timeout: 20 })).rejects.toThrow(
      "no message that matches within 20 ms; a next() before it still waits, and the messages are that one's",
    )
    const aborter = new AbortController()
    const aborted = received.next('b', { timeout: 30_000, signal: aborter.signal })
    aborter.abort(new Error('the test is over'))
    await expect(aborted).rejects.toThrow('the test is over')
    client.send('a')
    expect(await first).toBe('a')
  })

  test('with a time that is none says so, and waits for nothing', async () => {
    const server = await start([ECHO])
    await connectWs(server.url('/echo'))
    const { received } = await server.connection()
    await expect(received.next('a', { timeout: Number.NaN })).rejects.toThrow('option "timeout" is NaN')
    await expect(received.next('a', { timeout: 2 ** 31 })).rejects.toThrow('option "timeout" is 2147483648')
    await expect(received.none('a', { for: -1 })).rejects.toThrow('option "for" is -1')
    await expect(server.connection({ timeout: '1' as never })).rejects.toThrow('option "timeout" is "1"')
  })
})
