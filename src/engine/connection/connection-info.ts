import type { Connection } from './connection.ts'

/** An open connection, as the server lists it. */
export interface ConnectionInfo {
  readonly id: string
  readonly path: string
  readonly rooms: readonly string[]
  readonly remoteAddress: string
  /** Milliseconds since the epoch. */
  readonly since: number
}

export function infoOf(conn: Connection): ConnectionInfo {
  const { id, path, since } = conn
  return { id, path, rooms: conn.getRooms(), remoteAddress: conn.req.socket.remoteAddress, since }
}
