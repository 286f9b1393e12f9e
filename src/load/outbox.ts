import { randomBytes } from 'node:crypto'
import { deflateMessage } from '../wire/deflate.ts'
import { maskedFrame, maskedFrameWith, Opcode, payloadOffset } from '../wire/frame.ts'
import type { MessageTemplate } from './message-template.ts'
import type { Messages } from './messages.ts'
import { NUMBER_OFFSET, patchNumber } from './token.ts'

/** Frames of numbered messages, ready to be written. */
export interface Outbox {
  /** How many frames {@link take} makes at most. */
  readonly capacity: number
  /** The frames of `count` messages from number `first` on, in memory that the next call overwrites. */
  take(first: number, count: number): Buffer
  /** What was taken is still being written: the next call must use other memory. */
  leave(): void
}

/** Bytes that one connection keeps in encoded frames. */
const MAX_BYTES = 64 * 1024

export function createOutbox(
  messages: Messages,
  connection: number,
  window: number,
  compress: boolean,
): Outbox {
  return compress || messages.isVaried
    ? new AnewOutbox(messages, connection, compress)
    : new PlainOutbox(messages.template, connection, window)
}

/** Encoded and masked once; then only the digits of the number change. */
class PlainOutbox implements Outbox {
  readonly capacity: number
  readonly #mask: Uint8Array = randomBytes(4)
  readonly #size: number
  /** Of the number's digits, in a frame and in its payload. */
  readonly #digits: number
  readonly #phase: number
  #frames: Buffer

  constructor(template: MessageTemplate, connection: number, window: number) {
    const payload = template.payload(connection)
    const frame = maskedFrameWith(this.#mask, Opcode.Text, payload)
    this.#size = frame.length
    this.#phase = template.tokenOffset + NUMBER_OFFSET
    this.#digits = payloadOffset(payload.length) + this.#phase
    this.capacity = Math.max(1, Math.min(window, Math.floor(MAX_BYTES / frame.length)))
    this.#frames = Buffer.concat(Array.from({ length: this.capacity }, () => frame))
  }

  take(first: number, count: number): Buffer {
    for (let i = 0; i < count; i++)
      patchNumber(this.#frames, i * this.#size + this.#digits, first + i, this.#mask, this.#phase)
    return this.#frames.subarray(0, count * this.#size)
  }

  leave(): void {
    this.#frames = Buffer.from(this.#frames)
  }
}

const UNMASKED = new Uint8Array(4)

/** A compressed message has no place where its number stands, and those of different sizes have different ones: each is made anew. */
class AnewOutbox implements Outbox {
  readonly capacity = 64
  readonly #messages: Messages
  readonly #connection: number
  readonly #compress: boolean

  constructor(messages: Messages, connection: number, compress: boolean) {
    this.#messages = messages
    this.#connection = connection
    this.#compress = compress
  }

  take(first: number, count: number): Buffer {
    return Buffer.concat(
      Array.from({ length: count }, (_, index) => {
        const number = first + index
        const template = this.#messages.of(this.#connection, number)
        const payload = template.payload(this.#connection)
        patchNumber(payload, template.tokenOffset + NUMBER_OFFSET, number, UNMASKED, 0)
        return this.#compress
          ? maskedFrame(Opcode.Text, deflateMessage(payload), true)
          : maskedFrame(Opcode.Text, payload)
      }),
    )
  }

  leave(): void {} // all of it is new each time
}
