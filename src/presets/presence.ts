import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'

/** What is known of one who is there. `phx_ref` tells one presence from another with the same key. */
type Meta = Readonly<Record<string, unknown>> & { readonly phx_ref: string }

/** Who is there, by key; the form that the clients of Phoenix keep in step. */
export type Presences = Record<string, { metas: Meta[] }>

export interface PresenceDiff {
  readonly joins: Presences
  readonly leaves: Presences
}

/** Of all topics: a presence that begins anew must not say again what clients know of the one before. */
let lastRef = 0

/** Who is present in one topic: at most one presence for each connection. */
export class Presence {
  readonly #tracked = new Map<WebSocketConnection, { readonly key: string; readonly meta: Meta }>()

  get isEmpty(): boolean {
    return this.#tracked.size === 0
  }

  get state(): Presences {
    const state: Presences = Object.create(null) as Presences
    for (const { key, meta } of this.#tracked.values()) (state[key] ??= { metas: [] }).metas.push(meta)
    return state
  }

  /** In the place of what was tracked of it before. */
  track(conn: WebSocketConnection, key: string, meta: object): PresenceDiff {
    const { leaves } = this.untrack(conn) ?? { leaves: {} }
    const tracked = { key, meta: { ...meta, phx_ref: String(++lastRef) } }
    this.#tracked.set(conn, tracked)
    return { joins: only(tracked), leaves }
  }

  /** @returns `undefined` if it was not */
  untrack(conn: WebSocketConnection): PresenceDiff | undefined {
    const tracked = this.#tracked.get(conn)
    if (!tracked) return undefined
    this.#tracked.delete(conn)
    return { joins: {}, leaves: only(tracked) }
  }
}

function only({ key, meta }: { readonly key: string; readonly meta: Meta }): Presences {
  // A computed name, so that a key `__proto__` is one.
  return { [key]: { metas: [meta] } }
}
