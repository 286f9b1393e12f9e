// The `ws` package as its README shows it: a server a path, a broadcast is a loop over its clients.
import { createServer } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import { ROOMS, roomsInTurn } from './rooms.mjs'
import { answerUsage } from './usage.mjs'

const servers = new Map()
const route = (name, { open, message }, options) => {
  const sockets = new WebSocketServer({ noServer: true, ...options })
  servers.set(`/api/${name}`, sockets)
  sockets.on('connection', (ws) => {
    ws.on('error', console.error)
    open?.(ws)
    if (message) ws.on('message', (data) => message(ws, JSON.stringify(JSON.parse(data)), sockets.clients))
  })
}
const sendToAll = (clients, text) => {
  for (const client of clients) if (client.readyState === WebSocket.OPEN) client.send(text)
}

route('echo', { message: (ws, text) => ws.send(text) })
route('fanout', { message: (_ws, text, clients) => sendToAll(clients, text) })
route('room', { message: (_ws, text, clients) => sendToAll(clients, text) })
route(
  'compressed',
  { message: (_ws, text, clients) => sendToAll(clients, text) },
  { perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true } },
)
route('idle', {})

const nextRooms = roomsInTurn()
const rooms = new Map(ROOMS.map((name) => [name, new Set()]))
route('union', {
  open: (ws) => {
    for (const name of nextRooms()) rooms.get(name).add(ws)
    ws.on('close', () => rooms.forEach((members) => members.delete(ws)))
  },
  message: (_ws, text) => sendToAll(new Set(ROOMS.flatMap((name) => [...rooms.get(name)])), text),
})

const server = createServer()
server.on('upgrade', (request, socket, head) => {
  const sockets = servers.get(request.url)
  if (!sockets) return socket.destroy()
  sockets.handleUpgrade(request, socket, head, (ws) => sockets.emit('connection', ws, request))
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
answerUsage()
