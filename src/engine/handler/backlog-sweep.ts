import type { Clock, Timer } from '../clock.ts'
import type { Connection } from '../connection/connection.ts'

/**
 * Finds who reads broadcasts too slowly. A native publish does not say whose backlog grew. Nobody's can have grown by
 * more than what was broadcast, so it is enough to look once every quarter of the limit, after the runtime has written.
 */
export class BacklogSweep {
  /** Bytes of the largest message since it looked last. */
  largest = 0
  readonly #clock: Clock
  readonly #connections: () => Iterable<Connection>
  /** Those of all of them. */
  #bytes = 0
  #timer: Timer | undefined

  constructor(clock: Clock, connections: () => Iterable<Connection>) {
    this.#clock = clock
    this.#connections = connections
  }

  /** So many bytes have been broadcast. */
  after(bytes: number, maxBackpressure: number): void {
    this.#bytes += bytes
    if (bytes > this.largest) this.largest = bytes
    if (this.#timer || this.#bytes < maxBackpressure / 4) return
    this.#timer = this.#clock.after(0, () => {
      this.#timer = undefined
      this.#bytes = 0
      for (const conn of this.#connections()) {
        if (conn.isOverfull()) conn.overflow()
      }
      this.largest = 0
    })
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
