import type { AddressInfo, Socket } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { createServer, type Codec, type Server, type ServerOptions } from '../../src/index.ts'
import { connect, type ConnectOptions, type TestClient } from '../../src/testing/index.ts'
import '../../src/testing/vitest.ts'
import { accepting, startBare, writeAll } from '../support/bare-server.ts'
import { createCertificate } from '../cli/certificate.ts'
import { NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { freePort } from '../support/free-port.ts'
import { encodeFrame } from '../support/raw-client.ts'

// A client of the kit, to servers of every kind.

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function serve(options: ServerOptions): Promise<Server> {
  const server = await createServer({
    port: 0,
    endpointPrefix: '',
    logLevel: 'silent',
    ...options,
  })
  cleanups.push(() => server.close())
  return server
}

/** Nothing but a socket. */
async function start(answer: (socket: Socket, key: string) => void): Promise<string> {
  const server = await startBare(answer)
  cleanups.push(() => server.close())
  return server.url
}

/** Open for as long as the test runs; what it waits for has time on a busy machine. */
async function open(url: string, options: ConnectOptions = {}): Promise<TestClient> {
  const client = await connect(url, { timeout: 30_000, ...options })
  cleanups.push(() => client.drop())
  return client
}

/** What a promise is rejected with. */
async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const nothing = new Error('it was not rejected')
  const thrown: unknown = await promise.then(
    () => nothing,
    (error: unknown) => error,
  )
  if (thrown === nothing) throw nothing
  return thrown as Error & Record<string, unknown>
}

describe.each(NETWORK_RUNTIMES)('a server of sidewire on %s', (runtime) => {
  test('JSON, text and bytes go in and out, and none is lost that came before it was asked for', async () => {
    const server = await serve({
      runtime,
      wsHandlers: [
        {
          pattern: '/echo',
          onConnect: (conn) => void conn.send({ type: 'welcome' }),
          onMessage: (conn, data) => void conn.send(data),
        },
      ],
    })
    const client = await open(`${server.url}/echo`)
    const bytes = Buffer.from([0, 1, 255])
    const long = 'ä'.repeat(100_000)
    for (const message of [{ n: 1 }, 'plain', bytes, '', long]) client.send(message)
    await client.received.next('')
    await client.received.next(long)
    expect(client.received.all).toEqual([{ type: 'welcome' }, { n: 1 }, 'plain', bytes, '', long])
    expect(client.sent).toEqual([{ n: 1 }, 'plain', bytes, '', long])
    await expect(client).not.toReceive()
    expect(client).toHaveReceived({ n: 1 }, { times: 1 })
  })

  test('headers, subprotocol, close code and reason are seen by both', async () => {
    const server = await serve({
      runtime,
      wsHandlers: [
        {
          pattern: '/chat',
          subprotocols: ['chat.v2', 'chat.v1'],
          onMessage: (conn) => conn.close(4001, `bye ${conn.req.headers['x-name'] ?? 'nobody'}`),
        },
      ],
    })
    const options = { protocols: ['chat.v1', 'chat.v2'], headers: { 'X-Name': 'Ann' } }
    const client = await open(`${server.url}/chat`, options)
    expect(['chat.v1', 'chat.v2']).toContain(client.protocol)
    expect(client.headers).toMatchObject({
      upgrade: 'websocket',
      'sec-websocket-protocol': client.protocol,
    })
    client.send('x')
    await expect(client).toClose({ code: 4001, reason: 'bye Ann', wasClean: true }, { timeout: 30_000 })
    expect(() => client.send('y')).toThrow(`the connection to ${server.url}/chat is closed: nothing is sent`)
  })

  test('a close of the client, and a drop, are what the server sees', async () => {
    const ends: unknown[] = []
    const server = await serve({
      runtime,
      wsHandlers: [{ pattern: '/chat', onClose: (_conn, code, reason) => void ends.push([code, reason]) }],
    })
    const first = await open(`${server.url}/chat`)
    first.close(4321, 'done')
    expect(await first.closed).toMatchObject({ wasClean: true })
    await expect.poll(() => ends).toHaveLength(1)
    const second = await open(`${server.url}/chat`)
    second.drop()
    expect(await second.closed).toEqual({ code: 1006, reason: '', wasClean: false })
    await expect.poll(() => ends).toHaveLength(2)
    // uWebSockets.js loses the code that a client closes with, of this range.
    expect(ends[1]).toEqual([1006, ''])
    expect(() => second.close(1005)).toThrow('close code 1005 cannot be sent')
  })

  test('a refusal rejects with its status, its headers and its body', async () => {
    const server = await serve({
      runtime,
      wsHandlers: [{ pattern: '/chat' }, { pattern: '/private', authenticate: () => false }],
    })
    const error = await failure(connect(`${server.url}/chta`, { timeout: 30_000 }))
    expect(error).toMatchObject({
      name: 'RefusedError',
      status: 404,
      headers: expect.objectContaining({ 'content-type': expect.stringContaining('text/plain') }),
      body: expect.stringContaining('did you mean /chat?'),
    })
    expect(error.message).toMatch(
      /^ws:\/\/127\.0\.0\.1:\d+\/chta refused the handshake with 404 Not Found\n {2}body: .*did you mean/,
    )
    await expect(connect(`${server.url}/private`, { timeout: 30_000 })).rejects.toMatchObject({ status: 401 })
    await expect(`${server.url}/private`).toRefuse(401, { timeout: 30_000 })
  })

  test('over TLS, with the certificate to trust, or without a look at it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sidewire-tls-'))
    cleanups.push(() => rmSync(folder, { recursive: true }))
    const { cert, key } = createCertificate()
    writeFileSync(join(folder, 'cert.pem'), cert)
    writeFileSync(join(folder, 'key.pem'), key)
    const server = await serve({
      runtime,
      tls: { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') },
      wsHandlers: [{ pattern: '/echo', onMessage: (conn, data) => void conn.send(data) }],
    })
    const url = `wss://localhost:${server.port}/echo`
    for (const tls of [{ ca: cert }, { rejectUnauthorized: false }]) {
      const client = await open(url, { tls })
      client.send({ secret: true })
      await expect(client).toReceive({ secret: true })
      client.close()
      await expect(client).toClose({ code: 1000, wasClean: true }, { timeout: 30_000 })
    }
    const { message } = await failure(connect(url, { timeout: 30_000 }))
    expect(message).toMatch(/^wss:\/\/localhost:\d+\/echo did not open: .*self.signed certificate/)
    expect(message).toContain('; give its certificate to the option "tls" as ca')
    const plain = await failure(connect(url.replace('wss', 'ws'), { timeout: 30_000 }))
    expect(plain.message).toMatch(/did not open: .*(?:try wss:\/\/|reset|ECONN)/)
  })
})

