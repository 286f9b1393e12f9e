import type { Duplex } from 'node:stream'
import { clearTimeout, setTimeout } from '../engine/timers.ts'

/** How long other listeners may take to write something to a socket that nobody may know. */
const PATIENCE_MS = 5000

/** What others make of a socket that they are handed: from now on, whether anybody writes to it. */
export class Silence {
  readonly #socket: Duplex & { readonly bytesWritten?: number }
  readonly #bytesWritten: number | undefined

  constructor(socket: Duplex) {
    this.#socket = socket
    this.#bytesWritten = this.#socket.bytesWritten
  }

  /**
   * Calls back if nobody has written anything after some seconds, or as soon as somebody ends the socket without a word:
   * socket.io does so after a second. A client that leaves ends the wait.
   */
  lasts(act: (isOpen: boolean) => void): void {
    const socket = this.#socket
    if (this.#isBroken) return
    if (this.#isEnded) {
      act(false)
      return
    }
    const settle = (): void => {
      clearTimeout(timer)
      for (const event of ['finish', 'close']) socket.off(event, settle)
      if (this.#isBroken || socket.readableEnded || socket.errored) return
      act(!this.#isEnded)
    }
    const timer = setTimeout(settle, PATIENCE_MS).unref()
    for (const event of ['finish', 'close']) socket.once(event, settle)
  }

  get #isBroken(): boolean {
    return this.#socket.bytesWritten !== this.#bytesWritten
  }

  get #isEnded(): boolean {
    return this.#socket.writableEnded || this.#socket.destroyed
  }
}
