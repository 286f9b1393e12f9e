import { deflateRawSync, constants } from 'node:zlib'
import type { Payload } from '../../engine/runtime.ts'

const TEXT = 0x1
const BINARY = 0x2
const FIN = 0x80
/** RFC 7692 6: RSV1 marks a compressed message. */
const RSV1 = 0x40

/** One unfragmented message as the server sends it (RFC 6455 5.2: unmasked), in memory of its own. */
export function frame(payload: Payload, deflateWindowBits = 0): Buffer {
  const opcode = typeof payload === 'string' ? TEXT : BINARY
  if (deflateWindowBits > 0) {
    return assemble(FIN | RSV1 | opcode, deflate(payload, deflateWindowBits))
  }
  return assemble(FIN | opcode, payload)
}

function assemble(first: number, payload: Payload): Buffer {
  const length = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
  const offset = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const bytes = Buffer.allocUnsafe(offset + length)
  bytes[0] = first
  if (offset === 2) bytes[1] = length
  else if (offset === 4) {
    bytes[1] = 126
    bytes.writeUInt16BE(length, 2)
  } else {
    bytes[1] = 127
    bytes.writeUInt32BE(Math.floor(length / 2 ** 32), 2)
    bytes.writeUInt32BE(length >>> 0, 6)
  }
  if (typeof payload === 'string') bytes.write(payload, offset)
  else bytes.set(payload, offset)
  return bytes
}

/** Without context takeover each message stands for itself, so that one result serves all receivers. */
function deflate(payload: Payload, windowBits: number): Buffer {
  const bytes = deflateRawSync(payload, { windowBits, finishFlush: constants.Z_SYNC_FLUSH })
  return bytes.subarray(0, -4) // RFC 7692 7.2.1: the four bytes of the empty block are left out
}
