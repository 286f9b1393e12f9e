// This engine, doing the JSON work that every control server does.
import { createServer } from '../../dist/index.js'
import { answerMemory } from './memory.mjs'

const server = await createServer({
  port: Number(process.argv[2] ?? 0),
  runtime: process.argv[3] ?? 'auto',
  logLevel: 'warn',
  wsHandlers: [
    { pattern: '/echo', onMessage: (conn, data) => void conn.send(data) },
    { pattern: '/fanout', onMessage: (conn, data) => conn.broadcast(data, { includeSelf: true }) },
    { pattern: '/idle' },
  ],
})
console.log(server.port)
answerMemory()
