import type { WebSocketConnection } from '../connection/websocket-connection.ts'
import type { Params } from '../handshake/routing.ts'
import type { InvalidError } from './invalid-error.ts'
import type { StandardSchema } from './standard-schema.ts'

/** What the messages of a handler look like. */
export interface Schemas<Incoming = any, Outgoing = any, Sent = any, Received = any> {
  /**
   * What clients send: `responses` and `onMessage` get its output, with what it coerces and fills in. One that is async holds
   * back the messages behind it. @defaultValue anything
   */
  incoming?: StandardSchema<Sent, Incoming>
  /**
   * What the handler sends, by `send`, `broadcast`, `publish` and `responses`; its output goes on the wire. Never async, because
   * `send` is not. @defaultValue anything
   */
  outgoing?: StandardSchema<Outgoing, Received>
  /**
   * What becomes of a message that does not fit: `'ignore'` hands it to nobody, and `onError` gets `ERR_INVALID`; `'close'` also
   * closes the connection with 1007; a function decides, and `onError` is not called. @defaultValue 'ignore'
   */
  onInvalid?: 'ignore' | 'close' | OnInvalid<Outgoing>
  /**
   * What becomes of one that the handler sends: `'throw'` sends nothing, and the call throws `ERR_INVALID`; `'warn'` sends it as it
   * is, and says so once a second at most; `'off'` does not look. @defaultValue 'throw'
   */
  checkOutgoing?: 'throw' | 'warn' | 'off'
  /**
   * The query of the handshake, as an object of strings; of a name that comes twice the last. One that does not fit is HTTP 400,
   * before `authenticate`. @defaultValue anything
   */
  query?: StandardSchema<any, any>
}

/**
 * What goes over the wire of a handler, for the types of its client: what it sends, before the schema has filled in its defaults, and
 * what it gets, as the schema has made it.
 */
export type MessagesOf<Handler> = Handler extends { readonly '~messages'?: infer Messages }
  ? NonNullable<Messages>
  : never

/** Written as a method, so that a handler with types fits where any handler does. */
type OnInvalid<Outgoing> = {
  onInvalid(conn: WebSocketConnection<any, Params, NoInfer<Outgoing>>, invalid: InvalidError): unknown
}['onInvalid']

/** The same, every default filled in. */
export interface ResolvedSchemas {
  readonly incoming: StandardSchema | undefined
  /** `undefined` where nothing is checked. */
  readonly outgoing: StandardSchema | undefined
  readonly onInvalid: NonNullable<Schemas['onInvalid']>
  /** What does not fit is sent all the same. */
  readonly warns: boolean
  readonly query: StandardSchema | undefined
}

const NONE: ResolvedSchemas = {
  incoming: undefined,
  outgoing: undefined,
  onInvalid: 'ignore',
  warns: false,
  query: undefined,
}

/** @param schemas - valid: see `option-schema.ts` */
export function resolveSchemas(schemas: Schemas | undefined): ResolvedSchemas {
  if (schemas === undefined) return NONE
  const { incoming, outgoing, onInvalid = 'ignore', checkOutgoing = 'throw', query } = schemas
  return {
    incoming,
    outgoing: checkOutgoing === 'off' ? undefined : outgoing,
    onInvalid,
    warns: checkOutgoing === 'warn',
    query,
  }
}
