import type { ConnectionInfo } from '../engine/connection/connection-info.ts'
import type { FaultCounts } from '../engine/handler/faults.ts'

export interface FaultOptions {
  /** Milliseconds until it is lifted by itself. @defaultValue until it is stopped */
  for?: number
  /** Which open connections, and which of those that come; `handshake` is not possible with it. @defaultValue all */
  where?: (conn: ConnectionInfo) => boolean
}

export interface DisconnectOptions {
  /** @defaultValue none: they are cut, and see 1006 */
  code?: number
  reason?: string
  /** @defaultValue all */
  where?: (conn: ConnectionInfo) => boolean
}

/** Faults that are switched on. */
export interface FaultHandle extends Disposable {
  /** What brings the same decisions back. */
  readonly seed: number | string
  /** How often each has happened. */
  readonly counts: Readonly<FaultCounts>
  /** Lifts them; what waits arrives at once, in order. Idempotent. */
  stop(): void
}
