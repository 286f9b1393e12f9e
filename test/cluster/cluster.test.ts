import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { UniversalApiWsHandler } from '../../src/index.ts'
import { MemoryExchange } from '../support/memory-broker.ts'
import { Rig, type Peer } from '../engine/rig.ts'

const rigs: Rig[] = []

beforeEach(() => void vi.useFakeTimers())
afterEach(async () => {
  const closing = rigs.splice(0).map(({ server }) => server.close())
  await vi.advanceTimersByTimeAsync(60_000)
  await Promise.all(closing)
  vi.useRealTimers()
})

const chat: UniversalApiWsHandler = {
  pattern: '/chat/{room}',
  onConnect: (conn) => conn.joinRoom(conn.path.split('/').at(-1) ?? ''),
  onMessage: (conn, data) => {
    if (Array.isArray(data)) conn.broadcast(data[0], { rooms: data.slice(1) })
    else conn.broadcast(data)
  },
}

interface Node {
  readonly rig: Rig
  readonly broker: ReturnType<MemoryExchange['broker']>
}

async function node(exchange: MemoryExchange, handler = chat, options: object = {}): Promise<Node> {
  const broker = exchange.broker()
  const rig = await Rig.start(handler, { broker, ...options })
  rigs.push(rig)
  await settle()
  return { rig, broker }
}

/** Greetings wait up to 50 ms. */
async function settle(ms = 60): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
}

async function nodes(count: number, handler = chat): Promise<{ exchange: MemoryExchange; all: Node[] }> {
  const exchange = new MemoryExchange()
  const all: Node[] = []
  for (let n = 0; n < count; n++) all.push(await node(exchange, handler))
  return { exchange, all }
}

function say(peer: Peer, data: unknown): void {
  peer.socket.receive(JSON.stringify(data))
}

test('a broadcast reaches the rooms of all nodes, each connection once, and never comes back', async () => {
  const { exchange, all } = await nodes(3)
  const [a, b, c] = all.map(({ rig }) => rig) as [Rig, Rig, Rig]
  const sender = await a.connect('/chat/red')
  const others = [
    await a.connect('/chat/red'),
    await b.connect('/chat/red'),
    await b.connect('/chat/blue'),
    await c.connect('/chat/green'),
  ]
  // Two of the rooms, and being in both of them counts once.
  others[1]?.conn.joinRoom('blue')
  const before = exchange.published
  say(sender, ['hello', 'red', 'blue'])
  await settle(0)
  expect(others.map(({ seen }) => seen)).toEqual([['hello'], ['hello'], ['hello'], []])
  expect(sender.seen).toEqual([])
  expect(exchange.published - before).toBe(1)
  say(sender, 'all of you')
  await settle(0)
  expect(others.map(({ seen }) => seen.at(-1))).toEqual(Array.from({ length: 4 }, () => 'all of you'))
})

test('rooms and scopes that are only elsewhere, and a node without clients that publishes', async () => {
  const scoped: UniversalApiWsHandler = { ...chat, scope: 'path' }
  const { all } = await nodes(2, scoped)
  const [a, b] = all.map(({ rig }) => rig) as [Rig, Rig]
  const [red, blue] = [await b.connect('/chat/red'), await b.connect('/chat/blue')]
  const sender = await a.connect('/chat/red')
  say(sender, 'to the others at my path')
  a.server.publish('/chat/{room}', 'to all of it')
  a.server.publish('/chat/{room}', 'to a room', { room: 'blue' })
  a.server.publish('/chat/{room}', 'to nobody', { rooms: [] })
  a.server.publish('/chat/{room}', 'only here', { local: true })
  await settle(0)
  expect(red.seen).toEqual(['to the others at my path', 'to all of it'])
  expect(blue.seen).toEqual(['to all of it', 'to a room'])
  expect(sender.seen).toEqual(['to all of it', 'only here'])
})

test('bytes and text stay what they are', async () => {
  const raw: UniversalApiWsHandler = {
    pattern: '/raw',
    raw: true,
    onMessage: (conn, data) => conn.broadcast(data),
  }
  const { all } = await nodes(2, raw)
  const [a, b] = all.map(({ rig }) => rig) as [Rig, Rig]
  const receiver = await b.connect('/raw')
  const sender = await a.connect('/raw')
  const large = Buffer.alloc(1024 * 1024, 7)
  const said = ['', 'ä€😀', Buffer.from([]), Buffer.from([0, 255]), large]
  for (const payload of said) sender.socket.receive(payload)
  await settle(0)
  const same = (seen: unknown, payload: string | Buffer): boolean =>
    typeof payload === 'string' ? seen === payload : payload.equals(seen as Buffer)
  expect(said.map((payload, n) => same(receiver.seen[n], payload))).toEqual(said.map(() => true))
  expect(receiver.seen).toHaveLength(said.length)
})