describe('a server of the ws package', () => {
  let url = ''
  let server: WebSocketServer

  beforeEach(async () => {
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    cleanups.push(() => {
      for (const client of server.clients) client.terminate()
      server.close()
    })
    await new Promise((resolve) => server.once('listening', resolve))
    url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })

  test('fragments, control frames and both kinds of messages', async () => {
    server.on('connection', (socket) => {
      socket.ping('are you there')
      socket.send('{"a":', { fin: false })
      socket.send('[1]}', { fin: true })
      socket.on('pong', (data) => socket.send(`pong ${String(data)}`))
      socket.on('message', (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }))
    })
    const client = await open(url)
    client.send(Buffer.alloc(70_000, 7))
    await client.received.next(Buffer.alloc(70_000, 7))
    expect(client).toHaveReceived({ a: [1] })
    expect(client).toHaveReceived('pong are you there')
  })

  test('none() waits until what the server has sent is here', async () => {
    server.on('connection', (socket) => {
      socket.on('message', () => socket.send('late'))
    })
    const client = await open(url)
    client.send('x')
    await expect(failure(client.received.none('late'))).resolves.toMatchObject({
      message: expect.stringContaining("expected no message like 'late', received 'late'"),
    })
  })

  test('the code of a close without one, and the end of a server that just goes', async () => {
    server.on('connection', (socket, { url: path }) =>
      path === '/gone' ? socket.terminate() : socket.close(),
    )
    expect(await (await open(url)).closed).toEqual({ code: 1005, reason: '', wasClean: true })
    const gone = await open(`${url}gone`)
    const { message } = await failure(gone.received.next('x'))
    expect(message).toContain('the connection closed with 1006 while a message was waited for')
    expect(message).toMatch(/error {5}Error: the server ended the TCP connection without a close frame/)
  })

  test('a failure says what was expected, what is nearest, and what happened', async () => {
    server.on('connection', (socket) => {
      socket.send('{"type":"welcome","user":"Ann"}')
    })
    const client = await open(url)
    client.send({ type: 'join' })
    await client.received.next({ type: 'welcome' })
    client.send('x')
    server.clients.forEach((socket) => socket.send('{"type":"welcome","user":"Bob"}'))
    await client.received.next({ user: 'Bob' })
    server.clients.forEach((socket) => socket.send('{"type":"bye","user":"Bob"}'))
    const { message } = await failure(client.received.next({ type: 'bye', user: 'Ann' }, { timeout: 200 }))
    expect(message.replaceAll(/ +\d+ ms {2}/g, '  T ms  ').replaceAll(/:\d{4,5}/g, ':PORT'))
      .toMatchInlineSnapshot(`
      "the server of ws://127.0.0.1:PORT/: no message that matches within 200 ms
        expected: { type: 'bye', user: 'Ann' }
        nearest:  { type: 'bye', user: 'Bob' }
          user: expected 'Ann', received 'Bob'
        the last 6 entries:
        T ms  connect   /
        T ms  in        { type: 'welcome', user: 'Ann' }
        T ms  out       { type: 'join' }
        T ms  out       'x'
        T ms  in        { type: 'welcome', user: 'Bob' }
        T ms  in        { type: 'bye', user: 'Bob' }"
    `)
  })

  test('a codec reads and writes in the place of JSON', async () => {
    server.on('connection', (socket) => socket.on('message', (data) => socket.send(data as Buffer)))
    const codec: Codec = {
      name: 'brackets',
      encode: (data) => `<${String(data)}>`,
      decode: (payload) => `${String(payload)}!`,
    }
    const client = await open(url, { codec })
    client.send('abc')
    expect(await client.received.next()).toBe('<abc>!')
  })

  test('while the timers of the test are fake', async () => {
    server.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(data.toString())))
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'setImmediate', 'Date', 'performance'],
    })
    const client = await open(url)
    client.send({ n: 1 })
    await expect(client).toReceive({ n: 1 })
    await expect(client).not.toReceive()
    client.close()
    expect(await client.closed).toEqual({ code: 1000, reason: '', wasClean: true })
  })

  test('is closed at the end of `await using`', async () => {
    const closed = new Promise((resolve) => {
      server.on('connection', (socket) => socket.on('close', resolve))
    })
    const client = await open(url)
    await client[Symbol.asyncDispose]()
    expect(await closed).toBe(1000)
    await client[Symbol.asyncDispose]()
  })
})

