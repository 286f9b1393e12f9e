import { expect } from 'vitest'
import type { UniversalApiWsHandler } from '../../../src/index.ts'
import type { Queue } from '../../support/client.ts'
import type { Case, Contract } from '../harness.ts'

/** What the hooks of a handler are told, in order. */
interface Told {
  readonly events: Queue<unknown>
  readonly hooks: Pick<UniversalApiWsHandler, 'onError' | 'onClose'>
}

function tell(t: Contract): Told {
  const events = t.queue<unknown>('event')
  return {
    events,
    hooks: {
      onError: (_conn, error) => events.push(error.code),
      onClose: (_conn, ...args) => events.push(args),
    },
  }
}

const TOO_FAST = { code: 1008, reason: 'Too many messages' }
const TOO_MANY = { code: 1013, reason: 'Too many messages are waiting' }

/** Ways for messages to wait. */
const WAITING: readonly [string, Partial<UniversalApiWsHandler>][] = [
  ['a sequential onMessage', { sequential: true, onMessage: () => new Promise(() => {}) }],
  ['a delay', { delay: 60_000 }],
  ['a pending onConnect', { onConnect: () => new Promise(() => {}) }],
  ['a pending transformRawData', { transformRawData: () => new Promise(() => {}) }],
  ['a pending match', { responses: [{ match: () => new Promise(() => {}), response: '' }] }],
]

export const CASES: readonly Case[] = [
  {
    name: "past maxMessagesPerSecond: 1008 and its reason, ERR_MESSAGE_RATE, counted; a second's worth may come at once",
    async run(t) {
      let handled = 0
      const { events, hooks } = tell(t)
      const server = await t.start({
        pattern: '/a',
        maxMessagesPerSecond: 50,
        onMessage: () => void handled++,
        ...hooks,
      })
      const [client, other] = [await t.connect(server, '/a'), await t.connect(server, '/a')]
      for (let i = 0; i < 500; i++) client.send(`m${i}`)
      expect(await client.closed).toEqual(TOO_FAST)
      expect(await events.next()).toBe('ERR_MESSAGE_RATE')
      expect(await events.next()).toEqual([1008, TOO_FAST.reason, false])
      // What came in while it took that long; nothing reaches the handler behind the close.
      expect(handled).toBeGreaterThanOrEqual(50)
      expect(handled).toBeLessThan(500)
      const before = handled
      for (let i = 0; i < 50; i++) other.send(`m${i}`)
      await t.until(() => handled - before, 50)
      expect(server.stats()).toMatchObject({
        connections: 1,
        closedForMessageRate: 1,
        closedByCode: { 1008: 1 },
      })
    },
  },
  {
    name: 'pings count as messages do',
    async run(t) {
      const { events, hooks } = tell(t)
      const server = await t.start({ pattern: '/a', maxMessagesPerSecond: 10, ...hooks })
      const client = await t.connect(server, '/a')
      for (let i = 0; i < 200; i++) client.ping(`p${i}`)
      expect(await client.closed).toEqual(TOO_FAST)
      expect(await events.next()).toBe('ERR_MESSAGE_RATE')
    },
  },
  {
    name: 'maxMessagesPerSecond of a handler wins over the option; 0 is no limit',
    async run(t) {
      const echo: Partial<UniversalApiWsHandler> = { onMessage: (conn, data) => void conn.send(data) }
      const server = await t.start(
        [
          { pattern: '/option', ...echo },
          { pattern: '/own', maxMessagesPerSecond: 0, ...echo },
        ],
        { maxMessagesPerSecond: 5 },
      )
      const [limited, free] = [await t.connect(server, '/option'), await t.connect(server, '/own')]
      for (let i = 0; i < 100; i++) {
        limited.send(`m${i}`)
        free.send(`m${i}`)
      }
      expect(await limited.closed).toEqual(TOO_FAST)
      for (let i = 0; i < 100; i++) expect(await free.next()).toBe(`m${i}`)
      // No onError: it is a line in the log.
      expect(t.log).toEqual([expect.stringMatching(/^warn .*\/option.*maxMessagesPerSecond \(5\)/)])
    },
  },
  {
    name: 'onError may close with a code of its own',
    async run(t) {
      const server = await t.start([
        {
          pattern: '/rate',
          maxMessagesPerSecond: 1,
          onError: (conn) => conn.close(4008, 'slow down'),
        },
        { pattern: '/queue', maxQueue: 1, delay: 60_000, onError: (conn) => conn.close(4008, 'slow down') },
      ])
      for (const path of ['/rate', '/queue']) {
        const client = await t.connect(server, path)
        for (let i = 0; i < 20; i++) client.send('x')
        expect(await client.closed).toEqual({ code: 4008, reason: 'slow down' })
      }
    },
  },
  ...WAITING.map(([what, fields]): Case => ({
    name: `what waits for ${what} is limited by maxQueue: 1013 and its reason, ERR_QUEUE, counted`,
    async run(t) {
      const { events, hooks } = tell(t)
      const server = await t.start([
        { pattern: '/a', maxQueue: 100_000, ...fields, ...hooks },
        { pattern: '/b', ...fields },
      ])
      const [few, many, large] = [
        await t.connect(server, '/a'),
        await t.connect(server, '/a'),
        await t.connect(server, '/a'),
      ]
      // A message counts 256 bytes more than its payload, so that empty ones fill it, too.
      for (let i = 0; i < 300; i++) few.send('')
      for (let i = 0; i < 500; i++) many.send('')
      expect(await many.closed).toEqual(TOO_MANY)
      expect(await events.next()).toBe('ERR_QUEUE')
      expect(await events.next()).toEqual([1013, TOO_MANY.reason, false])
      for (let i = 0; i < 4; i++) large.send('x'.repeat(40_000))
      expect(await large.closed).toEqual(TOO_MANY)
      // By default there is room for more.
      const other = await t.connect(server, '/b')
      for (let i = 0; i < 1000; i++) other.send('')
      await t.until(() => server.stats().messagesIn >= 1300 + 380 + 3, true)
      expect(server.stats()).toMatchObject({
        connections: 2,
        closedForQueue: 2,
        closedByCode: { 1013: 2 },
      })
    },
  })),
  {
    name: 'one message may always wait, and what is handled makes room',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        maxQueue: 1000,
        sequential: true,
        onMessage: async (conn, data) => {
          await Promise.resolve()
          conn.send(data.length)
        },
      })
      const client = await t.connect(server, '/a')
      for (let i = 0; i < 20; i++) {
        client.send('x'.repeat(5000))
        expect(await client.next()).toBe(5000)
        client.send('x')
        expect(await client.next()).toBe(1)
      }
    },
  },
]
