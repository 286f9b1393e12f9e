import type { AddressInfo } from 'node:net'
import type { ViteDevServer } from 'vite'
import { universalApi, type Server, type ServerOptions } from '../../src/index.ts'
import { INSIDE, type WithInside } from '../support/inside.ts'
import type { Vite } from './rig.ts'

/** The engine as the plugin starts it; clients dial the dev server's port. */
export async function serveThrough(
  vite: Vite,
  runtime: 'uws' | 'ws' | 'bun',
  options: ServerOptions,
): Promise<Server> {
  const plugin = universalApi({ runtime, ...options })
  const { api } = plugin
  const server: ViteDevServer = await vite.createServer({
    configFile: false,
    logLevel: 'silent',
    appType: 'custom',
    optimizeDeps: { noDiscovery: true },
    plugins: [plugin],
    server: { host: '127.0.0.1', port: 0, watch: null },
  })
  await server.listen()
  const { port } = server.httpServer!.address() as AddressInfo
  let closing: Promise<void> | undefined
  const served: Server & WithInside = {
    get [INSIDE]() {
      return (api as typeof api & WithInside)[INSIDE]
    },
    url: `ws://127.0.0.1:${port}`,
    port,
    get urls(): never {
      throw new Error('the plugin offers no urls')
    },
    runtime,
    runtimeDescription: `${runtime} behind Vite ${vite.version}`,
    get connections() {
      return api.connections
    },
    publish: api.publish,
    stats: api.stats,
    nodes: [],
    allConnections() {
      throw new Error('the plugin offers no allConnections()')
    },
    allStats() {
      throw new Error('the plugin offers no allStats()')
    },
    setFaults: api.setFaults,
    resetFaults: api.resetFaults,
    disconnect: api.disconnect,
    matches() {
      throw new Error('the plugin offers no matches()')
    },
    reload() {
      throw new Error('the plugin offers no reload()')
    },
    close: () => (closing ??= server.close()),
  }
  return served
}
