import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { resolveServerOptions } from '../../src/engine/handler/options.ts'
import type { Runtime } from '../../src/engine/runtime.ts'
import { serveOn } from '../../src/server/server.ts'
import type { Broker, BrokerOptions, Server, ServerOptions } from '../../src/index.ts'
import { QUIET } from '../contract/harness.ts'
import { INSIDE, type WithInside } from '../support/inside.ts'

/**
 * Two nodes behind one port, which sends one client to the first of them and the next to the other: whoever dials it does not
 * notice, if what is promised of one process holds for two. The handlers are the same objects, so that a case sees what both do.
 */
export async function serveOnTwo(
  runtime: Runtime,
  brokers: readonly (Broker | BrokerOptions)[],
  options: ServerOptions,
): Promise<Server> {
  const nodes: Server[] = []
  const sockets = new Set<Socket>()
  /** What a node has said is read to its end. */
  const ends: Promise<void>[] = []
  for (const broker of brokers)
    nodes.push(
      await serveOn(runtime, resolveServerOptions({ port: 0, ...options, broker })).catch(async (error) => {
        for (const node of nodes) await node.close()
        throw error
      }),
    )
  const [one, two] = nodes as [Server, Server]
  await Promise.all(nodes.map((node) => until(() => node.nodes.length === 2)))
  let count = 0
  const door = createServer({ allowHalfOpen: true }, (client) => {
    const server = connect({ host: '127.0.0.1', port: nodes[count++ % 2]!.port, allowHalfOpen: true })
    ends.push(
      new Promise((resolve) => {
        for (const event of ['end', 'close']) server.once(event, () => resolve())
      }),
    )
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
  const { port } = door.address() as AddressInfo
  const served: Server & WithInside & Record<typeof QUIET, () => Promise<void>> = {
    ...one,
    [INSIDE]: (one as Server & WithInside)[INSIDE],
    url: `ws://127.0.0.1:${port}`,
    port,
    get urls() {
      return one.urls.map((url) => url.replace(`:${one.port}`, `:${port}`))
    },
    get connections() {
      return nodes.flatMap((node) => node.connections)
    },
    get nodes() {
      return one.nodes
    },
    // From the one that has no first client.
    publish: (...args) => two.publish(...args),
    stats: () => one.stats(),
    reload: (next) => {
      for (const [index, node] of nodes.entries()) node.reload({ port: 0, ...next, broker: brokers[index]! })
    },
    async [QUIET]() {
      const [a, b] = [one.stats().broker.sent, two.stats().broker.sent]
      await until(() => two.stats().broker.received >= a && one.stats().broker.received >= b)
    },
    async close() {
      door.close()
      await Promise.all(nodes.map((node) => node.close()))
      await Promise.all(ends)
      // Behind what it was piped.
      for (const socket of sockets) socket.destroySoon()
    },
  }
  return served
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 1))
}
