import { expect } from 'vitest'
import { within } from '../../support/client.ts'
import { encodeFrame, type RawClient } from '../../support/raw-client.ts'
import type { Case } from '../harness.ts'

type Closed = [code: number, reason: string, initiatedByClient: boolean]
const MIB = 1024 * 1024
/** More than the operating system takes in for a client that does not read. */
const SYSTEM = 16 * MIB
const LARGE = SYSTEM + 4 * MIB

/** What a client that was paused receives, all at once: frames of it would have to be put together. */
async function receive({ tcp }: RawClient, size: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let missing = size
  const done = new Promise<void>((resolve) => {
    tcp.removeAllListeners('data')
    tcp.on('data', (chunk) => {
      chunks.push(chunk)
      missing -= chunk.length
      if (missing <= 0) resolve()
    })
  })
  tcp.resume()
  await within(done, `not all of ${size} bytes`)
  return Buffer.concat(chunks)
}

export const CASES: readonly Case[] = [
  {
    name: 'a message over maxPayload closes with 1009 on the wire and in onClose; one of just that size passes',
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start([
        {
          pattern: '/small',
          maxPayload: 1000,
          onMessage: (conn, data) => void conn.send(data.length),
          onClose: (_conn, ...args) => closed.push(args),
        },
        { pattern: '/large', onMessage: (conn, data) => void conn.send(data.length) },
      ])
      const client = await t.connect(server, '/small')
      client.send('x'.repeat(1000))
      expect(await client.next()).toBe(1000)
      client.send('x'.repeat(1001))
      expect((await client.closed).code).toBe(1009)
      expect((await closed.next()).toSpliced(1, 1)).toEqual([1009, false])
      const large = await t.connect(server, '/large')
      large.send('x'.repeat(4 * MIB))
      expect(await large.next()).toBe(4 * MIB)
    },
  },
  {
    name: 'a message far over every limit is not buffered: onClose says 1009',
    network: true,
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({
        pattern: '/a',
        maxPayload: 1000,
        onClose: (_conn, ...args) => closed.push(args),
      })
      const client = await t.raw(server).open('/api/a')
      // The head of a message of 1 GiB.
      const head = encodeFrame(2, Buffer.alloc(65_536)).subarray(0, 10)
      head.writeBigUInt64BE(BigInt(1024 * MIB), 2)
      client.tcp.write(Buffer.concat([head, Buffer.alloc(1000)]))
      expect(await closed.next()).toEqual([1009, '', false])
      await client.ended
    },
  },
  {
    name: 'invalid UTF-8 is 1007 in onClose',
    network: true,
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({ pattern: '/a', onClose: (_conn, ...args) => closed.push(args) })
      const client = await t.raw(server).open('/api/a')
      client.frame(1, Buffer.from([0x68, 0xff, 0xfe]))
      expect(await closed.next()).toEqual([1007, '', false])
      await client.ended
    },
  },
  {
    name: 'a protocol error is 1002 in onClose',
    network: true,
    async run(t) {
      const closed = t.queue<Closed>('close')
      const server = await t.start({ pattern: '/a', onClose: (_conn, ...args) => closed.push(args) })
      for (const [opcode, options] of [
        [3, {}], // reserved opcode
        [11, {}], // reserved control opcode
        [1, { rsv: 4 }], // RSV1 without an extension
        [1, { rsv: 2 }],
        [0, {}], // continuation of nothing
        [9, { fin: false }], // fragmented control frame
      ] as const) {
        const client = await t.raw(server).open('/api/a')
        client.frame(opcode, 'x', options)
        expect([opcode, await closed.next()]).toEqual([opcode, [1002, '', false]])
        await client.ended
      }
    },
  },
  {
    name: 'the close code of a parser error is on the wire',
    network: true,
    when: ({ closeFrameOnParserError }) => closeFrameOnParserError,
    async run(t) {
      const server = await t.start({ pattern: '/a' })
      const first = await t.raw(server).open('/api/a')
      first.frame(1, Buffer.from([0xff]))
      expect((await first.nextClose()).code).toBe(1007)
      const second = await t.raw(server).open('/api/a')
      second.frame(3, 'x')
      expect((await second.nextClose()).code).toBe(1002)
    },
  },
  {
    name: 'a client whose unsent bytes pass maxBackpressure is terminated: send',
    network: true,
    async run(t) {
      const events = t.queue<unknown>('event')
      const server = await t.start({
        pattern: '/a',
        maxBackpressure: MIB,
        onMessage: (conn) => {
          let sent = 0
          while (!conn.closed && sent < 1000) {
            conn.send(Buffer.alloc(65_536))
            sent++
          }
          events.push(sent < 1000)
        },
        onError: (_conn, error) => events.push(error.code),
        onClose: (_conn, code, reason, byClient) => events.push([code, reason, byClient]),
      })
      const client = await t.raw(server).open('/api/a')
      client.tcp.pause()
      client.text('go')
      expect(await events.next()).toBe(true)
      expect(await events.next()).toBe('ERR_BACKPRESSURE')
      expect(await events.next()).toEqual([1006, '', false])
      expect(server.stats().terminatedForBackpressure).toBe(1)
    },
  },
  {
    name: 'one message always goes, by send and by broadcast; what waits behind it counts against maxBackpressure',
    network: true,
    async run(t) {
      const errors = t.queue<Error>('error')
      const server = await t.start({
        pattern: '/a',
        maxBackpressure: MIB,
        onConnect: (conn) => conn.joinRoom('all'),
        onMessage: (conn, data) => {
          const large = Buffer.alloc(LARGE, 1)
          if (data === 'send') conn.send(large)
          if (data === 'broadcast') conn.broadcast(large, { includeSelf: true })
          if (data === 'rooms') conn.broadcast(large, { rooms: ['all', 'none'], includeSelf: true })
          if (data === 'publish') server.publish('/a', large)
          for (let n = 0; n < 7; n++) conn.send(Buffer.alloc(MIB / 8, 2))
          setImmediate(() => conn.send('the end'))
          if (data !== 'send more') return
          conn.send(large)
          let sent = 0
          while (!conn.closed && sent < 1000) sent += conn.send(Buffer.alloc(MIB / 8)) === 'dropped' ? 0 : 1
          conn.metadata['sent'] = sent
        },
        onError: (conn, error) => {
          errors.push(error)
          errors.push(conn.metadata['sent'])
        },
      })
      for (const how of ['send', 'broadcast', 'rooms', 'publish']) {
        const client = await t.raw(server).open('/api/a')
        client.tcp.pause()
        client.text(how)
        await t.until(() => server.stats().messagesIn, server.stats().opened)
        const received = await receive(client, 10 + LARGE + 7 * (10 + MIB / 8) + 9)
        expect([how, received.toString('latin1', received.length - 9)]).toEqual([how, '\x81\x07the end'])
        client.tcp.destroy()
        await t.until(() => server.stats().connections, 0)
      }
      const client = await t.raw(server).open('/api/a')
      client.tcp.pause()
      client.text('send more')
      expect((await errors.next()).message).toMatch(
        /^the client reads too slowly: \d+ bytes waited for it, more than maxBackpressure \(1048576 bytes\) of the handler \/a; .*raise maxBackpressure$/,
      )
      // What the operating system takes in goes besides.
      expect(await errors.next()).toBeLessThan(8 + (SYSTEM / MIB) * 8)
    },
  },
  {
    name: 'by default 48 MiB of echoes arrive at a client that reads only then, in large and in small messages',
    network: true,
    standalone: 'the server in front holds a part of what waits',
    async run(t) {
      const server = await t.start({ pattern: '/a', onMessage: (conn, data) => void conn.send(data) })
      for (const size of [16 * MIB, MIB, MIB / 16]) {
        const amount = (48 * MIB) / size
        const client = await t.raw(server).open('/api/a')
        client.tcp.pause()
        const before = server.stats().messagesIn
        const message = encodeFrame(2, Buffer.alloc(size))
        for (let n = 0; n < amount; n++)
          await new Promise<void>((resolve) => client.tcp.write(message, () => resolve()))
        await t.until(() => server.stats().messagesIn - before, amount)
        await receive(client, amount * (10 + size))
        client.tcp.destroy()
      }
      expect(server.stats().terminatedForBackpressure).toBe(0)
    },
  },
  {
    name: 'pings whose pongs are not read count against maxBackpressure, also while a close waits',
    network: true,
    async run(t) {
      const server = await t.start(
        {
          pattern: '/{close}',
          maxBackpressure: MIB,
          onPing: (conn) => {
            if (conn.params['close'] === 'yes' && conn.bufferedAmount > 0) conn.close(4000)
          },
          onError: () => {},
        },
        { closeTimeout: 3_600_000 },
      )
      const pings = Buffer.concat(Array.from({ length: 1000 }, () => encodeFrame(9, Buffer.alloc(125))))
      for (const [index, path] of ['/no', '/yes'].entries()) {
        const client = await t.raw(server).open(`/api${path}`)
        client.tcp.pause()
        for (let n = 0; n < 400 && server.stats().terminatedForBackpressure === index; n++)
          await new Promise<void>((resolve) => client.tcp.write(pings, () => resolve()))
        await t.until(() => server.stats().terminatedForBackpressure, index + 1)
        client.tcp.destroy()
      }
    },
  },
  {
    name: 'a client whose unsent bytes pass maxBackpressure is terminated: broadcast; the others get every message',
    network: true,
    async run(t) {
      const events = t.queue<unknown>('event')
      const server = await t.start([
        {
          pattern: '/a',
          maxBackpressure: MIB,
          onError: (_conn, error) => events.push(error.code),
          onClose: (_conn, code) => events.push(code),
        },
        // A larger limit elsewhere must not loosen this one.
        { pattern: '/b', maxBackpressure: 64 * MIB },
      ])
      const slow = await t.raw(server).open('/api/a')
      slow.tcp.pause()
      const fast = await t.connect(server, '/a')
      let n = 0
      while (events.size === 0 && n < 2000) {
        server.publish('/a', { n: n++, fill: 'x'.repeat(32 * 1024) })
        expect((await fast.next()).n).toBe(n - 1)
      }
      expect(await events.next()).toBe('ERR_BACKPRESSURE')
      expect(await events.next()).toBe(1006)
      expect(server.connections).toHaveLength(1)
    },
  },
  {
    name: 'a burst of broadcasts within one turn is no silent loss either',
    network: true,
    async run(t) {
      const closed = t.queue<number>('close')
      const errors: unknown[] = []
      const server = await t.start({
        pattern: '/a',
        maxBackpressure: MIB,
        onError: (_conn, error) => errors.push(error.code),
        onClose: (_conn, code) => closed.push(code),
      })
      const slow = await t.raw(server).open('/api/a')
      slow.tcp.pause()
      await t.until(() => server.connections.length, 1)
      for (let n = 0; n < 400; n++) server.publish('/a', 'x'.repeat(256 * 1024))
      expect(await closed.next()).toBe(1006)
      expect(errors).toEqual(['ERR_BACKPRESSURE'])
    },
  },
  {
    name: 'stats add up',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        authenticate: (req) => !req.url.includes('no'),
        onMessage: (conn, data) => {
          if (data === 'throw') throw new Error('on purpose')
          conn.send('four')
          conn.broadcast('€', { includeSelf: true })
          conn.broadcast('to nobody', { rooms: ['none'] })
        },
      })
      expect((await t.handshake(server, '/a?no')).status).toBe(401)
      const [a, b] = [await t.connect(server, '/a'), await t.connect(server, '/a')]
      a.send('12345')
      expect([await a.next(), await a.next()]).toEqual(['four', '€'])
      expect(await b.next()).toBe('€')
      b.send('throw')
      b.close(4001)
      await t.until(() => server.stats().closed, 1)
      const stats = server.stats()
      expect(stats).toEqual({
        connections: 1,
        opened: 2,
        closed: 1,
        refused: 1,
        refusedBy: { authenticate: 1 },
        closedByCode: { 4001: 1 },
        messagesIn: 2,
        messagesOut: 3,
        bytesIn: 10,
        bytesOut: 4 + 3 + 3,
        terminatedForBackpressure: 0,
        closedForMessageRate: 0,
        closedForQueue: 0,
        handlerErrors: 1,
        invalid: { incoming: 0, outgoing: 0 },
        faults: expect.objectContaining({ dropped: 0, refused: 0 }),
        broker: expect.objectContaining({ state: 'off', nodes: 0, sent: 0, received: 0, lost: 0 }),
      })
      expect(stats.opened).toBe(stats.connections + stats.closed)
    },
  },
]
