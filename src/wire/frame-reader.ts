import { CloseCode, MAX_CONTROL_PAYLOAD_BYTES } from '../engine/close.ts'
import { FIN, Opcode, RSV1 } from './frame.ts'

/** What a reader finds. Payloads of messages are in place: they are only valid during the call. */
export interface FrameEvents {
  message(bytes: Buffer, start: number, end: number, isText: boolean, isCompressed: boolean): void
  /** Ping, pong or close. */
  control(opcode: number, payload: Buffer): void
  /** The server broke RFC 6455, or a limit; nothing more is read. */
  violation(code: number, what: string): void
}

const RSV23 = 0x30
const MASKED = 0x80
const [WHOLE_TEXT, WHOLE_BINARY] = [FIN | Opcode.Text, FIN | Opcode.Binary]
const NOTHING = Buffer.alloc(0)
/** A larger buffer is given back as soon as the frame in it is read. */
const MAX_KEPT_BYTES = 1024 * 1024

/** Splits a server's byte stream into messages, without an object or a copy for any that is whole in its chunk. */
export class FrameReader {
  readonly #events: FrameEvents
  readonly #maxPayload: number
  /** The beginning of a frame whose end is not there yet; of a reader that is paused, all that came since. */
  #held: Buffer = NOTHING
  #heldLength = 0
  /** Of a fragmented message. */
  #fragments: Buffer = NOTHING
  #fragmentsLength = 0
  #fragmentOpcode: number = Opcode.Continuation
  #fragmentCompressed = false
  #isPaused = false
  #isReading = false
  /** Nothing more is read, ever. */
  #hasEnded = false
  /** Either of both. */
  #isStopped = false

