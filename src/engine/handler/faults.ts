import type { HandshakeRequest } from '../handshake/request.ts'

/** Fixed, or evenly spread between two values, both included: milliseconds, or a number of things. */
export type Span = number | readonly [min: number, max: number]

/** Which of them: how likely each is, from 0 to 1, or by its number. */
export type Choice = number | ChoiceRule

/** All that is given has to hold. Numbers count from 1. */
export interface ChoiceRule {
  /** How likely, from 0 to 1. @defaultValue 1 */
  rate?: number
  /** Only the first so many. */
  first?: number
  /** Only those behind so many. */
  after?: number
  /** That one, or those. */
  nth?: number | readonly number[]
  /** Each so-manyth. */
  every?: number
}

/** What tells the connection of a message. */
export interface MatchedConnection {
  readonly id: string
  readonly path: string
  readonly req: HandshakeRequest
  readonly authData: any
  readonly metadata: Record<string, any>
}

/** Of messages. */
export type MessageChoice =
  | number
  | (ChoiceRule & {
      /** Only those, and they alone are counted; `data` is what the handler would read it as. */
      match?: (data: any, conn: MatchedConnection) => boolean
    })

/**
 * What happens to messages in one direction. In this order: drop, duplicate, corrupt, reorder, bandwidth, latency, stall. But
 * for `reorder`, messages keep their order always.
 */
export interface LinkFaults {
  /** Milliseconds that a message takes; those that follow each other closely overlap. @defaultValue 0 */
  latency?: Span
  /** Bytes of payload in a second; a message has arrived with its last byte. @defaultValue no limit */
  bandwidth?: number
  /** Nothing arrives; it is held until this is lifted, and nothing is lost. @defaultValue false */
  stall?: boolean
  /** Never arrive. @defaultValue none */
  drop?: MessageChoice
  /** Arrive twice. @defaultValue none */
  duplicate?: MessageChoice
  /** Change places with the next one; alone, after 100 ms. @defaultValue none */
  reorder?: MessageChoice
  /** Arrive damaged: text is cut off at a character, of binary one bit is flipped. @defaultValue none */
  corrupt?: MessageChoice
}

/** What is wrong with the network between the clients and a handler. What stands here by itself is about messages to the client. */
export interface Faults extends LinkFaults {
  /** The same for messages from the client. */
  incoming?: LinkFaults
  /** Before `authenticate` is asked. */
  handshake?: HandshakeFaults
  /** Ends connections. */
  disconnect?: DisconnectFault
  /**
   * Both sides keep a connection that carries nothing any more. Pings and close frames of the client are still answered where
   * the runtime does that by itself: see docs/guide/faults.md. @defaultValue false
   */
  halfOpen?: boolean | HalfOpenFault
  /** Where the chance comes from: the same seed, the same decisions. @defaultValue drawn at the start, and logged */
  seed?: number | string
  /** What the chance of a connection hangs on. @defaultValue its number among those of the handler, from 1 */
  key?: (req: HandshakeRequest) => string
}

export interface HandshakeFaults {
  /** Milliseconds that it waits first. @defaultValue 0 */
  delay?: Span
  /** Which are refused. @defaultValue none */
  refuse?: Choice
  /**
   * How: with an HTTP status (400 to 599), a close code behind the 101, without an answer (`'hangup'`; 503 on Bun, which
   * cannot), or never (`'hang'`, until the client gives up). @defaultValue 503
   */
  with?: number | 'hangup' | 'hang' | { code: number; reason?: string }
}

/** When one is due: whatever comes first of what is given; without any, at once. */
export interface DisconnectFault {
  /** Which connections. @defaultValue all */
  connections?: Choice
  /** Milliseconds behind the handshake, or behind the moment when this was switched on. */
  after?: Span
  /** So many messages to the client have arrived. */
  afterMessages?: Span
  /** So many bytes of payload to the client have arrived, or more. */
  afterBytes?: number
  /** The close code. @defaultValue none: it is cut, and both sides see 1006 */
  code?: number
  reason?: string
}

export interface HalfOpenFault {
  /** Which connections. @defaultValue all */
  connections?: Choice
  /** Milliseconds. @defaultValue 0 */
  after?: Span
}

/** By handshake: `n` is its number among those of the handler, from 1, or since it was switched on. */
export type FaultsOf = Faults | ((req: HandshakeRequest, n: number) => Faults | undefined)

/** A fault that has happened to a message, or to a connection. */
export interface FaultInfo {
  readonly kind: 'delay' | 'drop' | 'duplicate' | 'reorder' | 'corrupt' | 'disconnect' | 'halfOpen'
  /** `undefined`: it is about both. */
  readonly direction: 'in' | 'out' | undefined
  /** The number of the message in its direction, from 1, since the faults are on; 0 if it is about none. */
  readonly message: number
}

/** How often each fault has happened. */
export interface FaultCounts {
  /** Handshakes. */
  refused: number
  /** Messages that had to wait. */
  delayed: number
  dropped: number
  duplicated: number
  reordered: number
  corrupted: number
  /** Connections. */
  disconnected: number
  halfOpened: number
}

export function noFaults(): FaultCounts {
  return {
    refused: 0,
    delayed: 0,
    dropped: 0,
    duplicated: 0,
    reordered: 0,
    corrupted: 0,
    disconnected: 0,
    halfOpened: 0,
  }
}
