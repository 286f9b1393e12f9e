import { Presence, Socket, type Channel } from 'phoenix'
import { describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import {
  phoenix,
  PhoenixError,
  type PhoenixChannel,
  type PhoenixOptions,
  type PhoenixTopics,
} from '../../src/presets/presets.ts'
import { connectWs, Queue } from '../support/client.ts'
import { defer, PLACES, shakeHands, STANDALONE, untilEmpty, type Started } from './rig.ts'

/** The first version of the protocol, as clients of it have it. */
const VSN_1 = {
  vsn: '1.0.0',
  encode: (message: object, done: (text: string) => void) => done(JSON.stringify(message)),
  decode: (text: string, done: (message: object) => void) => done(JSON.parse(text) as object),
}

function dial({ url }: Started, options: object = {}): Socket {
  const socket = new Socket(`${url}/socket`, {
    transport: WebSocket,
    reconnectAfterMs: () => 10,
    rejoinAfterMs: () => 10,
    ...options,
  })
  defer(() => socket.disconnect())
  socket.connect()
  return socket
}

/** What is answered to a push, or to a join. */
function answered(push: {
  receive(status: string, done: (response: unknown) => void): unknown
}): Promise<unknown[]> {
  return new Promise((resolve) => {
    for (const status of ['ok', 'error', 'timeout'])
      push.receive(status, (response) => resolve([status, response]))
  })
}

interface Told {
  readonly left: string[]
  readonly errors: string[]
}

function room({ left }: Told): PhoenixTopics {
  return {
    'room:*': {
      presence: true,
      join(payload, channel) {
        const { name, banned, crash } = payload as { name?: string; banned?: boolean; crash?: boolean }
        if (banned) throw new PhoenixError({ reason: 'banned' })
        if (crash) throw new Error('the join failed')
        channel.data['name'] = name
        if (name !== undefined) channel.track(name, { online: true })
        return { topic: channel.topic }
      },
      on: {
        shout: (payload, channel) => channel.broadcast('shout', payload as object),
        whisper: (payload, channel) => channel.broadcast('shout', payload as object, { self: false }),
        add: (payload) => (payload as { list: number[] }).list.reduce((a, b) => a + b, 0),
        bytes: (payload, channel) => {
          channel.push('bytes', payload as Buffer)
          channel.broadcast('all-bytes', payload as Buffer)
          return payload
        },
        refuse: () => {
          throw new PhoenixError('not now')
        },
        crash: () => {
          throw new Error('the hook failed')
        },
        kick: (_payload, channel) => channel.close(),
        '*': (_payload, _channel, event) => ({ event }),
      },
      leave: (channel: PhoenixChannel) => void left.push(`${channel.topic} ${String(channel.data['name'])}`),
    },
    'room:vip': { join: () => 'exact', on: {} },
  }
}

function handler(told: Told, options: PhoenixOptions = {}) {
  return phoenix(room(told), { onError: (_conn, error) => void told.errors.push(error.message), ...options })
}

const bare = (): Told => ({ left: [], errors: [] })

/** All events of a channel, by name. */
function events(channel: Channel, ...names: string[]): Queue<unknown[]> {
  const queue = new Queue<unknown[]>('event')
  for (const name of names) channel.on(name, (payload) => queue.push([name, payload]))
  return queue
}

describe.each(PLACES)('Phoenix channels on $name', ({ start }) => {
  test.each([
    ['vsn 2', {}],
    ['vsn 1', VSN_1],
  ])('join, answers, broadcasts to both versions, leave: %s', async (_name, options) => {
    const told = bare()
    const started = await start(handler(told))
    const channel = dial(started, options).channel('room:lobby', { name: 'ann' })
    const other = dial(started).channel('room:lobby', { name: 'bob' })
    expect(await answered(channel.join())).toEqual(['ok', { topic: 'room:lobby' }])
    await answered(other.join())
    const [mine, theirs] = [events(channel, 'shout'), events(other, 'shout')]
    expect(await answered(channel.push('shout', { text: 'hi' }))).toEqual(['ok', {}])
    expect([await mine.next(), await theirs.next()]).toEqual([
      ['shout', { text: 'hi' }],
      ['shout', { text: 'hi' }],
    ])
    channel.push('whisper', { text: 'only you' })
    expect(await theirs.next()).toEqual(['shout', { text: 'only you' }])
    expect(await answered(channel.push('add', { list: [1, 2] }))).toEqual(['ok', { response: 3 }])
    expect(await answered(channel.push('refuse', {}))).toEqual(['error', { reason: 'not now' }])
    expect(await answered(channel.push('other', {}))).toEqual(['ok', { event: 'other' }])
    expect(mine.size).toBe(0)
    expect(await answered(channel.leave())).toEqual(['ok', {}])
    await expect.poll(() => told).toEqual({ left: ['room:lobby ann'], errors: [] })
  })

  test('who is kept out, and who is sent out', async () => {
    const told = bare()
    const started = await start(handler(told))
    const socket = dial(started)
    const join = (topic: string, params: object = {}): Promise<unknown[]> => {
      const channel = socket.channel(topic, params)
      return answered(channel.join()).finally(() => channel.leave())
    }
    expect(await join('room:lobby', { banned: true })).toEqual(['error', { reason: 'banned' }])
    expect(await join('room:lobby', { crash: true })).toEqual(['error', { reason: 'join crashed' }])
    expect(await join('nowhere')).toEqual(['error', { reason: 'unmatched topic' }])
    expect(await join('room:vip')).toEqual(['ok', { response: 'exact' }])
    expect(told.errors).toEqual(['the join failed'])
    const channel = socket.channel('room:kick')
    await answered(channel.join())
    const closed = new Promise<void>((resolve) => channel.onClose(() => resolve()))
    channel.push('kick', {})
    await closed
    // A hook that fails is a channel that has crashed: the client joins again.
    const again = socket.channel('room:crash', { name: 'cat' })
    let joins = 0
    const push = again.join()
    push.receive('ok', () => joins++)
    await answered(push)
    again.push('crash', {})
    await expect.poll(() => joins).toBe(2)
    expect(told.errors).toEqual(['the join failed', 'the hook failed'])
    expect(told.left).toContain('room:crash cat')
  })

  test('binary: pushes, answers, broadcasts', async () => {
    const started = await start(handler(bare()))
    const channel = dial(started).channel('room:bytes')
    await answered(channel.join())
    const got = events(channel, 'bytes', 'all-bytes')
    const { buffer } = new Uint8Array([0, 1, 255])
    const [status, response] = await answered(channel.push('bytes', buffer))
    expect([status, Buffer.from(response as ArrayBuffer)]).toEqual(['ok', Buffer.from([0, 1, 255])])
    for (const name of ['bytes', 'all-bytes']) {
      const [event, payload] = (await got.next()) as [string, ArrayBuffer]
      expect([event, Buffer.from(payload)]).toEqual([name, Buffer.from([0, 1, 255])])
    }
  })

  test('presence; a client that is lost leaves it, and comes back', async () => {
    const told = bare()
    const started = await start(handler(told))
    const channel = dial(started).channel('room:p', { name: 'ann' })
    const presence = new Presence(channel)
    const seen: string[][] = []
    presence.onSync(() => void seen.push(presence.list((key) => key).toSorted()))
    await answered(channel.join())
    const other = dial(started).channel('room:p', { name: 'bob' })
    await answered(other.join())
    await expect.poll(() => seen.at(-1)).toEqual(['ann', 'bob'])
    started.server.disconnect('/socket/websocket')
    // Both were cut, and join again by themselves.
    await expect.poll(() => told.left.toSorted()).toEqual(['room:p ann', 'room:p bob'])
    await expect.poll(() => seen.at(-1)).toEqual(['ann', 'bob'])
  })

  test('heartbeats are answered; versions, paths and clients that are refused; nonsense', async () => {
    const started = await start(handler(bare(), { authenticate: ({ url }) => !url.includes('token=wrong') }))
    const path = '/socket/websocket'
    const client = await connectWs(`${started.url}${path}?vsn=2.0.0`)
    client.send('[null,"1","phoenix","heartbeat",{}]')
    expect(await client.next()).toEqual([null, '1', 'phoenix', 'phx_reply', { status: 'ok', response: {} }])
    client.send('["1","2","room:a","shout",{}]')
    expect(await client.next()).toEqual([
      '1',
      '2',
      'room:a',
      'phx_reply',
      { status: 'error', response: { reason: 'unmatched topic' } },
    ])
    for (const nonsense of [
      'x',
      '{}',
      '[1,2]',
      '[null,null,"",1,{}]',
      Buffer.from([9, 9]),
      Buffer.from([0, 255, 1]),
    ]) {
      const other = await connectWs(`${started.url}${path}?vsn=2.0.0`)
      other.send(nonsense)
      expect((await other.closed).code).toBe(1007)
    }
    for (const vsn of ['3.0.0', '2.1.0', '1.1.0', '2.0'])
      expect((await shakeHands(started, `${path}?vsn=${vsn}`)).status).toBe(400)
    ;(await connectWs(`${started.url}${path}?vsn=2.0.1`)).close()
    expect((await shakeHands(started, `${path}?token=wrong`)).status).toBe(401)
    expect((await shakeHands(started, `/api${path}`)).status).toBe(404)
    client.close()
    await untilEmpty(started.server)
    expect(started.server.stats().handlerErrors).toBe(0)
  })

  test('whoever goes while its join runs is no ghost, leaves once, and is not heard of again', async () => {
    const gates = new Map<string, () => void>()
    const seen: string[] = []
    const channels: PhoenixChannel[] = []
    const started = await start(
      phoenix({
        'room:*': {
          presence: true,
          async join(payload, channel) {
            const { name } = payload as { name: string }
            channel.data['name'] = name
            channels.push(channel)
            seen.push(`${name} joins`)
            if (name !== 'watch') await new Promise<void>((resolve) => gates.set(name, resolve))
            channel.track(name)
            channel.broadcast('here', { name })
            seen.push(`${name} joined`)
          },
          leave: (channel) => {
            seen.push(`${String(channel.data['name'])} leaves`)
            channel.broadcast('left', { name: channel.data['name'] })
          },
        },
      }),
    )
    const watch = dial(started).channel('room:a', { name: 'watch' })
    const presence = new Presence(watch)
    const got = events(watch, 'here', 'left')
    await answered(watch.join())
    const gone = dial(started)
    gone.channel('room:a', { name: 'gone' }).join()
    const lost = dial(started).channel('room:a', { name: 'lost' })
    lost.join()
    await expect.poll(() => gates.size).toBe(2)
    const closed = new Promise<void>((resolve) => gone.onClose(() => resolve()))
    gone.disconnect()
    await closed
    await expect.poll(() => started.server.stats().connections).toBe(2)
    // A timeout of the client's join, or its end: the answer of the join comes before that of the leave.
    const left = answered(lost.leave())
    expect(seen.filter((each) => each.endsWith('leaves'))).toEqual([])
    gates.get('gone')!()
    expect(await got.next()).toEqual(['left', { name: 'gone' }])
    gates.get('lost')!()
    expect(await left).toEqual(['ok', {}])
    expect([await got.next(), await got.next()]).toEqual([
      ['here', { name: 'lost' }],
      ['left', { name: 'lost' }],
    ])
    for (const channel of channels.slice(1)) {
      channel.track('ghost')
      channel.broadcast('here', { name: 'ghost' })
      channel.push('here')
      channel.close()
    }
    channels[0]!.broadcast('here', { name: 'last' })
    expect(await got.next()).toEqual(['here', { name: 'last' }])
    expect(presence.list((key) => key)).toEqual(['watch'])
    expect(seen.filter((each) => !each.endsWith('joins')).slice(1)).toEqual([
      'gone joined',
      'gone leaves',
      'lost joined',
      'lost leaves',
    ])
    expect(() => channels[0]!.track(undefined as never)).toThrow(
      '"channel.track() key" is missing; it has to be a string',
    )
  })

  test('what is sent while a join runs waits for it: events, a leave, another join', async () => {
    const seen: string[] = []
    let settle: () => void = () => {}
    const started = await start(
      phoenix({
        '*': {
          async join(payload) {
            const { refused, name } = payload as { refused?: boolean; name: string }
            seen.push(`join ${name}`)
            await new Promise<void>((resolve) => (settle = resolve))
            if (refused) throw new PhoenixError('no')
            seen.push(`joined ${name}`)
          },
          joined: () => void seen.push('in'),
          leave: () => void seen.push('leave'),
          on: { say: () => void seen.push('say') },
        },
      }),
    )
    const client = await connectWs(`${started.url}/socket/websocket?vsn=2.0.0`)
    defer(() => client.terminate())
    const ok = (joinRef: string, ref: string): unknown => [
      joinRef,
      ref,
      '',
      'phx_reply',
      { status: 'ok', response: {} },
    ]
    const error = (joinRef: string, ref: string, reason: string): unknown => [
      joinRef,
      ref,
      '',
      'phx_reply',
      { status: 'error', response: { reason } },
    ]
    // A topic may be empty, where there is a '*'.
    client.json(['1', '1', '', 'phx_join', { name: 'a' }])
    client.json(['1', '2', '', 'say', {}])
    client.json(['1', '3', '', 'phx_leave', {}])
    client.json(['4', '4', '', 'phx_join', { name: 'b', refused: true }])
    client.json(['4', '5', '', 'say', {}])
    client.json([null, '6', 'phoenix', 'heartbeat', {}])
    expect((await client.next())[1]).toBe('6')
    expect(seen).toEqual(['join a'])
    settle()
    expect([await client.next(), await client.next(), await client.next(), await client.next()]).toEqual([
      ok('1', '1'),
      ok('1', '2'),
      ok('1', '3'),
      ['1', '1', '', 'phx_close', {}],
    ])
    await expect.poll(() => seen.at(-1)).toBe('join b')
    settle()
    expect([await client.next(), await client.next()]).toEqual([
      error('4', '4', 'no'),
      error('4', '5', 'unmatched topic'),
    ])
    expect(seen).toEqual(['join a', 'joined a', 'in', 'say', 'leave', 'join b'])
    // One after the other, and who goes before the second has begun does not get there.
    client.json(['7', '7', '', 'phx_join', { name: 'c' }])
    client.json(['8', '8', '', 'phx_join', { name: 'd' }])
    await expect.poll(() => seen.at(-1)).toBe('join c')
    client.close()
    await untilEmpty(started.server)
    settle()
    await expect.poll(() => seen.slice(6)).toEqual(['join c', 'joined c', 'leave'])
  })

  test('presence of who was there before anybody was tracked', async () => {
    const started = await start(
      phoenix({ a: { presence: true, on: { track: (name, channel) => channel.track(String(name)) } } }),
    )
    const [one, two, three] = [0, 1, 2].map(() => dial(started).channel('a'))
    await answered(one!.join())
    await answered(two!.join())
    await answered(two!.push('track', 'two' as never))
    await answered(two!.leave())
    const presence = new Presence(three!)
    await answered(three!.join())
    await answered(one!.push('track', 'one' as never))
    await expect.poll(() => presence.list((key) => key)).toEqual(['one'])
  })

  test('100 clients; the server closes, and all have left', async () => {
    const told = bare()
    const started = await start(handler(told))
    const channels = Array.from({ length: 100 }, (_, n) =>
      dial(started, { reconnectAfterMs: () => 60_000 }).channel('room:all', { name: String(n) }),
    )
    await Promise.all(channels.map((channel) => answered(channel.join())))
    const got = channels.map((channel) => events(channel, 'shout').next())
    channels[0]!.push('shout', { to: 'all' })
    expect(await Promise.all(got)).toEqual(channels.map(() => ['shout', { to: 'all' }]))
    await started.server.close()
    expect(told.left).toHaveLength(100)
    expect(told.errors).toEqual([])
  })
})

test.each(STANDALONE)('a reload on $name: clients join again', async ({ start }) => {
  const told = bare()
  const started = await start(handler(told))
  const channel = dial(started).channel('room:a', { name: 'ann' })
  await answered(channel.join())
  const news = events(channel, 'news')
  started.server.reload({
    port: 0,
    wsHandlers: [phoenix({ 'room:*': { joined: (joined) => joined.push('news', { version: 2 }) } })],
  })
  expect(await news.next()).toEqual(['news', { version: 2 }])
  expect(told.left).toEqual(['room:a ann'])
})

test('what it cannot take is an error at the call', () => {
  expect(() => phoenix([] as never)).toThrow("such as { 'room:*': {} }")
  expect(() => phoenix({ 'room:*:x': {} })).toThrow('a name with a * at its end only')
  expect(() => phoenix({ a: { jion() {} } as never })).toThrow('did you mean "join"?')
  expect(() => phoenix({ a: { on: { x: 1 } } as never })).toThrow(
    '"phoenix() topics["a"].on.x" is 1; it has to be a function',
  )
  expect(() => phoenix({}, { pattern: '/live' })).toThrow(
    "who add /websocket to what they are given: '/live/websocket'",
  )
  expect(phoenix({}, { pattern: '/live/**' }).pattern).toBe('/live/**')
  expect(() => phoenix({}, { authenticate: true } as never)).toThrow('"phoenix.authenticate" is true')
})
