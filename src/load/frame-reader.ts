/** What a reader finds. Payloads are in place: they are only valid during the call. */
export interface FrameEvents {
  message(bytes: Buffer, start: number, end: number, isText: boolean, isCompressed: boolean): void
  /** Ping, pong or close. */
  control(opcode: number, payload: Buffer): void
  /** The server broke RFC 6455; nothing more is read. */
  violation(what: string): void
}

export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const

const FIN = 0x80
const RSV1 = 0x40
const NOTHING = Buffer.alloc(0)

/** Splits a server's byte stream into messages, without an object or a copy for any that is whole in its chunk. */
export class FrameReader {
  readonly #events: FrameEvents
  /** The beginning of a frame whose end is not there yet. */
  #held: Buffer = NOTHING
  #heldLength = 0
  /** Of a fragmented message. */
  #fragments: Buffer[] = []
  #fragmentOpcode: number = Opcode.Continuation
  #fragmentCompressed = false
  #broken = false

  constructor(events: FrameEvents) {
    this.#events = events
  }

  read(bytes: Buffer, from: number, length: number): void {
    let at = from
    if (this.#heldLength > 0) at = this.#complete(bytes, from, length)
    while (!this.#broken) {
      const end = frameEnd(bytes, at, length)
      if (end === 0 || end > length) break
      this.#frame(bytes, at, end)
      at = end
    }
    if (at < length && !this.#broken) this.#hold(bytes, at, length)
  }

  /** Feeds the frame that is held until it is whole; returns where the next one begins. */
  #complete(bytes: Buffer, from: number, length: number): number {
    let at = from
    while (at < length) {
      const end = frameEnd(this.#held, 0, this.#heldLength)
      // Until the length of the frame is known, byte by byte: a header has 10 at most.
      const wanted = end === 0 ? this.#heldLength + 1 : end
      const taken = Math.min(wanted - this.#heldLength, length - at)
      this.#hold(bytes, at, at + taken)
      at += taken
      if (end === 0 || this.#heldLength < end) continue
      this.#heldLength = 0
      this.#frame(this.#held, 0, end)
      return at
    }
    // A frame without payload is whole with its header.
    const end = frameEnd(this.#held, 0, this.#heldLength)
    if (end !== 0 && end === this.#heldLength) {
      this.#heldLength = 0
      this.#frame(this.#held, 0, end)
    }
    return at
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    const length = this.#heldLength + end - start
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(length * 2, 256))
      this.#held.copy(larger, 0, 0, this.#heldLength)
      this.#held = larger
    }
    bytes.copy(this.#held, this.#heldLength, start, end)
    this.#heldLength = length
  }

  #frame(bytes: Buffer, at: number, end: number): void {
    const first = bytes[at] as number
    const second = bytes[at + 1] as number
    if (second >= 0x80) return this.#violate('a frame from the server is masked')
    const start = at + headerLength(second)
    const opcode = first & 0x0f
    if (opcode >= Opcode.Close) return this.#events.control(opcode, Buffer.from(bytes.subarray(start, end)))
    const isCompressed = (first & RSV1) !== 0
    if ((first & FIN) !== 0 && opcode !== Opcode.Continuation)
      return this.#events.message(bytes, start, end, opcode === Opcode.Text, isCompressed)
    if (opcode !== Opcode.Continuation) {
      this.#fragmentOpcode = opcode
      this.#fragmentCompressed = isCompressed
    } else if (this.#fragmentOpcode === Opcode.Continuation)
      return this.#violate('a continuation frame continues nothing')
    this.#fragments.push(Buffer.from(bytes.subarray(start, end)))
    if ((first & FIN) === 0) return
    const whole = Buffer.concat(this.#fragments)
    const isText = this.#fragmentOpcode === Opcode.Text
    this.#fragments = []
    this.#fragmentOpcode = Opcode.Continuation
    this.#events.message(whole, 0, whole.length, isText, this.#fragmentCompressed)
  }

  #violate(what: string): void {
    this.#broken = true
    this.#events.violation(what)
  }
}

function headerLength(second: number): number {
  const length = second & 0x7f
  return length < 126 ? 2 : length === 126 ? 4 : 10
}

/** Where the frame at `at` ends, 0 if its header is not there. */
function frameEnd(bytes: Buffer, at: number, length: number): number {
  if (length - at < 2) return 0
  const short = (bytes[at + 1] as number) & 0x7f
  if (short < 126) return at + 2 + short
  if (short === 126) return length - at < 4 ? 0 : at + 4 + bytes.readUInt16BE(at + 2)
  return length - at < 10 ? 0 : at + 10 + bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6)
}
