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
  /** What goes between this node and the others; zeros without a broker. */
  broker: BrokerStats
}

/** Of broadcasts and publishes: each counts once, whatever the number of its receivers. */
export interface BrokerStats {
  /** `off`: there is none. `connecting`: it was never there yet. */
  state: 'off' | 'connecting' | 'up' | 'down'
  /** How many nodes are there, this one included. */
  nodes: number
  sent: number
  /** Came from other nodes, each once. */
  received: number
  /** Of those: for a handler that this node has not, during a rolling deploy say. */
  unserved: number
  /** Too long for the broker, or longer than the handler's `maxPayload`: they reached connections of this node only. */
  refused: number
  /** Sent a second time, because another node had missed them. */
  resent: number
  /** Were missed, and came after all. */
  recovered: number
  /** Were missed, and cannot be had any more. */
  lost: number
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
    broker: {
      state: 'off',
      nodes: 0,
      sent: 0,
      received: 0,
      unserved: 0,
      refused: 0,
      resent: 0,
      recovered: 0,
      lost: 0,
    },
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
    broker: { ...stats.broker },
  }
}

/** Adds what another node has counted. What is no number, and how many nodes there are, stays. */
export function sumStats(into: Stats, other: Stats): void {
  const { nodes } = into.broker
  add(into as unknown as Counts, other as unknown as Counts)
  into.broker.nodes = nodes
}

interface Counts {
  [name: string]: number | string | Counts | undefined
}

function add(into: Counts, other: Counts): void {
  for (const [name, value] of Object.entries(other)) {
    const own = into[name]
    if (typeof value === 'number' && typeof (own ?? 0) === 'number')
      into[name] = ((own as number) ?? 0) + value
    else if (typeof value === 'object' && typeof own === 'object') add(own, value)
  }
}
