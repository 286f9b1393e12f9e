import type { Timer } from '../clock.ts'
import type { Connection } from '../connection/connection.ts'
import type { Context } from '../context.ts'
import { textAnswer } from './handshake.ts'
import { LagMonitor } from '../lag-monitor.ts'
import { normalizeAddress } from './request.ts'
import type { HttpAnswer } from '../runtime.ts'
import type { RefusalReason } from '../stats.ts'

/** A handshake that is refused: what the client gets, and what it counts as. */
export interface Refusal {
  readonly reason: RefusalReason
  readonly answer: HttpAnswer
}

/** What it needs of the engine. */
type AdmissionContext = Pick<Context, 'clock' | 'logger' | 'stats'>

export interface AdmissionLimits {
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxEventLoopLag: number
}

/** How long an accepted handshake counts as a connection before it opens; a client may go away in between. */
const OPENING_MS = 1000

/** Seconds. What is full or slow now may be over at once; a dev server's clients shall not wait for long. */
const RETRY: Readonly<Record<string, string>> = { 'Retry-After': '1' }

export const GOING_AWAY: Refusal = {
  reason: 'closing',
  answer: textAnswer(503, 'The server is going away'),
}
const FULL: Refusal = {
  reason: 'maxConnections',
  answer: textAnswer(503, 'The server has no room for another connection', RETRY),
}
/** RFC 6585 4: this client asks for too much (429), while the server has room for others (which 503 would deny). */
const TOO_MANY: Refusal = {
  reason: 'maxConnectionsPerAddress',
  answer: textAnswer(429, 'This address has too many connections', RETRY),
}
const OVERLOADED: Refusal = {
  reason: 'maxEventLoopLag',
  answer: textAnswer(503, 'The server is overloaded', RETRY),
}

const SHORT_OF_FILES: Refusal = {
  reason: 'openFiles',
  answer: textAnswer(503, 'The server cannot open more connections', RETRY),
}

/** Decides whether there is room for one more connection, and keeps the books for it. */
export class Admission {
  readonly #context: AdmissionContext
  readonly #lag: LagMonitor
  #limits: AdmissionLimits
  #isShortOfFiles = (): boolean => false
  #warned = false
  #stopped = false
  /** Accepted, but not open yet: several may be authenticated in one turn. Kept only under a limit. */
  readonly #opening = new Map<Connection, Timer>()
  /** How many connections each address has, those that are opening included. */
  readonly #perAddress = new Map<string, number>()

  constructor(context: AdmissionContext, limits: AdmissionLimits) {
    this.#context = context
    this.#lag = new LagMonitor(context.clock)
    this.#limits = limits
  }

  /** From now on there is a timer, if there is a limit for it; `stop` ends it. */
  start(isShortOfFiles: () => boolean): void {
    this.#isShortOfFiles = isShortOfFiles
    this.#lag.watch(this.#limits.maxEventLoopLag)
  }

  update(limits: AdmissionLimits): void {
    this.#limits = limits
    this.#lag.watch(limits.maxEventLoopLag)
  }

  /** How many are accepted, but not open yet; under a limit. */
  get opening(): number {
    return this.#opening.size
  }

  /** Whether those who come are refused because the event loop is late. */
  get isLagging(): boolean {
    return this.#lag.isLagging()
  }

  /** Whether they are because there are no files for them; this counts as one more who comes. */
  isShortOfFiles(): boolean {
    return this.#isShortOfFiles()
  }

  /** For a handshake that has just arrived. */
  refuse(address: string): Refusal | undefined {
    const full = this.refuseAuthenticated(address)
    if (full) return full
    if (this.#lag.isLagging()) return OVERLOADED
    return this.#isShortOfFiles() ? this.hungUp() : undefined
  }

  /** The same once more: others may have come in meanwhile. A slow `authenticate` must not refuse its own client. */
  refuseAuthenticated(address: string): Refusal | undefined {
    if (this.#stopped) return GOING_AWAY
    const { maxConnections, maxConnectionsPerAddress } = this.#limits
    if (maxConnections > 0 && this.#context.stats.connections + this.#opening.size >= maxConnections)
      return FULL
    if (maxConnectionsPerAddress === 0) return undefined
    const count = this.#perAddress.get(normalizeAddress(address)) ?? 0
    return count >= maxConnectionsPerAddress ? TOO_MANY : undefined
  }

  accepted(conn: Connection): void {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits
    if (maxConnections === 0 && maxConnectionsPerAddress === 0) return
    this.#count(conn, 1)
    const timer = this.#context.clock.after(OPENING_MS, () => {
      this.#opening.delete(conn)
      this.#count(conn, -1)
    })
    this.#opening.set(conn, timer)
  }

  opened(conn: Connection): void {
    const timer = this.#opening.get(conn)
    if (timer === undefined) return this.#count(conn, 1)
    timer.cancel()
    this.#opening.delete(conn)
  }

  closed(conn: Connection): void {
    this.#count(conn, -1)
  }

  /** Refuses everyone from now on. */
  stop(): void {
    this.#stopped = true
    this.#lag.stop()
    for (const timer of this.#opening.values()) timer.cancel()
  }

  /** For who is not let in because file descriptors run out, with an answer or without. */
  hungUp(): Refusal {
    if (!this.#warned)
      this.#context.logger.warn(
        'the file descriptors of this process run out: further connections get HTTP 503, or none, until some are ' +
          'free; `ulimit -n` raises the limit (this is said once)',
      )
    this.#warned = true
    return SHORT_OF_FILES
  }

  #count(conn: Connection, change: 1 | -1): void {
    const address = conn.req.socket.remoteAddress
    const count = (this.#perAddress.get(address) ?? 0) + change
    if (count > 0) this.#perAddress.set(address, count)
    else this.#perAddress.delete(address)
  }
}
