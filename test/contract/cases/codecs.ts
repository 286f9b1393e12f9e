import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { StructSchema, type Struct } from '@bufbuild/protobuf/wkt'
import { decode, encode } from '@msgpack/msgpack'
import { sample, uint8Array } from 'fast-check'
import protobufjs from 'protobufjs'
import * as v from 'valibot'
import { expect } from 'vitest'
import { msgpack, protobuf } from '../../../src/codecs/codecs.ts'
import type { UniversalApiWsHandler } from '../../../src/index.ts'
import type { Case } from '../harness.ts'

const Chat = protobufjs
  .parse(
    'syntax = "proto3"; message Chat { string text = 1; int64 at = 2; repeated bytes parts = 3; Chat reply = 4; }',
  )
  .root.lookupType('Chat')

/** An echo that says what went wrong. */
function echo(codec: UniversalApiWsHandler['codec'], more: Partial<UniversalApiWsHandler> = {}) {
  const got: unknown[] = []
  const failures: [string | undefined, string][] = []
  const handler: UniversalApiWsHandler = {
    pattern: '/a',
    ...(codec && { codec }),
    onMessage(conn, data) {
      got.push(data)
      conn.send(data)
    },
    onError: (_conn, { code, message }) => void failures.push([code, message]),
    ...more,
  }
  return { handler, got, failures }
}

export const CASES: readonly Case[] = [
  {
    name: 'codec: msgpack goes both ways, bytes, dates and large numbers included, in binary frames',
    async run(t) {
      const value = {
        text: 'ä',
        bytes: new Uint8Array([0, 255]),
        list: [1.5, null, { deep: true }],
        at: new Date(7),
      }
      const { handler, got, failures } = echo(msgpack({ encode, decode }), {
        responses: [{ match: (_c, d) => d === 'ask', response: { canned: [1] } }],
      })
      const server = await t.start(handler)
      const client = await t.connect(server, '/a')
      client.send(encode(value))
      const back = await client.next()
      expect(Buffer.isBuffer(back)).toBe(true)
      expect(decode(new Uint8Array(back))).toEqual(value)
      expect(got).toEqual([value])
      client.send(encode('ask'))
      expect(decode(await client.next())).toEqual({ canned: [1] })
      client.send('text')
      client.send(Buffer.from([0xc1]))
      client.send(encode('last'))
      expect(decode(await client.next())).toBe('last')
      expect(failures).toEqual([
        [undefined, 'a text message, and msgpack is binary'],
        [undefined, expect.any(String)],
      ])
      const large = msgpack({
        encode: (data) => encode(data, { useBigInt64: true }),
        decode: (bytes) => decode(bytes, { useBigInt64: true }),
      })
      const other = await t.start(echo(large).handler)
      const second = await t.connect(other, '/a')
      second.send(encode(2n ** 60n, { useBigInt64: true }))
      expect(decode(await second.next(), { useBigInt64: true })).toBe(2n ** 60n)
    },
  },
  {
    name: 'codec: protobuf of protobufjs and of @bufbuild/protobuf go both ways; what cannot be sent throws and says why',
    async run(t) {
      const errors: unknown[] = []
      const server = await t.start([
        echo(protobuf(Chat), {
          onConnect(conn) {
            try {
              conn.send({ text: 5 })
            } catch (error) {
              errors.push(error)
            }
          },
        }).handler,
        {
          ...echo(
            protobuf({
              toBinary: (data: Struct) => toBinary(StructSchema, data),
              fromBinary: (bytes) => fromBinary(StructSchema, bytes),
            }),
          ).handler,
          pattern: '/b',
        },
      ])
      const client = await t.connect(server, '/a')
      const message = { text: 'hello', at: 2 ** 40, parts: [Buffer.from([1, 2])], reply: { text: 'before' } }
      client.send(Chat.encode(message).finish())
      expect(Chat.toObject(Chat.decode(await client.next()), { longs: Number })).toEqual(message)
      expect(errors).toMatchObject([
        { code: 'ERR_SERIALIZE', message: expect.stringContaining('text: string expected') },
      ])
      const other = await t.connect(server, '/b')
      const struct = toBinary(StructSchema, {
        $typeName: 'google.protobuf.Struct',
        fields: { a: { $typeName: 'google.protobuf.Value', kind: { case: 'numberValue', value: 7 } } },
      })
      other.send(struct)
      expect(Buffer.from(struct).equals(await other.next())).toBe(true)
    },
  },
  {
    name: 'codec: bytes that are no message of it, cut or by chance, reach onError, or the schema that says what becomes of them',
    async run(t) {
      const plain = echo(protobuf(Chat))
      const strict = echo(protobuf(Chat), {
        pattern: '/strict',
        schema: { incoming: v.looseObject({ text: v.string() }) },
      })
      const server = await t.start([plain.handler, strict.handler])
      const whole = Chat.encode({ text: 'hello', reply: { text: 'there' } }).finish()
      const samples = [
        ...Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length)),
        ...sample(uint8Array({ minLength: 1, maxLength: 64 }), { numRuns: 200, seed: 7 }),
      ]
      const unreadable = samples.filter((bytes) => {
        try {
          Chat.decode(bytes)
          return false
        } catch {
          return true
        }
      }).length
      expect(unreadable).toBeGreaterThan(50)
      for (const path of ['/a', '/strict']) {
        const client = await t.connect(server, path)
        for (const bytes of samples) client.send(Buffer.from(bytes))
        client.send(Chat.encode({ text: 'last' }).finish())
      }
      const isLast = (message: unknown): boolean =>
        (message as { text?: string } | undefined)?.text === 'last'
      await t.until(() => [isLast(plain.got.at(-1)), isLast(strict.got.at(-1))], [true, true])
      expect(plain.failures).toHaveLength(unreadable)
      expect(plain.got).toHaveLength(samples.length - unreadable + 1)
      const codes = new Set(strict.failures.map(([code]) => code))
      expect([...codes]).toEqual(['ERR_INVALID'])
      expect(strict.failures.filter(([, message]) => message.includes('cannot be read: '))).toHaveLength(
        unreadable,
      )
      expect(server.stats().invalid.incoming).toBe(strict.failures.length)
    },
  },
  {
    name: 'codec: a broadcast is encoded once, checked once, and its size is that of the bytes',
    async run(t) {
      let [encoded, checked] = [0, 0]
      const codec = msgpack({
        encode(data) {
          encoded++
          return encode(data)
        },
        decode,
      })
      const server = await t.start({
        pattern: '/a',
        codec,
        schema: {
          outgoing: {
            '~standard': {
              version: 1,
              vendor: 'counting',
              validate: (value) => {
                checked++
                return { value }
              },
            },
          },
        },
      })
      const clients = await Promise.all(Array.from({ length: 20 }, () => t.connect(server, '/a')))
      await t.until(() => server.connections.length, 20)
      const value = { text: 'ä'.repeat(100) }
      server.publish('/a', value)
      for (const client of clients) expect(decode(await client.next())).toEqual(value)
      expect([encoded, checked]).toEqual([1, 1])
      expect(server.stats()).toMatchObject({ messagesOut: 20, bytesOut: 20 * encode(value).length })
    },
  },
]
