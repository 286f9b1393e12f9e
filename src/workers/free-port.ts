import { createServer, type AddressInfo } from 'node:net'
import { listenOnAll } from '../runtime/listen-on-all.ts'

/**
 * A port at which nobody else listens: the one that is asked for, or for 0 any.
 * @throws `ERR_LISTEN`
 */
export async function freePort(hosts: readonly [string, ...string[]], port: number): Promise<number> {
  const listeners = await listenOnAll({ hosts, port }, async (host, wanted) => {
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port: wanted, exclusive: true }, resolve)
    })
    const closed = new Promise<void>((resolve) => void server.once('close', resolve))
    return { port: (server.address() as AddressInfo).port, stop: () => void server.close(), closed }
  })
  for (const listener of listeners) listener.stop()
  await Promise.all(listeners.map(({ closed }) => closed))
  return listeners[0].port
}
