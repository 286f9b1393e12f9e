import { expect } from 'vitest'
import type { UniversalApiWsHandler, WebSocketConnection } from '../../../src/index.ts'
import type { Case } from '../harness.ts'

const WAYS = {
  throws: () => {
    throw new Error('on purpose')
  },
  rejects: () => Promise.reject(new Error('on purpose')),
  'throws no Error': () => {
    throw 'a string' // eslint-disable-line no-throw-literal -- what a careless handler does
  },
  'never settles': () => new Promise(() => {}),
} as const

const HOOKS = [
  'onConnect',
  'onMessage',
  'onClose',
  'onPing',
  'onPong',
  'transformRawData',
  'match',
  'response',
] as const

function handlerThat(hook: (typeof HOOKS)[number], misbehave: () => unknown): UniversalApiWsHandler {
  if (hook === 'match')
    return { pattern: '/a', responses: [{ match: misbehave as () => boolean, response: 1 }] }
  if (hook === 'response') return { pattern: '/a', responses: [{ match: () => true, response: misbehave }] }
  return { pattern: '/a', [hook]: misbehave }
}

export const CASES: readonly Case[] = [
  ...HOOKS.flatMap((hook) =>
    Object.entries(WAYS).map(([way, misbehave]): Case => ({
      name: `${hook} that ${way} ends nothing but goes to onError`,
      async run(t) {
        const errors = t.queue<[string, boolean]>('error')
        const server = await t.start([
          {
            ...handlerThat(hook, misbehave),
            onError: (conn: WebSocketConnection, error: Error) =>
              errors.push([error.message, error instanceof Error && typeof conn.id === 'string']),
          },
          { pattern: '/b', onMessage: (conn, data) => void conn.send(data) },
        ])
        const client = await t.connect(server, '/a')
        client.send('x')
        client.ping('x')
        if (hook === 'onPong') server.publish('/a', 'nothing')
        if (hook === 'onClose') client.close(4000)
        // onPong has to be provoked by an unasked pong, which only a raw client sends; see the heartbeat cases.
        if (way !== 'never settles' && hook !== 'onPong') {
          const [message, wellFormed] = await errors.next()
          expect(message).toContain(way === 'throws no Error' ? 'a string' : 'on purpose')
          expect(wellFormed).toBe(true)
        }
        const healthy = await t.connect(server, '/b')
        healthy.send('still alive')
        expect(await healthy.next()).toBe('still alive')
      },
    })),
  ),
  {
    name: 'onPong that throws goes to onError',
    network: true,
    async run(t) {
      const errors = t.queue<string>('error')
      const server = await t.start({
        pattern: '/a',
        onPong: WAYS.throws,
        onError: (_conn, error) => errors.push(error.message),
      })
      const client = await t.raw(server).open('/api/a')
      client.frame(10, 'unasked')
      expect(await errors.next()).toBe('on purpose')
    },
  },
  {
    name: 'without onError it is logged with the pattern, the hook and the stack',
    async run(t) {
      const server = await t.start({ pattern: '/a', onMessage: WAYS.throws })
      const client = await t.connect(server, '/a')
      client.send('a secret')
      await t.until(() => t.log.length > 0, true)
      expect(t.log[0]).toMatch(
        /^error .*\/a \(connection [0-9a-f-]{36}\): onMessage failed: Error: on purpose\n\s+at /,
      )
      expect(t.log.join()).not.toContain('secret')
    },
  },
  {
    name: 'a throw in onConnect also closes with 1011, sync or async',
    async run(t) {
      for (const misbehave of [WAYS.throws, WAYS.rejects]) {
        const closed = t.queue<number>('close')
        const server = await t.start({
          pattern: '/a',
          onConnect: misbehave,
          onError: () => {},
          onClose: (_conn, code) => closed.push(code),
        })
        const client = await t.connect(server, '/a')
        expect((await client.closed).code).toBe(1011)
        expect(await closed.next()).toBe(1011)
        await server.close()
      }
    },
  },
  {
    name: 'a throw in onMessage keeps the connection',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn, data) => {
          if (data === 'throw') throw new Error('on purpose')
          conn.send(data)
        },
        onError: () => {},
      })
      const client = await t.connect(server, '/a')
      client.send('throw')
      client.send('next')
      expect(await client.next()).toBe('next')
    },
  },
  {
    name: 'a throw or a rejection in onError is logged, and nothing else happens',
    async run(t) {
      for (const misbehave of [WAYS.throws, WAYS.rejects]) {
        const server = await t.start({ pattern: '/a', onMessage: WAYS.throws, onError: misbehave })
        const client = await t.connect(server, '/a')
        t.log.length = 0
        client.send('x')
        await t.until(() => t.log.some((line) => line.includes('onError failed: Error: on purpose')), true)
        await server.close()
      }
    },
  },
  {
    name: 'an onClose that never settles leaks nothing',
    async run(t) {
      const server = await t.start({ pattern: '/a', defaultRoom: 'x', onClose: WAYS['never settles'] })
      const client = await t.connect(server, '/a')
      client.close(4000)
      await t.until(() => server.connections.length, 0)
      await t.until(() => server.stats().connections, 0)
      await server.close()
    },
  },
  {
    name: 'a connection that ends while onConnect is pending gets its onClose when it has settled',
    async run(t) {
      const events = t.queue<string>('event')
      let settle: (() => void) | undefined
      const server = await t.start({
        pattern: '/a',
        onConnect: () => {
          events.push('connect')
          return new Promise<void>((resolve) => {
            settle = resolve
          })
        },
        onMessage: () => events.push('message'),
        onClose: () => events.push('close'),
      })
      const client = await t.connect(server, '/a')
      client.close(4000)
      await t.until(() => server.stats().closed, 1)
      expect(await events.next()).toBe('connect')
      expect(events.size).toBe(0)
      settle?.()
      expect(await events.next()).toBe('close')
      expect(events.size).toBe(0)
    },
  },
]
