import type { Network } from './network.ts'
import type { Holdings } from './holdings.ts'
import type { WebSocketConnection } from './connection/websocket-connection.ts'
import type { PublishOptions } from './rooms/broadcast-options.ts'
import type { Payload } from './runtime.ts'
import type { Tap, TapListener } from './tap.ts'

export interface OpenConnection extends WebSocketConnection {
  /** Milliseconds since the epoch. */
  readonly since: number
  /** The handler's. */
  readonly pattern: string
}

/** What a server shows to the parts of this package that look into it. */
export interface Inside {
  /** While somebody listens. */
  readonly tap: Tap | undefined
  /** @returns what ends it */
  listen(listener: TapListener): () => void
  holdings(): Holdings
  /** `undefined` where it is perfect. */
  readonly network: Network | undefined
  /** A payload as the handler of this pattern reads it. @throws as its codec does */
  decode(pattern: string, payload: Payload): unknown
  /** Which pongs are nobody's business but the listeners': no `onPong` is called for them. */
  isOwnPong: ((payload: Uint8Array) => boolean) | undefined
  /** Those that are open, of all handlers, or of the one with this pattern. @throws `ERR_UNKNOWN_HANDLER` */
  openConnections(pattern?: string): OpenConnection[]
  publishTo(pattern: string, data: unknown, options?: PublishOptions): void
}

/** Where a `Server` has it: not part of the API. */
export const INSIDE: unique symbol = Symbol.for('sidewire.inside')

export interface WithInside {
  readonly [INSIDE]: Inside
}
