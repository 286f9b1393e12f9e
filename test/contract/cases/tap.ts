import { expect } from 'vitest'
import type { Server } from '../../../src/index.ts'
import { insideOf, type TapEvent } from '../../support/inside.ts'
import type { Case } from '../harness.ts'

/** What a server tells from now on, in words, and the events themselves. */
function watch(server: Server): { lines: string[]; events: TapEvent[]; end: () => void } {
  const events: TapEvent[] = []
  const lines: string[] = []
  const end = insideOf(server).listen((event) => {
    events.push(event)
    lines.push(wordsOf(event))
  })
  return { lines, events, end }
}

const shown = (payload: string | Uint8Array): string =>
  typeof payload === 'string' ? payload : `<${Buffer.from(payload).toString('hex')}>`

function wordsOf(event: TapEvent): string {
  const { type, pattern } = event
  const start = `${type} ${pattern}`
  switch (event.type) {
    case 'open':
      return start
    case 'refused':
      return `${start} ${event.reason} ${event.answer?.status ?? event.close?.code} ${event.url}`
    case 'message':
      return `${start} ${shown(event.payload)} (${event.bytes})`
    case 'handled':
      return `${start} by ${event.by}`
    case 'sent':
      return `${start} ${shown(event.payload)} (${event.bytes}) ${event.status}`
    case 'upstream':
      return `${start} from ${event.from} ${shown(event.payload)} (${event.bytes})`
    case 'broadcast':
      return `${start} ${event.from ? 'from a connection' : 'from outside'} to ${String(event.rooms ?? 'all')} ${shown(event.payload)} (${event.bytes}) ${event.receivers}`
    case 'ping':
    case 'pong':
      return `${start} from ${event.from} ${shown(event.payload)}`
    case 'join':
    case 'leave':
      return `${start} ${event.room}`
    case 'close':
      return `${start} ${event.code} ${event.reason} ${event.initiatedByClient}`
    case 'fault':
      return `${start} ${event.kind} ${event.direction} ${event.message}`
    case 'error':
    default:
      return `${start} ${event.hook} ${event.error.message}`
  }
}

