import { expect } from 'vitest'
import type { HandshakeRequest, WebSocketConnection } from '../../../src/index.ts'
import { connectNative } from '../../support/client.ts'
import type { Case } from '../harness.ts'

export const CASES: readonly Case[] = [
  {
    name: 'conn has what the guide lists, and the additions',
    async run(t) {
      const seen = t.queue<WebSocketConnection>('connection')
      const server = await t.start({
        pattern: '/a/{id}',
        defaultRoom: 'lobby',
        onConnect: (conn) => seen.push(conn),
      })
      await t.connect(server, '/a/7?x=1')
      const conn = await seen.next()
      expect(conn.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(conn.rooms).toBeInstanceOf(Set)
      expect([...conn.rooms]).toEqual(['lobby'])
      expect(conn.getRooms()).toEqual(['lobby'])
      expect(conn.isInRoom('lobby')).toBe(true)
      expect(conn.path).toBe('/api/a/7')
      expect(conn.params).toEqual({ id: '7' })
      expect(conn.subprotocol).toBe('')
      expect(conn.metadata).toEqual({})
      conn.metadata['user'] = 'Alice'
      expect(conn.metadata).toEqual({ user: 'Alice' })
      expect(conn.closed).toBe(false)
      expect(conn.bufferedAmount).toBe(0)
      expect(conn.authData).toBeUndefined()
    },
  },
  {
    name: 'conn.rooms is live',
    async run(t) {
      const seen = t.queue<WebSocketConnection>('connection')
      const server = await t.start({ pattern: '/a', onConnect: (conn) => seen.push(conn) })
      await t.connect(server, '/a')
      const conn = await seen.next()
      const { rooms } = conn
      conn.joinRoom('x')
      expect(rooms.has('x')).toBe(true)
      conn.leaveRoom('x')
      expect(rooms.size).toBe(0)
    },
  },
  {
    name: 'conn.req is a plain object that stays valid for the whole connection',
    async run(t) {
      const seen = t.queue<[WebSocketConnection, HandshakeRequest]>('connection')
      const server = await t.start({
        pattern: '/a/{id}',
        onConnect: async (conn, req) => {
          await Promise.resolve()
          seen.push([conn, req])
        },
        onMessage: (conn) => void conn.send({ url: conn.req.url, agent: conn.req.headers['x-agent'] }),
      })
      const client = await t.connect(server, '/a/b%20c?token=1&x=%20', { headers: { 'X-Agent': 'test' } })
      const [conn, req] = await seen.next()
      expect(req).toBe(conn.req)
      expect(Object.getPrototypeOf(req)).toBe(Object.prototype)
      expect(req.url).toBe('/api/a/b%20c?token=1&x=%20')
      expect(req.method).toBe('GET')
      expect(req.httpVersion).toBe('1.1')
      expect(req.params).toEqual({ id: 'b c' })
      expect(req.headers['x-agent']).toBe('test')
      expect(req.headers['upgrade']?.toLowerCase()).toBe('websocket')
      expect(req.rawHeaders.map((text) => text.toLowerCase())).toContain('x-agent')
      expect(req.rawHeaders.length % 2).toBe(0)
      expect(req.socket.remoteAddress).toBe('127.0.0.1')
      expect(req.socket.encrypted).toBe(false)
      client.json('again')
      expect(await client.next()).toEqual({ url: req.url, agent: 'test' })
    },
  },
  {
    name: 'conn.req.socket.remotePort is the port of the client',
    oneProcess: 'the door in front of the two has a port of its own',
    network: true,
    when: ({ remotePort }) => remotePort,
    async run(t) {
      const seen = t.queue<number | undefined>('port')
      const server = await t.start({
        pattern: '/a',
        onConnect: (conn) => seen.push(conn.req.socket.remotePort),
      })
      const client = await t.raw(server).open('/api/a')
      expect(await seen.next()).toBe(client.tcp.localPort)
    },
  },
  {
    name: 'conn.req.rawHeaders keeps the case of names',
    network: true,
    when: ({ headerCase }) => headerCase,
    standalone: 'a proxy may write the names of headers in lower case',
    async run(t) {
      const seen = t.queue<string[]>('headers')
      const server = await t.start({ pattern: '/a', onConnect: (conn) => seen.push(conn.req.rawHeaders) })
      await t.raw(server).open('/api/a', { 'X-MiXed': 'yes' })
      expect(await seen.next()).toContain('X-MiXed')
    },
  },
  {
    name: 'send: strings as text, bytes as binary, everything else as JSON text',
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          conn.send('plain')
          conn.send({ a: [1, null, 'ü'] })
          conn.send(7)
          conn.send(null)
          conn.send(true)
          conn.send(Buffer.from([1, 2]))
          conn.send(new Uint16Array([0x0102]))
          conn.send(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))
          conn.send(new Uint8Array([9, 8]).buffer)
          conn.send(new DataView(new Uint8Array([5, 6, 7]).buffer, 1))
          conn.send('')
          conn.send(new Date(0))
        },
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      expect(await client.next()).toBe('plain')
      expect(await client.next()).toEqual({ a: [1, null, 'ü'] })
      expect(await client.next()).toBe(7)
      expect(await client.next()).toBe(null)
      expect(await client.next()).toBe(true)
      const bytes = async (): Promise<number[]> => [...((await client.next()) as Buffer)]
      expect(await bytes()).toEqual([1, 2])
      expect(await bytes()).toEqual([2, 1])
      expect(await bytes()).toEqual([2, 3])
      expect(await bytes()).toEqual([9, 8])
      expect(await bytes()).toEqual([6, 7])
      expect(await client.next()).toBe('')
      expect(await client.next()).toBe('1970-01-01T00:00:00.000Z')
    },
  },
  {
    name: 'send says what became of the message',
    async run(t) {
      const results = t.queue<string>('result')
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          results.push(conn.send('x'))
          conn.close()
          results.push(conn.send('y'))
        },
        onClose: (conn) => results.push(conn.send('z')),
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      expect(['sent', 'queued']).toContain(await results.next())
      expect(await results.next()).toBe('closed')
      expect(await results.next()).toBe('closed')
      expect(await client.next()).toBe('x')
      await client.closed
    },
  },
  {
    name: 'what cannot be serialised throws at the call, and nothing is sent',
    async run(t) {
      const cycle: Record<string, unknown> = {}
      cycle['self'] = cycle
      const server = await t.start({
        pattern: '/a',
        onMessage: (conn) => {
          const values = [undefined, cycle, 1n, () => {}, Symbol('s')]
          const codes = values.flatMap((value) =>
            [() => conn.send(value), () => conn.broadcast(value)].map((call) => {
              try {
                call()
                return 'none'
              } catch (error) {
                return (error as { code?: string }).code
              }
            }),
          )
          conn.send(codes)
        },
      })
      const client = await t.connect(server, '/a')
      client.send('go')
      expect(await client.next()).toEqual(Array.from({ length: 10 }, () => 'ERR_SERIALIZE'))
    },
  },
  {
    name: 'incoming text is parsed as JSON, and is the plain string if it is not JSON; binary is a Buffer of its own',
    async run(t) {
      const seen = t.queue<unknown>('message')
      const server = await t.start({ pattern: '/a', onMessage: (_conn, data) => seen.push(data) })
      const client = await t.connect(server, '/a')
      const texts = [
        '{"a":1}',
        '[1]',
        '"s"',
        '12',
        '-1',
        'true',
        'false',
        'null',
        ' {"b":2}',
        'hello',
        '{broken',
        'tulip',
        '',
        '\uFEFFa byte order mark is a character',
        'héllo wörld €𝄞',
      ]
      for (const text of texts) client.send(text)
      const expected = [
        { a: 1 },
        [1],
        's',
        12,
        -1,
        true,
        false,
        null,
        { b: 2 },
        'hello',
        '{broken',
        'tulip',
        '',
        '\uFEFFa byte order mark is a character',
        'héllo wörld €𝄞',
      ]
      for (const value of expected) expect(await seen.next()).toEqual(value)
      client.send(Buffer.from([1, 2, 3]))
      const kept = (await seen.next()) as Buffer
      client.send(Buffer.from([4, 5, 6]))
      const second = (await seen.next()) as Buffer
      expect(Buffer.isBuffer(kept)).toBe(true)
      expect([...kept]).toEqual([1, 2, 3])
      expect([...second]).toEqual([4, 5, 6])
    },
  },
  {
    name: 'a message is handed over only after onConnect has settled',
    async run(t) {
      const order: string[] = []
      let settle: () => void = () => {}
      const server = await t.start({
        pattern: '/a',
        onConnect: async (conn) => {
          conn.send('connecting')
          await new Promise<void>((resolve) => {
            settle = resolve
          })
          conn.metadata['ready'] = true
          order.push('connected')
        },
        onMessage: (conn, data) => {
          order.push(`${data} ${conn.metadata['ready']}`)
          if (data === 'three') conn.send('done')
        },
      })
      const client = await t.connect(server, '/a')
      expect(await client.next()).toBe('connecting')
      client.send('one')
      client.send('two')
      client.ping('flush')
      await client.nextPong()
      expect(order).toEqual([])
      settle()
      client.send('three')
      expect(await client.next()).toBe('done')
      expect(order).toEqual(['connected', 'one true', 'two true', 'three true'])
    },
  },
  {
    name: 'handlers start in arrival order, also when transformRawData is async and slower for earlier messages',
    async run(t) {
      const releases: (() => void)[] = []
      const server = await t.start({
        pattern: '/a',
        transformRawData: (data) =>
          new Promise((resolve) => releases.push(() => resolve(`<${data.toString()}>`))),
        onMessage: (conn, data) => void conn.send(data),
      })
      const client = await t.connect(server, '/a')
      for (const text of ['a', 'b', 'c']) client.send(text)
      await t.until(() => releases.length, 3)
      for (const release of releases.toReversed()) release()
      expect([await client.next(), await client.next(), await client.next()]).toEqual(['<a>', '<b>', '<c>'])
    },
  },
  {
    name: 'async onMessage calls may overlap; with sequential the next starts when the last has settled',
    async run(t) {
      for (const [sequential, expected] of [
        [false, ['start 1', 'start 2', 'end 2', 'end 1']],
        [true, ['start 1', 'end 1', 'start 2', 'end 2']],
      ] as const) {
        const order: string[] = []
        const server = await t.start({
          pattern: '/a',
          sequential,
          onMessage: async (conn, data) => {
            order.push(`start ${data}`)
            // The first takes many turns, the second none.
            if (data === 1) for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 1))
            order.push(`end ${data}`)
            if (order.length === 4) conn.send('done')
          },
        })
        const client = await t.connect(server, '/a')
        client.json(1)
        client.json(2)
        expect(await client.next()).toBe('done')
        expect(order).toEqual(expected)
        await server.close()
      }
    },
  },
  {
    name: 'nothing reaches onMessage after close() or forceClose()',
    async run(t) {
      for (const end of ['close', 'forceClose'] as const) {
        const seen: unknown[] = []
        const closed = t.queue<number>('close')
        const server = await t.start({
          pattern: '/a',
          onMessage: (conn, data) => {
            seen.push(data)
            conn[end]()
          },
          onClose: (_conn, code) => closed.push(code),
        })
        const client = await t.connect(server, '/a')
        for (const text of ['a', 'b', 'c']) client.send(text)
        expect(await closed.next()).toBe(end === 'close' ? 1000 : 1006)
        await client.closed
        expect(seen).toEqual(['a'])
        await server.close()
      }
    },
  },
  {
    name: 'messages that still wait for a handler when we close the connection are dropped',
    async run(t) {
      const seen: unknown[] = []
      const closed = t.queue<number>('close')
      let settle: () => void = () => {}
      const conns: WebSocketConnection[] = []
      const server = await t.start({
        pattern: '/a',
        sequential: true,
        onConnect: (conn) => void conns.push(conn),
        onMessage: async (_conn, data) => {
          seen.push(data)
          await new Promise<void>((resolve) => {
            settle = resolve
          })
        },
        onClose: (_conn, code) => closed.push(code),
      })
      const client = await t.connect(server, '/a')
      for (const text of ['a', 'b', 'c']) client.send(text)
      await t.until(() => server.stats().messagesIn, 3)
      conns[0]?.close(4000)
      expect(await closed.next()).toBe(4000)
      settle()
      await Promise.resolve()
      expect(seen).toEqual(['a'])
    },
  },
  {
    name: "the platform's own WebSocket talks to it: text, binary, subprotocol, close",
    network: true,
    async run(t) {
      const server = await t.start({
        pattern: '/a',
        subprotocols: ['v2', 'v1'],
        onMessage: (conn, data) => {
          if (data === 'bye') conn.close(4001, 'see you')
          else conn.send(data)
        },
      })
      const client = await connectNative(`${server.url}/api/a`, ['v1', 'v2'])
      expect(client.protocol).toBe('v2')
      client.json({ hello: 'world' })
      expect(await client.next()).toEqual({ hello: 'world' })
      client.send(new Uint8Array([1, 2, 3]))
      expect([...((await client.next()) as Buffer)]).toEqual([1, 2, 3])
      client.send('bye')
      expect(await client.closed).toEqual({ code: 4001, reason: 'see you' })
    },
  },
]
