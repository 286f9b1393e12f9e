/** Counters since the start, and what is open now. `opened` is always `connections` plus `closed`. */
export interface Stats {
  /** Open now. */
  connections: number
  opened: number
  closed: number
  /** Handshakes answered with an HTTP error, or closed by `authenticate`. */
  refused: number
  /** How many connections ended with each close code. */
  closedByCode: Record<number, number>
  messagesIn: number
  /** Each receiver of a broadcast counts. */
  messagesOut: number
  /** Bytes of message payloads, uncompressed. */
  bytesIn: number
  bytesOut: number
  terminatedForBackpressure: number
  /** Hooks that threw or rejected. */
  handlerErrors: number
}

export function createStats(): Stats {
  return {
    connections: 0,
    opened: 0,
    closed: 0,
    refused: 0,
    closedByCode: {},
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    terminatedForBackpressure: 0,
    handlerErrors: 0,
  }
}
