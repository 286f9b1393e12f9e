import { randomBytes } from 'node:crypto'
import { CloseCode } from '../engine/close.ts'

export const Opcode = { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 } as const

export const FIN = 0x80
export const RSV1 = 0x40
const MASKED = 0x80
const MASK_LENGTH = 4
const NOTHING = Buffer.alloc(0)

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

/** @param code - 1005: none is sent, and the other side reads that it is none (RFC 6455 7.1.5) */
export function closeFrame(code: number, reason = ''): Buffer {
  const payload =
    code === CloseCode.NoStatusReceived
      ? NOTHING
      : Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)])
  return maskedFrame(Opcode.Close, payload)
}
