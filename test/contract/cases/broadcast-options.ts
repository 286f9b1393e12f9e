import { expect } from 'vitest'
import type { WebSocketConnection } from '../../../src/index.ts'
import type { Case } from '../harness.ts'

/** What would reach everybody, if nobody looked at it, and what its error names. */
const WRONG: readonly [unknown, RegExp][] = [
  [{ Rooms: ['a'] }, /"Rooms".*known are room, rooms/],
  [{ romm: 'a' }, /"romm"/],
  [{ to: undefined }, /"to"/],
  [['a'], /\["a"\].*\{ rooms: \['a', 'b'\] \}/],
  [new Set(['a']), /have to be/],
  ['a', /"a".*\{ room: 'a' \}/],
  [null, /null/],
  [true, /true/],
  [() => ['a'], /function/],
  [{ rooms: null }, /"rooms".*null/],
  [{ rooms: 'a' }, /"rooms".*"a".*a list/],
  [{ rooms: ['a', undefined] }, /"rooms"/],
  [{ rooms: [['a']] }, /"rooms"/],
  [{ rooms: [''] }, /"rooms"/],
  [{ rooms: { 0: 'a', length: 1 } }, /"rooms"/],
  [{ room: null }, /"room".*null/],
  [{ room: ['a'] }, /"room".*\["a"\]/],
  [{ room: '' }, /"room"/],
  [{ room: 1 }, /"room".*1/],
  [{ room: undefined }, /"room".*undefined.*left out/],
  [{ rooms: undefined }, /"rooms".*undefined.*left out/],
]

const RIGHT: readonly [unknown, readonly number[]][] = [
  [undefined, [1, 2, 3]],
  [{}, [1, 2, 3]],
  [{ room: 'a', rooms: undefined }, [1]],
  [{ room: 'a' }, [1]],
  [{ rooms: ['a'] }, [1]],
  [{ rooms: ['b', 'a', 'b'] }, [1, 2]],
  [{ rooms: new Set(['a', 'b']) }, [1, 2]],
  [{ room: 'a', rooms: ['b'] }, [1, 2]],
  [{ rooms: [] }, []],
  [{ room: 'nobody is here' }, []],
]

interface Failure {
  readonly code?: string
  readonly message?: string
}

function attempt(run: () => void): Failure | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    const { code, message } = error as Failure
    return { ...(code !== undefined && { code }), ...(message !== undefined && { message }) }
  }
}

export const CASES: readonly Case[] = [
  {
    name: 'publish and broadcast reach whom their options name, room and rooms alike; what is wrong is ERR_OPTION and reaches nobody',
    async run(t) {
      let sender: WebSocketConnection | undefined
      const server = await t.start({
        pattern: '/{who}',
        onConnect: (conn) => {
          const { who } = conn.params
          if (who === '0') sender = conn
          if (who === '1') conn.joinRoom('a')
          if (who === '2') conn.joinRoom('b')
        },
      })
      await t.connect(server, '/0')
      const clients = await Promise.all(['/1', '/2', '/3'].map((path) => t.connect(server, path)))
      const calls: Record<string, (data: unknown, options: unknown) => void> = {
        // Without the sender, who would be a fourth for the one and not for the other.
        publish: (data, options) => server.publish('/{who}', data, options as never),
        broadcast: (data, options) => sender?.broadcast(data, options as never),
      }
      for (const [name, call] of Object.entries(calls)) {
        const before = server.stats().messagesOut
        for (const [options, expected] of WRONG) {
          const failure = attempt(() => call('leaked', options))
          expect(failure, `${name} ${String(options)}`).toEqual({
            code: 'ERR_OPTION',
            message: expect.stringMatching(expected),
          })
          expect(failure?.message).toContain(name)
        }
        expect(server.stats().messagesOut).toBe(before)
        for (const [index, [options, expected]] of RIGHT.entries()) {
          expect(attempt(() => call({ name, index }, options))).toBeUndefined()
          for (const who of expected) expect(await clients[who - 1]?.next()).toEqual({ name, index })
        }
      }
      // Nothing came to anybody that is not in the lists above.
      server.publish('/{who}', 'end')
      for (const client of clients) expect(await client.next()).toBe('end')
    },
  },
  {
    name: 'includeSelf is true or false, and means nothing to publish',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        defaultRoom: 'x',
        onMessage: (conn) => {
          const failures = [
            attempt(() => conn.broadcast('x', { includeSelf: 'yes' as never })),
            attempt(() => conn.broadcast('x', { includeSelf: null as never })),
            attempt(() => conn.broadcastAllRooms('x', { includeSelf: false } as never)),
            attempt(() => server.publish('/a', 'x', { includeSelf: true } as never)),
          ]
          conn.broadcast('self', { includeSelf: true })
          conn.send(failures.map((failure) => failure?.code))
        },
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      expect(await client.next()).toBe('self')
      expect(await client.next()).toEqual(Array.from({ length: 4 }, () => 'ERR_OPTION'))
    },
  },
  {
    name: 'a broadcast with wrong options throws on a connection that is closed, too',
    async run(t) {
      const failures = t.queue<Failure | undefined>('failure')
      const server = await t.start({
        pattern: '/a',
        onClose: (conn) => failures.push(attempt(() => conn.broadcast('x', { rom: 'a' } as never))),
      })
      const client = await t.connect(server, '/a')
      client.close(4000)
      expect(await failures.next()).toMatchObject({ code: 'ERR_OPTION' })
    },
  },
  {
    name: 'publish to what is no pattern, and pings of what is no text and no bytes, are errors that say so',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) =>
          void conn.send(
            [5, {}, null, [1]].map((payload) => attempt(() => conn.ping(payload as never))?.code),
          ),
      })
      for (const pattern of [undefined, null, 5, {}])
        expect(attempt(() => server.publish(pattern as never, 'x'))?.code).toBe('ERR_UNKNOWN_HANDLER')
      const client = await t.connect(server, '/a')
      client.send('go')
      expect(await client.next()).toEqual(Array.from({ length: 4 }, () => 'ERR_CONTROL_PAYLOAD'))
    },
  },
]
