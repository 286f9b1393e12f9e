import { expect } from 'vitest'
import type { Case } from '../harness.ts'

const DEPTH = 100_000

const DEEP: readonly [string, string][] = [
  ['arrays', '['.repeat(DEPTH) + ']'.repeat(DEPTH)],
  ['arrays and objects', `${'[{"a":'.repeat(DEPTH)}1${'}]'.repeat(DEPTH)}`],
]

/** The newest V8 serialises without recursion. */
function isSerializable(text: string): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === text
  } catch {
    return false
  }
}

function depthOf(value: unknown): number {
  let depth = 0
  let current = value
  while (typeof current === 'object' && current !== null) {
    depth++
    current = Object.values(current)[0]
  }
  return depth
}

const POLLUTION = '{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}'

function expectClean(): void {
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  expect(([] as unknown as Record<string, unknown>)['polluted']).toBeUndefined()
  expect(Object.prototype).not.toHaveProperty('polluted')
}

export const CASES: readonly Case[] = [
  ...DEEP.map(([what, text]): Case => ({
    name: `${what} nested ${DEPTH} deep reach the handler; where JSON.stringify refuses them, sending them is ERR_SERIALIZE, and nothing else happens`,
    async run(t) {
      const depths = t.queue<number>('depth')
      const errors = t.queue<string | undefined>('error')
      const server = await t.start([
        {
          pattern: '/send',
          onMessage: (conn, data) => {
            depths.push(depthOf(data))
            conn.send(data)
          },
          onError: (_conn, error) => errors.push(error.code),
        },
        {
          pattern: '/broadcast',
          onMessage: (conn, data) => conn.broadcast(data, { includeSelf: true }),
          onError: (_conn, error) => errors.push(error.code),
        },
        {
          pattern: '/respond',
          responses: [{ match: () => true, response: (_conn: unknown, data: unknown) => data }],
          onError: (_conn, error) => errors.push(error.code),
        },
        { pattern: '/log', onMessage: (conn, data) => void conn.send(data) },
      ])
      const isSent = isSerializable(text)
      for (const path of ['/send', '/broadcast', '/respond', '/log']) {
        const client = await t.connect(server, path)
        client.send(text)
        if (isSent) expect(JSON.stringify(await client.next()) === text).toBe(true)
        else if (path === '/log') {
          await t.until(() => t.log.length, 1)
          expect(t.log[0]).toMatch(/^error .*\/log.*cannot send \[object (Array|Object)\]/)
        } else expect(await errors.next()).toBe('ERR_SERIALIZE')
        // It stays open, and this is the first thing that it gets.
        client.json({ still: 'there' })
        expect(await client.next()).toEqual({ still: 'there' })
      }
      expect(await depths.next()).toBe(what === 'arrays' ? DEPTH : 2 * DEPTH)
      expect(server.stats()).toMatchObject({ connections: 4, closed: 0, handlerErrors: isSent ? 0 : 4 })
    },
  })),
  {
    name: 'brackets that are never closed are a plain string',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn, data) => void conn.send([typeof data, data.length]),
      })
      const client = await t.connect(server, '/a')
      for (const text of ['[', '{"a":', '[{"a":', '"', '[1,']) {
        client.send(text.repeat(DEPTH))
        expect(await client.next()).toEqual(['string', text.length * DEPTH])
      }
    },
  },
  {
    name: 'JSON with __proto__ and constructor pollutes nothing: they are properties of the data, and of nothing else',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn, data) => {
          conn.metadata['last'] = { ...data }
          conn.send({
            own: Object.keys(data),
            prototype: Object.getPrototypeOf(data) === Object.prototype,
            inherited: data.polluted ?? null,
            metadata: conn.metadata['polluted'] ?? null,
          })
          conn.send(data)
        },
      })
      const client = await t.connect(server, '/a')
      client.send(POLLUTION)
      expect(await client.next()).toEqual({
        own: ['__proto__', 'constructor'],
        prototype: true,
        inherited: null,
        metadata: null,
      })
      expect(JSON.stringify(await client.next())).toBe(POLLUTION)
      expectClean()
    },
  },
  {
    name: 'rooms may be called __proto__ or constructor, and keep apart',
    async run(t) {
      const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString']
      const server = await t.start({
        pattern: '/a',
        scope: 'path',
        onMessage: (conn, data) => {
          if ('join' in data) conn.joinRoom(data.join)
          else conn.broadcast(data, { room: data.to, includeSelf: true })
          conn.send({ rooms: conn.getRooms() })
        },
      })
      const clients = await Promise.all(names.map(() => t.connect(server, '/a')))
      for (const [i, name] of names.entries()) {
        clients[i]!.json({ join: name })
        expect(await clients[i]!.next()).toEqual({ rooms: [name] })
      }
      for (const [i, name] of names.entries()) {
        clients[i]!.json({ to: name })
        expect([await clients[i]!.next(), await clients[i]!.next()]).toEqual([
          { to: name },
          { rooms: [name] },
        ])
      }
      expectClean()
    },
  },
  {
    name: 'a header called __proto__ or constructor pollutes nothing',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onConnect: (conn, req) =>
          void conn.send([
            Object.getPrototypeOf(req.headers) === Object.prototype,
            req.headers['polluted'] ?? null,
            req.headers['constructor'],
          ]),
      })
      const headers = Object.fromEntries([
        ['__proto__', 'polluted'],
        ['constructor', 'mine'],
      ])
      const client = await t.connect(server, '/a', { headers })
      expect(await client.next()).toEqual([true, null, 'mine'])
      expectClean()
    },
  },
]
