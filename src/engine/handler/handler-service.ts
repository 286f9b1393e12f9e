import type { WebSocketConnection } from '../connection/websocket-connection.ts'
import type { Context } from '../context.ts'
import type { Params } from '../handshake/routing.ts'
import type { Logger } from '../logger.ts'
import type { PublishOptions } from '../rooms/broadcast-options.ts'

/**
 * A handler in service, for code that runs outside of its hooks: a timer, a broker, an event of something else. It is over
 * when `onStop` has settled.
 */
export interface HandlerService<Auth = any, Names extends Params = Params, Outgoing = any> {
  /** With a leading slash, without the prefix. */
  readonly pattern: string
  /** Those that are open now, in a list of your own; none when it is over. */
  readonly connections: readonly WebSocketConnection<Auth, Names, Outgoing>[]
  /**
   * Sends to all connections of the handler, or to a union of its rooms, as `server.publish` does. When it is over it
   * reaches nobody, and a warning says so once.
   * @throws `ERR_SERIALIZE`, `ERR_INVALID`, `ERR_OPTION`; nothing is sent then
   */
  publish(data: Outgoing, options?: PublishOptions): void
  /** Where the lines of the server go, up to its `logLevel`. */
  readonly logger: Logger
}

/** What it needs of the handler in service. */
interface Live {
  readonly context: Pick<Context, 'logger'>
  readonly handler: { readonly pattern: { readonly source: string } }
  connections(): Iterable<WebSocketConnection>
  publish(data: unknown, options?: PublishOptions): void
}

export function createHandlerService(live: Live, isOver: () => boolean): HandlerService {
  const pattern = live.handler.pattern.source
  let hasWarned = false
  return {
    pattern,
    get logger() {
      return live.context.logger
    },
    get connections() {
      return isOver() ? [] : [...live.connections()]
    },
    publish(data, options) {
      if (!isOver()) return live.publish(data, options)
      if (!hasWarned)
        live.context.logger.warn(
          `${pattern}: publish() was called after onStop, and reaches nobody: end in onStop what calls it (this is said once)`,
        )
      hasWarned = true
    },
  }
}