test('nobody without a broker has nodes, and all are asked with one', async () => {
  const alone = await Rig.start(chat)
  rigs.push(alone)
  await alone.connect('/chat/red')
  expect(alone.server.nodes).toEqual([])
  expect(alone.server.stats().broker.state).toBe('off')
  expect(await alone.server.allConnections()).toMatchObject({ connections: [{ node: 'self' }], missing: [] })
  expect((await alone.server.allStats()).stats).toEqual(alone.server.stats())

  const { all } = await nodes(3)
  const [a, b, c] = all as [Node, Node, Node]
  await a.rig.connect('/chat/red')
  const peer = await b.rig.connect('/chat/blue')
  const ids = a.rig.server.nodes.map(({ id }) => id)
  expect(a.rig.server.nodes).toMatchObject([{ self: true, pid: process.pid, runtime: 'memory' }, {}, {}])
  const answered = a.rig.server.allConnections()
  await settle(0)
  const { connections, missing } = await answered
  expect(connections.map(({ path, node: id }) => [path, ids.indexOf(id) > 0])).toEqual([
    ['/chat/red', false],
    ['/chat/blue', true],
  ])
  expect(connections[1]?.id).toBe(peer.conn.id)
  expect(missing).toEqual([])
  // One that hears nothing is named, and what the others say counts.
  c.broker.goDeaf()
  const summed = a.rig.server.allStats({ timeout: 100 })
  await settle(100)
  expect(await summed).toMatchObject({
    stats: { opened: 2, connections: 2, broker: { nodes: 3 } },
    missing: [c.rig.server.nodes[0]?.id],
  })
  await expect(a.rig.server.allStats({ timeout: -1 })).rejects.toThrow(/option "timeout" is -1/)
})

test('a node that goes is out at once, one that dies after nodeTimeout', async () => {
  const { all } = await nodes(3)
  const [a, b, c] = all as [Node, Node, Node]
  expect(a.rig.server.stats().broker.nodes).toBe(3)
  const closing = b.rig.server.close()
  await settle(0)
  await closing
  expect(a.rig.server.nodes).toHaveLength(2)
  c.broker.refuses = true
  await settle(5900)
  expect(a.rig.server.nodes).toHaveLength(2)
  await settle(4100)
  expect(a.rig.server.nodes).toHaveLength(1)
  c.broker.refuses = false
  await settle(2000)
  expect(a.rig.server.nodes).toHaveLength(2)
})

test('what is sent while the broker is away comes when it is back: in order, once', async () => {
  const { exchange, all } = await nodes(2)
  const [a, b] = all.map(({ rig }) => rig) as [Rig, Rig]
  const sender = await a.connect('/chat/red')
  const near = await a.connect('/chat/red')
  const far = await b.connect('/chat/red')
  say(sender, 1)
  await settle(0)
  exchange.goDown()
  for (const n of [2, 3, 4]) say(sender, n)
  await settle(1000)
  expect(near.seen).toEqual(['1', '2', '3', '4'])
  expect(far.seen).toEqual(['1'])
  expect(a.server.stats().broker).toMatchObject({ state: 'down', sent: 4 })
  exchange.comeUp()
  say(sender, 5)
  await settle(200)
  expect(far.seen).toEqual(['1', '2', '3', '4', '5'])
  expect(a.server.stats().broker).toMatchObject({ state: 'up', resent: 3, lost: 0 })
  expect(b.server.stats().broker).toMatchObject({ received: 5, recovered: 3, lost: 0 })
  expect(a.log).toEqual([
    expect.stringMatching(/^warn \[sidewire\] the broker memory is away \(memory is lost\)/),
    expect.stringMatching(/^warn \[sidewire\] the broker memory is back after 1\.0 s/),
  ])
})

