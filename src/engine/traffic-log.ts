import { CloseCode } from './close.ts'
import type { Connection } from './connection/connection.ts'
import { describe } from './errors.ts'
import type { Logger, LogLevel } from './logger.ts'
import { didYouMean } from './handshake/nearest-handler.ts'
import { pathOf } from './handshake/request.ts'
import type { HttpAnswer, RawRequest, UpgradeDecision } from './runtime.ts'

type Decision = UpgradeDecision<Connection>

/** Whoever makes up paths shall fill neither the log nor the memory. */
const MAX_PATHS = 100

/** What comes and goes, at `debug`, and what nothing is there for, at `info`. Made only where somebody reads it. */
export class TrafficLog {
  readonly #logger: Logger
  /** Nothing is put into words that nobody reads. */
  readonly #isDebug: boolean
  readonly #unmatched = new Set<string>()

  static for(logger: Logger, level: LogLevel): TrafficLog | undefined {
    return level === 'info' || level === 'debug' ? new TrafficLog(logger, level === 'debug') : undefined
  }

  private constructor(logger: Logger, isDebug: boolean) {
    this.#logger = logger
    this.#isDebug = isDebug
  }

  /** Once for each path. */
  unmatched(path: string, nearest: string | undefined): void {
    // Paths are kept as they are shown: cut, if they are long.
    const shown = describe(path)
    if (this.#unmatched.size >= MAX_PATHS || this.#unmatched.has(shown)) return
    this.#unmatched.add(shown)
    this.#logger.info(`refused a connection: no handler matches the path ${shown}${didYouMean(nearest)}`)
    if (this.#unmatched.size === MAX_PATHS)
      this.#logger.info(`${MAX_PATHS} paths had no handler by now: further ones are not logged`)
  }

  /** Passes on the answer to a handshake. */
  decided(raw: RawRequest, decision: Decision | Promise<Decision>): Decision | Promise<Decision> {
    if (!this.#isDebug) return decision
    // Copies: a runtime may take a request back.
    const { url, remoteAddress } = raw
    const log = (made: Decision): Decision => {
      if (!made.accept) this.refused({ url, remoteAddress }, made.answer)
      else if (made.data.rejection) {
        const { code, reason } = made.data.rejection
        this.#logger.debug(
          `refused ${from(url, remoteAddress)}: closed with ${code} ${describe(reason)} by ${(made as { reason?: string }).reason ?? 'authenticate'}`,
        )
      }
      return made
    }
    return decision instanceof Promise ? decision.then(log) : log(decision)
  }

  /** A handshake that got an HTTP error, or no answer. */
  refused(
    { url, remoteAddress }: Pick<RawRequest, 'url' | 'remoteAddress'>,
    answer: Pick<HttpAnswer, 'status' | 'body'> | undefined,
  ): void {
    if (!this.#isDebug) return
    const how = answer ? `${answer.status} ${describe(String(answer.body))}` : 'no answer'
    this.#logger.debug(`refused ${from(url, remoteAddress)}: ${how}`)
  }

  /** A handshake that never became one. */
  failed(why: string): void {
    if (this.#isDebug) this.#logger.debug(`refused a connection: ${why}`)
  }

  opened(conn: Connection): void {
    if (!this.#isDebug) return
    const { url, socket } = conn.req
    this.#logger.debug(`${name(conn)}: connected to ${describe(pathOf(url))} from ${socket.remoteAddress}`)
  }

  closed(conn: Connection, code: number, reason: string, initiatedByClient: boolean): void {
    if (!this.#isDebug) return
    const by = initiatedByClient ? 'by the client' : 'by the server'
    this.#logger.debug(
      `${name(conn)}: closed with ${code}${reason && ` ${describe(reason)}`}, ${code === CloseCode.AbnormalClosure ? 'without a close frame' : by}`,
    )
  }
}

function from(url: string, remoteAddress: string): string {
  return `${describe(pathOf(url))} from ${remoteAddress}`
}

function name(conn: Connection): string {
  return `${conn.live.handler.pattern.source} (connection ${conn.id})`
}
