// In a worker thread: a server that is never closed, with one client, from the built package.
import { parentPort, workerData } from 'node:worker_threads'
import { WebSocket } from 'ws'

const { createServer } = await import(workerData.package)
const log = []
const logger = { error() {}, warn: (line) => log.push(line), info() {}, debug() {} }
const options = { port: 0, logger, wsHandlers: [{ pattern: '/a' }] }
const forced = await createServer({ ...options, runtime: 'uws' }).catch(({ code, message }) => ({
  code,
  message,
}))
const server = await createServer(options)
const client = new WebSocket(`${server.url}/api/a`)
client.once('open', () => {
  const told = { runtime: server.runtime, log, forced: { code: forced.code, message: forced.message } }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort.postMessage(told)
  if (workerData.end === 'exit') process.exit(0)
  if (workerData.end === 'throw') throw new Error('on purpose')
})
