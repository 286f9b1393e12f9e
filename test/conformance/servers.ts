import * as vite from 'vite'
import { createServer, type ServerOptions, type UniversalApiWsHandler } from '../../src/index.ts'
import type { NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import { serveThrough } from '../vite/serve-through.ts'

export type Tested = (typeof NETWORK_RUNTIMES)[number]
export const WAYS = ['direct', 'vite'] as const
/** How the client gets to the engine. */
export type Way = (typeof WAYS)[number]

export interface Started {
  readonly port: number
  /** The library behind it, with its version. */
  readonly description: string
  close(): Promise<void>
}

const SMALL = 1000
const SMALL_DEFLATE = 10_000
const PROTOCOLS = ['b', 'c']
export const COMPRESS_FROM = 1024

/** The echo of the largest message must not count as a client that reads too slowly. */
const maxBackpressure = 64 * 1024 * 1024
const echo: Partial<UniversalApiWsHandler> = {
  maxBackpressure,
  onMessage: (conn, data) => void conn.send(data),
}

/** What the cases talk to, below `/api`. */
const HANDLERS: UniversalApiWsHandler[] = [
  { pattern: '/echo', ...echo },
  { pattern: '/small', maxPayload: SMALL, ...echo },
  { pattern: '/deflate', compression: { threshold: COMPRESS_FROM }, ...echo },
  {
    pattern: '/small-deflate',
    compression: { threshold: COMPRESS_FROM },
    maxPayload: SMALL_DEFLATE,
    ...echo,
  },
  { pattern: '/protocols', subprotocols: PROTOCOLS, ...echo },
  { pattern: '/id/{id}', ...echo },
  {
    pattern: '/script',
    // "close 4000 reason", "say close 4000", "say word", "ping payload"
    onMessage: (conn, data) => {
      const { say, close, reason, ping } = readScript(String(data))
      if (say !== undefined) conn.send(say)
      if (ping !== undefined) conn.ping(ping)
      if (close !== undefined) conn.close(close, reason)
    },
  },
]

export interface Script {
  readonly say?: string
  readonly close?: number
  readonly reason?: string
  readonly ping?: string
}

export function readScript(words: string): Script {
  const [first = '', second = '', ...rest] = words.split(' ')
  if (first === 'ping') return { ping: [second, ...rest].join(' ') }
  if (first === 'close') return { close: Number(second), reason: rest.join(' ') }
  return second === 'close' ? { say: 'bye', close: Number(rest[0]) } : { say: words }
}

export async function start(name: Tested, way: Way): Promise<Started> {
  // On a busy machine a handshake that comes byte by byte takes seconds, and how long one may take is no case here.
  const options: ServerOptions = { wsHandlers: HANDLERS, handshakeTimeout: 60_000, logLevel: 'silent' }
  const server =
    way === 'vite'
      ? await serveThrough(vite, name, options)
      : await createServer({ runtime: name, port: 0, ...options })
  return {
    port: server.port,
    description: server.runtimeDescription,
    close: () => server.close(),
  }
}
