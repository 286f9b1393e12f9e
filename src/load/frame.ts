import { randomBytes } from 'node:crypto'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { Opcode } from './frame-reader.ts'

const FIN = 0x80
const RSV1 = 0x40
const MASKED = 0x80
const MASK_LENGTH = 4
/** RFC 7692 7.2.1: the empty block that a compressed message leaves out at its end. */
const EMPTY_BLOCK = Buffer.from([0x00, 0x00, 0xff, 0xff])

/** A client's frame, masked (RFC 6455 5.3). */
export function maskedFrame(opcode: number, payload: Uint8Array, isCompressed = false): Buffer {
  return maskedFrameWith(randomBytes(MASK_LENGTH), opcode, payload, isCompressed)
}

export function maskedFrameWith(
  mask: Uint8Array,
  opcode: number,
  payload: Uint8Array,
  isCompressed = false,
): Buffer {
  const { length } = payload
  const start = payloadOffset(length)
  const bytes = Buffer.allocUnsafe(start + length)
  bytes[0] = FIN | (isCompressed ? RSV1 : 0) | opcode
  if (length < 126) bytes[1] = MASKED | length
  else if (length < 65_536) {
    bytes[1] = MASKED | 126
    bytes.writeUInt16BE(length, 2)
  } else {
    bytes[1] = MASKED | 127
    bytes.writeUInt32BE(Math.floor(length / 2 ** 32), 2)
    bytes.writeUInt32BE(length >>> 0, 6)
  }
  bytes.set(mask, start - MASK_LENGTH)
  for (let i = 0; i < length; i++) bytes[start + i] = (payload[i] as number) ^ (mask[i & 3] as number)
  return bytes
}

/** Where the payload of a masked frame begins. */
export function payloadOffset(length: number): number {
  return (length < 126 ? 2 : length < 65_536 ? 4 : 10) + MASK_LENGTH
}

export function closeFrame(code: number): Buffer {
  return maskedFrame(Opcode.Close, Buffer.from([code >> 8, code & 0xff]))
}

/** Without context takeover (RFC 7692 7.1.1), so that each message stands for itself. */
export function deflateMessage(payload: Uint8Array): Buffer {
  return deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -EMPTY_BLOCK.length)
}

/** Inflates; the receivers of a broadcast get the same bytes one after the other, so the last result is kept. */
export class Inflater {
  #last: Buffer | undefined
  #result: Buffer = EMPTY_BLOCK

  /** @throws what zlib says of bytes that are not deflated */
  inflate(bytes: Buffer, start: number, end: number): Buffer {
    if (this.#last?.length === end - start && this.#last.compare(bytes, start, end) === 0) return this.#result
    this.#last = Buffer.from(bytes.subarray(start, end))
    this.#result = inflateRawSync(Buffer.concat([this.#last, EMPTY_BLOCK]), {
      finishFlush: constants.Z_SYNC_FLUSH,
    })
    return this.#result
  }
}
