// Clients that break the rules. Each has to be ended by the server, or ends itself; nobody else may notice.
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

const END_MS = 15_000
/** A busy machine takes a second and more to get to the flood: it must not find a reader by then. */
const STALL_MS = 4000

const frame = (first, payload, length = payload.length) => {
  const head = length < 126 ? [first, 0x80 | length] : [first, 0x80 | 126, length >> 8, length & 255]
  // A mask of zeros leaves the payload as it is.
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload])
}

/** Frames that RFC 6455 forbids: the connection has to end. */
const JUNK = [
  frame(0x83, Buffer.from('a reserved opcode')),
  frame(0xf1, Buffer.from('reserved bits')),
  frame(0x80, Buffer.from('continues nothing')),
  frame(0x09, Buffer.from('a ping in fragments')),
  frame(0x89, Buffer.alloc(126)),
  frame(0x81, Buffer.from([0xc3, 0x28])), // no UTF-8
  Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), // 2^63 bytes to come
  Buffer.concat([frame(0x01, Buffer.from('a')), frame(0x81, Buffer.from('a message inside of a message'))]),
  Buffer.concat([frame(0x82, Buffer.alloc(0)), Buffer.from([0x8f, 0x80, 0, 0, 0, 0]), randomBytes(64)]),
]

const handshake = (path) =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n'

export class Hostile {
  #port
  #tally
  #random
  #sockets = new Set()

  constructor(port, tally, random) {
    this.#port = port
    this.#tally = tally
    this.#random = random
  }

  /** One of the kinds, at random; counted by kind. */
  act() {
    const kinds = ['junk', 'resetHandshake', 'reset', 'halfFrame', 'stall', 'guest']
    const kind = kinds[Math.floor(this.#random() * kinds.length)]
    this.#tally.faults[kind] = (this.#tally.faults[kind] ?? 0) + 1
    this[kind]()
  }

  async junk() {
    const socket = await this.#open('/api/union')
    if (!socket) return
    const bytes = JUNK[Math.floor(this.#random() * JUNK.length)]
    socket.resume()
    socket.write(bytes)
    await this.#mustEnd(socket, `after the bytes ${bytes.toString('hex', 0, 16)}`)
  }

  resetHandshake() {
    const socket = this.#connect()
    const bytes = handshake('/api/feed')
    socket.once('connect', () => {
      socket.write(bytes.slice(0, Math.floor(this.#random() * (bytes.length + 1))))
      setImmediate(() => socket.resetAndDestroy())
    })
  }

  async reset() {
    const socket = await this.#open('/api/chat/0')
    socket?.resetAndDestroy()
  }

  /** Ends in the middle of a frame. */
  async halfFrame() {
    const socket = await this.#open('/api/feed')
    if (!socket) return
    socket.resume()
    socket.end(Buffer.from([0x81, 0xfe, 0x10, 0x00, 1, 2, 3, 4, 5]))
    await this.#mustEnd(socket, 'after half a frame')
  }

  /** Asks for more than it reads: terminated for backpressure. */
  async stall() {
    const socket = await this.#open('/api/stall')
    if (!socket) return
    socket.pause()
    socket.write(frame(0x81, Buffer.from('{"op":"flood","n":1}')))
    // A paused socket does not see the end: what was on its way is read when the server has long given up.
    setTimeout(() => socket.resume(), STALL_MS)
    await this.#mustEnd(socket, 'after a flood that it did not read')
  }

  /** A client of a handler that the next reload takes away, or of one that is not there. */
  guest() {
    const socket = this.#connect()
    socket.write(handshake('/api/now-and-then'))
    socket.resume()
  }

  /** Whoever is still there. */
  end() {
    for (const socket of this.#sockets) socket.destroy()
  }

  #connect() {
    const socket = connect(this.#port, '127.0.0.1')
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
    return socket
  }

  #open(path) {
    const socket = this.#connect()
    socket.write(handshake(path))
    return new Promise((resolve) => {
      socket.once('close', () => resolve(undefined))
      let answer = ''
      const read = (chunk) => {
        answer += chunk.toString('latin1')
        // uWebSockets.js writes it in pieces if it was waited for.
        if (!answer.includes('\r\n\r\n')) return
        socket.off('data', read)
        if (answer.startsWith('HTTP/1.1 101')) return resolve(socket)
        this.#tally.note(`${path} was answered with ${answer.slice(0, 40)}`, 'dropped')
        socket.destroy()
      }
      socket.on('data', read)
    })
  }

  #mustEnd(socket, what) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        if (!socket.destroyed) this.#tally.note(`a hostile client was not ended ${what}`, 'corrupted')
        resolve()
      }, END_MS)
      socket.once('end', () => socket.end())
      socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
