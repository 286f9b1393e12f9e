import { expect } from 'vitest'
import { jsonCodec, type Codec, type WebSocketConnection } from '../../../src/index.ts'
import type { Case } from '../harness.ts'

/** JSON between two signs that JSON lacks, so that it shows if something went past it. */
const framed: Codec = {
  name: 'framed',
  encode: (data) => Buffer.from(`<${JSON.stringify(data)}>`),
  decode(payload) {
    const [, text] = /^<(.*)>$/s.exec(String(payload)) ?? []
    if (text === undefined) throw new RangeError('no frame')
    return { binary: Buffer.isBuffer(payload), value: JSON.parse(text) as unknown }
  },
}
const frameOf = (value: unknown): Buffer => Buffer.from(`<${JSON.stringify(value)}>`)

/** Methods of a class, which need their `this`. */
class Counting implements Codec {
  readonly name = 'counting'
  encoded = 0
  decoded = 0
  encode(data: unknown): string {
    this.encoded++
    return `${this.name} ${String(data)}`
  }
  decode(payload: string | Buffer): string {
    this.decoded++
    return String(payload).toUpperCase()
  }
}

/** What is no message, and how the error names it. */
const NO_MESSAGES: readonly (readonly [string, (data: unknown) => unknown, RegExp])[] = [
  ['throws', () => { throw new TypeError('on purpose') }, /the codec "odd" failed: on purpose/], // prettier-ignore
  ['throws no Error', () => { throw 'on purpose' }, /the codec "odd" failed: .*"on purpose"/], // prettier-ignore
  ['gives undefined', () => undefined, /the codec "odd" made undefined of it/],
  ['gives a number', () => 7, /the codec "odd" made 7 of it/],
  ['gives an object', () => ({ a: 1 }), /the codec "odd" made \[object Object\] of it/],
  ['gives a promise', () => Promise.reject(new Error('unhandled')), /made \[object Promise\] of it/],
  ['gives a Blob', () => new Blob(['a']), /made \[object Blob\] of it/],
  ['falls back, in vain', (data) => jsonCodec.encode(data), /^cannot send undefined: JSON has no form/],
]

