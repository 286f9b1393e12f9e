import { connect, type Socket } from 'node:net'
import { within } from '../support/client.ts'
import { decodeFrame, encodeFrame, HANDSHAKE, inflate, type Frame } from '../support/raw-client.ts'

/** A wait for what has to come; a busy machine takes its time. */
export const WAIT_MS = 5000

/** A raw client that keeps everything it gets. */
export class Peer {
  readonly tcp: Socket
  /** Bytes before the first frame. */
  head: Buffer = Buffer.alloc(0)
  readonly frames: Frame[] = []
  /** Messages, inflated where they were compressed. */
  readonly texts: string[] = []
  /** Whether it does its part of a closing handshake that the server begins. */
  answersClose = false
  /** The TCP connection is gone. */
  readonly ended: Promise<void>
  isEnded = false
  #buffer: Buffer = Buffer.alloc(0)
  #upgraded = false
  #watchers = new Set<() => void>()

  constructor(port: number) {
    this.tcp = connect({ port, host: '127.0.0.1', noDelay: true })
    this.tcp.on('error', () => {})
    this.ended = new Promise((resolve) => {
      this.tcp.once('close', () => {
        this.isEnded = true
        resolve()
        this.#look()
      })
    })
    this.tcp.on('data', (chunk) => {
      this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
      if (!this.#upgraded) this.#readHead()
      if (this.#upgraded) this.#readFrames()
      this.#look()
    })
  }

  get status(): number | undefined {
    const [, status] = /^HTTP\/1\.[01] (\d{3})[ \r]/.exec(this.head.toString('latin1')) ?? []
    return status === undefined ? undefined : Number(status)
  }

  /** Opening handshake that has to succeed. */
  async open(path: string, headers: Record<string, string> = {}): Promise<this> {
    const lines = Object.entries({ Host: '127.0.0.1', ...HANDSHAKE, ...headers })
    const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`)
    this.tcp.write(`GET ${path} HTTP/1.1\r\n${fields.join('')}\r\n`)
    await this.until(() => this.#upgraded || this.head.length > 0, `an answer for ${path}`)
    if (this.status !== 101) throw new Error(`expected 101 for ${path}, got ${this.head.toString('latin1')}`)
    return this
  }

  text(payload: string): void {
    this.tcp.write(encodeFrame(1, payload))
  }

  closeFrame(code: number): void {
    this.tcp.write(encodeFrame(8, Buffer.from([code >> 8, code & 255])))
  }

  /** RST or FIN. A socket that is shutting down already cannot be reset, and would never close. */
  vanish(reset: boolean): void {
    if (reset && !this.tcp.writableEnded) this.tcp.resetAndDestroy()
    else this.tcp.destroy()
  }

  /** Writes the chunks one by one, with a turn of the event loop for the server between them. */
  async writeChunks(chunks: readonly Buffer[]): Promise<void> {
    for (const chunk of chunks) {
      if (this.tcp.destroyed || this.tcp.writableEnded) return
      this.tcp.write(chunk)
      await turn()
    }
  }

  /** The code of the server's close frame. */
  get closeCode(): number | undefined {
    const close = this.frames.find(({ opcode }) => opcode === 8)
    if (!close) return undefined
    return close.payload.length < 2 ? 1005 : close.payload.readUInt16BE()
  }

  /** Forgets what it got. */
  clear(): void {
    this.frames.length = 0
    this.texts.length = 0
  }

  /** Waits until the condition holds, or the connection has ended. */
  async until(holds: () => boolean, what: string): Promise<void> {
    if (holds() || this.isEnded) return
    let watcher: () => void = () => {}
    const met = new Promise<void>((resolve) => {
      watcher = () => {
        if (holds() || this.isEnded) resolve()
      }
      this.#watchers.add(watcher)
    })
    try {
      await within(met, `no ${what}`, WAIT_MS)
    } finally {
      this.#watchers.delete(watcher)
    }
  }

  async untilEnded(what: string): Promise<void> {
    await within(this.ended, `the connection did not end ${what}`, WAIT_MS)
  }

  #look(): void {
    for (const watcher of this.#watchers) watcher()
  }

  #readHead(): void {
    const end = this.#buffer.indexOf('\r\n\r\n')
    if (end === -1) return
    this.head = this.#buffer.subarray(0, end + 4)
    this.#buffer = this.#buffer.subarray(end + 4)
    this.#upgraded = this.status === 101
  }

  #readFrames(): void {
    for (;;) {
      const { frame, size } = decodeFrame(this.#buffer)
      if (!frame) return
      this.#buffer = this.#buffer.subarray(size)
      this.frames.push(frame)
      if (frame.opcode === 1 || frame.opcode === 2) this.texts.push(textOf(frame))
      if (frame.opcode === 8 && this.answersClose) this.tcp.end(encodeFrame(8, frame.payload))
    }
  }
}

function textOf({ payload, rsv1 }: Frame): string {
  return (rsv1 ? inflate(payload) : payload).toString()
}

/** Lets the event loop read what has been written. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The bytes in pieces, cut at these shares of their length. */
export function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => Math.floor(cut * bytes.length)))].toSorted((a, b) => a - b)
  const edges = [0, ...places, bytes.length]
  return edges
    .slice(1)
    .map((end, index) => bytes.subarray(edges[index], end))
    .filter((chunk) => chunk.length > 0)
}
