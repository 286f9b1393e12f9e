// Straight uWebSockets.js: the control for the engine on Node.
import * as uWS from 'uWebSockets.js'
import { answerMemory } from './memory.mjs'

const decoder = new TextDecoder()
const behavior = (message) => ({
  idleTimeout: 0,
  sendPingsAutomatically: false,
  maxPayloadLength: 16 * 1024 * 1024,
  maxBackpressure: 64 * 1024 * 1024,
  open: (ws) => void ws.subscribe('all'),
  message,
})
const app = uWS.App()
app.ws(
  '/api/echo',
  behavior((ws, data) => void ws.send(JSON.stringify(JSON.parse(decoder.decode(data))))),
)
app.ws(
  '/api/fanout',
  behavior((_ws, data) => void app.publish('all', JSON.stringify(JSON.parse(decoder.decode(data))))),
)
app.ws(
  '/api/idle',
  behavior(() => {}),
)
app.listen('127.0.0.1', Number(process.argv[2] ?? 0), (token) => console.log(uWS.us_socket_local_port(token)))
answerMemory()