export const CASES: readonly Case[] = [
  {
    name: 'codec: all that is sent goes through it, once: send, broadcasts, publish, and responses that are static or made',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        codec: framed,
        defaultRoom: 'all',
        responses: [
          { match: (_conn, data) => data.value === 'static', response: { n: 1 } },
          { match: (_conn, data) => data.value === 'made', response: () => ['n', 2] },
          {
            match: (_conn, data) => data.value === 'to all',
            response: 'n3',
            broadcast: { includeSelf: true },
          },
        ],
        onMessage: (conn) => {
          conn.send('text')
          conn.send(Buffer.from('ab'))
          conn.broadcast(null, { includeSelf: true })
          conn.broadcastAllRooms(5, true)
          server.publish('/a', { all: true })
        },
      })
      const client = await t.connect(server, '/a')
      for (const word of ['static', 'made', 'to all', 'go']) client.send(frameOf(word))
      for (const value of [{ n: 1 }, ['n', 2], 'n3', 'text', Buffer.from('ab'), null, 5, { all: true }])
        expect(await client.next()).toEqual(frameOf(value))
    },
  },
  {
    name: 'codec: a message is read by it, text as a string and binary as a Buffer, on the direct way and where it waits',
    async run(t) {
      for (const more of [{}, { sequential: true }, { delay: 1 }]) {
        const data = t.queue<unknown>('data')
        const server = await t.start({
          pattern: '/a',
          codec: framed,
          ...more,
          onMessage: (_conn, each) => data.push(each),
        })
        const client = await t.connect(server, '/a')
        client.send(frameOf({ a: 1 }))
        client.send(String(frameOf([1])))
        expect(await data.next()).toEqual({ binary: true, value: { a: 1 } })
        expect(await data.next()).toEqual({ binary: false, value: [1] })
        await server.close()
      }
    },
  },
  {
    name: 'codec: an object of a class is called as such, once for each message, whoever gets it',
    async run(t) {
      const codec = new Counting()
      const server = await t.start({
        pattern: '/a',
        codec,
        responses: [{ match: (_conn, data) => data === 'STATIC', response: 'static' }],
        onMessage: (conn, data) => conn.broadcast(data, { includeSelf: true }),
      })
      const clients = [
        await t.connect(server, '/a'),
        await t.connect(server, '/a'),
        await t.connect(server, '/a'),
      ]
      // The Vite plugin looks at the options once more.
      const atStart = codec.encoded
      expect(atStart).toBeGreaterThan(0)
      for (let i = 0; i < 3; i++) {
        clients[0]!.send('static')
        expect(await clients[0]!.next()).toBe('counting static')
      }
      clients[1]!.send('hello')
      for (const client of clients) expect(await client.next()).toBe('counting HELLO')
      expect([codec.encoded, codec.decoded]).toEqual([atStart + 1, 4])
    },
  },
  ...NO_MESSAGES.map(([what, make, message]): Case => ({
    name: `codec: an encode that ${what} is ERR_SERIALIZE to who sends, and nothing is sent`,
    async run(t) {
      let conn: WebSocketConnection | undefined
      const errors = t.queue<Error & { code?: string }>('error')
      const server = await t.start({
        pattern: '/a',
        codec: {
          name: 'odd',
          encode: (data) => (data === 'end' ? 'end' : make(data)) as string,
          decode: String,
        },
        responses: [{ match: () => true, response: () => Symbol.for('made') }],
        onConnect: (opened) => {
          conn = opened
          opened.joinRoom('x')
        },
        onError: (_conn, error) => errors.push(error),
      })
      const client = await t.connect(server, '/a')
      await t.until(() => conn !== undefined, true)
      for (const run of [
        () => conn?.send(undefined),
        () => conn?.broadcast(undefined, { includeSelf: true }),
        () => conn?.broadcastAllRooms(undefined, true),
        () => server.publish('/a', undefined),
      ])
        expect(run).toThrow(
          expect.objectContaining({ code: 'ERR_SERIALIZE', message: expect.stringMatching(message) }),
        )
      client.send('any')
      expect(await errors.next()).toMatchObject({ code: 'ERR_SERIALIZE' })
      conn?.send('end')
      expect(await client.next()).toBe('end')
      expect(server.stats()).toMatchObject({ messagesOut: 1, connections: 1, handlerErrors: 1 })
    },
  })),
  {
    name: 'codec: a static response that it cannot encode is refused at start',
    async run(t) {
      const start = t.start({
        pattern: '/a',
        codec: { name: 'none', encode: () => 7 as never, decode: String },
        responses: [{ match: () => true, response: { a: 1 } }],
      })
      await expect(start).rejects.toMatchObject({
        code: 'ERR_RESPONSE',
        message: expect.stringMatching(
          /wsHandlers\[0\]\.responses\[0\]\.response .*the codec "none" made 7 of it/,
        ),
      })
    },
  },
  {
    name: 'codec: a message that decode throws at goes to onError, or to the log as codec.decode; the connection stays',
    async run(t) {
      for (const more of [{}, { sequential: true }]) {
        const errors = t.queue<Error>('error')
        const data = t.queue<unknown>('data')
        const common = {
          codec: framed,
          ...more,
          onMessage: (_conn: unknown, each: unknown) => data.push(each),
        }
        const server = await t.start([
          { pattern: '/a', ...common, onError: (_conn, error) => errors.push(error) },
          { pattern: '/log', ...common },
        ])
        for (const [index, path] of ['/a', '/log'].entries()) {
          const client = await t.connect(server, path)
          client.send('no frame')
          client.send(frameOf('next'))
          expect(await data.next()).toEqual({ binary: true, value: 'next' })
          expect(server.stats()).toMatchObject({
            handlerErrors: index + 1,
            closed: 0,
            messagesIn: 2 * index + 2,
          })
        }
        expect(await errors.next()).toBeInstanceOf(RangeError)
        expect(
          t.log.filter((line) =>
            /^error \[sidewire\] \/log \(connection .*\): codec\.decode failed: RangeError: no frame/.test(
              line,
            ),
          ),
        ).toHaveLength(1)
        t.log.length = 0
        await server.close()
      }
    },
  },
  {
    name: 'codec: a decode that returns a promise is a mistake that onError tells of, and no rejection is unhandled',
    async run(t) {
      const errors = t.queue<Error & { code?: string }>('error')
      const data = t.queue<unknown>('data')
      const server = await t.start({
        pattern: '/a',
        codec: {
          name: 'late',
          encode: String,
          decode: (payload) => (payload === 'late' ? Promise.reject(new Error('unhandled')) : payload),
        },
        onMessage: (_conn, each) => data.push(each),
        onError: (_conn, error) => errors.push(error),
      })
      const client = await t.connect(server, '/a')
      client.send('late')
      client.send('next')
      expect(await data.next()).toBe('next')
      expect(await errors.next()).toMatchObject({
        code: 'ERR_OPTION',
        message: expect.stringMatching(/^the codec "late" .*transformRawData may be async/),
      })
    },
  },
  {
    name: 'codec: what it makes of a string is well-formed, and bytes of any kind are binary',
    async run(t) {
      const made: unknown[] = ['a\uD800', new Uint16Array([1, 2]), new ArrayBuffer(2), '']
      const server = await t.start({
        pattern: '/a',
        codec: { name: 'made', encode: (index) => made[index as number] as string, decode: String },
        onConnect: (conn) => {
          for (const index of made.keys()) conn.send(index)
        },
      })
      const client = await t.connect(server, '/a')
      for (const expected of ['a\uFFFD', Buffer.from([1, 0, 2, 0]), Buffer.alloc(2), ''])
        expect(await client.next()).toEqual(expected)
    },
  },
  {
    name: 'codec: jsonCodec is what a handler without one has',
    async run(t) {
      const server = await t.start([
        {
          pattern: '/with',
          codec: jsonCodec,
          onMessage: (conn, data) => void conn.send([typeof data, data]),
        },
        { pattern: '/without', onMessage: (conn, data) => void conn.send([typeof data, data]) },
      ])
      const clients = [await t.connect(server, '/with'), await t.connect(server, '/without')]
      for (const message of ['{"a":1}', 'text', '1', '', Buffer.from('{}')]) {
        for (const client of clients) client.send(message)
        const [one, other] = [await clients[0]!.next(), await clients[1]!.next()]
        expect(one).toEqual(other)
      }
    },
  },
]
