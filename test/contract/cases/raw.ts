import { expect } from 'vitest'
import type { UniversalApiWsHandler } from '../../../src/index.ts'
import type { Case } from '../harness.ts'

/** Texts that JSON would make something else of, or that a decoder might change. */
const TEXTS = ['{"a":1}', '1', 'null', '"s"', 'hello', '', '\uFEFF{}', 'ü€😀', ' { "a" : 1 } ']
const BYTES = [Buffer.from('{"a":1}'), Buffer.from([0, 255, 128]), Buffer.alloc(0), Buffer.alloc(70_000, 7)]

/** Each way that a message can take to the handler. */
const WAYS: readonly (readonly [string, Partial<UniversalApiWsHandler>])[] = [
  ['at once', {}],
  ['with sequential', { sequential: true }],
  ['with delay', { delay: 1 }],
  [
    'behind a pending onConnect',
    {
      onConnect: (conn) => new Promise<void>((resolve) => (conn.metadata['go'] = resolve)),
      onPing: (conn) => conn.metadata['go'](),
    },
  ],
]

export const CASES: readonly Case[] = [
  ...WAYS.map(([way, more]): Case => ({
    name: `raw: text arrives as the string that was sent, binary as a Buffer, and nothing is parsed: ${way}`,
    async run(t) {
      const messages = t.queue<unknown>('message')
      const server = await t.start({
        pattern: '/a',
        raw: true,
        ...more,
        onMessage: (_conn, message) => messages.push(message),
      })
      const client = await t.connect(server, '/a')
      for (const text of TEXTS) client.send(text)
      for (const bytes of BYTES) client.send(bytes)
      client.ping()
      for (const text of TEXTS) expect(await messages.next()).toBe(text)
      for (const bytes of BYTES) {
        const message = await messages.next()
        expect(Buffer.isBuffer(message)).toBe(true)
        expect(bytes.equals(message as Buffer)).toBe(true)
      }
    },
  })),
  {
    name: 'raw: the rules of responses get the message as it was sent, and answer as ever',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        raw: true,
        responses: [
          { match: (_conn, message) => message === '{"ask":1}', response: { static: true } },
          { match: (_conn, message) => Buffer.isBuffer(message), response: (_conn, bytes) => bytes },
          { match: (_conn, message) => message === 'made', response: (_conn, text) => ({ text }) },
        ],
        onMessage: (conn, message) => void conn.send(['onMessage', message]),
      })
      const client = await t.connect(server, '/a')
      for (const message of ['{"ask":1}', Buffer.from([1, 2]), 'made', '{"ask":2}']) client.send(message)
      expect(await client.next()).toEqual({ static: true })
      expect(await client.next()).toEqual(Buffer.from([1, 2]))
      expect(await client.next()).toEqual({ text: 'made' })
      expect(await client.next()).toEqual(['onMessage', '{"ask":2}'])
    },
  },
  {
    name: 'raw: a message may be kept, and sent on, text as text and binary as binary',
    async run(t) {
      const kept: unknown[] = []
      const server = await t.start({
        pattern: '/a',
        raw: true,
        onMessage: (conn, message) => {
          kept.push(message)
          if (kept.length === 3) for (const each of kept) conn.broadcast(each, { includeSelf: true })
        },
      })
      const client = await t.connect(server, '/a')
      for (const message of [Buffer.from([1]), '"text"', Buffer.from([2])]) client.send(message)
      expect(await client.next()).toEqual(Buffer.from([1]))
      expect(await client.next()).toBe('text') // the test's client parses
      expect(await client.next()).toEqual(Buffer.from([2]))
    },
  },
]
