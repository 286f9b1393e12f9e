// The hostile clients of the tests of this folder, in a process of their own, and on Node whatever the server runs on.
// Started with a port and a niceness; each line of stdin starts or ends an attack, and is answered with a line of JSON.
import { connect } from 'node:net'
import { setPriority } from 'node:os'
import { createInterface } from 'node:readline'
import { deflateRawSync, constants } from 'node:zlib'

// The server and its other clients come first: it is what the server does that is measured, not who gets a processor.
const [port, niceness] = process.argv.slice(2).map(Number)
setPriority(niceness)
const sockets = new Set()
const attack = { on: false }
const count = {}
const add = (name) => {
  count[name] = (count[name] ?? 0) + 1
}

function dial(onData) {
  const tcp = connect({ port, host: '127.0.0.1', noDelay: true })
  sockets.add(tcp)
  tcp.on('error', ({ code }) => add(code))
  tcp.on('close', () => sockets.delete(tcp))
  if (onData) tcp.on('data', onData)
  else tcp.resume()
  return tcp
}

const head = (path, more = '') =>
  `GET /api${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${more}\r\n`

/** A connection past its opening handshake. */
function open(path, more) {
  return new Promise((resolve, reject) => {
    let answer = ''
    const tcp = dial()
    const read = (chunk) => {
      answer += chunk.toString('latin1')
      const end = answer.indexOf('\r\n\r\n')
      if (end === -1) return
      tcp.off('data', read)
      const status = Number(answer.slice(9, 12))
      add(status)
      if (/^retry-after: 1\r$/im.test(answer)) add('retryAfter')
      if (status === 101) resolve(tcp)
      else reject(new Error(`status ${status}`))
    }
    tcp.on('data', read)
    tcp.once('close', () => reject(new Error('ended')))
    tcp.write(head(path, more))
  })
}

/** A masked frame. The mask is zero, so that large payloads need no copy. */
function frame(first, payload) {
  const { length } = payload
  const start =
    length < 126
      ? Buffer.from([first, 0x80 | length])
      : length < 65_536
        ? Buffer.from([first, 0xfe, length >> 8, length & 255])
        : Buffer.concat([Buffer.from([first, 0xff, 0, 0, 0, 0]), uint32(length)])
  return Buffer.concat([start, Buffer.alloc(4), payload])
}

function uint32(value) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const TEXT = 0x81
const BINARY = 0x82
const DEFLATE = 'Sec-WebSocket-Extensions: permessage-deflate\r\n'

async function openAll(amount, path, more) {
  const all = []
  // In shares, so that no backlog of the listening socket overflows.
  while (all.length < amount) {
    const share = Array.from({ length: Math.min(100, amount - all.length) }, () => open(path, more))
    all.push(...(await Promise.all(share)))
  }
  return all
}

/** Writes the same bytes as fast as they are taken, until the attack ends or the connection does. */
function pump(tcp, bytes, perTurn = 1) {
  const write = () => {
    if (!attack.on || tcp.destroyed) return
    let isTaken = true
    for (let i = 0; i < perTurn && isTaken; i++) {
      isTaken = tcp.write(bytes)
      add('writes')
    }
    if (isTaken) setImmediate(write)
    else tcp.once('drain', write)
  }
  write()
}

/** Uses the processor as an attack does. */
function burn() {
  if (!attack.on) return
  const end = performance.now() + 5
  while (performance.now() < end);
  setImmediate(burn)
}

