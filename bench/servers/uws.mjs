// Straight uWebSockets.js: the control for the engine on uws.
import * as uWS from 'uWebSockets.js'
import { ROOMS, roomsInTurn } from './rooms.mjs'
import { answerUsage } from './usage.mjs'

const decoder = new TextDecoder()
const app = uWS.App()
const route = (name, { message = () => {}, ...rest }) =>
  app.ws(`/api/${name}`, {
    idleTimeout: 0,
    sendPingsAutomatically: false,
    maxPayloadLength: 16 * 1024 * 1024,
    maxBackpressure: 16 * 1024 * 1024,
    // Decodes what is on loan until the callback returns, and is the fastest way to: 60 ns for 64 bytes.
    message: (ws, data) => message(ws, JSON.stringify(JSON.parse(decoder.decode(data)))),
    ...rest,
  })
const subscribe = (topic) => (ws) => void ws.subscribe(topic)

route('echo', { message: (ws, text) => void ws.send(text) })
route('fanout', { open: subscribe('all'), message: (_ws, text) => void app.publish('all', text) })
route('room', { open: subscribe('room'), message: (_ws, text) => void app.publish('room', text) })
route('compressed', {
  compression: uWS.SHARED_COMPRESSOR | uWS.SHARED_DECOMPRESSOR,
  open: subscribe('compressed'),
  message: (_ws, text) => void app.publish('compressed', text, false, true),
})
route('idle', {})

// It publishes to one topic at a time, and would reach the members of both rooms twice: sets and a loop instead.
const nextRooms = roomsInTurn()
const rooms = new Map(ROOMS.map((name) => [name, new Set()]))
route('union', {
  open: (ws) => nextRooms().forEach((name) => rooms.get(name).add(ws)),
  close: (ws) => rooms.forEach((members) => members.delete(ws)),
  message: (_ws, text) => {
    for (const ws of new Set(ROOMS.flatMap((name) => [...rooms.get(name)]))) ws.send(text)
  },
})

app.listen('127.0.0.1', 0, (token) => console.log(uWS.us_socket_local_port(token)))
answerUsage()
