// The generator: raw sockets, one frame encoded once, replies counted by their length. No WebSocket library, so
// that it is never the slower side. `window` is how many messages of a connection are under way at a time; with a
// window of 1 each reply is a round trip, and the answer has their median and 99th percentile in microseconds.
// `rate` leaves the warm-up out, `received` is all.
import { connect } from 'node:net'

const [, , port, scenario, connectionsText, secondsText, windowText = '16'] = process.argv
const count = Number(connectionsText)
const seconds = Number(secondsText)
const window = Number(windowText)
const WARM_UP_MS = 1000
const text = JSON.stringify({ type: 'message', user: 'alice', text: 'x'.repeat(24), n: 1 })
const frame = maskedFrame(text)
const replySize = 2 + text.length

const sockets = await Promise.all(Array.from({ length: count }, () => open(`/api/${scenario}`)))
let received = 0
let isMeasuring = false
const roundTrips = []
for (const [index, socket] of sockets.entries()) {
  const isSender = scenario === 'echo' || index === 0
  let pending = 0
  let sentAt = 0
  const send = (times) => {
    if (window === 1) sentAt = performance.now()
    socket.write(repeat(times))
  }
  socket.on('data', (chunk) => {
    pending += chunk.length
    const whole = Math.floor(pending / replySize)
    if (whole === 0) return
    pending -= whole * replySize
    received += whole
    if (!isSender) return
    if (window === 1 && isMeasuring) roundTrips.push(performance.now() - sentAt)
    send(whole)
  })
  if (isSender) send(window)
}

await sleep(WARM_UP_MS)
isMeasuring = true
const before = received
const start = performance.now()
await sleep(seconds * 1000)
const rate = (received - before) / ((performance.now() - start) / 1000)
roundTrips.sort((a, b) => a - b)
const percentile = (share) => roundTrips[Math.floor((roundTrips.length - 1) * share)] * 1000
console.log(
  JSON.stringify({ rate, received, ...(window === 1 && { p50: percentile(0.5), p99: percentile(0.99) }) }),
)
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
    socket.once('close', () => reject(new Error(`${path} was closed`)))
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    )
    socket.once('data', (answer) => {
      if (String(answer).startsWith('HTTP/1.1 101')) resolve(socket)
      else reject(new Error(String(answer).split('\r\n', 1)[0]))
    })
  })
}