/** What a start does; it resolves when the attack is on its way. */
const attacks = {
  /** None: what an attack takes from the processor without touching the server. */
  async burn() {
    burn()
  },
  /** TCP connections without a word. */
  async silent({ amount }) {
    for (let left = amount; left > 0; left -= 100) {
      const share = Array.from({ length: Math.min(100, left) }, () => dial())
      await Promise.all(
        share.map((tcp) => new Promise((resolve) => tcp.once('connect', resolve).once('close', resolve))),
      )
    }
  },
  /** WebSocket connections without a word. */
  async idle({ amount, path = '/echo' }) {
    await openAll(amount, path)
  },
  /** Handshakes, all at once; who gets in stays, without a word. */
  async crowd({ amount, path = '/echo' }) {
    const all = Array.from({ length: amount }, () => open(path).catch(({ message }) => add(message)))
    await Promise.all(all)
  },
  /** Request heads, one byte a second. */
  async trickle({ amount }) {
    await attacks.silent({ amount })
    const text = head('/echo')
    const line = text.indexOf('\n') + 1
    let sent = line
    for (const tcp of sockets) tcp.write(text.slice(0, line))
    const timer = setInterval(() => {
      const byte = text.slice(sent, ++sent)
      for (const tcp of sockets) tcp.write(byte)
      if (!attack.on || sockets.size === 0 || sent === text.length - 1) clearInterval(timer)
    }, 1000)
  },
  /** Handshakes, again and again, some at a time. Who gets in stays for a moment, and comes again. */
  async knock({ amount, path = '/echo' }) {
    const again = async () => {
      while (attack.on) {
        const tcp = await open(path).catch(() => undefined)
        if (tcp) {
          await new Promise((resolve) => setTimeout(resolve, 50))
          tcp.resetAndDestroy()
        }
      }
    }
    for (let i = 0; i < amount; i++) void again()
  },
  /** Messages as fast as they are taken, answers read. */
  async flood({ amount, path, size = 20, reconnect = false }) {
    const start = async () => {
      const tcp = await open(path)
      pump(tcp, frame(TEXT, Buffer.alloc(size, 'x')), 16)
      if (reconnect) tcp.once('close', () => attack.on && start().catch(() => {}))
    }
    for (let i = 0; i < amount; i++) await start()
  },
  /** One message after the other, each when the last is answered. */
  async lag({ amount, path }) {
    const message = frame(TEXT, Buffer.from('x'))
    for (const tcp of await openAll(amount, path)) {
      tcp.on('data', () => attack.on && tcp.write(message))
      tcp.write(message)
    }
  },
  /** The same, answers not read. */
  async floodDeaf({ amount, path, size = 1000 }) {
    for (const tcp of await openAll(amount, path)) {
      tcp.pause()
      pump(tcp, frame(TEXT, Buffer.alloc(size, 'x')), 16)
    }
  },
  /** Who takes part and never reads. */
  async deaf({ amount, path }) {
    for (const tcp of await openAll(amount, path)) tcp.pause()
  },
  /** One message each, and then nothing: no answer to a close frame either. */
  async once({ amount, path }) {
    for (const tcp of await openAll(amount, path)) tcp.write(frame(TEXT, Buffer.from('x')))
  },
  /** One large message each, all at once. */
  async large({ amount, path, size }) {
    const message = frame(BINARY, Buffer.alloc(size))
    for (const tcp of await openAll(amount, path)) tcp.write(message)
  },
  /** The same, but for the last byte of it. */
  async unfinished({ amount, path, size }) {
    const message = frame(BINARY, Buffer.alloc(size)).subarray(0, -1)
    for (const tcp of await openAll(amount, path)) tcp.write(message)
  },
  /** One compressed message each that inflates to `size` bytes. */
  async bomb({ amount, path, size }) {
    const piece = Buffer.alloc(1024 * 1024)
    const deflated = deflateRawSync(Buffer.concat(Array.from({ length: size / piece.length }, () => piece)), {
      finishFlush: constants.Z_SYNC_FLUSH,
    }).subarray(0, -4)
    for (const tcp of await openAll(amount, path, DEFLATE)) tcp.write(frame(BINARY | 0x40, deflated))
  },
}

const commands = {
  start: async ({ attack: kind, ...args }) => {
    attack.on = true
    await attacks[kind](args)
    return { open: sockets.size, ...count }
  },
  /** Ends what goes on; open connections stay. */
  stop: () => {
    attack.on = false
    return { open: sockets.size, ...count }
  },
  count: () => ({ open: sockets.size, ...count }),
  end: () => {
    attack.on = false
    for (const tcp of sockets) tcp.resetAndDestroy()
  },
}

console.log(JSON.stringify({ port }))
for await (const line of createInterface({ input: process.stdin })) {
  const { name, ...args } = JSON.parse(line)
  try {
    console.log(JSON.stringify({ result: (await commands[name](args)) ?? null }))
  } catch (error) {
    console.log(JSON.stringify({ error: error.message }))
  }
}
process.exit(0)
