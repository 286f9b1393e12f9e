import type { Payload } from './runtime.ts'

/**
 * A broadcast as the other nodes get it. Rooms go by name, since a topic is a node's own affair; and whom it leaves out is not in
 * it: that is a connection, and a connection is on one node.
 */
export interface RemoteBroadcast {
  /** The handler's. */
  readonly pattern: string
  /** Of a handler with `scope: 'path'`: which of its scopes; `undefined` is all of the handler. */
  readonly scope: string | undefined
  /** `undefined` is everybody. */
  readonly rooms: readonly string[] | undefined
  readonly payload: Payload
}

/** The other nodes that serve the same handlers: see src/cluster. */
export interface Nodes {
  /** Never throws, and never waits. */
  broadcast(message: RemoteBroadcast): void
}
