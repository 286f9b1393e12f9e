import type { Connection } from './connection.ts'

/**
 * Connections whose client has gone while something of theirs was still to be done: a pending `onConnect`, or messages
 * that wait. They are out of every list, room and counter; `onClose` comes behind the last of it, or when the server stops.
 */
export class Departed {
  readonly #reports = new Map<Connection, () => void>()
  #isStopped = false

  get size(): number {
    return this.#reports.size
  }

  /** @param report - calls `onClose` */
  add(conn: Connection, report: () => void): void {
    if (this.#isStopped) conn.dropMessages()
    if (conn.inbox === undefined || conn.dropsMessages) return report()
    this.#reports.set(conn, report)
    conn.inbox.whenDone(() => {
      if (this.#reports.delete(conn)) report()
    })
  }

  /** The server stops, and waits for no handler. */
  stop(): void {
    this.#isStopped = true
    const all = [...this.#reports]
    this.#reports.clear()
    for (const [conn, report] of all) {
      conn.dropMessages()
      report()
    }
  }
}
