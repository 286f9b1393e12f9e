import type { Server } from 'bun'
import type { Payload } from '../../engine/runtime.ts'
import type { Listener } from '../listen-on-all.ts'

/**
 * One address. The topics of Bun belong to one `Bun.serve`, and rooms span all addresses: whatever is published goes
 * through each listener, which costs nothing where nobody is connected.
 */
export class BunListener<T> implements Listener {
  readonly #server: Server<T>
  /** WebSockets that are open here. */
  sockets = 0

  constructor(serve: (listener: BunListener<T>) => Server<T>) {
    this.#server = serve(this)
  }

  get port(): number {
    return this.#server.port ?? 0
  }

  publish(topic: string, payload: Payload, compress: boolean): void {
    if (this.sockets > 0) this.#server.publish(topic, payload, compress)
  }

  subscribers(topic: string): number {
    return this.#server.subscriberCount(topic)
  }

  stop(): void {
    void this.#server.stop(false)
  }

  close(): Promise<void> {
    return this.#server.stop(true)
  }
}
