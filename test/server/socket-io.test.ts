import { once } from 'node:events'
import type { Server as IoServer } from 'socket.io'
import { io as connect, type Socket } from 'socket.io-client'
import { afterEach, describe, expect, test } from 'vitest'
import { createServer, type Server } from '../../src/index.ts'
import { NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { socketIo } from '../support/socket-io.ts'

// A library on top of a handler, with its own client: what it needs of `raw`, `prefix`, `onRequest`, `onStart`, `onStop`.

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function start(runtime: 'uws' | 'ws' | 'bun', use: (io: IoServer) => void): Promise<Server> {
  const server = await createServer({ runtime, port: 0, logLevel: 'error', wsHandlers: [socketIo(use)] })
  ends.push(() => server.close())
  return server
}

function dial({ url }: Server, options: object): Socket {
  const socket = connect(url.replace('ws', 'http'), { reconnection: false, ...options })
  ends.push(() => socket.disconnect())
  return socket
}

const chat = (io: IoServer): void => {
  io.on('connection', (socket) => {
    void socket.join('all')
    socket.on('say', (text: unknown, done: (answer: unknown) => void) => {
      io.to('all').emit('said', text)
      done({ taken: text })
    })
  })
}

describe.each(NETWORK_RUNTIMES)('socket.io on %s', (runtime) => {
  test('its client gets on by WebSocket, also behind polling, which is refused in its own words', async () => {
    const server = await start(runtime, chat)
    const direct = dial(server, { transports: ['websocket'] })
    const second = dial(server, { tryAllTransports: true })
    await Promise.all([once(direct as never, 'connect'), once(second as never, 'connect')])
    expect(second.io.engine.transport.name).toBe('websocket')
    const said = once(second as never, 'said')
    expect(await direct.emitWithAck('say', { a: 1 })).toEqual({ taken: { a: 1 } })
    expect(await said).toEqual([{ a: 1 }])
    const bytes = Buffer.from([1, 2, 3])
    expect(await direct.emitWithAck('say', bytes)).toEqual({ taken: bytes })
    const polling = dial(server, {})
    const [error] = (await once(polling as never, 'connect_error')) as [Error]
    expect(error.message).toBe('xhr poll error')
    expect(server.connections.length).toBe(2)
    expect(server.stats().handlerErrors).toBe(0)
  })

  test('the server closes it, and nothing of it is left', async () => {
    const gone: string[] = []
    const server = await start(runtime, (io) => {
      io.on('connection', (socket) => socket.on('disconnect', (reason) => gone.push(reason)))
    })
    const client = dial(server, { transports: ['websocket'] })
    await once(client as never, 'connect')
    const left = once(client as never, 'disconnect')
    await server.close()
    expect((await left)[0]).toBe('transport close')
    expect(gone).toEqual(['transport close'])
  })
})
