import { afterEach } from 'vitest'
import { endAll } from '../cli/cli.ts'
import { startKnown, type Behaviour, type KnownServer } from './known-server.ts'

/** That of the test that runs: it ends with the test, and so does every command that the test has started. */
export let server: KnownServer | undefined

/** Starts it, in place of one before; where clients reach it. */
export async function start(
  behaviour: Behaviour = { kind: 'echo' },
  tls?: { readonly cert: string; readonly key: string },
): Promise<string> {
  await server?.close()
  server = await startKnown(behaviour, tls)
  return `${tls ? 'wss' : 'ws'}://127.0.0.1:${server.port}/`
}

afterEach(async () => {
  await server?.close()
  server = undefined
  await endAll()
})
