import type { Clock } from './clock.ts'
import type { WebSocketConnection } from './connection/websocket-connection.ts'
import { toError } from './errors.ts'
import type { FaultInfo } from './handler/faults.ts'
import type { Logger } from './logger.ts'
import type { Payload, SendStatus } from './runtime.ts'
import type { RefusalReason } from './stats.ts'

/** What happens in an engine. `pattern` is the handler's; a payload is what is on the wire, and must not be changed. */
export type Happening =
  /** A handshake got an HTTP error, no answer, or (`close`) a close frame right behind the 101. */
  | {
      readonly type: 'refused'
      readonly reason: RefusalReason
      /** `undefined` where no handler matched, or nothing could be read. */
      readonly pattern: string | undefined
      readonly url: string | undefined
      readonly remoteAddress: string | undefined
      /** The page's. */
      readonly origin: string | undefined
      readonly answer: { readonly status: number; readonly body: string } | undefined
      readonly close: { readonly code: number; readonly reason: string } | undefined
    }
  | (OfConnection & { readonly type: 'open' })
  /** From the client, and before any limit looks at it. */
  | (OfConnection & {
      readonly type: 'message'
      readonly payload: Payload
      readonly bytes: number
      /** Where faults are on: its number, as the `message` of a `fault`. */
      readonly nth?: number | undefined
    })
  /** What took a message: `onMessage`, `responses[0]`; `undefined` if nothing did. An async hook is done when it settles. */
  | (OfConnection & {
      readonly type: 'handled'
      /** The `n` of the message. */
      readonly message: number
      readonly by: string | undefined
      /** Where no rule of a scenario did: which was nearest, and where it is other. */
      readonly nearest?: string | undefined
      readonly ms: number
    })
  /** To the client alone. */
  | (OfConnection & {
      readonly type: 'sent'
      readonly payload: Payload
      readonly bytes: number
      readonly status: SendStatus
    })
  /** Of a handler with `upstream`: what goes to the backend, or has come from it (`server`) and is not at the client yet. */
  | (OfConnection & {
      readonly type: 'upstream'
      readonly from: 'client' | 'server'
      readonly payload: Payload
      readonly bytes: number
    })
  /** Once, whatever the number of receivers. Without `rooms` to all that the sender's scope, or the handler, has. */
  | {
      readonly type: 'broadcast'
      readonly pattern: string
      /** `undefined`: not from a connection's hook. */
      readonly from: WebSocketConnection | undefined
      readonly rooms: readonly string[] | undefined
      readonly payload: Payload
      readonly bytes: number
      readonly receivers: number
      /** Who they are; to be asked while the event is told. */
      audience(): Iterable<WebSocketConnection>
    }
  | (OfConnection & {
      readonly type: 'ping' | 'pong'
      readonly from: 'client' | 'server'
      readonly payload: Payload
    })
  | (OfConnection & { readonly type: 'join' | 'leave'; readonly room: string })
  /** What `faults` has done to a message, or to the connection. */
  | (OfConnection & FaultInfo & { readonly type: 'fault'; readonly payload: Payload })
  /** The socket is gone; `onClose` comes later. */
  | (OfConnection & {
      readonly type: 'close'
      readonly code: number
      readonly reason: string
      readonly initiatedByClient: boolean
    })
  /** A hook failed (`hook`), or the engine ended a connection for what it says. */
  | {
      readonly type: 'error'
      readonly pattern: string
      readonly conn: WebSocketConnection | undefined
      readonly hook: string | undefined
      readonly error: Error
    }

interface OfConnection {
  readonly conn: WebSocketConnection
  readonly pattern: string
}

/** `n` counts from 1 and leaves nothing out; `at` is the engine's clock. */
export type TapEvent = Happening & { readonly n: number; readonly at: number }

/** Called in the turn in which something happens, in order. What it throws is logged, and ends nothing. */
export type TapListener = (event: TapEvent) => void

/** The stream of what happens. An engine has one only while somebody listens. */
export class Tap {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #listeners = new Set<TapListener>()
  #n = 0

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  get isIdle(): boolean {
    return this.#listeners.size === 0
  }

  add(listener: TapListener): void {
    this.#listeners.add(listener)
  }

  remove(listener: TapListener): void {
    this.#listeners.delete(listener)
  }

  /** @returns its number */
  tell(happening: Happening): number {
    const n = ++this.#n
    const event: TapEvent = Object.assign(happening, { n, at: this.#clock.now() })
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (thrown) {
        const { stack, message } = toError(thrown)
        this.#logger.error(`a listener of the tap failed: ${stack ?? message}`)
      }
    }
    return n
  }
}