export const CASES: readonly Case[] = [
  {
    name: 'the tap tells all that happens to a connection, in its order and without gaps',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        defaultRoom: 'lobby',
        responses: [
          { match: () => false, response: 'never' },
          { match: (_conn, data) => data === 'rule', response: { by: 'rule' } },
        ],
        onMessage(conn, data) {
          conn.joinRoom('den')
          conn.joinRoom('den')
          conn.send({ got: data })
          conn.broadcast('all', { includeSelf: true })
          conn.broadcast(Buffer.from([1, 2]), { rooms: ['den', 'lobby'], includeSelf: true })
          conn.leaveRoom('den')
          conn.leaveRoom('den')
        },
      })
      const { lines, events } = watch(server)
      const client = await t.connect(server, '/a')
      client.send('rule')
      expect(await client.next()).toEqual({ by: 'rule' })
      client.send('hé')
      expect(await client.next()).toEqual({ got: 'hé' })
      expect(await client.next()).toBe('all')
      expect(await client.next()).toEqual(Buffer.from([1, 2]))
      client.ping('p')
      await client.nextPong()
      client.close(4000, 'bye')
      await t.until(() => lines.at(-1), 'close /a 4000 bye true')
      expect(lines).toEqual([
        'open /a',
        'join /a lobby',
        'message /a rule (4)',
        'sent /a {"by":"rule"} (13) sent',
        'handled /a by responses[1]',
        'message /a hé (3)',
        'join /a den',
        'sent /a {"got":"hé"} (13) sent',
        'broadcast /a from a connection to all all (3) 1',
        'broadcast /a from a connection to den,lobby <0102> (2) 1',
        'leave /a den',
        'handled /a by onMessage',
        'ping /a from client <70>',
        'close /a 4000 bye true',
      ])
      expect(events.map(({ n }) => n)).toEqual(events.map((_, index) => index + 1))
      const numbers = events.flatMap((event) => (event.type === 'message' ? event.n : []))
      expect(events.flatMap((event) => (event.type === 'handled' ? event.message : []))).toEqual(numbers)
      const times = events.map(({ at }) => at)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
    },
  },
  {
    name: 'the tap tells what takes a message, when an async hook has settled, and that nothing does',
    async run(t) {
      const releases: (() => void)[] = []
      const server = await t.start([
        { pattern: '/slow', onMessage: () => new Promise<void>((resolve) => releases.push(resolve)) },
        { pattern: '/none', responses: [{ match: async () => false, response: 1 }] },
        { pattern: '/deaf' },
        {
          pattern: '/rule',
          responses: [{ match: () => true, response: async () => Promise.reject(new Error('no')) }],
        },
      ])
      const { lines, events } = watch(server)
      const handled = (): string[] => lines.filter((line) => /^(?:handled|error)/.test(line))
      const slow = await t.connect(server, '/slow')
      slow.send('a')
      slow.send('b')
      await t.until(() => releases.length, 2)
      expect(handled()).toEqual([])
      releases[1]?.()
      await t.until(() => handled().length, 1)
      releases[0]?.()
      await t.until(() => handled().length, 2)
      const [first, second] = events.flatMap((event) => (event.type === 'message' ? event.n : []))
      expect(events.flatMap((event) => (event.type === 'handled' ? event.message : []))).toEqual([
        second,
        first,
      ])
      for (const path of ['/none', '/deaf', '/rule']) (await t.connect(server, path)).send('x')
      await t.until(() => handled().length, 6)
      expect(handled().slice(2).toSorted()).toEqual([
        'error /rule responses[0].response no',
        'handled /deaf by undefined',
        'handled /none by undefined',
        'handled /rule by responses[0]',
      ])
    },
  },
  {
    name: 'the tap tells a handshake that is refused, and why',
    async run(t) {
      const server = await t.start(
        [
          { pattern: '/a', subprotocols: ['v1'] },
          { pattern: '/no', authenticate: async () => false },
          { pattern: '/code', authenticate: () => ({ success: false, code: 4001, reason: 'expired' }) },
          {
            pattern: '/broken',
            authenticate() {
              throw new Error('boom')
            },
          },
        ],
        { allowedOrigins: ['http://app.test'] },
      )
      const { lines } = watch(server)
      await t.handshake(server, '/b?x=1')
      await t.handshake(server, '/a', { 'Sec-WebSocket-Version': '8' })
      await t.handshake(server, '/a', { Origin: 'http://other.test' })
      await t.handshake(server, '/a', { 'Sec-WebSocket-Protocol': 'v2' })
      await t.handshake(server, '/no')
      await t.handshake(server, '/broken')
      expect((await (await t.connect(server, '/code')).closed).code).toBe(4001)
      expect(lines).toEqual([
        'refused undefined path 404 /api/b?x=1',
        'refused /a malformed 426 /api/a',
        'refused /a origin 403 /api/a',
        'refused /a subprotocol 400 /api/a',
        'refused /no authenticate 401 /api/no',
        'error /broken authenticate boom',
        'refused /broken authenticate 500 /api/broken',
        'refused /code authenticate 4001 /api/code',
      ])
    },
    standalone: 'other answers come from the server in front',
  },
  {
    name: 'the tap tells a publish once, whatever the number of scopes and receivers',
    async run(t) {
      const server = await t.start({
        pattern: '/a/{id}',
        scope: 'path',
        onConnect: (conn) => conn.joinRoom('r'),
      })
      for (const path of ['/a/1', '/a/1', '/a/2']) await t.connect(server, path)
      await t.until(() => server.connections.length, 3)
      const { lines } = watch(server)
      server.publish('/a/{id}', { n: 1 })
      server.publish('/a/{id}', 'x', { rooms: ['r', 's'] })
      server.publish('/a/{id}', 'x', { room: 'empty' })
      expect(lines).toEqual([
        'broadcast /a/{id} from outside to all {"n":1} (7) 3',
        'broadcast /a/{id} from outside to r,s x (1) 3',
        'broadcast /a/{id} from outside to empty x (1) 0',
      ])
    },
  },
  {
    name: 'the tap tells what the heartbeat asks and gets, and what a hook throws',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        heartbeat: 100,
        onMessage() {
          throw new Error('boom')
        },
        onError() {
          throw new Error('bang')
        },
      })
      const { lines } = watch(server)
      const client = await t.connect(server, '/a')
      await client.nextPing()
      await t.until(() => lines.some((line) => line === 'pong /a from client <>'), true)
      expect(lines.slice(0, 3)).toEqual(['open /a', 'ping /a from server ', 'pong /a from client <>'])
      client.send('x')
      await t.until(() => lines.some((line) => line.startsWith('handled')), true)
      expect(lines.filter((line) => !/^(?:open|ping|pong)/.test(line))).toEqual([
        'message /a x (1)',
        'error /a onMessage boom',
        'error /a onError bang',
        'handled /a by onMessage',
      ])
    },
  },
  {
    name: 'a listener of the tap that throws ends nothing; who has left is told nothing more',
    async run(t) {
      const server = await t.start({ pattern: '/a', onMessage: (conn, data) => void conn.send(data) })
      const before = watch(server)
      insideOf(server).listen(() => {
        throw new Error('a bad listener')
      })
      const after = watch(server)
      const client = await t.connect(server, '/a')
      before.end()
      before.end()
      client.send('x')
      expect(await client.next()).toBe('x')
      expect(before.lines).toEqual(['open /a'])
      expect(after.lines.slice(0, 3)).toEqual(['open /a', 'message /a x (1)', 'sent /a x (1) sent'])
      expect(t.log[0]).toContain('a listener of the tap failed: Error: a bad listener')
    },
  },
]
