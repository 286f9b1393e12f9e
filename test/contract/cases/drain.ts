import { expect } from 'vitest'
import type { WebSocketConnection } from '../../../src/index.ts'
import type { RawClient } from '../../support/raw-client.ts'
import type { Case } from '../harness.ts'

const SIZE = 256 * 1024
/** More than the operating system takes in for a client that does not read. */
const LARGE = Buffer.alloc(20 * 1024 * 1024)

/** It reads what it was sent, and looks at nothing: frames of so many bytes would take their time. */
function read({ tcp }: RawClient): void {
  tcp.removeAllListeners('data')
  tcp.resume()
}

export const CASES: readonly Case[] = [
  {
    name: 'onDrain comes when a slow client has read what waited, and bufferedAmount is 0 then; each time',
    network: true,
    async run(t) {
      const drained = t.queue<number>('drain')
      const waits = t.queue<boolean>('message that waits')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          for (let sent = 0; conn.bufferedAmount === 0 && sent < LARGE.length; sent += SIZE)
            conn.send(LARGE.subarray(0, SIZE))
          waits.push(conn.bufferedAmount > 0)
        },
        onDrain: (conn) => drained.push(conn.bufferedAmount),
      })
      const client = await t.raw(server).open('/api/a')
      for (let round = 0; round < 3; round++) {
        client.tcp.pause()
        client.text('go')
        expect(await waits.next()).toBe(true)
        expect(drained.size).toBe(0)
        read(client)
        expect(await drained.next()).toBe(0)
      }
    },
  },
  {
    name: 'onDrain comes after a broadcast that waited, to each that it waited for',
    network: true,
    oneProcess: 'the message is above maxPayload, and so for the own node only',
    async run(t) {
      const drained = t.queue<string>('drain')
      const server = await t.start({
        pattern: '/{name}',
        onDrain: (conn) => drained.push(conn.params['name'] ?? ''),
      })
      const clients = [await t.raw(server).open('/api/one'), await t.raw(server).open('/api/two')]
      for (const { tcp } of clients) tcp.pause()
      server.publish('/{name}', LARGE)
      for (const client of clients) read(client)
      expect([await drained.next(), await drained.next()].toSorted()).toEqual(['one', 'two'])
    },
  },
  {
    // uWebSockets.js left the rest of a large message behind that was sent in its own callback.
    name: 'what onDrain sends arrives, and all of it',
    network: true,
    async run(t) {
      const MESSAGES = 20
      const sent = new Map<string, number>()
      const sendMore = (conn: WebSocketConnection): void => {
        for (let n = sent.get(conn.id) ?? 0; n < MESSAGES && conn.bufferedAmount === 0; n++) {
          sent.set(conn.id, n + 1)
          conn.send(LARGE.subarray(0, 1_000_000))
        }
      }
      const server = await t.start({ pattern: '/a', onConnect: sendMore, onDrain: sendMore })
      for (let round = 0; round < 5; round++) {
        const client = await t.connect(server, '/a')
        for (let n = 0; n < MESSAGES; n++) expect((await client.next()).length).toBe(1_000_000)
        client.terminate()
      }
    },
  },
  {
    name: 'onDrain does not come for a connection that is being closed',
    network: true,
    async run(t) {
      const seen = t.queue<string>('hook')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          conn.send(LARGE)
          conn.close(4010)
          seen.push(`waits: ${conn.bufferedAmount > 0}`)
        },
        onDrain: () => seen.push('drain'),
        onClose: (_conn, code) => seen.push(`close ${code}`),
      })
      const client = await t.raw(server).open('/api/a')
      client.tcp.pause()
      client.text('go')
      expect(await seen.next()).toBe('waits: true')
      read(client)
      expect(await seen.next()).toBe('close 4010')
    },
  },
  ...['throws', 'rejects'].map((how): Case => ({
    name: `onDrain that ${how} goes to onError, and the connection stays`,
    network: true,
    async run(t) {
      const errors = t.queue<string>('error')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => void conn.send(LARGE),
        onDrain: () => {
          if (how === 'rejects') return Promise.reject(new Error(how))
          throw new Error(how)
        },
        onError: (_conn, error) => errors.push(error.message),
      })
      const client = await t.raw(server).open('/api/a')
      client.tcp.pause()
      client.text('go')
      await t.until(() => server.stats().messagesOut, 1)
      read(client)
      expect(await errors.next()).toBe(how)
      expect(server.stats()).toMatchObject({ handlerErrors: 1, connections: 1 })
    },
  })),
]
