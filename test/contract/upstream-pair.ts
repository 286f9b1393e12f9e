import type { Server, UniversalApiWsHandler } from '../../src/index.ts'
import type { BackendConnection, BackendOptions } from '../support/backend.ts'
import type { ConnectOptions, TestClient } from '../support/client.ts'
import type { Contract } from './harness.ts'

interface Pair {
  readonly server: Server
  readonly client: TestClient
  readonly backend: BackendConnection
}

/** A client, and what it is connected to. */
export async function pair(
  t: Contract,
  handler: Partial<UniversalApiWsHandler> = {},
  options: BackendOptions = {},
  connect: ConnectOptions = {},
): Promise<Pair> {
  const started = await t.backend(options)
  const server = await t.start({ pattern: '/a', upstream: started.url, ...handler })
  const client = await t.connect(server, '/a', connect)
  return { server, client, backend: await started.connections.next() }
}