  /** @param maxPayload - bytes of a message, as it comes */
  constructor(events: FrameEvents, maxPayload: number = Infinity) {
    this.#events = events
    this.#maxPayload = maxPayload
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  read(bytes: Buffer, from: number, length: number): void {
    if (this.#isStopped) {
      if (!this.#hasEnded) this.#hold(bytes, from, length)
      return
    }
    this.#isReading = true
    let at = from
    if (this.#heldLength > 0) at = this.#complete(bytes, from, length)
    while (!this.#isStopped) {
      const end = frameEnd(bytes, at, length)
      if (end === 0) break
      if (end > length) {
        // Not all of it is waited for, if it will be refused.
        this.#check(bytes, at, end)
        break
      }
      this.#frame(bytes, at, end)
      at = end
    }
    if (at < length && !this.#hasEnded) this.#hold(bytes, at, length)
    this.#isReading = false
  }

  /** Until `resume()`, what comes is kept. In a `message()`, the messages behind it are. */
  pause(): void {
    this.#isPaused = this.#isStopped = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#isStopped = this.#hasEnded
    if (this.#isReading || this.#isStopped || this.#heldLength === 0) return
    const [bytes, length] = [this.#held, this.#heldLength]
    this.#held = NOTHING
    this.#heldLength = 0
    this.read(bytes, 0, length)
  }

  end(): void {
    this.#hasEnded = this.#isStopped = true
    this.#held = NOTHING
    this.#heldLength = 0
    this.#fragments = NOTHING
  }

  /** Feeds the frame that is held until it is whole; returns where the next one begins. */
  #complete(bytes: Buffer, from: number, length: number): number {
    let at = from
    let isChecked = false
    for (;;) {
      const end = frameEnd(this.#held, 0, this.#heldLength)
      if (end !== 0) {
        if (this.#heldLength === end) {
          this.#frameHeld(end)
          return at
        }
        if (!isChecked && !this.#check(this.#held, 0, end)) return at
        isChecked = true
      }
      if (at === length) return at
      // Until the length of the frame is known, byte by byte: a header has 10 at most.
      const wanted = end === 0 ? this.#heldLength + 1 : end
      const taken = Math.min(wanted - this.#heldLength, length - at)
      this.#hold(bytes, at, at + taken)
      at += taken
    }
  }

  #frameHeld(end: number): void {
    this.#heldLength = 0
    this.#frame(this.#held, 0, end)
    if (this.#held.length > MAX_KEPT_BYTES) this.#held = NOTHING
  }

  #hold(bytes: Buffer, start: number, end: number): void {
    this.#held = withRoom(this.#held, this.#heldLength, end - start)
    bytes.copy(this.#held, this.#heldLength, start, end)
    this.#heldLength += end - start
  }

  #frame(bytes: Buffer, at: number, end: number): void {
    const first = bytes[at] as number
    const second = bytes[at + 1] as number
    const start = at + headerLength(second)
    // Most are, and there is nothing in them to complain of.
    if (
      (first === WHOLE_TEXT || first === WHOLE_BINARY) &&
      second < MASKED &&
      this.#fragmentOpcode === Opcode.Continuation &&
      end - start <= this.#maxPayload
    )
      return this.#events.message(bytes, start, end, first === WHOLE_TEXT, false)
    return this.#unusualFrame(bytes, at, start, end)
  }

  #unusualFrame(bytes: Buffer, at: number, start: number, end: number): void {
    const first = bytes[at] as number
    if (!this.#check(bytes, at, end)) return undefined
    const opcode = first & 0x0f
    if (opcode >= Opcode.Close) return this.#events.control(opcode, Buffer.from(bytes.subarray(start, end)))
    const isWhole = (first & FIN) !== 0
    const isCompressed = (first & RSV1) !== 0
    if (opcode !== Opcode.Continuation) {
      if (isWhole) return this.#events.message(bytes, start, end, opcode === Opcode.Text, isCompressed)
      this.#fragmentOpcode = opcode
      this.#fragmentCompressed = isCompressed
    }
    // One piece of memory: a list of a million fragments of one byte would take a hundred times as much.
    this.#fragments = withRoom(this.#fragments, this.#fragmentsLength, end - start)
    bytes.copy(this.#fragments, this.#fragmentsLength, start, end)
    this.#fragmentsLength += end - start
    if (!isWhole) return undefined
    const [whole, length] = [this.#fragments, this.#fragmentsLength]
    const isText = this.#fragmentOpcode === Opcode.Text
    this.#fragments = NOTHING
    this.#fragmentsLength = 0
    this.#fragmentOpcode = Opcode.Continuation
    return this.#events.message(whole, 0, length, isText, this.#fragmentCompressed)
  }

  /** Whether the frame at `at`, of which at least the header is here, may be as it is. */
  #check(bytes: Buffer, at: number, end: number): boolean {
    const [first, second] = [bytes[at] as number, bytes[at + 1] as number]
    const length = end - at - headerLength(second)
    const what = this.#problem(first, second, length)
    if (what !== undefined) this.#violate(CloseCode.ProtocolError, what)
    else if ((first & 0x0f) < Opcode.Close && this.#fragmentsLength + length > this.#maxPayload)
      this.#violate(CloseCode.MessageTooBig, `a message is larger than ${this.#maxPayload} bytes`)
    return !this.#hasEnded
  }

  /** RFC 6455 5.2 to 5.5, RFC 7692 6. */
  #problem(first: number, second: number, length: number): string | undefined {
    const opcode = first & 0x0f
    if (second >= MASKED) return 'a frame from the server is masked'
    if ((first & RSV23) !== 0) return 'a frame has a reserved bit'
    if (opcode >= Opcode.Close) {
      if (opcode > Opcode.Pong) return `a frame has the reserved opcode ${opcode}`
      if ((first & FIN) === 0) return 'a control frame is fragmented'
      if ((first & RSV1) !== 0) return 'a control frame is compressed'
      return length > MAX_CONTROL_PAYLOAD_BYTES ? 'a control frame is longer than 125 bytes' : undefined
    }
    if (opcode > Opcode.Binary) return `a frame has the reserved opcode ${opcode}`
    const isWithin = this.#fragmentOpcode !== Opcode.Continuation
    if (opcode !== Opcode.Continuation) return isWithin ? 'a message begins within another one' : undefined
    if (!isWithin) return 'a continuation frame continues nothing'
    return (first & RSV1) !== 0 ? 'a continuation frame is marked as compressed' : undefined
  }

  #violate(code: number, what: string): void {
    this.end()
    this.#events.violation(code, what)
  }
}

/** The same bytes, in memory that has room for so many more. */
function withRoom(buffer: Buffer, length: number, more: number): Buffer {
  if (length + more <= buffer.length) return buffer
  const larger = Buffer.allocUnsafe(Math.max((length + more) * 2, 256))
  buffer.copy(larger, 0, 0, length)
  return larger
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
