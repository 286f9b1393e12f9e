// A process of clients of the soak run: `clients.mjs <role> <port> <seed> <connections> <actions a second>`. `steady`
// connections stay for the whole round; `churn` ones come and go, with hostile ones between them. A message `finish`
// ends it: everything that is on its way has to arrive, and the tally goes to the parent.
import { Client } from './client.mjs'
import { randomOf } from './fill.mjs'
import { Hostile } from './hostile.mjs'
import { createTally } from './ledger.mjs'

const [, , role, port, seed, countText, rateText] = process.argv
const count = Number(countText)
const random = randomOf(Number(seed))
const isChurn = role === 'churn'
const MAX_NOTES = 20

const tally = {
  ...createTally(),
  opened: 0,
  pauses: 0,
  faults: {},
  notes: [],
  note(text, kind) {
    this[kind]++
    if (this.notes.length < MAX_NOTES) this.notes.push(text)
  },
}

const below = (limit) => Math.floor(random() * limit)
const pick = (list) => list[below(list.length)]

const rooms = (prefix, n) => Array.from({ length: n }, (_, i) => `${prefix}${i}`)
const PLACES = [
  { path: '/chat/0', rooms: rooms('c', 3) },
  { path: '/chat/1', rooms: rooms('c', 3) },
  { path: '/feed', rooms: [] },
  { path: '/union', rooms: rooms('u', 8) },
  { path: '/packed', rooms: rooms('p', 3), sizes: [40, 300, 4000] },
]

const clients = new Set()
const hostile = new Hostile(Number(port), tally, random)
const opening = new Set()

function open() {
  const place = pick(PLACES)
  const client = new Client(`ws://127.0.0.1:${port}/api${place.path}`, place, tally, random() < 0.5)
  const done = client.opened.then(
    () => {
      tally.opened++
      clients.add(client)
      if (place.rooms.length > 0) client.join(pick(place.rooms))
    },
    (error) => tally.note(`a connection was refused: ${error.message}`, 'dropped'),
  )
  opening.add(done)
  void done.finally(() => opening.delete(done))
  void client.closed.then(() => clients.delete(client))
}

function act() {
  if (clients.size + opening.size < count) return open()
  if (isChurn && random() < 0.1) return hostile.act()
  const client = pick([...clients])
  if (!client?.isOpen) return
  if (isChurn && random() < 0.25) return void leave(client)
  talk(client)
}

async function leave(client) {
  clients.delete(client)
  const way = below(4)
  if (way === 0) await client.sync()
  if (way <= 1) await client.close()
  else client.vanish(way === 2)
}

function talk(client) {
  const { place } = client
  const dice = random()
  if (!isChurn && dice < 0.02) {
    tally.pauses++
    client.pause(200 + below(1500))
  } else if (place.rooms.length > 0 && dice < 0.12) client.join(pick(place.rooms))
  else if (place.rooms.length > 0 && dice < 0.2) client.leave(pick(place.rooms))
  else {
    const size = pick(place.sizes ?? [20, 60, 200])
    const self = random() < 0.5
    const binary = random() < 0.2
    // Now and then a room that exists only for a moment, and nobody is in.
    const names = dice > 0.98 ? [`x${below(1e6)}`] : choose(place.rooms)
    client.say({ ...(names && { rooms: names }), size, self, binary })
  }
}

/** One room, a union, or none for everybody. Most unions repeat, as they do in life. */
function choose(all) {
  if (all.length === 0 || random() < 0.2) return undefined
  const dice = random()
  if (dice < 0.5) return [pick(all)]
  if (dice < 0.8) return all.slice(0, 2)
  return all.filter(() => random() < 0.4)
}

const timer = setInterval(act, 1000 / Number(rateText))

process.on('message', ({ command }) => {
  if (command === 'finish') void finish()
})
process.on('disconnect', () => process.exit(1))
process.send('here')

async function finish() {
  clearInterval(timer)
  await Promise.all(opening)
  await Promise.all([...clients].map((client) => client.sync()))
  await Promise.all([...clients].map((client) => client.close()))
  hostile.end()
  // Its function stays behind: the channel carries JSON.
  process.send({ ...tally, note: undefined, cpu: process.cpuUsage() }, () => process.exit(0))
}
