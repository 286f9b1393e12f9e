import type { Duplex } from 'node:stream'

/** More than a client sends that does not know yet whether it is let in; past it, nothing is read until it does. */
const MAX_BYTES = 64 * 1024

/**
 * What a client sends while its handshake is decided. Node does not read behind a handshake, and who does not read does
 * not see the end: a client that has gone would keep its descriptor until the decision, the timeout at the latest.
 */
export class EarlyBytes {
  readonly #socket: Duplex
  readonly #chunks: Buffer[]
  #size = 0

  /** @param head - what came with the handshake */
  constructor(socket: Duplex, head: Buffer) {
    this.#socket = socket
    this.#chunks = [head]
    socket.on('data', this.#add)
    socket.on('end', this.#end)
  }

  /** All that has come. The rest is for the next reader. */
  take(): Buffer {
    this.#socket.off('data', this.#add)
    this.#socket.off('end', this.#end)
    this.#socket.pause()
    return Buffer.concat(this.#chunks)
  }

  readonly #add = (chunk: Buffer): void => {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size > MAX_BYTES) this.#socket.pause()
  }

  readonly #end = (): void => void this.#socket.destroy()
}
