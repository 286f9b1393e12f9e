import * as vite8 from 'vite'
import { afterEach, expect } from 'vitest'
import { createServer, type Logger, type Server, type UniversalApiWsHandler } from '../../src/index.ts'
import { assertPlatform, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { HANDSHAKE, RawClient, type HttpResponse } from '../support/raw-client.ts'
import { serveThrough } from '../vite/serve-through.ts'

assertPlatform()

const ends: (() => unknown)[] = []

/** Runs after the test, the last one first. */
export function defer(end: () => unknown): void {
  ends.push(end)
}

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

export interface Started {
  readonly server: Server
  /** `ws://127.0.0.1:PORT` */
  readonly url: string
  /** `http://127.0.0.1:PORT` */
  readonly http: string
  readonly log: string[]
}

type Start = (...handlers: UniversalApiWsHandler[]) => Promise<Started>

export interface Place {
  readonly name: string
  readonly start: Start
}

/** Every runtime by itself, and real Vite in front of the one that it takes by itself. */
export const PLACES: readonly Place[] = [
  ...NETWORK_RUNTIMES.map((runtime) => ({
    name: runtime,
    start: starting((options) => createServer({ runtime, port: 0, ...options })),
  })),
  {
    name: `${NETWORK_RUNTIMES[0]} behind Vite`,
    start: starting((options) => serveThrough(vite8, NETWORK_RUNTIMES[0] ?? 'ws', options)),
  },
]

/** Where a program may reload the handlers. */
export const STANDALONE: readonly Place[] = PLACES.slice(0, -1)

function starting(
  create: (options: { wsHandlers: UniversalApiWsHandler[]; logger: Logger }) => Promise<Server>,
): Start {
  return async (...wsHandlers) => {
    const log: string[] = []
    const add = (line: string): void => void log.push(line)
    const server = await create({
      wsHandlers,
      logger: { error: add, warn: add, info: () => {}, debug: () => {} },
    })
    defer(() => server.close())
    const url = server.url.replace(/\/$/, '')
    return { server, url, http: url.replace('ws', 'http'), log }
  }
}

/** Waits until nobody is connected: nothing of a client is left when it has gone. */
export async function untilEmpty({ stats }: Pick<Server, 'stats'>): Promise<void> {
  await expect.poll(() => stats().connections).toBe(0)
}

/** The answer to a handshake: 101, or the refusal. */
export async function shakeHands({ server }: Started, path: string): Promise<HttpResponse> {
  const client = new RawClient(server.port)
  defer(() => client.tcp.destroy())
  return client.request(path, HANDSHAKE)
}
