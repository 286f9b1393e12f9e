import { describe, SidewireError } from './errors.ts'

/** Close codes by their RFC 6455 7.4.1 and IANA names. */
export const CloseCode = {
  NormalClosure: 1000,
  GoingAway: 1001,
  ProtocolError: 1002,
  UnsupportedData: 1003,
  /** Never sent: the peer's close frame carried no code. */
  NoStatusReceived: 1005,
  /** Never sent: the connection ended without a close frame. */
  AbnormalClosure: 1006,
  InvalidPayload: 1007,
  PolicyViolation: 1008,
  MessageTooBig: 1009,
  MandatoryExtension: 1010,
  InternalError: 1011,
  ServiceRestart: 1012,
  TryAgainLater: 1013,
  BadGateway: 1014,
} as const

/** RFC 6455 5.5: control frames carry at most 125 bytes; a close frame spends two of them on its code. */
const MAX_REASON_BYTES = 123
export const MAX_CONTROL_PAYLOAD_BYTES = 125

/** How long a peer may take to answer our close frame before it is terminated, in ms. */
export const CLOSE_ANSWER_TIMEOUT_MS = 2000

/**
 * Codes an endpoint may put into a close frame. 1004 is undefined, 1005, 1006 and 1015 must never be sent
 * (RFC 6455 7.4.1); 1010 is the client's, but a mock may have to play a broken server.
 */
export function isSendableCloseCode(code: unknown): code is number {
  if (typeof code !== 'number' || !Number.isInteger(code)) return false
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999)
}

export function assertCloseCode(code: unknown): asserts code is number {
  if (isSendableCloseCode(code)) return
  throw new SidewireError(
    'ERR_CLOSE_CODE',
    `close code ${describe(code)} cannot be sent; use 1000-1003, 1007-1014 or 3000-4999`,
  )
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Cuts a close reason to 123 bytes of UTF-8, never inside a character. */
export function truncateReason(reason: string): string {
  if (reason.length * 3 <= MAX_REASON_BYTES) return reason.isWellFormed() ? reason : reason.toWellFormed()
  const bytes = encoder.encode(reason)
  if (bytes.length <= MAX_REASON_BYTES) return reason.isWellFormed() ? reason : reason.toWellFormed()
  let end = MAX_REASON_BYTES
  // 0b10xxxxxx continues a character: step back to the byte that starts one.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return decoder.decode(bytes.subarray(0, end))
}
