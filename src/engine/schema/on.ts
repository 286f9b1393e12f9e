import type { Params } from '../handshake/routing.ts'
import type { WebSocketConnection } from '../connection/websocket-connection.ts'

/** What the member may be: where it is not known, any name. */
type Kinds<Key extends PropertyKey, Incoming> = 0 extends 1 & Incoming
  ? string
  : Incoming extends { readonly [K in Key]?: infer Kind }
    ? Extract<Kind, PropertyKey>
    : never

/** Those of the messages that may be of a kind. */
type OfKind<Key extends PropertyKey, Incoming, Kind> = 0 extends 1 & Incoming
  ? any
  : Incoming extends { readonly [K in Key]?: infer Has }
    ? Kind extends Has
      ? Incoming & { readonly [K in Key]: Kind }
      : Has extends Kind
        ? Incoming
        : never
    : never

type Hook<Conn, Data> = (conn: Conn, data: Data) => unknown

/** A hook for each kind of message; those that are left out go to `otherwise`. */
type Branches<Key extends PropertyKey, Conn, Incoming> = {
  readonly [Kind in Kinds<Key, Incoming>]?: {
    hook(conn: Conn, data: OfKind<Key, Incoming, Kind>): unknown
  }['hook']
}

/**
 * An `onMessage` that tells messages apart by one of their members: `onMessage: on('type', { join(conn, data) {}, say(conn, data) {} })`.
 * With a `schema` each gets its own type.
 * @param otherwise - for messages of no such kind; without it nothing happens
 */
export function on<
  const Key extends string,
  Incoming = any,
  Auth = any,
  Names extends Params = Params,
  Outgoing = any,
>(
  key: Key,
  branches: Branches<Key, WebSocketConnection<Auth, Names, Outgoing>, Incoming>,
  otherwise?: Hook<WebSocketConnection<Auth, Names, Outgoing>, Incoming>,
): Hook<WebSocketConnection<Auth, Names, Outgoing>, Incoming> {
  const hooks = new Map<unknown, Hook<WebSocketConnection<Auth, Names, Outgoing>, Incoming>>(
    Object.entries(branches),
  )
  return (conn, data) => {
    const kind =
      typeof data === 'object' && data !== null && Object.hasOwn(data, key)
        ? (data as Record<string, unknown>)[key]
        : undefined
    const hook = hooks.get(typeof kind === 'number' ? String(kind) : kind) ?? otherwise
    return hook?.(conn, data)
  }
}
