import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { Inside, OpenConnection } from '../engine/inside.ts'
import type { TapEvent } from '../engine/tap.ts'

/** An open connection, as the page lists it. */
export interface ConnectionRow {
  /** In the order in which they were seen first. */
  readonly conn: number
  readonly id: string
  readonly pattern: string
  readonly path: string
  readonly rooms: readonly string[]
  readonly remoteAddress: string
  readonly userAgent?: string
  readonly subprotocol: string
  /** When it was opened, in milliseconds since the epoch. */
  readonly since: number
  readonly bufferedAmount: number
  readonly messagesIn: number
  readonly bytesIn: number
  readonly messagesOut: number
  readonly bytesOut: number
  /** The four are what was looked at; more has passed. */
  readonly isPartial?: true
}

/** Which of them a page wants to see. */
export interface ConnectionQuery {
  readonly pattern?: string | undefined
  readonly room?: string | undefined
  /** In the path, the user agent, the address, a room, or `#` and the number. */
  readonly search?: string | undefined
  readonly skip: number
  readonly limit: number
}

export interface ConnectionPage {
  /** As many as the query finds. */
  readonly found: number
  readonly rows: readonly ConnectionRow[]
  readonly rooms: readonly { readonly pattern: string; readonly room: string; readonly size: number }[]
  /** Workers that did not say what they have. */
  readonly missing?: readonly number[]
}

/** How connections are numbered, where several processes number theirs. */
export interface Numbering {
  readonly first: number
  readonly step: number
}

interface Count {
  readonly conn: number
  messagesIn: number
  bytesIn: number
  messagesOut: number
  bytesOut: number
  /** How often something had been left out, when it was seen first. */
  readonly gaps: number
}

/** Rooms that a page lists, the largest first. */
export const MAX_ROOMS = 200

/** What the inspector knows of connections: a number for each, and what was sent over it. */
export class Connections {
  readonly #inside: Inside
  readonly #counts = new WeakMap<WebSocketConnection, Count>()
  readonly #step: number
  #next: number
  #gaps = 0

  constructor(inside: Inside, { first, step }: Numbering = { first: 1, step: 1 }) {
    this.#inside = inside
    this.#next = first
    this.#step = step
  }

  readonly numberOf = (conn: WebSocketConnection): number => this.#of(conn).conn

  /** Counts what an event says. */
  see(event: TapEvent): { conn: WebSocketConnection | undefined; audience: Uint32Array | undefined } {
    if (event.type === 'refused') return { conn: undefined, audience: undefined }
    if (event.type === 'broadcast') {
      const audience = new Uint32Array(event.receivers)
      let i = 0
      for (const conn of event.audience()) {
        const count = this.#of(conn)
        count.messagesOut++
        count.bytesOut += event.bytes
        audience[i++] = count.conn
      }
      return { conn: event.from, audience }
    }
    const { conn } = event
    if (!conn) return { conn, audience: undefined }
    const count = this.#of(conn)
    if (event.type === 'message') {
      count.messagesIn++
      count.bytesIn += event.bytes
    } else if (event.type === 'sent' && (event.status === 'sent' || event.status === 'queued')) {
      count.messagesOut++
      count.bytesOut += event.bytes
    }
    return { conn, audience: undefined }
  }

  /** Something was not looked at: what was counted so far is no longer all. */
  leave(): void {
    this.#gaps++
  }

  page(patterns: readonly string[], query: ConnectionQuery): ConnectionPage {
    const rows: ConnectionRow[] = []
    const rooms = new Map<string, { pattern: string; room: string; size: number }>()
    const search = query.search?.toLowerCase() ?? ''
    let found = 0
    for (const pattern of patterns) {
      for (const conn of this.#inside.openConnections(pattern)) {
        for (const room of conn.getRooms()) {
          const key = `${pattern}\n${room}`
          const known = rooms.get(key)
          if (known) known.size++
          else rooms.set(key, { pattern, room, size: 1 })
        }
        if (query.pattern !== undefined && query.pattern !== pattern) continue
        if (query.room !== undefined && !conn.isInRoom(query.room)) continue
        if (search !== '' && !this.#textOf(conn).includes(search)) continue
        found++
        if (found > query.skip && rows.length < query.limit) rows.push(this.#row(conn, pattern))
      }
    }
    const largest = [...rooms.values()].toSorted((one, other) => other.size - one.size)
    return { found, rows, rooms: largest.slice(0, MAX_ROOMS) }
  }

  #of(conn: WebSocketConnection): Count {
    const known = this.#counts.get(conn)
    if (known) return known
    const made: Count = {
      conn: this.#next,
      messagesIn: 0,
      bytesIn: 0,
      messagesOut: 0,
      bytesOut: 0,
      gaps: this.#gaps,
    }
    this.#next += this.#step
    this.#counts.set(conn, made)
    return made
  }

  #textOf(conn: WebSocketConnection): string {
    const { path, req } = conn
    const parts = [`#${this.numberOf(conn)}`, path, req.headers['user-agent'] ?? '', req.socket.remoteAddress]
    return [...parts, ...conn.getRooms()].join('\n').toLowerCase()
  }

  #row(conn: OpenConnection, pattern: string): ConnectionRow {
    const { gaps, ...count } = this.#of(conn)
    const { id, path, subprotocol, since, bufferedAmount, req } = conn
    const userAgent = req.headers['user-agent']
    return {
      ...count,
      id,
      pattern,
      path,
      rooms: conn.getRooms(),
      remoteAddress: req.socket.remoteAddress,
      ...(userAgent !== undefined && { userAgent }),
      subprotocol,
      since,
      bufferedAmount,
      ...(gaps < this.#gaps && { isPartial: true as const }),
    }
  }
}
