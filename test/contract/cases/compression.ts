import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { inflate } from '../../support/raw-client.ts'
import type { Case } from '../harness.ts'

const OFFER = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' }
const LONG = 'compress me, please. '.repeat(200)

/** RFC 7692 7.1.2.1: the same as asked for, or smaller; 15 where nothing is said. */
function windowOf(answer: string | undefined): number {
  expect(answer).toMatch(/^permessage-deflate/)
  return Number(/server_max_window_bits=(\d+)/.exec(answer ?? '')?.[1] ?? 15)
}

export const CASES: readonly Case[] = [
  {
    name: 'permessage-deflate is negotiated only for handlers that turn it on',
    network: true,
    async run(t) {
      const server = await t.start([
        { pattern: '/on', compression: true },
        { pattern: '/object', compression: { threshold: 10 } },
        { pattern: '/same', perMessageDeflate: true },
        { pattern: '/off' },
        { pattern: '/disabled', compression: { enabled: false } },
      ])
      for (const [path, on] of [
        ['/on', true],
        ['/object', true],
        ['/same', true],
        ['/off', false],
        ['/disabled', false],
      ] as const) {
        const { status, headers } = await t.handshake(server, path, OFFER)
        expect([path, status]).toEqual([path, 101])
        expect([
          path,
          headers['sec-websocket-extensions']?.startsWith('permessage-deflate') ?? false,
        ]).toEqual([path, on])
      }
      const { headers } = await t.handshake(server, '/on')
      expect(headers['sec-websocket-extensions']).toBeUndefined()
    },
  },
  {
    name: 'an offer with unknown, repeated or invalid parameters is declined, and a later good one taken',
    network: true,
    async run(t) {
      const server = await t.start({ pattern: '/on', compression: true })
      for (const offer of [
        'permessage-deflate; unknown',
        'permessage-deflate; client_max_window_bits=7',
        'permessage-deflate; server_max_window_bits=16',
        'permessage-deflate; server_max_window_bits',
        'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
        'permessage-deflate; server_no_context_takeover=1',
        'x-webkit-deflate-frame',
      ]) {
        const { status, headers } = await t.handshake(server, '/on', { 'Sec-WebSocket-Extensions': offer })
        expect([offer, status, headers['sec-websocket-extensions']]).toEqual([offer, 101, undefined])
      }
      const second = { 'Sec-WebSocket-Extensions': 'permessage-deflate; unknown, permessage-deflate' }
      const { headers } = await t.handshake(server, '/on', second)
      expect(headers['sec-websocket-extensions']).toMatch(/^permessage-deflate/)
    },
  },
  {
    name: 'a window that a client asks for is kept to, or the offer declined and a later one taken',
    network: true,
    async run(t) {
      const server = await t.start({ pattern: '/on', compression: true })
      for (const bits of [8, 9, 10, 15]) {
        const offer = `permessage-deflate; server_max_window_bits=${bits}`
        const alone = await t.handshake(server, '/on', { 'Sec-WebSocket-Extensions': offer })
        const answer = alone.headers['sec-websocket-extensions']
        const canKeep = t.runtime.capabilities.serverWindowBits.includes(bits)
        if (canKeep) expect([bits, windowOf(answer) <= bits]).toEqual([bits, true])
        else expect([bits, answer]).toEqual([bits, undefined])
        const two = { 'Sec-WebSocket-Extensions': `${offer}, permessage-deflate` }
        const { headers } = await t.handshake(server, '/on', two)
        expect(headers['sec-websocket-extensions']).toMatch(/^permessage-deflate/)
      }
    },
  },
  {
    name: 'a client that asks for a small window gets what it can inflate, sent and broadcast, beside others that do not',
    network: true,
    when: ({ serverWindowBits }) => serverWindowBits.includes(10),
    async run(t) {
      const server = await t.start({
        pattern: '/{any}',
        compression: true,
        onConnect: (conn) => conn.joinRoom('all'),
        onMessage: (conn, data) => {
          conn.send(data)
          conn.broadcast(data, { includeSelf: true })
          conn.broadcast(data, { rooms: ['all', 'none'], includeSelf: true })
        },
      })
      const clients = [
        await t.connect(server, '/a', { deflate: { serverMaxWindowBits: 10 } }),
        await t.connect(server, '/a', { deflate: true }),
        await t.connect(server, '/b', { deflate: { serverMaxWindowBits: 14 } }),
        await t.connect(server, '/b'),
      ]
      expect(clients.map(({ extensions }) => extensions.split(';')[0])).toEqual([
        ...['permessage-deflate', 'permessage-deflate', 'permessage-deflate', ''],
      ])
      // Random bytes that come again only behind more than such a window.
      const far = randomBytes(12_000).toString('base64')
      for (const sender of clients) {
        sender.send(far + far)
        expect(await sender.next()).toBe(far + far)
        for (const client of clients) expect(await client.next()).toBe(far + far)
        for (const client of clients) expect(await client.next()).toBe(far + far)
      }
    },
  },
  {
    name: 'messages under the threshold go uncompressed, others compressed; send and broadcast alike',
    network: true,
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        compression: { enabled: true, threshold: 1024 },
        onMessage: (conn) => {
          conn.send('x'.repeat(1023))
          conn.send('x'.repeat(1024))
          conn.send('é'.repeat(512))
          conn.broadcast('y'.repeat(1023), { includeSelf: true })
          conn.broadcast('y'.repeat(1024), { includeSelf: true })
          conn.send(Buffer.alloc(5000, 1))
        },
      })
      const client = await t.raw(server).open('/api/a', OFFER)
      client.text('go')
      const seen: [boolean, number][] = []
      for (let i = 0; i < 6; i++) {
        const { rsv1, payload } = await client.next()
        seen.push([rsv1, (rsv1 ? inflate(payload) : payload).length])
        if (rsv1) expect(payload.length).toBeLessThan(200)
      }
      expect(seen).toEqual([
        [false, 1023],
        [true, 1024],
        [true, 1024],
        [false, 1023],
        [true, 1024],
        [true, 5000],
      ])
    },
  },
  {
    name: 'compressed and uncompressed receivers of one broadcast both read it',
    network: true,
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        compression: true,
        onMessage: (conn) => conn.broadcast(LONG, { includeSelf: true }),
      })
      const plain = await t.raw(server).open('/api/a')
      const deflated = await t.raw(server).open('/api/a', OFFER)
      const windowed = await t.raw(server).open('/api/a', {
        'Sec-WebSocket-Extensions':
          'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
      })
      plain.text('go')
      expect(await plain.nextText()).toBe(LONG)
      expect(await deflated.nextText()).toBe(LONG)
      expect(await windowed.nextText()).toBe(LONG)
    },
  },
  {
    name: 'a compressing client is understood, message after message',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        compression: { threshold: 0 },
        onMessage: (conn, data) => void conn.send(data),
      })
      const client = await t.connect(server, '/a', { deflate: true })
      for (const text of [LONG, 'short', LONG + LONG, '']) {
        client.send(text)
        expect(await client.next()).toBe(text)
      }
    },
  },
]
