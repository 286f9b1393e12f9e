// The way of the plugin that the guide comes from (@ndriadev/vite-plugin-universal-api 2.3.0), on `ws`: a broadcast scans
// all connections of the handler, and each that is meant serialises the data for itself, in a promise of its own.
import { createServer } from 'node:http'
import { randomUUID } from 'node:crypto'
import { WebSocket, WebSocketServer } from 'ws'
import { ROOMS, roomsInTurn } from './rooms.mjs'
import { answerUsage } from './usage.mjs'

class Connection {
  id = randomUUID()
  rooms = new Set()
  #ws

  constructor(ws) {
    this.#ws = ws
  }

  async send(data) {
    if (this.#ws.readyState !== WebSocket.OPEN) return
    const text = typeof data === 'string' ? data : JSON.stringify(data)
    await new Promise((resolve, reject) => {
      this.#ws.send(text, (error) => (error ? reject(error) : resolve()))
    })
  }
}

class Handler {
  #connections = new Map()
  #hooks
  sockets

  constructor(hooks, options) {
    this.#hooks = hooks
    this.sockets = new WebSocketServer({ noServer: true, ...options })
  }

  open(ws) {
    const conn = new Connection(ws)
    this.#connections.set(conn.id, conn)
    ws.on('error', console.error)
    ws.on('close', () => this.#connections.delete(conn.id))
    ws.on('message', (data, isBinary) => {
      this.#hooks.onMessage?.(conn, isBinary ? data : JSON.parse(data.toString()), this)
    })
    this.#hooks.onConnect?.(conn)
  }

  broadcast(data, rooms) {
    const all = [...this.#connections.values()]
    const meant = rooms ? all.filter((conn) => rooms.some((room) => conn.rooms.has(room))) : all
    for (const conn of meant) conn.send(data).catch(console.error)
  }
}

const nextRooms = roomsInTurn()
const toAll = { onMessage: (_conn, data, handler) => handler.broadcast(data) }
const handlers = new Map([
  ['/api/echo', new Handler({ onMessage: (conn, data) => conn.send(data).catch(console.error) })],
  ['/api/fanout', new Handler(toAll)],
  [
    '/api/room',
    new Handler({
      onConnect: (conn) => conn.rooms.add('a'),
      onMessage: (_conn, data, handler) => handler.broadcast(data, ['a']),
    }),
  ],
  [
    '/api/union',
    new Handler({
      onConnect: (conn) => nextRooms().forEach((room) => conn.rooms.add(room)),
      onMessage: (_conn, data, handler) => handler.broadcast(data, ROOMS),
    }),
  ],
  [
    '/api/compressed',
    new Handler(toAll, {
      perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true },
    }),
  ],
  ['/api/idle', new Handler({})],
])

const server = createServer()
server.on('upgrade', (request, socket, head) => {
  const handler = handlers.get(request.url)
  if (!handler) return socket.destroy()
  handler.sockets.handleUpgrade(request, socket, head, (ws) => handler.open(ws))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
answerUsage()
