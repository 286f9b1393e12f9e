import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { SendStatus } from '../engine/runtime.ts'

/** Tells a library when a slow client has taken what was sent, so that it does not send on and on. */
export class Flow {
  readonly #waiting = new Map<WebSocketConnection, (() => void)[]>()

  /** Calls `done` when the message has left: at once, or when the client has read what was before it. */
  after(conn: WebSocketConnection, status: SendStatus, done: () => void): void {
    if (status === 'sent') return done()
    if (status !== 'queued') return
    const waiting = this.#waiting.get(conn)
    if (waiting) waiting.push(done)
    else this.#waiting.set(conn, [done])
  }

  /** For `onDrain`, and for `onClose`: nobody waits for a client that has gone. */
  readonly release = (conn: WebSocketConnection): void => {
    const waiting = this.#waiting.get(conn)
    this.#waiting.delete(conn)
    for (const done of waiting ?? []) done()
  }
}
