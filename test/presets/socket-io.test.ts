import { createServer as createHttpServer } from 'node:http'
import { once } from 'node:events'
import { Server as Io, type Socket as IoSocket } from 'socket.io'
import { io as connect, type Socket } from 'socket.io-client'
import { describe, expect, test } from 'vitest'
import { socketIo } from '../../src/presets/presets.ts'
import { connectWs } from '../support/client.ts'
import { defer, PLACES, shakeHands, STANDALONE, untilEmpty, type Started } from './rig.ts'

/** A chat: rooms, acknowledgements, binary. */
function chat(options: ConstructorParameters<typeof Io>[0] = {}): Io {
  const io = new Io(options as never)
  defer(() => io.close())
  io.on('connection', (socket) => {
    socket.on('join', async (room: string, done: () => void) => {
      await socket.join(room)
      done()
    })
    socket.on('say', (room: string, text: unknown, done: (answer: unknown) => void) => {
      socket.to(room).emit('said', text)
      done({ taken: text })
    })
    socket.on('leave', () => socket.disconnect(true))
  })
  return io
}

function dial({ http }: Started, options: object = {}, namespace = ''): Socket {
  const socket = connect(`${http}${namespace}`, {
    transports: ['websocket'],
    reconnectionDelay: 10,
    ...options,
  })
  defer(() => socket.disconnect())
  return socket
}

const on = (socket: Socket, event: string): Promise<any[]> => once(socket as never, event)

describe.each(PLACES)('socket.io on $name', ({ start }) => {
  test('events, acknowledgements, rooms, binary; a client that leaves', async () => {
    const io = chat()
    const started = await start(socketIo(io))
    const one = dial(started)
    const two = dial(started)
    await Promise.all([on(one, 'connect'), on(two, 'connect')])
    await one.emitWithAck('join', 'lobby')
    await two.emitWithAck('join', 'lobby')
    const said = on(two, 'said')
    expect(await one.emitWithAck('say', 'lobby', { a: 1 })).toEqual({ taken: { a: 1 } })
    expect(await said).toEqual([{ a: 1 }])
    const bytes = Buffer.from([0, 1, 255])
    const saidBytes = on(two, 'said')
    expect(await one.emitWithAck('say', 'lobby', { bytes })).toEqual({ taken: { bytes } })
    expect(await saidBytes).toEqual([{ bytes }])
    const pushed = on(one, 'pushed')
    io.to('lobby').emit('pushed', 'to all')
    expect(await pushed).toEqual(['to all'])
    const left = on(one, 'disconnect')
    one.emit('leave')
    expect((await left)[0]).toBe('io server disconnect')
    two.disconnect()
    await untilEmpty(started.server)
    await expect.poll(() => io.engine.clientsCount).toBe(0)
    expect(started.server.stats().handlerErrors).toBe(0)
  })

  test('namespaces, middlewares, and what a client gives as auth', async () => {
    const io = chat()
    io.of('/admin').use((socket, next) => {
      next(socket.handshake.auth['token'] === 'secret' ? undefined : new Error('not you'))
    })
    io.of('/admin').on('connection', (socket) => {
      const { query, address, secure } = socket.handshake
      socket.emit('welcome', { room: query['room'], address, secure })
    })
    const started = await start(socketIo(io))
    const refused = dial(started, {}, '/admin')
    const [error] = (await on(refused, 'connect_error')) as [Error]
    expect(error.message).toBe('not you')
    const admin = dial(
      started,
      { auth: { token: 'secret' }, query: { room: 'a b' }, forceNew: true },
      '/admin',
    )
    expect(await on(admin, 'welcome')).toEqual([{ room: 'a b', address: '127.0.0.1', secure: false }])
  })

  test('the network goes, and comes back: the state is recovered, and what was missed comes', async () => {
    const io = chat({ connectionStateRecovery: {} })
    const started = await start(socketIo(io))
    const socket = dial(started)
    await on(socket, 'connect')
    await socket.emitWithAck('join', 'lobby')
    // The first message brings the offset that a recovery begins with.
    const first = on(socket, 'news')
    io.to('lobby').emit('news', 1)
    expect((await first)[0]).toBe(1)
    const lost = on(socket, 'disconnect')
    started.server.disconnect('/socket.io/')
    expect((await lost)[0]).toBe('transport close')
    const missed = on(socket, 'news')
    const back = on(socket, 'connect')
    await expect.poll(() => io.engine.clientsCount).toBe(0)
    io.to('lobby').emit('news', 2)
    await back
    expect(socket.recovered).toBe(true)
    expect((await missed)[0]).toBe(2)
  })

  test('EIO 3, another transport, another path, and whom allowRequest does not let in, are refused before the 101', async () => {
    const io = chat({
      allowRequest: (req, callback) => {
        callback(req.headers.origin === undefined ? null : 'No pages', req.headers.origin === undefined)
      },
    })
    const started = await start(socketIo(io))
    expect(await shakeHands(started, '/socket.io/?EIO=3&transport=websocket')).toMatchObject({
      status: 400,
      body: 'Unsupported protocol version',
    })
    expect(await shakeHands(started, '/socket.io/?EIO=4&transport=polling')).toMatchObject({
      status: 400,
      body: 'Transport unknown',
    })
    expect(await shakeHands(started, '/socket.io/?EIO=4&transport=websocket&sid=gone')).toMatchObject({
      status: 400,
      body: 'Session ID unknown',
    })
    const page = { extraHeaders: { Origin: 'http://localhost' } }
    expect((await on(dial(started, page), 'connect_error'))[0].message).toBe('websocket error')
    expect((await shakeHands(started, '/api/socket.io/?EIO=4&transport=websocket')).status).toBe(404)
    expect(started.server.stats().connections).toBe(0)
    expect(started.server.stats().handlerErrors).toBe(0)
  })

  test('a client that begins with polling is told what to do, and gets in with tryAllTransports', async () => {
    const started = await start(socketIo(chat()))
    const answer = await fetch(`${started.http}/socket.io/?EIO=4&transport=polling`)
    expect(answer.status).toBe(400)
    expect(await answer.json()).toEqual({ code: 0, message: 'Transport unknown' })
    const polling = { transports: ['polling', 'websocket'] }
    expect((await on(dial(started, polling), 'connect_error'))[0].message).toBe('xhr poll error')
    const socket = dial(started, { ...polling, tryAllTransports: true })
    await on(socket, 'connect')
    expect(socket.io.engine.transport.name).toBe('websocket')
    expect(started.log.filter((line) => line.includes("transports: ['websocket']"))).toHaveLength(1)
  })

  test('nonsense ends its own client only', async () => {
    const started = await start(socketIo(chat()))
    const socket = dial(started)
    await on(socket, 'connect')
    for (const nonsense of ['x', '4{', Buffer.from([1, 2, 3]), '42["say"']) {
      const other = await connectWs(`${started.url}/socket.io/?EIO=4&transport=websocket`)
      await other.next()
      other.send('40')
      other.send(nonsense)
      await other.closed
    }
    expect(await socket.emitWithAck('say', 'lobby', 1)).toEqual({ taken: 1 })
    expect(started.server.stats().handlerErrors).toBe(0)
  })

  test('100 clients; the server closes, and nothing is left', async () => {
    const io = chat()
    const reasons: string[] = []
    io.on('connection', (socket) => socket.on('disconnect', (reason) => reasons.push(reason)))
    const started = await start(socketIo(io))
    const sockets = Array.from({ length: 100 }, () => dial(started, { forceNew: true, reconnection: false }))
    await Promise.all(sockets.map((socket) => on(socket, 'connect')))
    await Promise.all(sockets.map((socket) => socket.emitWithAck('join', 'lobby')))
    const all = sockets.map((socket) => on(socket, 'news'))
    io.to('lobby').emit('news', 'for all')
    expect(await Promise.all(all)).toEqual(sockets.map(() => ['for all']))
    const gone = sockets.map((socket) => on(socket, 'disconnect'))
    await started.server.close()
    await Promise.all(gone)
    expect(reasons).toHaveLength(100)
    expect(io.engine.clientsCount).toBe(0)
  })
})