describe('what does not open', () => {
  test('nobody listens', async () => {
    const port = await freePort()
    const error = await failure(connect(`ws://127.0.0.1:${port}/`, { timeout: 30_000 }))
    expect(error.name).toBe('ExpectationError')
    expect(error.message).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ did not open: .*(?:ECONNREFUSED|connect)/)
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' })
    await expect(connect(`ws://localhost:${port}/`, { timeout: 30_000 })).rejects.toThrow(/did not open: .+/)
  })

  test('a server that says nothing, and a test that is over', async () => {
    const url = await start(() => {})
    await expect(connect(url, { timeout: 20 })).rejects.toThrow(`${url} did not open within 20 ms`)
    const aborter = new AbortController()
    const waiting = connect(url, { timeout: 30_000, signal: aborter.signal })
    aborter.abort(new Error('the test is over'))
    await expect(waiting).rejects.toThrow('the test is over')
    await expect(connect(url, { signal: aborter.signal })).rejects.toThrow('the test is over')
  })

  test('a refusal of plain HTTP, in chunks, with headers that are repeated', async () => {
    const http = createHttpServer().on('upgrade', (_request, socket) => {
      socket.end(
        'HTTP/1.1 429 Slow down\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nTransfer-Encoding: chunked\r\n\r\n' +
          '5\r\nwait \r\n6\r\na bit.\r\n0\r\n\r\n',
      )
    })
    cleanups.push(() => http.close())
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/`
    const error = await failure(connect(url, { timeout: 30_000 }))
    expect(error).toMatchObject({ status: 429, body: 'wait a bit.', headers: { 'set-cookie': 'a=1, b=2' } })
    expect(error.message).toBe(`${url} refused the handshake with 429 Slow down\n  body: wait a bit.`)
  })

  test.each<[answer: string, headers: readonly string[], said: string]>([
    [
      'a wrong accept',
      ['Sec-WebSocket-Accept: bm9uc2Vuc2U='],
      'the Sec-WebSocket-Accept of the answer is wrong',
    ],
    ['no Upgrade', ['-Upgrade'], 'the answer lacks Upgrade: websocket and Connection: Upgrade'],
    [
      'another subprotocol',
      ['Sec-WebSocket-Protocol: other'],
      'chose the subprotocol other, which was not offered',
    ],
    ['no subprotocol', [], 'the server chose no subprotocol, and mine was offered'],
    [
      'an extension',
      ['Sec-WebSocket-Protocol: mine', 'Sec-WebSocket-Extensions: permessage-deflate'],
      'the server chose permessage-deflate, which was not offered',
    ],
  ])('an answer with %s', async (_name, headers, said) => {
    const url = await start((socket, key) => void socket.write(accepting(key, headers)))
    await expect(connect(url, { protocols: 'mine', timeout: 30_000 })).rejects.toThrow(
      new RegExp(`^${url} did not open: .*${said}$`),
    )
  })
})

describe('a server that breaks RFC 6455 is told so, and the connection ends with 1006', () => {
  const raw = (...bytes: number[]): Buffer => Buffer.from(bytes)
  const frame = (opcode: number, payload: string | Buffer, options = {}): Buffer =>
    encodeFrame(opcode, payload, { masked: false, ...options })

  test.each<[what: string, bytes: readonly Buffer[], code: number, said: string]>([
    ['a masked frame', [encodeFrame(1, 'x')], 1002, 'a frame from the server is masked'],
    ['a reserved bit', [frame(1, 'x', { rsv: 2 })], 1002, 'a frame has a reserved bit'],
    [
      'compression',
      [frame(1, 'x', { rsv: 4 })],
      1002,
      'a message is compressed, and compression was not offered',
    ],
    ['a reserved opcode', [frame(3, 'x')], 1002, 'a frame has the reserved opcode 3'],
    ['a reserved control opcode', [frame(11, 'x')], 1002, 'a frame has the reserved opcode 11'],
    ['a fragmented ping', [frame(9, 'x', { fin: false })], 1002, 'a control frame is fragmented'],
    ['a compressed ping', [frame(9, 'x', { rsv: 4 })], 1002, 'a control frame is compressed'],
    ['a long ping', [frame(9, 'x'.repeat(126))], 1002, 'a control frame is longer than 125 bytes'],
    ['a lone continuation', [frame(0, 'x')], 1002, 'a continuation frame continues nothing'],
    [
      'a message within a message',
      [frame(1, 'x', { fin: false }), frame(1, 'y')],
      1002,
      'a message begins within another one',
    ],
    ['text that is no UTF-8', [frame(1, raw(0xc3, 0x28))], 1007, 'text is no UTF-8'],
    [
      'text that is no UTF-8 in fragments',
      [frame(1, raw(0xc3), { fin: false }), frame(0, raw(0x28))],
      1007,
      'text is no UTF-8',
    ],
    ['half a close code', [frame(8, raw(3))], 1002, 'a close frame has half a code'],
    ['a close code that is none', [frame(8, raw(3, 237))], 1002, 'a close frame has the code 1005'],
    [
      'a reason that is no UTF-8',
      [frame(8, raw(3, 232, 0xff))],
      1007,
      'the reason of a close frame is no UTF-8',
    ],
    [
      'a message that is too large, by its head',
      [raw(0x82, 127, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3)],
      1009,
      'a message is larger than 104857600 bytes',
    ],
  ])('%s', async (_what, bytes, code, said) => {
    // In one piece, and byte by byte.
    for (const pieces of [[Buffer.concat(bytes)], [...Buffer.concat(bytes)].map((byte) => raw(byte))]) {
      const answer = withResolvers<Buffer>()
      const url = await start((socket, key) => {
        socket.on('data', (data) => answer.resolve(data))
        socket.write(accepting(key), () => writeAll(socket, pieces))
      })
      const client = await open(url)
      expect(await client.closed).toEqual({ code: 1006, reason: '', wasClean: false })
      const close = unmasked(await answer.promise)
      expect([close[0], close.readUInt16BE(2)]).toEqual([0x88, code])
      const { message } = await failure(client.received.next())
      expect(message).toContain(said)
    }
  })

  test('what comes with the answer, and in any pieces, is read all the same', async () => {
    const bytes = [
      frame(1, 'first'),
      frame(2, ''),
      frame(1, 'a'.repeat(200)),
      frame(1, 'ö', { fin: false }),
      frame(9, 'in between'),
      frame(0, 'ö'),
      frame(2, Buffer.alloc(70_000, 1)),
      frame(1, 'last'),
    ]
    for (const size of [1, 2, 3, 7, 199, 65_536, Infinity]) {
      const url = await start((socket, key) => {
        const all = Buffer.concat([Buffer.from(accepting(key)), ...bytes])
        // Small pieces only as far as the headers of frames go.
        const pieces: Buffer[] = []
        for (let at = 0; at < all.length;) {
          const step = size === Infinity || at > 1200 ? all.length : size
          pieces.push(all.subarray(at, at + step))
          at += step
        }
        writeAll(socket, pieces)
      })
      const client = await open(url)
      await client.received.next('last')
      expect(client.received.all).toEqual([
        'first',
        Buffer.alloc(0),
        'a'.repeat(200),
        'öö',
        Buffer.alloc(70_000, 1),
        'last',
      ])
      client.drop()
    }
  })
})

test('a server that answers no close frame is left after a while', async () => {
  const url = await start((socket, key) => void socket.write(accepting(key)))
  const client = await open(url)
  client.close(4000, 'bye')
  expect(await client.closed).toEqual({ code: 1006, reason: '', wasClean: false })
})

test.each<[url: unknown, options: unknown, said: string]>([
  ['http://127.0.0.1/', {}, 'connect() got "http://127.0.0.1/"; it has to be a ws: or wss: URL'],
  [undefined, {}, 'connect() got undefined; it has to be a ws: or wss: URL'],
  ['ws://ann:secret@127.0.0.1/', {}, 'connect() got a URL with a user or a password'],
  ['ws://127.0.0.1/', null, 'connect() got null behind the URL'],
  [
    'ws://127.0.0.1/',
    { protocol: 'a' },
    'connect(): unknown option "protocol"; known are timeout, signal, protocols',
  ],
  ['ws://127.0.0.1/', { protocols: 'a, b' }, 'option "protocols" is "a, b"; it has to be a list of names'],
  [
    'ws://127.0.0.1/',
    { protocols: ['a', 'a'] },
    'option "protocols" is ["a","a"]; it has to be a list that has each',
  ],
  ['ws://127.0.0.1/', { headers: ['A: b'] }, 'option "headers" is ["A: b"]; it has to be an object'],
  ['ws://127.0.0.1/', { headers: { 'X-N': 1 } }, 'option "headers.X-N" is 1; it has to be a string'],
  ['ws://127.0.0.1/', { headers: { 'X-N': 'a\r\nb' } }, 'option "headers": '],
  ['ws://127.0.0.1/', { headers: { 'X N': 'a' } }, 'option "headers": '],
  [
    'ws://127.0.0.1/',
    { headers: { 'Sec-WebSocket-Protocol': 'a' } },
    'which is the handshake\'s own; subprotocols are the option "protocols"',
  ],
  [
    'ws://127.0.0.1/',
    { codec: { encode: 1 } },
    'option "codec" is {"encode":1}; it has to be an object with',
  ],
  ['ws://127.0.0.1/', { tls: true }, 'option "tls" is true; it has to be { ca,'],
  ['ws://127.0.0.1/', { timeout: '1' }, 'option "timeout" is "1"'],
])('connect(%j, %j) says so', async (url, options, said) => {
  await expect(connect(url as never, options as never)).rejects.toMatchObject({
    code: 'ERR_OPTION',
    message: expect.stringContaining(said),
  })
})

/** A client's frame of less than 126 bytes, without its mask. */
function unmasked(bytes: Buffer): Buffer {
  const mask = bytes.subarray(2, 6)
  return Buffer.concat([bytes.subarray(0, 2), bytes.subarray(6).map((byte, i) => byte ^ (mask[i & 3] ?? 0))])
}

/** Node 20 has no `Promise.withResolvers`. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
