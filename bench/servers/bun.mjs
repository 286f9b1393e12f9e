// Straight Bun.serve: the control for the engine on bun.
import { ROOMS, roomsInTurn } from './rooms.mjs'
import { answerUsage } from './usage.mjs'

const nextRooms = roomsInTurn()
const rooms = new Map(ROOMS.map((name) => [name, new Set()]))
const subscribe = (topic) => (ws) => void ws.subscribe(topic)
const publish = (topic) => (_ws, text) => void server.publish(topic, text)
const routes = {
  '/api/echo': { message: (ws, text) => void ws.send(text) },
  '/api/fanout': { open: subscribe('all'), message: publish('all') },
  '/api/room': { open: subscribe('room'), message: publish('room') },
  // It publishes to one topic at a time, and would reach the members of both rooms twice: sets and a loop instead.
  '/api/union': {
    open: (ws) => nextRooms().forEach((name) => rooms.get(name).add(ws)),
    close: (ws) => rooms.forEach((members) => members.delete(ws)),
    message: (_ws, text) => {
      for (const ws of new Set(ROOMS.flatMap((name) => [...rooms.get(name)]))) ws.send(text)
    },
  },
  '/api/compressed': {
    open: subscribe('compressed'),
    message: (_ws, text) => void server.publish('compressed', text, true),
  },
  '/api/idle': {},
}
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, self) {
    const route = routes[new URL(request.url).pathname]
    if (route && self.upgrade(request, { data: route })) return
    return new Response('Upgrade Required', { status: 426 })
  },
  websocket: {
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: true,
    open: (ws) => ws.data.open?.(ws),
    close: (ws) => ws.data.close?.(ws),
    message: (ws, data) => ws.data.message?.(ws, JSON.stringify(JSON.parse(data))),
  },
})
console.log(server.port)
answerUsage()
