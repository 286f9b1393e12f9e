// The server between, of a soak run with `--upstream`: `front.mjs <runtime> <path of the built package> <sabotage> <port>`.
// All that it gets goes to the server of the run at that port, and all that comes from there to the client.
import { atRest } from './at-rest.mjs'

const [, , runtime, entry, sabotage, port] = process.argv
const { createServer, DROP } = await import(entry)

const SABOTAGE_EVERY = 20
const errors = []
let messages = 0

const lose = (_conn, { t }) => (t === 'msg' && ++messages % SABOTAGE_EVERY === 0 ? DROP : undefined)

/** As the server of the run, new objects each time; from one to the next the hooks come and go, and take their time. */
function optionsOf(generation) {
  const passing = async () => {
    if (++messages % 3 === 0) await new Promise((resolve) => setTimeout(resolve, messages % 5))
  }
  const hooks = {
    ...(generation % 2 === 1 && { onMessage: passing, onUpstreamMessage: passing }),
    ...(generation % 4 === 2 && { onMessage: () => {} }),
    ...(sabotage === 'front' && { onUpstreamMessage: lose }),
  }
  return {
    runtime,
    port: 0,
    logLevel: 'error',
    wsHandlers: [
      {
        pattern: '/**',
        prefix: false,
        compression: { threshold: 256 },
        upstream: ({ url }) => ({ url: `ws://127.0.0.1:${port}${url}`, compression: generation % 2 === 0 }),
        onError: (conn, error) => errors.push(`${conn.path}: ${error.stack}`),
        ...hooks,
      },
    ],
  }
}

const server = await createServer(optionsOf(0))
let generation = 0

const orders = {
  run: () => {},
  reload: () => server.reload(optionsOf(++generation)),
  rest: async () => process.send({ ...(await atRest(server)), errors }),
  end: async () => {
    await server.close()
    process.exit(0)
  },
}
process.on('message', ({ command }) => void orders[command]())
process.on('disconnect', () => process.exit(1))
process.on('unhandledRejection', (error) => errors.push(`unhandled rejection: ${error?.stack}`))
process.on('uncaughtException', (error) => errors.push(`uncaught exception: ${error?.stack}`))

process.send({
  port: server.port,
  description: server.runtimeDescription,
  pid: process.pid,
  platform: process.versions.bun ? `Bun ${process.versions.bun}` : `Node ${process.versions.node}`,
})
