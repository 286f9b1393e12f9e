// The generator: raw sockets, one frame encoded once, replies counted by their length. No WebSocket library, so
// that it is never the slower side.
import { connect } from 'node:net'

const [, , port, scenario, connectionsText, secondsText] = process.argv
const count = Number(connectionsText)
const seconds = Number(secondsText)
const text = JSON.stringify({ type: 'message', user: 'alice', text: 'x'.repeat(24), n: 1 })
const frame = maskedFrame(text)
const replySize = 2 + text.length

const sockets = await Promise.all(Array.from({ length: count }, () => open(`/api/${scenario}`)))
let received = 0
const window = 16
for (const [index, socket] of sockets.entries()) {
  let pending = 0
  socket.on('data', (chunk) => {
    pending += chunk.length
    const whole = Math.floor(pending / replySize)
    if (whole === 0) return
    pending -= whole * replySize
    received += whole
    if (scenario === 'echo') socket.write(repeat(whole))
    else if (index === 0) socket.write(repeat(whole))
  })
}
if (scenario === 'echo') for (const socket of sockets) socket.write(repeat(window))
else sockets[0].write(repeat(window))

await sleep(500)
const before = received
const start = process.hrtime.bigint()
await sleep(seconds * 1000)
const rate = (received - before) / (Number(process.hrtime.bigint() - start) / 1e9)
console.log(JSON.stringify({ rate }))
process.exit(0)

function repeat(times) {
  return times === 1 ? frame : Buffer.concat(Array.from({ length: times }, () => frame))
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function maskedFrame(payload) {
  const body = Buffer.from(payload)
  return Buffer.concat([Buffer.from([0x81, 0x80 | body.length, 0, 0, 0, 0]), body])
}

function open(path) {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.setNoDelay(true)
    socket.once('error', reject)
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    )
    socket.once('data', () => resolve(socket))
  })
}
