// This engine: `engine.mjs uws`, `ws` or `bun`.
import * as z from 'zod'
import { createServer } from '../../dist/index.js'
import { ROOMS, roomsInTurn } from './rooms.mjs'
import { answerUsage } from './usage.mjs'

/** Of the generator. */
const MESSAGE = z.object({ id: z.string(), pad: z.string().optional() })
const nextRooms = roomsInTurn()
const server = await createServer({
  port: 0,
  runtime: process.argv[2] ?? 'auto',
  logLevel: 'warn',
  wsHandlers: [
    { pattern: '/echo', onMessage: (conn, data) => void conn.send(data) },
    { pattern: '/schema', schema: { incoming: MESSAGE }, onMessage: (conn, data) => void conn.send(data) },
    {
      pattern: '/schemas',
      schema: { incoming: MESSAGE, outgoing: MESSAGE },
      onMessage: (conn, data) => void conn.send(data),
    },
    { pattern: '/fanout', onMessage: (conn, data) => conn.broadcast(data, { includeSelf: true }) },
    {
      pattern: '/room',
      defaultRoom: 'a',
      onMessage: (conn, data) => conn.broadcast(data, { rooms: ['a'], includeSelf: true }),
    },
    {
      pattern: '/union',
      onConnect: (conn) => {
        for (const room of nextRooms()) conn.joinRoom(room)
      },
      onMessage: (conn, data) => conn.broadcast(data, { rooms: ROOMS, includeSelf: true }),
    },
    {
      pattern: '/compressed',
      compression: true,
      onMessage: (conn, data) => conn.broadcast(data, { includeSelf: true }),
    },
    { pattern: '/idle' },
  ],
})
console.log(server.port)
answerUsage()