test('what is older than bufferTime is counted as lost by who missed it, and said once', async () => {
  const { exchange, all } = await nodes(2)
  const [a, b] = all.map(({ rig }) => rig) as [Rig, Rig]
  const sender = await a.connect('/chat/red')
  const far = await b.connect('/chat/red')
  say(sender, 0)
  await settle(0)
  exchange.goDown()
  for (let n = 1; n <= 10; n++) {
    say(sender, n)
    await settle(980)
  }
  exchange.comeUp()
  await settle(2000)
  const { received, lost } = b.server.stats().broker
  expect(received + lost).toBe(a.server.stats().broker.sent)
  expect(lost).toBe(5)
  expect(far.seen).toEqual(['0', '6', '7', '8', '9', '10'])
  expect(b.log.filter((line) => line.includes('did not reach'))).toEqual([
    expect.stringContaining('5 broadcasts of other nodes did not reach this one'),
  ])
})

test('three that missed the same ask once or twice, and one answer is for all', async () => {
  const { all } = await nodes(4)
  const [a, ...others] = all as [Node, ...Node[]]
  const sender = await a.rig.connect('/chat/red')
  const far = await Promise.all(others.map(({ rig }) => rig.connect('/chat/red')))
  say(sender, 1)
  await settle(0)
  for (const { broker } of others) broker.drop(1)
  say(sender, 2)
  say(sender, 3)
  await settle(500)
  expect(far.map(({ seen }) => seen)).toEqual(Array.from({ length: 3 }, () => ['1', '2', '3']))
  expect(a.rig.server.stats().broker.resent).toBeLessThanOrEqual(2)
})

test('a broker that no longer brings what we publish is stuck: it is dialled again', async () => {
  const { all } = await nodes(2)
  const [a, b] = all as [Node, Node]
  const far = await a.rig.connect('/chat/red')
  const sender = await b.rig.connect('/chat/red')
  a.broker.goDeaf()
  say(sender, 'missed')
  await settle(6000)
  expect(far.seen).toEqual(['missed'])
  expect(a.rig.server.stats().broker).toMatchObject({ state: 'up', recovered: 1, lost: 0 })
  expect(a.rig.log[0]).toContain('nothing of what we publish has come back for 3 s')
})

test('too long for the broker, or for maxPayload: here only, counted, said once', async () => {
  const { exchange, all } = await nodes(2, { ...chat, maxPayload: 2000 })
  exchange.maxFrame = 1000
  const [a, b] = all.map(({ rig }) => rig) as [Rig, Rig]
  const near = await a.connect('/chat/red')
  const far = await b.connect('/chat/red')
  for (const length of [1500, 1500, 500]) a.server.publish('/chat/{room}', 'x'.repeat(length))
  exchange.maxFrame = undefined
  a.server.publish('/chat/{room}', 'x'.repeat(2500))
  await settle(100)
  expect(near.seen).toHaveLength(4)
  expect(far.seen).toHaveLength(1)
  expect(a.server.stats().broker).toMatchObject({ refused: 3, sent: 1 })
  expect(b.server.stats().broker).toMatchObject({ received: 1, lost: 0 })
  expect(a.log).toEqual([expect.stringContaining('the broker memory takes 1000')])
})

test('a handler that the other node has not is counted, and nothing else', async () => {
  const exchange = new MemoryExchange()
  const a = await node(exchange)
  const b = await node(exchange, { pattern: '/other' })
  const sender = await a.rig.connect('/chat/red')
  say(sender, 'hello')
  await settle(0)
  expect(b.rig.server.stats().broker).toMatchObject({ received: 1, unserved: 1 })
})

test('what is no frame is ignored, and said once', async () => {
  const { exchange, all } = await nodes(1)
  for (const bytes of [[], [1, 2, 3], Array.from({ length: 40 }, () => 0x12)])
    exchange.publish(Buffer.from(bytes))
  await settle(0)
  expect(all[0]?.rig.log).toEqual([expect.stringContaining('no node of this version has sent')])
})

test('bad options name the field, and show no password', async () => {
  const wrong = [
    [{ broker: 7 }, /option "broker" is 7; it has to be a URL/],
    [
      { broker: { url: 'redis://u:secret@h', buffer: -1 } },
      /option "broker.buffer" is -1; it has to be a whole number of bytes/,
    ],
    [{ broker: { url: 'redis://u:secret@h', bufer: 1 } }, /unknown option "broker.bufer".*buffer/],
    [
      { broker: { url: 'redis://u:secret@h', nodeTimeout: 1000 } },
      /option "broker.nodeTimeout" is 1000.*2500/,
    ],
    [{ broker: { open: 1 } }, /broker/],
  ] as const
  for (const [options, message] of wrong) {
    const error = await Rig.start(chat, options as never).then(
      () => undefined,
      (cause: Error) => cause,
    )
    expect(error?.message).toMatch(message)
    expect(error?.message).not.toContain('secret')
  }
})
