import type { Payload, SendStatus } from '../runtime.ts'

/** What stands between a connection and its client where the network is not to be trusted. Most connections have none. */
export interface Link {
  /** A message to the client, in the place of the socket's own `send`. */
  send(payload: Payload, compress: boolean): SendStatus
  /** A message of the client. @param deliver - hands it to the handler, now or later, or never */
  receive(payload: Payload, bytes: number, deliver: Deliver): void
  /** Bytes on their way to the client. */
  readonly held: number
  /** Nothing gets to the client: neither a ping nor a close frame. */
  readonly isSilent: boolean
  /** Nothing of the client gets here. */
  readonly isDeaf: boolean
  /** What the socket had to hold has left it. */
  drained(): void
  /** The socket is gone. What the client sent before is handed over now. */
  end(): void
}

/** @param nth - the number of the message, as its faults have it */
export type Deliver = (payload: Payload, bytes: number, nth: number) => void
