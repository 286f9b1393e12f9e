import { connect } from 'node:net'
import { setImmediate } from '../engine/timers.ts'
import { endSocket } from './end-socket.ts'
import { eachFrame, encodeLength, FrameReader, MAX_WAITING } from './hub-frames.ts'
import type { Dial, Link, LinkEvents } from './redialing-broker.ts'

/** The way to the other workers of one machine, by the Unix socket (Windows: named pipe) of their supervisor: see `hub.ts`. */
export function dialHub(path: string): Dial {
  return (events, { signal }) =>
    new Promise<Link>((resolve, reject) => {
      const socket = connect(path)
      const give = (): void => void socket.destroy(new Error('nobody waits for it any more'))
      signal.addEventListener('abort', give, { once: true })
      socket.once('error', reject)
      socket.once('connect', () => {
        signal.removeEventListener('abort', give)
        socket.off('error', reject)
        resolve(new HubLink(socket, events))
      })
    })
}

class HubLink implements Link {
  readonly #socket: ReturnType<typeof connect>
  readonly #events: LinkEvents
  /** Frames of this turn, to be one write. */
  #batch: Uint8Array[] = []
  #isClosing = false

  constructor(socket: ReturnType<typeof connect>, events: LinkEvents) {
    this.#socket = socket
    this.#events = events
    const reader = new FrameReader((whole) => eachFrame(whole, (frame) => this.#events.frame(frame)))
    let error = new Error('the supervisor has closed it')
    socket.on('data', (bytes) => {
      if (!reader.read(bytes)) socket.destroy(new Error('the supervisor has sent what is no frame'))
    })
    socket.on('error', (cause) => (error = cause))
    socket.on('close', () => {
      if (!this.#isClosing) this.#events.lost(error)
    })
  }

  publish(frame: Uint8Array): boolean {
    if (this.#isClosing || this.#socket.writableLength > MAX_WAITING) return false
    if (this.#batch.length === 0) setImmediate(() => this.#flush())
    this.#batch.push(encodeLength(frame.length), frame)
    return true
  }

  async close(): Promise<void> {
    this.#flush()
    this.#isClosing = true
    await endSocket(this.#socket)
  }

  #flush(): void {
    const batch = this.#batch
    this.#batch = []
    if (batch.length > 0) this.#socket.write(Buffer.concat(batch))
  }
}
