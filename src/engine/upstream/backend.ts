import { SidewireError } from '../errors.ts'
import type { HandshakeRequest } from '../handshake/request.ts'
import type { HttpAnswer, Payload } from '../runtime.ts'
import type { ResolvedUpstream } from './upstream.ts'

// What the engine knows of a backend: who dials it is loaded by the server, and only where a handler asks for one.

/** How a backend's leg ended. */
export interface BackendEnd {
  /** Of its close frame: 1005 without a code, 1006 if there was none. */
  readonly code: number
  readonly reason: string
  /** What it did that no backend may, for which it got a close frame from us; `undefined` if it did nothing. */
  readonly violation: string | undefined
}

export interface BackendEvents {
  message(payload: Payload): void
  /** Once, last. */
  ended(end: BackendEnd): void
}

/** One connection to a backend. Nothing of it is read before `listen`; once it has ended every method does nothing. */
export interface Backend {
  readonly url: string
  readonly subprotocol: string
  readonly bufferedAmount: number
  listen(events: BackendEvents): void
  send(payload: Payload): void
  /** Stops reading: its pings and its close frame are not seen, either. */
  pause(): void
  resume(): void
  /** A close frame, behind what was sent before; 1005 for one without a code. */
  close(code: number, reason: string): void
  /** The end of the TCP connection without one, behind what was sent before. */
  cut(): void
  /** The same at once. */
  terminate(): void
}

/** What becomes of a handshake with a backend. */
export type DialOutcome =
  | { readonly backend: Backend }
  | {
      readonly backend: undefined
      /** For the client. */
      readonly answer: HttpAnswer
      /** Why there is none, for the log; `undefined` if the backend itself has refused. */
      readonly why: string | undefined
    }

export interface Dialling {
  /** Never rejects. */
  readonly outcome: Promise<DialOutcome>
  /** Nobody waits for it any more. */
  cancel(): void
}

export interface Dial {
  readonly upstream: ResolvedUpstream
  /** The handler's. */
  readonly pattern: string
  /** The client's. */
  readonly req: HandshakeRequest
  /** Bytes of a message from the backend. */
  readonly maxPayload: number
}

type Dialler = (dial: Dial) => Dialling

/** Loads it, the first time that it is needed. */
export type LoadDialler = () => Promise<Dialler>

export async function noDialler(): Promise<never> {
  throw new SidewireError('ERR_UPSTREAM', 'this engine was started without anything that dials a backend')
}
