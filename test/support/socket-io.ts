import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { Server } from 'socket.io'
import type { UniversalApiWsHandler, WebSocketConnection } from '../../src/index.ts'

/** The transport server of socket.io, which comes with it. */
const TRANSPORT = 'engine.io'
const require = createRequire(createRequire(import.meta.url).resolve('socket.io'))
const { Server: Engine } = require(TRANSPORT) as { Server: new (options: object) => EngineServer }

interface EngineServer {
  handshake(transport: 'websocket', request: object, refuse: (code: number) => void): Promise<unknown>
}

interface Socket extends EventEmitter {
  send(data: string | Buffer, ...rest: unknown[]): void
  close(): void
}

/** socket.io on a handler: the library brings the protocol, the handler the connections. */
export function socketIo(use: (io: Server) => void): UniversalApiWsHandler {
  let io: Server | undefined
  let engine: EngineServer | undefined
  const sockets = new Map<WebSocketConnection, Socket>()
  return {
    pattern: '/socket.io/',
    prefix: false,
    raw: true,
    onStart() {
      io = new Server()
      engine = new Engine({
        transports: ['websocket'],
        // What would accept upgrades: the handler has.
        wsEngine: class {
          close(): void {}
        },
      })
      io.bind(engine)
      use(io)
    },
    // What engine.io says to who asks for a transport that it does not have.
    onRequest: () => ({ status: 400, body: { code: 0, message: 'Transport unknown' } }),
    async onConnect(conn) {
      const { url, headers, socket } = conn.req
      const ws: Socket = Object.assign(new EventEmitter(), {
        send(data: string | Buffer, ...rest: unknown[]) {
          conn.send(data)
          const done = rest.at(-1)
          if (typeof done === 'function') (done as () => void)()
        },
        close: () => conn.close(),
      })
      sockets.set(conn, ws)
      const query = Object.fromEntries(new URL(url, 'http://x').searchParams)
      const request = {
        url,
        headers,
        method: 'GET',
        _query: query,
        websocket: ws,
        connection: socket,
        socket,
      }
      await engine?.handshake('websocket', request, () => conn.close(1008))
    },
    onMessage(conn, data) {
      sockets.get(conn)?.emit('message', Buffer.from(data), typeof data !== 'string')
    },
    onClose(conn) {
      sockets.get(conn)?.emit('close')
      sockets.delete(conn)
    },
    onStop: () => io?.close(),
  }
}
