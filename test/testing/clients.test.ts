import PartySocket from 'partysocket/ws'
import * as reconnecting from 'reconnecting-websocket'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket as Ws } from 'ws'
import { createTestServer, type TestServer } from '../../src/testing/index.ts'
import '../../src/testing/vitest.ts'

// The clients that people have in what they test, against a server of the kit: nothing in them is replaced.

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(): Promise<TestServer> {
  const server = await createTestServer([
    { pattern: '/feed', onMessage: (conn, data) => void conn.send({ echo: data }) },
  ])
  cleanups.push(() => server.close())
  return server
}

/** What both clients without a reconnect of their own are, as far as it is used here. */
type Plain = Pick<WebSocket, 'addEventListener' | 'send' | 'close'>

describe.each<[name: string, open: (url: string) => Plain]>([
  ['WebSocket of the platform', (url) => new WebSocket(url)],
  ['ws', (url) => new Ws(url) as unknown as Plain],
])('%s', (_, create) => {
  const open = (url: string): Plain => {
    const socket = create(url)
    cleanups.push(() => socket.close())
    return socket
  }
  const happens = (socket: Plain, name: string): Promise<any> =>
    new Promise((resolve) => socket.addEventListener(name, resolve))

  test('says and hears, and sees a connection that is cut as 1006', async () => {
    const server = await start()
    const socket = open(server.url('/feed'))
    const [answer, closed] = [happens(socket, 'message'), happens(socket, 'close')]
    const connection = await server.connection()
    await happens(socket, 'open')
    socket.send('{"type":"subscribe","topic":"a"}')
    await expect(connection).toReceive({ type: 'subscribe' })
    expect(JSON.parse((await answer).data)).toEqual({ echo: { type: 'subscribe', topic: 'a' } })
    connection.drop()
    expect(await closed).toMatchObject({ code: 1006, wasClean: false })
    await expect(connection).toClose({ code: 1006, wasClean: false })
  })

  test('is refused twice, and opens then', async () => {
    const server = await start()
    server.refuse('/feed', { times: 2 })
    for (let n = 0; n < 2; n++) {
      const socket = open(server.url('/feed'))
      // The one of Node 20 leaves it at that, without a `close`.
      await happens(socket, 'error')
    }
    await happens(open(server.url('/feed')), 'open')
    expect(server.journal.map(({ kind, status }) => status ?? kind)).toEqual([503, 503, 'connect'])
  })
})

/** A CommonJS package: Node and Vitest do not agree on what its default export is. */
const { default: found } = reconnecting
const ReconnectingWebSocket = 'default' in found ? found.default : found

const QUICK = { minReconnectionDelay: 5, maxReconnectionDelay: 10, minUptime: 0 }

describe.each<[name: string, open: (url: string) => { send(data: string): unknown; close(): void }]>([
  ['reconnecting-websocket', (url) => new ReconnectingWebSocket(url, [], { ...QUICK, WebSocket: Ws })],
  ['partysocket', (url) => new PartySocket(url, [], { ...QUICK, WebSocket: Ws })],
])('%s', (_, open) => {
  test('comes back after a drop, through two refusals', async () => {
    const server = await start()
    const socket = open(server.url('/feed'))
    cleanups.push(() => socket.close())
    const first = await server.connection()
    first.send({ type: 'welcome' })
    server.refuse('/feed', { times: 2 })
    first.drop()
    const second = await server.connection({ n: 2, timeout: 30_000 })
    socket.send('"back"')
    await expect(second).toReceive('back')
    expect(
      server.journal.flatMap(({ kind, status }) => (/in|out/.test(kind) ? [] : [status ?? kind])),
    ).toEqual(['connect', 'close', 503, 503, 'connect'])
  })
})
