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

const others: KnownServer[] = []

/** One more; it ends with the test as well. */
export async function startAnother(behaviour: Behaviour): Promise<string> {
  const other = await startKnown(behaviour)
  others.push(other)
  return `ws://127.0.0.1:${other.port}/`
}

afterEach(async () => {
  await Promise.all(others.splice(0).map((other) => other.close()))
  await server?.close()
  server = undefined
  await endAll()
})
