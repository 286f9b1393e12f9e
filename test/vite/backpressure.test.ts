import { describe, expect, test } from 'vitest'
import { connectWs } from '../support/client.ts'
import { RawClient } from '../support/raw-client.ts'
import { installed, RUNS, ViteProcess } from './installation.ts'

const MIB = 1024 * 1024
const LIMIT = MIB
const SLOW = 10
const MESSAGES = 2400
const SIZE = 64 * 1024

const CONFIG = `
import { universalApi } from 'sidewire'
const api = universalApi({
  wsHandlers: [{
    pattern: '/ws/feed',
    maxBackpressure: ${LIMIT},
    onMessage: (conn, n) => void conn.broadcast(n + ' ' + 'x'.repeat(${SIZE}), { includeSelf: true }),
  }],
})
const sockets = new Set()
let buffered = 0
let rss = 0
const look = () => {
  for (const socket of sockets) buffered = Math.max(buffered, socket.writableLength)
  rss = Math.max(rss, process.memoryUsage().rss)
}
const report = {
  name: 'report',
  configureServer(server) {
    server.httpServer.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    const timer = setInterval(look, 5)
    server.httpServer.on('close', () => clearInterval(timer))
    server.middlewares.use('/report', (request, response) => {
      look()
      const { terminatedForBackpressure, connections } = api.api.stats()
      response.end(JSON.stringify({ terminatedForBackpressure, connections, buffered, rss }))
      if (request.url.includes('reset')) buffered = rss = 0
    })
  },
}
export default { plugins: [api, report] }
`

interface Report {
  readonly terminatedForBackpressure: number
  readonly connections: number
  /** The most that one browser's socket held, in bytes. */
  readonly buffered: number
  /** The most memory that the process held. */
  readonly rss: number
}

async function report(vite: ViteProcess, query = ''): Promise<Report> {
  return (await (await fetch(`http://127.0.0.1:${vite.port}/report${query}`)).json()) as Report
}

describe.each(RUNS)('the vite command, $name', ({ folder, program }) => {
  test('clients that do not read are terminated, in bounded memory; the others get every message', async () => {
    const vite = await ViteProcess.start(installed(folder, { 'vite.config.js': CONFIG }), [...program])
    const fast = await connectWs(`${vite.url}/api/ws/feed`)
    const round = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) {
        fast.send(String(n))
        const message = (await fast.next()) as string
        expect([message.length > SIZE, message.slice(0, message.indexOf(' '))]).toEqual([true, String(n)])
      }
    }
    // What the process takes anyway, for one client that reads.
    await round(0, 400)
    const { rss: before } = await report(vite)
    await report(vite, '?reset')
    const slow = await Promise.all(
      Array.from({ length: SLOW }, () => new RawClient(vite.port).open('/api/ws/feed')),
    )
    for (const client of slow) client.tcp.pause()

    await round(400, 400 + MESSAGES)
    await expect.poll(async () => (await report(vite)).connections).toBe(1)
    const after = await report(vite)
    expect(after.terminatedForBackpressure).toBe(SLOW)
    // Kept for all of them it would be 1.5 GB.
    expect(after.rss - before).toBeLessThan(SLOW * LIMIT + 96 * MIB)
    expect(after.buffered).toBeLessThan(LIMIT)
    for (const client of slow) client.tcp.destroy()
    expect(vite.output).not.toMatch(/unhandled|ECONN/i)
  })
})
