import type { WebSocketConnection } from './connection/websocket-connection.ts'
import type { Faults, FaultsOf } from './handler/faults.ts'
import type { HandshakeRequest } from './handshake/request.ts'

/** What happens to a handshake that is in order, before `authenticate` is asked. */
export interface Passage {
  /** It waits for this first. */
  readonly delay: Promise<void> | undefined
  /** An HTTP status, a close code behind the 101, no answer, or none for as long as the client waits. */
  readonly refuse:
    | { readonly kind: 'status'; readonly status: number }
    | { readonly kind: 'close'; readonly code: number; readonly reason: string }
    | { readonly kind: 'hangup' | 'hang' }
    | undefined
}

/** What is between the clients and the handlers, where it is anything but perfect: see src/faults. */
export interface Network {
  /** `undefined`: it passes at once. */
  arrive(pattern: string, req: HandshakeRequest): Passage | undefined
  /** Gives a connection its link, if it is to have one. */
  opened(conn: WebSocketConnection): void
  closed(conn: WebSocketConnection): void
  /** For one connection, instead of all others; `undefined` takes it back. @throws `ERR_OPTION` */
  setFaultsOf(conn: WebSocketConnection, faults: Faults | undefined): void
  /** The handlers are these now. */
  serve(handlers: Iterable<{ readonly pattern: string; readonly faults: FaultsOf | undefined }>): void
  /** Nobody waits any more. */
  stop(): void
}
