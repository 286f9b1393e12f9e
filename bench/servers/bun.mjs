// Straight Bun.serve: the control for the engine on Bun.
import { answerMemory } from './memory.mjs'

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[2] ?? 0),
  fetch(request, self) {
    if (self.upgrade(request, { data: { fanout: request.url.endsWith('/fanout') } })) return
    return new Response('Upgrade Required', { status: 426 })
  },
  websocket: {
    idleTimeout: 0,
    sendPings: false,
    open: (ws) => void ws.subscribe('all'),
    message(ws, data) {
      const text = JSON.stringify(JSON.parse(data))
      if (ws.data.fanout) server.publish('all', text)
      else ws.send(text)
    },
  },
})
console.log(server.port)
answerMemory()
