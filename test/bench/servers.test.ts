import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CONTESTANTS, VITE_CONTESTANTS } from '../../bench/contestants.mjs'
import { Server } from '../../bench/processes.mjs'
import { NODE_RUNTIMES } from '../contract/runtimes.ts'
import { inflate } from '../support/raw-client.ts'
import { SOCKET_IO, WEBSOCKET, type Client } from './client.ts'

// A comparison of servers that do different work says nothing: here each proves that it does what the others do.

const open: { close(): void }[] = []
afterEach(() => {
  for (const client of open.splice(0)) client.close()
})

/** Each of the clients gets each message once, in order; each message is sent when all have the last one. */
async function expectFanOut(clients: readonly Client[]): Promise<void> {
  for (const [number, sender] of clients.slice(0, 4).entries()) {
    const message = { id: number, pad: 'x'.repeat(30) }
    sender.json(message)
    const received = await Promise.all(clients.map((client) => client.next()))
    // A copy too many of the last message would be here in place of this one.
    expect(received).toEqual(clients.map(() => message))
  }
}

/** Where uWebSockets.js has no binary, `npm test` says that the runtime uws was not proven. */
const here = Object.entries(CONTESTANTS).filter(
  ([name]) => NODE_RUNTIMES.includes('uws') || !name.endsWith('uws'),
)

describe.each(here)('%s', (_name, contestant) => {
  const dialect = contestant.client === 'socket-io' ? SOCKET_IO : WEBSOCKET
  let server: Server
  beforeAll(async () => {
    server = await Server.start(contestant)
  })
  afterAll(() => server.stop())

  async function connect(path: string, count: number): Promise<Client[]> {
    const clients: Client[] = []
    // One after the other: rooms are given out in the order of opening.
    for (let i = 0; i < count; i++) clients.push(await dialect.connect(server.ports[0]!, path))
    open.push(...clients)
    return clients
  }

  test('echoes JSON to the sender only', async () => {
    const [one, other] = await connect('/api/echo', 2)
    const message = { id: 'sw000017.0000000042', text: 'äöü 🎉', list: [1, null, true] }
    one!.json(message)
    expect(await one!.next()).toEqual(message)
    other!.json(1)
    expect(await other!.next()).toBe(1)
  })

  test.each(['/api/fanout', '/api/room'])('%s reaches all, the sender included, once', async (path) => {
    await expectFanOut(await connect(path, 6))
  })

  test('a union of two rooms reaches the members of one and of both once', async () => {
    await expectFanOut(await connect('/api/union', 7))
  })

  test('negotiates compression without context takeover, and compresses', async () => {
    const sender = await dialect.rawCompressed(server.ports[0]!)
    const receiver = await dialect.rawCompressed(server.ports[0]!)
    open.push({ close: () => (sender.reset(), receiver.reset()) })
    const text = dialect.frame(JSON.stringify({ id: 1, pad: 'the quick brown fox '.repeat(75) }))
    expect(text.length).toBeGreaterThan(1500)
    for (let repeat = 0; repeat < 2; repeat++) {
      sender.text(text)
      for (const client of [sender, receiver]) {
        const { rsv1, payload } = await client.next()
        expect(rsv1).toBe(true)
        expect(payload.length).toBeLessThan(200)
        // Each message on its own: no inflater that knows the last one is needed.
        expect(inflate(payload).toString()).toBe(text)
      }
    }
  })

  test('parses and serialises', async () => {
    const raw = await dialect.rawCompressed(server.ports[0]!)
    open.push({ close: () => raw.reset() })
    raw.text(dialect.frame('{ "id" :\t1 }'))
    expect(await raw.nextText()).toBe(dialect.frame('{"id":1}'))
  })

  test('holds idle connections, and says what it uses', async () => {
    const before = await server.ask('cpu')
    await connect('/api/idle', 1)
    const { rss, held } = await server.ask('memory')
    expect(held).toBeGreaterThan(1_000_000)
    expect(rss).toBeGreaterThanOrEqual(held)
    const after = await server.ask('cpu')
    expect(after.cpu).toBeGreaterThan(before.cpu)
    expect(after.at).toBeGreaterThanOrEqual(before.at)
  })
})

describe.each(Object.entries(VITE_CONTESTANTS))('%s', (_name, contestant) => {
  test('echoes JSON', async () => {
    const server = await Server.start(contestant)
    try {
      const client = await WEBSOCKET.connect(server.ports[contestant.port ?? 0]!, '/api/echo')
      open.push(client)
      client.json({ id: 1 })
      expect(await client.next()).toEqual({ id: 1 })
      expect((await server.ask('cpu')).cpu).toBeGreaterThan(0)
    } finally {
      await server.stop()
    }
  })
})