test.each(STANDALONE)('a reload on $name: clients come again, to the new version', async ({ start }) => {
  const before = chat()
  const started = await start(socketIo(before))
  const socket = dial(started)
  await on(socket, 'connect')
  const after = chat()
  after.on('connection', (each) => each.emit('version', 2))
  const version = on(socket, 'version')
  started.server.reload({ port: 0, wsHandlers: [socketIo(after)] })
  expect(await version).toEqual([2])
  expect(before.engine.clientsCount).toBe(0)
})

test.each(STANDALONE)('paths with their slash, and without it, on $name', async ({ start }) => {
  const started = await start(
    socketIo(chat(), { path: '/with' }),
    socketIo(chat({ addTrailingSlash: false }), { path: '/without' }),
    socketIo(chat({ path: '/own', addTrailingSlash: false })),
  )
  await on(dial(started, { path: '/with' }), 'connect')
  for (const path of ['/without', '/own'])
    await on(dial(started, { path, addTrailingSlash: false, forceNew: true }), 'connect')
})

test.each(STANDALONE)('a slow client on $name is not sent what is volatile', async ({ start }) => {
  const io = chat()
  const connected = once(io, 'connection') as Promise<[IoSocket]>
  const started = await start(socketIo(io))
  const client = await connectWs(`${started.url}/socket.io/?EIO=4&transport=websocket`)
  client.send('40')
  const [socket] = await connected
  const { transport } = socket.conn
  const page = 'x'.repeat(200_000)
  // More than the system takes of somebody who has not read yet.
  for (let i = 0; i < 100; i++) socket.emit('page', page)
  expect(transport.writable).toBe(false)
  socket.volatile.emit('left out')
  for (let i = 0; i < 102; i++) await client.next()
  await expect.poll(() => transport.writable).toBe(true)
  socket.emit('last')
  expect(await client.next()).toBe('42["last"]')
  for (let i = 0; i < 100; i++) socket.emit('page', page)
  client.terminate()
  await expect.poll(() => io.engine.clientsCount).toBe(0)
})

test('what it cannot serve is an error at the call', () => {
  const io = new Io()
  const of = (call: () => unknown): string => {
    try {
      call()
    } catch (error) {
      return `${(error as { code: string }).code}: ${(error as Error).message}`
    }
    return 'no error'
  }
  expect(of(() => socketIo({} as never))).toBe(
    'ERR_OPTION: option "socketIo() io" is {}; it has to be a Server of socket.io, such as new Server()',
  )
  expect(of(() => socketIo(new Io({ transports: ['polling'] })))).toContain(
    'has websocket among its transports',
  )
  expect(of(() => socketIo(new Io(createHttpServer())))).toContain('made without a server or a port')
  expect(socketIo(io)).not.toBe(socketIo(io, { path: '/other/' }))
  expect(of(() => socketIo(io, { path: 'socket.io' }))).toContain(
    'option "socketIo.path" is "socket.io"; it has to be a path',
  )
  expect(of(() => socketIo(io, { path: 5 } as never))).toContain(
    "is 5; it has to be a path, such as '/socket.io/'",
  )
  expect(of(() => socketIo(io, { heartbeet: 1 } as never))).toContain('did you mean "heartbeat"?')
  expect(of(() => socketIo(io, { onMessage() {} } as never))).toContain('unknown option "socketIo.onMessage"')
})
