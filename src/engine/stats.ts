import { noFaults, type FaultCounts } from './handler/faults.ts'

/**
 * Why a handshake was refused. What the HTTP parser of a runtime refuses by itself is not seen by the engine, and
 * not counted; `handshakeTimeout` only where the runtime lets the engine set that time.
 */
export type RefusalReason =
  /** 400 or 426: it breaks RFC 6455, or the path has a malformed escape. */
  | 'malformed'
  /** 404: no handler matches. */
  | 'path'
  /** 403: under Vite, the name in `Host` is not allowed. */
  | 'host'
  /** 403: that page may not connect. */
  | 'origin'
  /** 400: nothing in common. */
  | 'subprotocol'
  /** 400: the query does not fit the handler's `schema.query`. */
  | 'query'
  /** `authenticate` said no (an HTTP status or a close code), or failed. */
  | 'authenticate'
  | 'authenticateTimeout'
  | 'handshakeTimeout'
  | 'maxConnections'
  | 'maxConnectionsPerAddress'
  | 'maxEventLoopLag'
  /** 503, or hung up on without an answer: the file descriptors of the process run out. */
  | 'openFiles'
  /** As `faults` has it: with a status, a close code, or without an answer. */
  | 'fault'
  /** The backend of the handler has refused, with its own status; or there is none (502, 504), or the option `upstream` failed (500). */
  | 'upstream'
  /** 503: the server is going away. */
  | 'closing'
  /** 502: under Vite, it could not be passed on. */
  | 'tunnel'

/** Counters since the start, and what is open now. `opened` is always `connections` plus `closed`. */
export interface Stats {
  /** Open now. */
  connections: number
  opened: number
  closed: number
  /** Handshakes answered with an HTTP error or not at all, or closed by `authenticate`. */
  refused: number
  /** The same by reason; the sum is `refused`. */
  refusedBy: Partial<Record<RefusalReason, number>>
  /** How many connections ended with each close code. */
  closedByCode: Record<number, number>
  messagesIn: number
  /** Each receiver of a broadcast counts. */
  messagesOut: number
  /** Bytes of message payloads, uncompressed. */
  bytesIn: number
  bytesOut: number
  terminatedForBackpressure: number
  /** Closed with 1008: over `maxMessagesPerSecond`. */
  closedForMessageRate: number
  /** Closed with 1013: over `maxQueue`. */
  closedForQueue: number
  /** Hooks that threw or rejected. */
  handlerErrors: number
  /** Messages that did not fit the handler's `schema`. */
  invalid: { incoming: number; outgoing: number }
  /** What went wrong because `faults` has it so. */
  faults: FaultCounts
}

export function createStats(): Stats {
  return {
    connections: 0,
    opened: 0,
    closed: 0,
    refused: 0,
    refusedBy: {},
    closedByCode: {},
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    terminatedForBackpressure: 0,
    closedForMessageRate: 0,
    closedForQueue: 0,
    handlerErrors: 0,
    invalid: { incoming: 0, outgoing: 0 },
    faults: noFaults(),
  }
}

export function countRefused(stats: Stats, reason: RefusalReason): void {
  stats.refused++
  stats.refusedBy[reason] = (stats.refusedBy[reason] ?? 0) + 1
}

export function copyStats(stats: Stats): Stats {
  return {
    ...stats,
    refusedBy: { ...stats.refusedBy },
    closedByCode: { ...stats.closedByCode },
    invalid: { ...stats.invalid },
    faults: { ...stats.faults },
  }
}
