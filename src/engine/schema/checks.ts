import { CloseCode, truncateReason } from '../close.ts'
import type { Clock } from '../clock.ts'
import type { Connection, MessageChecks } from '../connection/connection.ts'
import { toError } from '../errors.ts'
import type { Hooks } from '../handler/hooks.ts'
import type { Logger } from '../logger.ts'
import { isPromiseLike } from '../promise.ts'
import type { Payload } from '../runtime.ts'
import type { Stats } from '../stats.ts'
import { checkIncoming, checkOutgoing } from './check.ts'
import { InvalidError, inWordsWithout } from './invalid-error.ts'
import type { ResolvedSchemas } from './schemas.ts'

/** Of a handler whose clients, or whose code, send the same mistake again and again. */
const WARN_EVERY_MS = 1000

/** What it needs of the handler in service. */
interface Live {
  readonly context: { readonly clock: Clock; readonly logger: Logger; readonly stats: Stats }
  readonly handler: { readonly schema: ResolvedSchemas; readonly pattern: { readonly source: string } }
  readonly hooks: Hooks
}

/** A message that its handler does not get. */
export const REFUSED: unique symbol = Symbol('refused')

/** Holds messages against the schema of one handler, and says what does not fit. */
export class Checks implements MessageChecks {
  readonly #live: Live
  #warnedAt = -Infinity

  constructor(live: Live) {
    this.#live = live
  }

  /** What the handler gets of a message, or {@link REFUSED}; a promise of it, which never rejects, where the schema is async. */
  incoming(conn: Connection, data: unknown, payload: Payload): unknown {
    const { incoming } = this.#live.handler.schema
    if (incoming === undefined) return data
    const failed = (thrown: unknown): typeof REFUSED => this.#refuse(conn, thrown)
    try {
      const checked = checkIncoming(incoming, data, typeof payload === 'string' && data === payload)
      return isPromiseLike(checked) ? Promise.resolve(checked).catch(failed) : checked
    } catch (thrown) {
      return failed(thrown)
    }
  }

  /** What the codec could not read is no message that fits. */
  unreadable(conn: Connection, thrown: unknown, payload: Payload): typeof REFUSED {
    const { message } = toError(thrown)
    return this.#refuse(
      conn,
      new InvalidError('incoming', [{ message: `cannot be read: ${message}` }], payload),
    )
  }

  /** @returns what goes on the wire @throws `ERR_INVALID`, and what the schema throws */
  outgoing(data: unknown): unknown {
    const { outgoing, warns } = this.#live.handler.schema
    if (outgoing === undefined) return data
    try {
      return checkOutgoing(outgoing, data)
    } catch (thrown) {
      if (thrown instanceof InvalidError) this.#live.context.stats.invalid.outgoing++
      if (!warns) throw thrown
      this.#warn(
        `${this.#live.handler.pattern.source}: ${(thrown as Error).message}; it is sent (checkOutgoing: "warn")`,
      )
      return data
    }
  }

  #refuse(conn: Connection, thrown: unknown): typeof REFUSED {
    const { hooks, handler, context } = this.#live
    if (!(thrown instanceof InvalidError)) {
      hooks.fail(conn, 'schema.incoming', thrown)
      return REFUSED
    }
    context.stats.invalid.incoming++
    const { onInvalid } = handler.schema
    if (typeof onInvalid === 'function') {
      hooks.start(conn, 'schema.onInvalid', () => onInvalid(conn, thrown))
      return REFUSED
    }
    hooks.report(conn, thrown, (text) => this.#warn(text))
    if (onInvalid === 'close') conn.startClose(CloseCode.InvalidPayload, reasonOf(thrown))
    return REFUSED
  }

  #warn(text: string): void {
    const { clock, logger } = this.#live.context
    const now = clock.now()
    if (now - this.#warnedAt < WARN_EVERY_MS) return
    this.#warnedAt = now
    logger.warn(text)
  }
}

/** For the client: what is wrong, and where, without what it has sent. */
function reasonOf({ issues, data }: InvalidError): string {
  const [issue] = issues
  return truncateReason(`invalid message: ${issue ? inWordsWithout(data, issue) : 'it does not fit'}`)
}
