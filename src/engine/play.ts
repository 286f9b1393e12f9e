import type { Clock } from './clock.ts'
import type { WebSocketConnection } from './connection/websocket-connection.ts'
import type { Scenario } from './handler/scenario.ts'
import { SidewireError } from './errors.ts'
import type { Payload } from './runtime.ts'

/** What took a message. */
export interface Taken {
  /** Which part of the scenario, for the log and the inspector. */
  readonly by: string
  /** When all of it has happened; only of a handler that is `sequential`. */
  readonly done: Promise<void> | undefined
}

/** What plays the scenario of one handler: see src/scenario. */
export interface Play {
  opened(conn: WebSocketConnection): void
  /** Whether a step waits for it. Before all else. */
  awaits(conn: WebSocketConnection, data: unknown): Taken | undefined
  /** Behind `responses`. */
  answers(conn: WebSocketConnection, data: unknown): Taken | undefined
  /** Of what it has not answered: which rule was nearest, and where it is other. `undefined`: there is none to tell of. */
  nearest(conn: WebSocketConnection, data: unknown): string | undefined
  /** Where nobody else takes it. */
  otherwise(conn: WebSocketConnection, data: unknown): Taken | undefined
  left(conn: WebSocketConnection): void
  /** Nothing of it runs any more. */
  stop(): void
}

/** What a play is given of the handler in service. */
export interface Stage {
  readonly clock: Clock
  readonly pattern: string
  readonly isSequential: boolean
  /** `undefined` where nobody reads it. */
  readonly debug: ((text: string) => void) | undefined
  connections(): Iterable<WebSocketConnection>
  /** From 1, in the order in which they opened. */
  numberOf(conn: WebSocketConnection): number
  /** @throws `ERR_SERIALIZE`, `ERR_INVALID` */
  encode(data: unknown): Payload
  send(conn: WebSocketConnection, payload: Payload): void
  /** In the scope of a connection. */
  broadcast(from: WebSocketConnection, payload: Payload, room: string | undefined, includeSelf: boolean): void
  /** To all connections of the handler, or of one of its rooms. */
  publish(payload: Payload, room: string | undefined): void
  /** @param conn - `undefined`: it is nobody's */
  failed(conn: WebSocketConnection | undefined, what: string, thrown: unknown): void
}

/** @param before - whose place it takes: what that knows of connections is its own now */
export type MakePlay = (scenario: Scenario, stage: Stage, before: Play | undefined) => Play

export function noPlay(): never {
  throw new SidewireError('ERR_SCENARIO', 'this engine was started without anything that plays a scenario')
}
