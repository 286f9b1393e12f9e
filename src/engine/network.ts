import type { WebSocketConnection } from './connection/websocket-connection.ts'
import type { FaultCounts, Faults, FaultsOf } from './handler/faults.ts'
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
  /**
   * Switched on from outside of the process, in the place of what was there by the same way; `undefined` takes it back.
   * @param target - the pattern of a handler, `'*'` for all, or a connection
   * @param ms - until it is lifted by itself
   * @throws `ERR_OPTION`, `ERR_UNKNOWN_HANDLER`
   */
  put(target: string | WebSocketConnection, faults: Faults | undefined, ms?: number): void
  /** What is on, of the server first, the latest before the others. */
  rows(): readonly FaultRow[]
  /** Nobody waits any more. */
  stop(): void
}

/** Faults that are on, as they are shown outside of the process. */
export interface FaultRow {
  /** The handler's, or `'*'` for all. */
  readonly pattern: string
  /** Of one connection only: its id. */
  readonly connection?: string
  /** What they are; functions are shown as the word. */
  readonly faults: unknown
  readonly seed: number | string
  readonly counts: FaultCounts
  /** The handler's own, by `setFaults` in the process, or from outside of it. */
  readonly by: 'handler' | 'code' | 'control'
  /** When they are lifted by themselves, in milliseconds since the epoch. */
  readonly until?: number
}
