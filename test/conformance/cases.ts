import { CLOSED_BY_SERVER, CLOSING } from './cases/closing.ts'
import { COMPRESSED_LIMITS, COMPRESSION, CONTEXT, NEGOTIATION } from './cases/deflate.ts'
import { FRAGMENTATION } from './cases/fragmentation.ts'
import { FRAMING } from './cases/framing.ts'
import { HANDSHAKE } from './cases/handshake.ts'
import { LIMITS, MASKING, STREAM } from './cases/limits.ts'
import { PINGS } from './cases/pings.ts'
import { RESERVED_BITS, RESERVED_OPCODES } from './cases/reserved.ts'
import { UTF8 } from './cases/utf8.ts'
import type { Group } from './notation.ts'

/** The whole table, in the groups that the Autobahn suite made customary. */
export const GROUPS: readonly Group[] = [
  FRAMING,
  PINGS,
  RESERVED_BITS,
  RESERVED_OPCODES,
  FRAGMENTATION,
  UTF8,
  CLOSING,
  CLOSED_BY_SERVER,
  MASKING,
  LIMITS,
  STREAM,
  HANDSHAKE,
  NEGOTIATION,
  COMPRESSION,
  COMPRESSED_LIMITS,
  CONTEXT,
]
