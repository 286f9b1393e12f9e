import { createServer, type Server, type Socket } from 'node:net'
import { setImmediate } from '../engine/timers.ts'
import { FrameReader } from './hub-frames.ts'

/** Bytes that may wait for a worker that does not read; then it is cut off, dials again, and asks for what it has missed. */
const MAX_BEHIND = 64 * 1024 * 1024

/** Hands what one worker publishes to all others. It looks into nothing, and keeps nothing. */
export class Hub {
  readonly #server: Server
  /** With what is to be written to each at the end of this turn. */
  readonly #workers = new Map<Socket, Buffer[]>()
  #isFlushing = false

  constructor() {
    this.#server = createServer((socket) => this.#add(socket))
  }

  /** @param path - of a Unix socket, in a folder that only this user can enter; of a named pipe on Windows */
  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(path, resolve)
    })
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()))
    for (const socket of this.#workers.keys()) socket.destroy()
    await closed
  }

  #add(socket: Socket): void {
    this.#workers.set(socket, [])
    const reader = new FrameReader((whole) => this.#relay(socket, whole))
    socket.on('data', (bytes) => {
      if (!reader.read(bytes)) socket.destroy()
    })
    // The worker has died; its supervisor knows.
    socket.on('error', () => {})
    socket.on('close', () => this.#workers.delete(socket))
  }

  #relay(from: Socket, whole: Buffer): void {
    for (const [socket, batch] of this.#workers) if (socket !== from) batch.push(whole)
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#isFlushing = false
    for (const [socket, batch] of this.#workers) {
      if (batch.length === 0) continue
      this.#workers.set(socket, [])
      if (socket.writableLength > MAX_BEHIND) socket.destroy()
      else socket.write(Buffer.concat(batch))
    }
  }
}
