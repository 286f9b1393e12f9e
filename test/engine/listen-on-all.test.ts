import { createServer, type AddressInfo, type Server } from 'node:net'
import { expect, test } from 'vitest'
import { listenOnAll } from '../../src/runtime/listen-on-all.ts'
import { freePort } from '../support/free-port.ts'

/** Two addresses of any Linux; elsewhere (macOS) there is but one. */
const HOSTS = process.platform === 'linux' ? (['127.0.0.1', '127.0.0.2'] as const) : (['127.0.0.1'] as const)

const listen = (host: string, port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })

const portOf = (server: Server): number => (server.address() as AddressInfo).port

test('port 0 takes a port that is free on all addresses', async () => {
  const opened: Server[] = []
  const taken: Server[] = []
  const open = async (host: string, port: number) => {
    // Another program is quicker, twice: it has the port on the second address when it is asked for.
    if (host === HOSTS[1] && taken.length < 2) taken.push(await listen(host, port))
    const server = await listen(host, port)
    opened.push(server)
    return { server, port: portOf(server), stop: () => void server.close() }
  }
  const listeners = await listenOnAll({ hosts: HOSTS, port: 0 }, open)
  try {
    expect(listeners.length).toBe(HOSTS.length)
    expect(new Set(listeners.map(({ port }) => port)).size).toBe(1)
    expect(taken.map(portOf)).not.toContain(listeners[0].port)
    // What was tried before is let go of.
    expect(opened.filter(({ listening }) => listening).length).toBe(HOSTS.length)
  } finally {
    for (const server of [...opened, ...taken]) server.close()
  }
})

test('a port of the user stays what it is', async () => {
  const port = await freePort()
  const blocker = await listen(HOSTS.at(-1) as string, port)
  const tried: number[] = []
  const open = async (host: string, each: number) => {
    tried.push(each)
    const server = await listen(host, each)
    return { port: each, stop: () => void server.close() }
  }
  await expect(listenOnAll({ hosts: HOSTS, port }, open)).rejects.toMatchObject({ code: 'ERR_LISTEN' })
  expect(new Set(tried)).toEqual(new Set([port]))
  await new Promise((resolve) => blocker.close(resolve))
})
