// The generator for socket.io, with its own client: takes the arguments of `sidewire bench` that the scenarios here use,
// and writes the same JSON, as far as the runner reads it. One client is one connection.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { io } from 'socket.io-client'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    connections: { type: 'string' },
    window: { type: 'string', default: '1' },
    size: { type: 'string', default: '64' },
    duration: { type: 'string' },
    warmup: { type: 'string' },
    compress: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const [address, scenario] = positionals
const url = new URL(address.replace(/^ws/, 'http'))
const connections = Number(values.connections)
const window = Number(values.window)
/** Compresses as text does; it is what `sidewire bench` fills its messages with. */
const WORDS =
  'the quick brown fox jumps over a lazy dog while five boxing wizards pack my red box with dozen liquor jugs and '
/** Connections that are opened at a time, as `sidewire bench` does. */
const OPENING = 64
/** A message that has not come by then is lost. */
const TIMEOUT_MS = 5000

const faults = { lost: 0, duplicated: 0, outOfOrder: 0 }
const clients = { opened: 0, refused: 0, dropped: 0 }
let isMeasuring = false
let isClosing = false
/** In an object: the linter takes a bare variable in a loop's condition for one that nobody changes. */
const load = { isOn: false }
let received = 0
let handshakes = 0
const latencies = []

/** A message whose JSON text has the wanted size, as every other contestant gets it. */
function message(number) {
  const data = { id: String(number).padStart(10, '0'), pad: '' }
  const length = Math.max(0, Number(values.size) - JSON.stringify(data).length)
  return { ...data, pad: WORDS.repeat(Math.ceil(length / WORDS.length)).slice(0, length) }
}

function createClient() {
  return io(`${url.origin}${url.pathname}`, {
    path: values.compress ? '/compressed.io' : '/socket.io',
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    perMessageDeflate: values.compress ? { threshold: 1024 } : false,
  })
}

function open() {
  return new Promise((resolve, reject) => {
    const client = createClient()
    client.once('connect', () => {
      clients.opened++
      resolve(client)
    })
    client.once('connect_error', (error) => {
      clients.refused++
      reject(error)
    })
    client.once('disconnect', () => {
      if (!isClosing) clients.dropped++
    })
  })
}

async function openAll(count) {
  const opened = []
  const left = Array.from({ length: count })
  const openSome = async () => {
    while (left.length > 0) {
      left.pop()
      opened.push(await open())
    }
  }
  await Promise.all(Array.from({ length: OPENING }, openSome))
  return opened
}

/** Numbers that have to come in order, each once. */
class Sequence {
  next = 0

  accept(number) {
    if (number < this.next) faults.duplicated++
    else {
      if (number > this.next) faults.outOfOrder++
      this.next = number + 1
      return true
    }
    return false
  }
}

const { start, finish } = await { echo, fanout, connect, idle }[scenario]()
load.isOn = true
start()
await sleep(Number(values.warmup) * 1000)
isMeasuring = true
const from = Date.now()
const busy = performance.eventLoopUtilization()
await sleep(Number(values.duration) * 1000)
isMeasuring = false
const until = Date.now()
const { utilization } = performance.eventLoopUtilization(busy)
load.isOn = false
await finish()
isClosing = true
writeFileSync(values.json, JSON.stringify(report(), undefined, 2))
process.exit(0)

async function echo() {
  const loops = (await openAll(connections)).map((client) => {
    const sequence = new Sequence()
    const dues = []
    let sent = 0
    const fill = () => {
      while (load.isOn && sent - sequence.next < window) {
        dues[sent % window] = performance.now()
        client.emit('message', message(sent++))
      }
    }
    client.on('message', ({ id }) => {
      const number = Number(id)
      if (!sequence.accept(number)) return
      if (isMeasuring) {
        received++
        latencies.push(performance.now() - dues[number % window])
      }
      fill()
    })
    return { fill, missing: () => sent - sequence.next }
  })
  return {
    start: () => loops.forEach((loop) => loop.fill()),
    finish: async () => {
      faults.lost = await settle(() => loops.reduce((sum, loop) => sum + loop.missing(), 0))
    },
  }
}

async function fanout() {
  const receivers = (await openAll(connections)).map((client) => ({ client, sequence: new Sequence() }))
  const sender = await open()
  const dues = []
  /** By message: how many receivers have it. */
  const arrived = []
  let sent = 0
  let oldest = 0
  const fill = () => {
    while (arrived[oldest] === receivers.length) oldest++
    while (load.isOn && sent - oldest < window) {
      dues[sent] = performance.now()
      arrived[sent] = 0
      sender.emit('message', message(sent++))
    }
  }
  for (const { client, sequence } of receivers) {
    client.on('message', ({ id }) => {
      const number = Number(id)
      if (!sequence.accept(number)) return
      if (isMeasuring) {
        received++
        latencies.push(performance.now() - dues[number])
      }
      if (++arrived[number] === receivers.length) fill()
    })
  }
  return {
    start: fill,
    finish: async () => {
      faults.lost = await settle(() => receivers.reduce((sum, { sequence }) => sum + sent - sequence.next, 0))
    },
  }
}

/** Connections that are opened and closed again and again. */
async function connect() {
  const loop = async () => {
    while (load.isOn) {
      const due = performance.now()
      const client = createClient()
      const failure = await new Promise((resolve) => {
        client.once('connect', () => resolve())
        client.once('connect_error', resolve)
      })
      if (failure) clients.refused++
      else clients.opened++
      if (!failure && isMeasuring) {
        handshakes++
        latencies.push(performance.now() - due)
      }
      client.disconnect()
    }
  }
  let loops
  return {
    start: () => (loops = Promise.all(Array.from({ length: connections }, loop))),
    finish: () => loops,
  }
}

async function idle() {
  await openAll(connections)
  return { start: () => {}, finish: async () => {} }
}

/** Waits until nothing is missing; returns what is after all. */
async function settle(missing) {
  const end = performance.now() + TIMEOUT_MS
  while (missing() > 0 && performance.now() < end) await sleep(5)
  return missing()
}

function report() {
  const seconds = (until - from) / 1000
  latencies.sort((a, b) => a - b)
  const percentile = (share) => latencies[Math.floor((latencies.length - 1) * share)]
  const problems = Object.entries({ ...faults, refused: clients.refused, dropped: clients.dropped })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
  return {
    scenario,
    measuredFrom: new Date(from).toISOString(),
    measuredUntil: new Date(until).toISOString(),
    seconds,
    messages: { perSecond: received / seconds, ...faults },
    latency: latencies.length === 0 ? null : { p50: percentile(0.5), p99: percentile(0.99) },
    connections: clients,
    handshakes: scenario === 'connect' ? { perSecond: handshakes / seconds } : null,
    generator: { utilization },
    ok: problems.length === 0,
    problems,
  }
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
