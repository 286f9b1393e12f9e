import { expect } from 'vitest'
import { DROP, type UniversalApiWsHandler, type WebSocketConnection } from '../../../src/index.ts'
import { insideOf, type TapEvent } from '../../support/inside.ts'
import { encodeFrame } from '../../support/raw-client.ts'
import type { Case } from '../harness.ts'
import { pair } from '../upstream-pair.ts'

const reversed = (text: string): string => text.split('').toReversed().join('')

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** What a hook makes of the messages 1 to 6. */
function edit(_conn: WebSocketConnection, data: any): unknown {
  switch (data) {
    case 1:
      return undefined
    case 2:
      return { two: true }
    case 3:
      return DROP
    case 4:
      return Buffer.from([4])
    case 5:
      throw new Error('five')
    case 6:
      return null
    default:
      return 'text'
  }
}
const EDITED = [1, { two: true }, Buffer.from([4]), 5, null, 'text']

export const CASES: readonly Case[] = [
  {
    name: 'a hook says what the client gets: nothing is unchanged, DROP none, all else in its place, a throw unchanged',
    async run(t) {
      const errors = t.queue<string>('error')
      const { client, backend } = await pair(t, {
        onUpstreamMessage: edit,
        onError: (_conn, error) => errors.push(error.message),
      })
      for (let n = 1; n <= 7; n++) backend.send(String(n))
      for (const expected of EDITED) expect(await client.next()).toEqual(expected)
      expect(await errors.next()).toBe('five')
    },
  },
  {
    name: 'the same for what the backend gets',
    async run(t) {
      const errors = t.queue<string>('error')
      const { client, backend } = await pair(t, {
        onMessage: edit,
        onError: (_conn, error) => errors.push(error.message),
      })
      for (let n = 1; n <= 7; n++) client.send(String(n))
      for (const expected of ['1', '{"two":true}', Buffer.from([4]), '5', 'null', 'text'])
        expect(await backend.messages.next()).toEqual(expected)
      expect(await errors.next()).toBe('five')
    },
  },
  {
    name: 'async hooks keep the order of each direction, whatever time each takes; a rejection passes the message unchanged',
    async run(t) {
      const errors: string[] = []
      const slow = async (_conn: WebSocketConnection, n: number): Promise<unknown> => {
        await wait(n % 3)
        if (n === 7) throw new Error('seven')
        return n % 5 === 0 ? DROP : { n }
      }
      const { client, backend } = await pair(t, {
        onMessage: slow,
        onUpstreamMessage: slow,
        onError: (_conn, error) => void errors.push(error.message),
      })
      const COUNT = 40
      for (let n = 1; n <= COUNT; n++) {
        client.send(String(n))
        backend.send(String(n))
      }
      for (let n = 1; n <= COUNT; n++) {
        if (n % 5 === 0) continue
        const expected = n === 7 ? 7 : { n }
        expect(await client.next()).toEqual(expected)
        expect(JSON.parse(String(await backend.messages.next()))).toEqual(expected)
      }
      expect(errors).toEqual(['seven', 'seven'])
    },
  },
  {
    name: 'what cannot be sent in the place of a message is a failure of the hook, and the message passes unchanged',
    async run(t) {
      const errors = t.queue<string | undefined>('error')
      const { client, backend } = await pair(t, {
        onMessage: () => 1n,
        onUpstreamMessage: () => () => {},
        onError: (_conn, error) => errors.push(error.code),
      })
      client.send('up')
      backend.send('down')
      expect([await backend.messages.next(), await client.next()]).toEqual(['up', 'down'])
      expect([await errors.next(), await errors.next()]).toEqual(['ERR_SERIALIZE', 'ERR_SERIALIZE'])
    },
  },
  {
    name: 'the backend closes while a hook is still at work: the client gets what it makes of it, and then the code',
    async run(t) {
      const { client, backend } = await pair(t, {
        async onUpstreamMessage(_conn, data) {
          await wait(20)
          return `${data}!`
        },
      })
      backend.send('a')
      backend.send('b')
      backend.close(4003)
      expect([await client.next(), await client.next()]).toEqual(['a!', 'b!'])
      expect((await client.closed).code).toBe(4003)
    },
  },
  {
    name: 'the client closes while a hook is still at work: the backend gets what it makes of it, and then the code',
    async run(t) {
      const { client, backend } = await pair(t, {
        async onMessage(_conn, data) {
          await wait(20)
          return `${data}!`
        },
      })
      client.send('a')
      client.send('b')
      client.close(4003)
      expect([await backend.messages.next(), await backend.messages.next()]).toEqual(['a!', 'b!'])
      expect((await backend.closed).code).toBe(4003)
    },
  },
  {
    name: 'what a rule answers does not go to the backend; the rest passes, also behind an async match',
    async run(t) {
      const { client, backend } = await pair(t, {
        responses: [
          { match: (_conn, data) => data.type === 'mock', response: { mocked: true } },
          { match: async (_conn, data) => data.type === 'later', response: { mocked: 'later' } },
        ],
      })
      const other = '{"type":"other", "n":12345678901234567890}'
      client.json({ type: 'mock' })
      client.send(other)
      client.json({ type: 'later' })
      client.send('end')
      expect([await client.next(), await client.next()]).toEqual([{ mocked: true }, { mocked: 'later' }])
      expect([await backend.messages.next(), await backend.messages.next()]).toEqual([other, 'end'])
    },
  },
  {
    name: 'codec, raw, transformRawData and delay mean the same; only what hooks get is read',
    async run(t) {
      const seen: unknown[] = []
      const note = (_conn: WebSocketConnection, data: unknown): void => void seen.push(data)
      const raw = await pair(t, { raw: true, onMessage: note, onUpstreamMessage: note })
      raw.client.send('{"a":1}')
      expect(await raw.backend.messages.next()).toBe('{"a":1}')
      raw.backend.send(Buffer.from('b'))
      await raw.client.next()
      const transformed = await pair(t, {
        delay: 1,
        transformRawData: async (data) => `<${String(data)}>`,
        onMessage: note,
      })
      transformed.client.send('{"c":1}')
      expect(await transformed.backend.messages.next()).toBe('{"c":1}')
      const codec = {
        name: 'reversed',
        encode: (data: unknown) => reversed(String(data)),
        decode: (payload: string | Buffer) => {
          if (String(payload) === 'bad') throw new Error('unreadable')
          return reversed(String(payload))
        },
      }
      const coded = await pair(t, {
        codec,
        onMessage: (_conn, data) => `${data}+`,
        onUpstreamMessage: (_conn, data) => `${data}-`,
        onError: (_conn, error) => void seen.push(error.message),
      })
      coded.client.send('olleh')
      expect(await coded.backend.messages.next()).toBe('+olleh')
      coded.backend.send('olleh')
      expect(await coded.client.next()).toBe('-olleh')
      coded.client.send('bad')
      coded.backend.send('bad')
      expect([await coded.backend.messages.next(), await coded.client.next()]).toEqual(['bad', 'bad'])
      expect(seen).toEqual(['{"a":1}', Buffer.from('b'), '<{"c":1}>', 'unreadable', 'unreadable'])
    },
  },
  {
    name: 'conn.upstream: where, what was chosen, and a way to send; rooms and broadcasts are as ever',
    async run(t) {
      const { client, backend, server } = await pair(t, {
        defaultRoom: 'all',
        onMessage(conn, data) {
          const { url, subprotocol, bufferedAmount } = conn.upstream!
          if (data === 'all') conn.broadcast({ to: 'all' }, { includeSelf: true })
          else
            expect([conn.upstream!.send({ url, subprotocol, bufferedAmount }), true]).toEqual([
              expect.any(String),
              true,
            ])
          return DROP
        },
      })
      client.send('which')
      const got = JSON.parse(String(await backend.messages.next()))
      expect(got).toEqual({
        url: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/$/),
        subprotocol: '',
        bufferedAmount: 0,
      })
      client.send('all')
      expect(await client.next()).toEqual({ to: 'all' })
      server.publish('/a', 'published')
      expect(await client.next()).toBe('published')
    },
  },
  {
    name: 'the tap tells what goes to the backend and what comes from it, and who took a message',
    async run(t) {
      const { client, backend, server } = await pair(t, {
        onUpstreamMessage: (_conn, data) => ({ edited: data }),
      })
      const seen: string[] = []
      const stop = insideOf(server).listen((event: TapEvent) => {
        if (event.type === 'upstream') seen.push(`${event.from} ${String(event.payload)} ${event.bytes}`)
        else if (event.type === 'handled') seen.push(`by ${event.by}`)
        else if (event.type === 'message' || event.type === 'sent')
          seen.push(`${event.type} ${String(event.payload)}`)
      })
      client.send('up')
      await backend.messages.next()
      await t.until(() => seen.length, 3)
      backend.send('down')
      await client.next()
      stop()
      client.send('unseen')
      await backend.messages.next()
      expect(seen).toEqual([
        'message up',
        'client up 2',
        'by upstream',
        'server down 4',
        'sent {"edited":"down"}',
      ])
    },
  },
  {
    name: 'a client that does not read holds the backend back, and gets all of it in order when it reads',
    network: true,
    async run(t) {
      const started = await t.backend()
      const server = await t.start({ pattern: '/a', upstream: started.url })
      const client = await t.raw(server).open('/api/a')
      client.tcp.pause()
      const backend = await started.connections.next()
      const COUNT = 1600
      const chunk = Buffer.alloc(64 * 1024)
      let sent = 0
      let stuck = 0
      // As much as there is room for, and then for as long as none is made.
      while (sent < COUNT && stuck < 50) {
        chunk.writeUInt32BE(sent)
        if (backend.tcp.writableLength > 4 * chunk.length) {
          stuck++
          await wait(2)
        } else {
          stuck = 0
          sent++
          backend.send(chunk)
        }
        if (sent % 16 === 0) await wait(0)
      }
      expect(sent).toBeLessThan(COUNT)
      const more = async (): Promise<void> => {
        while (sent < COUNT) {
          chunk.writeUInt32BE(sent++)
          if (!backend.send(chunk)) await new Promise((resolve) => backend.tcp.once('drain', resolve))
        }
      }
      // All that is neither with the backend nor with the client: here, and in the buffers of the system. The memory of the
      // process would have that of the backend and the client in it, and what is not collected yet.
      const underWay = sent * chunk.length - backend.tcp.writableLength
      expect(underWay).toBeLessThan(40 * 1024 * 1024)
      client.tcp.resume()
      const done = more()
      for (let n = 0; n < COUNT; n++) {
        const { payload } = await client.next()
        if (payload.readUInt32BE() !== n)
          throw new Error(`message ${payload.readUInt32BE()} in the place of ${n}`)
      }
      await done
    },
  },
  {
    name: 'faults are on the leg of the client: late and in order, however much it is, and the end behind it',
    network: true,
    async run(t) {
      const { client, backend } = await pair(t, { faults: { latency: [20, 40], incoming: { latency: 20 } } })
      const text = 'x'.repeat(32 * 1024)
      const start = performance.now()
      client.send('up')
      expect(await backend.messages.next()).toBe('up')
      expect(performance.now() - start).toBeGreaterThanOrEqual(19)
      // More than is read from a backend while it waits here.
      for (let n = 0; n < 100; n++) backend.send(`${n} ${text}`)
      backend.close(4006)
      for (let n = 0; n < 100; n++)
        expect(String(await client.next()).slice(0, 4)).toBe(`${n} xxx`.slice(0, 4))
      expect((await client.closed).code).toBe(4006)
    },
  },
  {
    name: 'a slow client gets the last message of a backend that closes, and then its code',
    network: true,
    async run(t) {
      const started = await t.backend()
      const server = await t.start({ pattern: '/a', upstream: started.url })
      const client = await t.raw(server).open('/api/a')
      client.tcp.pause()
      const backend = await started.connections.next()
      const chunk = Buffer.alloc(256 * 1024)
      for (let n = 0; n < 40; n++) backend.send(chunk)
      backend.send('last')
      backend.close(4004)
      await wait(50)
      client.tcp.resume()
      for (let n = 0; n < 40; n++) expect((await client.next()).payload.length).toBe(chunk.length)
      expect((await client.next()).payload.toString()).toBe('last')
      expect((await client.nextClose()).code).toBe(4004)
      expect(server.stats().connections).toBeLessThanOrEqual(1)
    },
  },
  {
    name: 'a client that sends faster than the backend reads is closed with 1013 at maxQueue, and the backend with 1001',
    network: true,
    async run(t) {
      const errors = t.queue<string | undefined>('error')
      const started = await t.backend({ paused: true })
      const server = await t.start({
        pattern: '/a',
        upstream: started.url,
        maxQueue: 1024 * 1024,
        onError: (_conn, error) => errors.push(error.code),
      })
      const client = await t.raw(server).open('/api/a')
      const backend = await started.connections.next()
      const payload = 'x'.repeat(64 * 1024)
      const closed = client.nextClose()
      const isOver = closed.then(() => true)
      for (let sent = 0; sent < 1000; sent++) {
        client.tcp.write(encodeFrame(1, payload))
        if (await Promise.race([isOver, wait(0)])) break
      }
      expect((await closed).code).toBe(1013)
      expect(await errors.next()).toBe('ERR_QUEUE')
      expect(server.stats().closedForQueue).toBe(1)
      backend.tcp.resume()
      expect((await backend.closed).code).toBe(1001)
      for (let n = backend.messages.size; n > 0; n--) expect(await backend.messages.next()).toBe(payload)
      await t.until(() => insideOf(server).holdings().upstreams, 0)
    },
  },
  {
    name: 'a mistake in the option is told with the field, the value and the cure',
    async run(t) {
      const mistakes: readonly (readonly [Partial<UniversalApiWsHandler>, RegExp])[] = [
        [
          { upstream: 'localhost:3000' },
          /option "wsHandlers\[0\]\.upstream" is "localhost:3000"; it has to be a URL/,
        ],
        [{ upstream: 'ws://{host}/x' }, /with \{name\} in the path only/],
        [{ upstream: 'ws://h/x?id={id}' }, /with \{name\} in the path only/],
        [{ upstream: 'ws://h/{nope}' }, /the pattern "\/a" has no \{nope\}/],
        [
          { upstream: { url: 'ws://h', header: {} } as never },
          /unknown option "wsHandlers\[0\]\.upstream\.header"; did you mean "headers"/,
        ],
        [
          { upstream: { url: 'ws://h', connectTimeout: 0 } },
          /upstream\.connectTimeout" is 0; it has to be a number of milliseconds from 1/,
        ],
        [{ upstream: { url: 'ws://h', headers: { 'X-A': 'a\r\nb' } } }, /text that a header can carry/],
        [
          { upstream: { url: 'ws://h', headers: { 'Sec-WebSocket-Key': 'a' } } },
          /a header that is not of the handshake itself/,
        ],
        [{ onUpstreamMessage: () => {} }, /onUpstreamMessage" is a function, but there is no "upstream"/],
      ]
      for (const [handler, message] of mistakes)
        await expect(t.start({ pattern: '/a', ...handler })).rejects.toThrow(message)
    },
  },
]
