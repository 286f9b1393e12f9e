// A Vite dev server with an echo handler: `vite.mjs plugin` by our plugin, `vite.mjs ws` by the `ws` package on
// Vite's own HTTP server. Prints Vite's port and, for the plugin, that of the sidecar.
import { fileURLToPath } from 'node:url'
import { createServer } from 'vite'
import { WebSocketServer } from 'ws'
import { universalApi } from '../../dist/index.js'
import { answerUsage } from './usage.mjs'

const mine = universalApi({
  endpointPrefix: '/api',
  logLevel: 'warn',
  wsHandlers: [{ pattern: '/echo', onMessage: (conn, data) => void conn.send(data) }],
})
const straight = {
  name: 'ws-in-vite',
  configureServer({ httpServer }) {
    const sockets = new WebSocketServer({ noServer: true })
    httpServer.on('upgrade', (request, socket, head) => {
      if (request.url !== '/api/echo') return
      sockets.handleUpgrade(request, socket, head, (ws) => {
        ws.on('message', (data) => ws.send(JSON.stringify(JSON.parse(data))))
      })
    })
  },
}

const isPlugin = process.argv[2] === 'plugin'
const vite = await createServer({
  configFile: false,
  root: fileURLToPath(new URL('.', import.meta.url)),
  logLevel: 'error',
  appType: 'custom',
  optimizeDeps: { noDiscovery: true, include: [] },
  server: { host: '127.0.0.1', port: 0 },
  plugins: [isPlugin ? mine : straight],
})
await vite.listen()
const ports = [vite.httpServer.address().port]
// What `virtual:sidewire` says.
if (isPlugin) ports.push(new URL(mine.api.url).port)
console.log(ports.join(' '))
answerUsage()
