import { connect, type Socket } from 'node:net'
import type { Broker, BrokerEvents } from '../engine/broker.ts'
import { setImmediate, setTimeout } from '../engine/timers.ts'
import { eachFrame, encodeLength, FrameReader, MAX_WAITING } from './hub-frames.ts'

const REDIAL_MS = 50
const MAX_REDIAL_MS = 2000
const OPEN_MS = 2000

/** The broker between the workers of one machine, over the Unix socket (Windows: named pipe) of their supervisor: see `hub.ts`. */
export class HubBroker implements Broker {
  readonly name = 'between the workers'
  readonly #path: string
  #events: BrokerEvents | undefined
  #socket: Socket | undefined
  #timer: NodeJS.Timeout | undefined
  #wait = REDIAL_MS
  #hasFailed = false
  /** Frames of this turn, to be one write. */
  #batch: Uint8Array[] = []

  constructor(path: string) {
    this.#path = path
  }

  async open(events: BrokerEvents): Promise<void> {
    this.#events = events
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, OPEN_MS)
      this.#dial(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  publish(frame: Uint8Array): boolean {
    const socket = this.#socket
    if (!socket || socket.writableLength > MAX_WAITING) return false
    if (this.#batch.length === 0) setImmediate(() => this.#flush())
    this.#batch.push(encodeLength(frame.length), frame)
    return true
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#flush()
    this.#events = undefined
    const socket = this.#socket
    this.#socket = undefined
    if (!socket) return
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
      // What it has not taken by then it will not take.
      setTimeout(() => socket.destroy(), OPEN_MS).unref()
      socket.end()
    })
  }

  #flush(): void {
    const batch = this.#batch
    this.#batch = []
    if (batch.length > 0) this.#socket?.write(Buffer.concat(batch))
  }

  #dial(whenUp?: () => void): void {
    const socket = connect(this.#path)
    const reader = new FrameReader((whole) => eachFrame(whole, (frame) => this.#events?.frame(frame)))
    let error = new Error('the supervisor is gone')
    socket.on('connect', () => {
      if (!this.#events) return socket.destroy()
      this.#socket = socket
      this.#wait = REDIAL_MS
      this.#hasFailed = false
      this.#events.up()
      whenUp?.()
    })
    socket.on('data', (bytes) => {
      if (!reader.read(bytes)) socket.destroy()
    })
    socket.on('error', (cause) => (error = cause))
    socket.on('close', () => {
      const wasUp = this.#socket === socket
      if (wasUp) this.#socket = undefined
      if (!this.#events) return
      if (wasUp || !this.#hasFailed) this.#events.down(error)
      this.#hasFailed = true
      this.#timer = setTimeout(() => this.#dial(whenUp), this.#wait * (0.8 + Math.random() * 0.4))
      this.#wait = Math.min(this.#wait * 2, MAX_REDIAL_MS)
    })
  }
}
