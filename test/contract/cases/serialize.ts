import { runInNewContext } from 'node:vm'
import { expect } from 'vitest'
import type { WebSocketConnection } from '../../../src/index.ts'
import type { Case } from '../harness.ts'

const shared = new SharedArrayBuffer(4)
new Uint8Array(shared).set([1, 2, 3, 4])

/** What has bytes, and goes as binary. */
const BYTES: Readonly<Record<string, [unknown, number[]]>> = {
  'a SharedArrayBuffer': [shared, [1, 2, 3, 4]],
  'a view on shared memory': [new Uint8Array(shared, 1, 2), [2, 3]],
  'a Float32Array': [new Float32Array([1]), [0, 0, 128, 63]],
  'an ArrayBuffer of another realm': [runInNewContext('new Uint8Array([5, 6]).buffer'), [5, 6]],
  'a typed array of another realm': [runInNewContext('new Uint8Array([5, 6]).subarray(1)'), [6]],
  'a SharedArrayBuffer of another realm': [runInNewContext('new SharedArrayBuffer(2)'), [0, 0]],
  'an empty ArrayBuffer': [new ArrayBuffer(0), []],
}

/** What would go as `{}`, and what its error says to do. */
const LATER: Readonly<Record<string, [() => unknown, RegExp]>> = {
  'a promise': [() => Promise.resolve({ a: 1 }), /await/],
  'a promise of another realm': [() => runInNewContext('Promise.resolve(1)'), /await/],
  'a thenable': [() => runInNewContext('({ then() {} })'), /await/],
  'a Blob': [() => new Blob(['hi']), /await blob\.arrayBuffer\(\)/],
  'a File': [() => new File(['hi'], 'hi.txt'), /await blob\.arrayBuffer\(\)/],
}

const codeOf = (run: () => unknown): string => {
  try {
    return String(run())
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    return `${code}: ${message}`
  }
}

export const CASES: readonly Case[] = [
  {
    name: 'what has bytes goes as binary, of every kind and realm: send, broadcast, publish and canned responses',
    async run(t) {
      for (const [what, [value, bytes]] of Object.entries(BYTES)) {
        const server = await t.start({
          pattern: '/a',
          responses: [
            { match: (_conn, data) => data === 'static', response: value },
            { match: (_conn, data) => data === 'made', response: () => value },
          ],
          onMessage: (conn) => {
            conn.send(value)
            conn.broadcast(value, { includeSelf: true })
            server.publish('/a', value)
          },
        })
        const client = await t.connect(server, '/a')
        for (const text of ['static', 'made', 'go']) client.send(text)
        for (let i = 0; i < 5; i++) expect([what, await client.next()]).toEqual([what, Buffer.from(bytes)])
        await server.close()
      }
    },
  },
  {
    name: 'what has its content only later is ERR_SERIALIZE, which says what to await; nothing is sent',
    async run(t) {
      let conn: WebSocketConnection | undefined
      const errors = t.queue<string>('error')
      const server = await t.start({
        pattern: '/a',
        onConnect: (opened) => {
          conn = opened
          opened.joinRoom('x')
        },
        responses: Object.entries(LATER)
          .filter(([what]) => !/promise|thenable/.test(what))
          .map(([what, [make]]) => ({
            match: (_conn: unknown, data: unknown) => data === what,
            response: () => make(),
          })),
        onError: (_conn, error) => errors.push(`${error.code}: ${error.message}`),
      })
      const client = await t.connect(server, '/a')
      for (const [what, [make, cure]] of Object.entries(LATER)) {
        const expected = new RegExp(`^ERR_SERIALIZE: .*${cure.source}`)
        for (const run of [
          () => conn?.send(make()),
          () => conn?.broadcast(make(), { includeSelf: true }),
          () => conn?.broadcastAllRooms(make(), true),
          () => server.publish('/a', make()),
        ])
          expect(codeOf(run)).toMatch(expected)
        if (/promise|thenable/.test(what)) continue
        client.send(what)
        expect(await errors.next()).toMatch(expected)
      }
      conn?.send('end')
      expect(await client.next()).toBe('end')
      expect(server.stats().messagesOut).toBe(1)
    },
  },
  {
    name: 'a canned response that is a promise or a Blob is refused at start, with what to await',
    async run(t) {
      for (const [make, cure] of Object.values(LATER)) {
        const start = t.start({ pattern: '/a', responses: [{ match: () => true, response: make() }] })
        await expect(start).rejects.toMatchObject({
          code: 'ERR_RESPONSE',
          message: expect.stringMatching(cure),
        })
      }
    },
  },
]
