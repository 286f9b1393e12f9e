// An echo that makes a mistake with every 5th message: `faulty-server.mjs ws|socket.io drop|duplicate|swap`.
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { WebSocketServer } from 'ws'
import { answerUsage } from '../../bench/servers/usage.mjs'

const [, , protocol, mistake] = process.argv
const http = createServer()

function faulty(send) {
  let count = 0
  let late
  return (message) => {
    const isWrong = ++count % 5 === 0
    if (isWrong && mistake === 'drop') return
    if (isWrong && mistake === 'swap') return void (late = message)
    send(message)
    if (isWrong && mistake === 'duplicate') send(message)
    if (late !== undefined) send(late)
    late = undefined
  }
}

if (protocol === 'ws') {
  new WebSocketServer({ server: http }).on('connection', (ws) => {
    ws.on(
      'message',
      faulty((data) => ws.send(data, { binary: false })),
    )
  })
} else {
  const io = new Server(http, { transports: ['websocket'] })
  io.of('/api/echo').on('connection', (socket) =>
    socket.on(
      'message',
      faulty((data) => socket.emit('message', data)),
    ),
  )
}
http.listen(0, '127.0.0.1', () => console.log(http.address().port))
answerUsage()
