// The server of the soak run, on Node or inside Bun: `server.mjs <runtime> <path of the built package> [<sabotage>]`.
// Commands come over the parent's channel. All state of the rooms' numbers is here, so that it outlives every reload.
import { atRest } from './at-rest.mjs'
import { fillOf } from './fill.mjs'

const [, , runtime, entry, sabotage] = process.argv
const { createServer } = await import(entry)

/** Everybody in the scope is in this one, for `broadcast` without rooms. */
const ALL = '*'
/** Everybody of the handler is in this one, for `server.publish`. */
const HANDLER = '@'
/** More than all buffers take on the way to a client that does not read, those of a server between included. */
const FLOOD_MESSAGES = 1024
const FLOOD_BYTES = 64 * 1024

/** Number of the last message and of members, by scope and room. */
const streams = new Map()
const counts = { received: 0, published: 0, reloads: 0, inboundLost: 0, inboundDuplicated: 0, errors: [] }
let isBusy = false
let messages = 0

const nameOf = (conn, room) =>
  room === HANDLER || !conn.path.startsWith('/api/chat/')
    ? `${conn.path.split('/')[2]}|${room}`
    : `${conn.path}|${room}`

function enter(conn, room) {
  const name = nameOf(conn, room)
  const stream = streams.get(name) ?? { number: 0, members: 0 }
  streams.set(name, stream)
  stream.members++
  conn.send({ t: 'joined', room, head: stream.number })
}

function exit(conn, room) {
  const name = nameOf(conn, room)
  const stream = streams.get(name)
  conn.send({ t: 'left', room, head: stream.number })
  if (--stream.members === 0) streams.delete(name)
}

/** The next number of each room that has members. */
function stamp(names) {
  const numbers = {}
  for (const [room, name] of names) {
    const stream = streams.get(name)
    if (stream) numbers[room] = ++stream.number
  }
  return numbers
}

function messageOf(numbers, size, binary) {
  const key = ++messages
  const message = { t: 'msg', numbers, key, size, fill: fillOf(key, size) }
  return binary ? Buffer.from(JSON.stringify(message)) : message
}

const commands = {
  join(conn, { room }) {
    if (conn.isInRoom(room)) return
    conn.joinRoom(room)
    // Whoever has gone meanwhile is not let in anywhere; what it had sent is handled all the same.
    if (conn.isInRoom(room)) enter(conn, room)
  },
  leave(conn, { room }) {
    if (!conn.isInRoom(room)) return
    conn.leaveRoom(room)
    exit(conn, room)
  },
  say(conn, { rooms, self, size, binary }) {
    const numbers = stamp((rooms ?? [ALL]).map((room) => [room, nameOf(conn, room)]))
    const send = () => conn.broadcast(message, { ...(rooms && { rooms }), includeSelf: self })
    const message = messageOf(numbers, size, binary)
    if (messages % SABOTAGE_EVERY === 0 && sabotage in sabotages) sabotages[sabotage](send)
    else send()
    if (!self) conn.send({ t: 'spared', numbers })
  },
  sync(conn) {
    const rooms = [ALL, HANDLER, ...conn.rooms]
    const heads = Object.fromEntries(rooms.map((room) => [room, streams.get(nameOf(conn, room)).number]))
    conn.send({ t: 'sync', heads })
  },
  flood(conn) {
    const fill = 'x'.repeat(FLOOD_BYTES)
    for (let i = 0; i < FLOOD_MESSAGES; i++) {
      const status = conn.send(fill)
      if (status === 'dropped' || status === 'closed') return
    }
  },
}

/** How the run is tested: it has to fail with each of these. */
const SABOTAGE_EVERY = 20
const leaked = []
const sabotages = {
  lose: () => {},
  repeat: (send) => {
    send()
    send()
  },
  delay: (send) => void setTimeout(() => send(), 300),
  timer: (send) => {
    send()
    setInterval(() => {}, 1e6)
  },
  memory: (send) => {
    send()
    leaked.push(Buffer.alloc(1024 * 1024))
  },
}

function onConnect(conn) {
  conn.metadata.n = 0
  enter(conn, ALL)
  enter(conn, HANDLER)
}

function onMessage(conn, data) {
  if (typeof data?.op !== 'string') return // of a hostile client
  counts.received++
  const expected = conn.metadata.n + 1
  if (data.n > expected) counts.inboundLost += data.n - expected
  else if (data.n < expected) counts.inboundDuplicated++
  conn.metadata.n = data.n
  commands[data.op](conn, data)
}

function onClose(conn) {
  for (const room of [ALL, HANDLER, ...conn.rooms]) {
    const name = nameOf(conn, room)
    const stream = streams.get(name)
    if (--stream.members === 0) streams.delete(name)
  }
}

function onError(conn, error) {
  if (error.code !== 'ERR_BACKPRESSURE') counts.errors.push(`${conn.path}: ${error.stack}`)
}

/** New objects each time; what changes from one to the next must not be seen by any client. */
function optionsOf(generation) {
  const common = {
    heartbeat: 2000 + 500 * (generation % 3),
    delay: generation % 3 === 1 ? 2 : 0,
    sequential: generation % 4 === 2,
    onConnect: (conn) => onConnect(conn),
    onMessage: generation % 2 ? async (conn, data) => onMessage(conn, data) : onMessage,
    onClose: (conn) => onClose(conn),
    onError: (conn, error) => onError(conn, error),
  }
  return {
    runtime,
    port: 0,
    logLevel: 'error',
    wsHandlers: [
      ...(generation % 2 ? [{ pattern: '/now-and-then' }] : []),
      { ...common, pattern: '/chat/{game}', scope: 'path' },
      { ...common, pattern: '/feed', maxPayload: 1024 * 1024 },
      { ...common, pattern: '/union' },
      { ...common, pattern: '/packed', compression: { threshold: 256 + 256 * (generation % 2) } },
      { ...common, pattern: '/stall', maxBackpressure: 256 * 1024 },
    ],
  }
}

const server = await createServer(optionsOf(0))

setInterval(() => {
  if (!isBusy) return
  for (const pattern of ['chat/{game}', 'feed', 'union', 'packed']) {
    const handler = pattern.split('/')[0]
    const numbers = stamp([[HANDLER, `${handler}|${HANDLER}`]])
    server.publish(pattern, messageOf(numbers, 40, false))
    counts.published++
  }
  const rooms = ['u1', 'u2']
  const numbers = stamp(rooms.map((room) => [room, `union|${room}`]))
  server.publish('union', messageOf(numbers, 40, false), { rooms })
  counts.published++
}, 250)

const orders = {
  run: () => (isBusy = true),
  reload: () => server.reload(optionsOf(++counts.reloads)),
  rest: async () => {
    isBusy = false
    process.send(await rest())
  },
  end: async () => {
    await server.close()
    process.exit(0)
  },
}
process.on('message', ({ command }) => void orders[command]())
process.on('disconnect', () => process.exit(1))
process.on('unhandledRejection', (error) => counts.errors.push(`unhandled rejection: ${error?.stack}`))
process.on('uncaughtException', (error) => counts.errors.push(`uncaught exception: ${error?.stack}`))

process.send({
  port: server.port,
  description: server.runtimeDescription,
  pid: process.pid,
  platform: process.versions.bun ? `Bun ${process.versions.bun}` : `Node ${process.versions.node}`,
})

/** Everybody has left: what is still there? */
async function rest() {
  return { ...(await atRest(server)), streams: streams.size, ...counts }
}
