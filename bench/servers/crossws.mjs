// crossws, on Node (its copy of `ws`) or on Bun, whichever runs this file: the hooks are the same. Publishing leaves the
// sender out, so that it is sent to besides, as in the benchmark of crossws itself.
import { defineHooks } from 'crossws'
import { ROOMS, roomsInTurn } from './rooms.mjs'
import { answerUsage } from './usage.mjs'

const nextRooms = roomsInTurn()
const fanOut = (topic, options) => ({
  open: (peer) => peer.subscribe(topic),
  message: (peer, text) => {
    peer.send(text, options)
    peer.publish(topic, text, options)
  },
})
const routes = {
  '/api/echo': { message: (peer, text) => peer.send(text) },
  '/api/fanout': fanOut('all'),
  '/api/room': fanOut('room'),
  // It publishes to one topic at a time, and would reach the members of both rooms twice: a loop over the peers instead.
  '/api/union': {
    open: (peer) => nextRooms().forEach((room) => peer.subscribe(room)),
    message: (peer, text) => {
      for (const other of peer.peers) if (ROOMS.some((room) => other.topics.has(room))) other.send(text)
    },
  },
  '/api/compressed': fanOut('compressed', { compress: true }),
  '/api/idle': {},
}
const options = {
  // No pings: no other server here sends any.
  idleTimeout: 0,
  hooks: defineHooks({
    // The namespace is the path, unless the upgrade hook says otherwise.
    open: (peer) => routes[peer.namespace]?.open?.(peer),
    message: (peer, message) =>
      routes[peer.namespace]?.message?.(peer, JSON.stringify(JSON.parse(message.text()))),
  }),
}

if (globalThis.Bun) {
  const { default: crossws } = await import('crossws/adapters/bun')
  const ws = crossws(options)
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    websocket: { ...ws.websocket, sendPings: false, perMessageDeflate: true },
    fetch: (request, self) => ws.handleUpgrade(request, self),
  })
  console.log(server.port)
} else {
  const { createServer } = await import('node:http')
  const { default: crossws } = await import('crossws/adapters/node')
  const ws = crossws({
    ...options,
    serverOptions: { perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true } },
  })
  const server = createServer()
  server.on('upgrade', (request, socket, head) => void ws.handleUpgrade(request, socket, head))
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
}
answerUsage()
