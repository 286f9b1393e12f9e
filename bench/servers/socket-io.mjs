// socket.io, its WebSocket transport only. It parses and serialises by itself; a path is a namespace.
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { ROOMS, roomsInTurn } from './rooms.mjs'
import { answerUsage } from './usage.mjs'

const http = createServer()
const io = new Server(http, { transports: ['websocket'], serveClient: false })
// Compression is an option of the server, not of a namespace, and costs messages that are not compressed, too (a broadcast
// is no longer framed once for all): it has a server of its own, on another path of the same port.
const compressing = new Server(http, {
  path: '/compressed.io',
  transports: ['websocket'],
  serveClient: false,
  perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true },
})

io.of('/api/echo').on('connection', (socket) => {
  socket.on('message', (data) => socket.emit('message', data))
})
const fanOut = (namespace) => {
  namespace.on('connection', (socket) => socket.on('message', (data) => namespace.emit('message', data)))
}
fanOut(io.of('/api/fanout'))
fanOut(compressing.of('/api/compressed'))

const room = io.of('/api/room')
room.on('connection', (socket) => {
  void socket.join('a')
  socket.on('message', (data) => room.to('a').emit('message', data))
})

const union = io.of('/api/union')
const nextRooms = roomsInTurn()
union.on('connection', (socket) => {
  void socket.join(nextRooms())
  // To several rooms: each client once.
  socket.on('message', (data) => union.to(ROOMS).emit('message', data))
})

io.of('/api/idle')
http.listen(0, '127.0.0.1', () => console.log(http.address().port))
answerUsage()
