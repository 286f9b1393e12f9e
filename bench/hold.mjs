// Opens connections to /api/idle and holds them until it is killed.
import { connect } from 'node:net'

const [, , port, count] = process.argv
for (let left = Number(count); left > 0; left -= 200) {
  await Promise.all(Array.from({ length: Math.min(left, 200) }, open))
}
console.log('open')

function open() {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.once('error', reject)
    socket.write(
      'GET /api/idle HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Origin: http://localhost:5173\r\nUser-Agent: Mozilla/5.0 (X11; Linux x64)\r\nAccept-Language: en\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    )
    socket.once('data', resolve)
  })
}
