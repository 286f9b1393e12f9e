import { vi } from 'vitest'
import { noticingDelays, type Clock } from '../../src/engine/clock.ts'
import type { Connection } from '../../src/engine/connection/connection.ts'
import type { UniversalApiWsHandler } from '../../src/engine/handler/handler.ts'
import { createLogger, type Logger } from '../../src/engine/logger.ts'
import { resolveServerOptions, type ServerOptions } from '../../src/engine/handler/options.ts'
import type { HttpAnswer, Payload } from '../../src/engine/runtime.ts'
import { serveOn, type Server } from '../../src/server/server.ts'
import { MemoryRuntime, MemorySocket } from '../support/memory-runtime.ts'
import { HANDSHAKE } from '../support/raw-client.ts'

/** What one client of the memory runtime saw, in order. */
export interface Peer {
  readonly socket: MemorySocket
  readonly conn: Connection
  /** Messages as text or bytes, and `close <code> <reason>` for a close frame. */
  readonly seen: unknown[]
  readonly compressed: boolean[]
  pings: number
}

export interface PeerOptions {
  readonly headers?: Record<string, string | undefined>
  /** Called for each ping; answers nothing by default. */
  readonly onPing?: (peer: Peer) => void
}

/** Unlike the engine's own, it looks the timers up at use, and so goes as vitest's fake timers do. */
export const fakeClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
  every(ms, run) {
    const timer = setInterval(noticingDelays(this, ms, run), ms)
    return { cancel: () => clearInterval(timer) }
  },
}

/** An engine on the memory runtime, under vitest's fake timers. */
export class Rig {
  readonly runtime: MemoryRuntime = new MemoryRuntime()
  readonly log: string[] = []
  server!: Server

  static async start(
    handlers: UniversalApiWsHandler | UniversalApiWsHandler[],
    options: ServerOptions = {},
  ): Promise<Rig> {
    const rig = new Rig()
    const resolved = resolveServerOptions(rig.options(handlers, options))
    const logger = createLogger(resolved.logLevel, resolved.logger)
    rig.server = await serveOn(rig.runtime, resolved, logger, fakeClock)
    return rig
  }

  options(
    handlers: UniversalApiWsHandler | UniversalApiWsHandler[],
    options: ServerOptions = {},
  ): ServerOptions {
    const push = (level: string) => (message: string) => void this.log.push(`${level} ${message}`)
    const logger: Logger = {
      error: push('error'),
      warn: push('warn'),
      info: push('info'),
      debug: push('debug'),
    }
    const wsHandlers = Array.isArray(handlers) ? handlers : [handlers]
    return { wsHandlers, endpointPrefix: '', logger, logLevel: 'warn', ...options }
  }

  async connect(url: string, options: PeerOptions = {}): Promise<Peer> {
    const answer = await this.handshake(url, options)
    if ('status' in answer) throw new Error(`refused with ${answer.status}: ${String(answer.body)}`)
    return answer
  }

  async handshake(url: string, { headers = {}, onPing }: PeerOptions = {}): Promise<Peer | HttpAnswer> {
    const all = { ...HANDSHAKE, Host: '127.0.0.1', ...headers }
    const rawHeaders = Object.entries(all).flatMap(([name, value]) =>
      value === undefined ? [] : [name, value],
    )
    const seen: unknown[] = []
    const compressed: boolean[] = []
    let pings = 0
    const request = {
      method: 'GET',
      url,
      httpVersion: '1.1',
      rawHeaders,
      remoteAddress: '127.0.0.1',
      remotePort: 1,
      encrypted: false,
    }
    const socket = await this.runtime.connect(request, {
      message: (payload: Payload, compress) => {
        seen.push(typeof payload === 'string' ? payload : Buffer.from(payload))
        compressed.push(compress)
      },
      ping: () => {
        pings++
        onPing?.(peer)
      },
      close: (code, reason) => {
        // Later calls tell of the end of the TCP connection.
        if (!seen.some((entry) => typeof entry === 'string' && entry.startsWith('close ')))
          seen.push(`close ${code} ${reason}`)
      },
    })
    if (!(socket instanceof MemorySocket)) return socket
    const peer: Peer = {
      socket,
      conn: socket.data as Connection,
      seen,
      compressed,
      get pings() {
        return pings
      },
      set pings(value) {
        pings = value
      },
    }
    return peer
  }

  /** Runs what is due now: microtasks and timers of 0 ms. */
  async settle(): Promise<void> {
    await vi.advanceTimersByTimeAsync(0)
  }
}

export async function advance(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
}

/** Returns what lets time pass without any timer, as a handler does that blocks the event loop. */
export function fakeBlocks(): (ms: number) => void {
  const now = performance.now.bind(performance)
  let blocked = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now() + blocked)
  return (ms) => void (blocked += ms)
}
