// One well-behaved connection of the soak run: it acts on command, and judges all that it gets.
import { WebSocket } from 'ws'
import { fillOf } from './fill.mjs'
import { Ledger } from './ledger.mjs'

const ANSWER_MS = 20_000
const decoder = new TextDecoder()

export class Client {
  #socket
  #ledger
  #tally
  #n = 0
  #syncing
  #tcp
  /** Closed, or being closed, on purpose. */
  #leaving = false
  place
  opened
  closed

  /** @param place - its handler, for who drives it */
  constructor(url, place, tally, deflate) {
    this.#tally = tally
    this.#ledger = new Ledger(tally)
    this.place = place
    this.#socket = new WebSocket(url, { perMessageDeflate: deflate })
    this.opened = new Promise((resolve, reject) => {
      this.#socket.once('open', resolve)
      this.#socket.once('error', reject)
    })
    this.opened.catch(() => {})
    this.#socket.on('error', () => {})
    this.#socket.once('upgrade', ({ socket }) => (this.#tcp = socket))
    this.#socket.on('message', (data) => this.#receive(JSON.parse(decoder.decode(data))))
    this.closed = new Promise((resolve) => {
      this.#socket.once('close', (code, reason) => {
        if (!this.#leaving) tally.note(`a connection was closed with ${code} ${reason}`, 'dropped')
        this.#leaving = true
        this.#syncing?.()
        resolve(code)
      })
    })
  }

  get isOpen() {
    return this.#socket.readyState === WebSocket.OPEN && !this.#leaving
  }

  #send(op, fields = {}) {
    this.#tally.sent++
    this.#socket.send(JSON.stringify({ op, n: ++this.#n, ...fields }))
  }

  join(room) {
    this.#send('join', { room })
  }

  leave(room) {
    this.#send('leave', { room })
  }

  say(fields) {
    this.#send('say', fields)
  }

  /** Stops reading for a while, as a client does that is busy. */
  pause(ms) {
    if (this.#socket.isPaused) return
    this.#socket.pause()
    setTimeout(() => this.#socket.resume(), ms)
  }

  /** Everything up to now has to be here. */
  async sync() {
    this.#socket.resume()
    this.#send('sync')
    let timer
    await new Promise((resolve) => {
      this.#syncing = resolve
      timer = setTimeout(() => {
        this.#tally.note('no answer to sync', 'lost')
        resolve()
      }, ANSWER_MS)
    })
    clearTimeout(timer)
    this.#syncing = undefined
  }

  /** With a closing handshake; the server has to answer it with the same code. */
  async close() {
    if (this.#leaving) return
    this.#leaving = true
    this.#socket.resume()
    this.#socket.close(4000, 'bye')
    const code = await this.closed
    // uWebSockets.js loses 3000-3999 and 1012-1014 only.
    if (code !== 4000) this.#tally.note(`a close with 4000 was answered with ${code}`, 'corrupted')
  }

  /** Without one: FIN, or RST. */
  vanish(reset) {
    this.#leaving = true
    if (reset) this.#tcp?.resetAndDestroy()
    else this.#socket.terminate()
  }

  #receive(message) {
    switch (message.t) {
      case 'joined':
        return this.#ledger.joined(message.room, message.head)
      case 'left':
        return this.#ledger.left(message.room, message.head)
      case 'spared':
        return this.#ledger.spared(message.numbers)
      case 'sync':
        this.#ledger.settled(message.heads)
        return this.#syncing?.()
      case 'msg':
        this.#tally.delivered++
        if (message.fill !== fillOf(message.key, message.size))
          this.#tally.note('a message has other contents than were sent', 'corrupted')
        return this.#ledger.received(message.numbers)
      default:
        this.#tally.note(`an unknown message ${JSON.stringify(message)}`, 'corrupted')
    }
  }
}
