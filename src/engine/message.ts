import { describe, SidewireError } from './errors.ts'
import type { Payload } from './runtime.ts'

/**
 * What a user sends, as it goes on the wire: a string is text, bytes are binary, everything else is JSON text.
 * @throws `ERR_SERIALIZE` for what JSON cannot carry; nothing is sent then.
 */
export function encode(data: unknown): Payload {
  if (typeof data === 'string') return data.isWellFormed() ? data : data.toWellFormed()
  if (ArrayBuffer.isView(data))
    return data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  let text: string | undefined
  try {
    // Its output is well-formed: lone surrogates leave as escapes.
    text = JSON.stringify(data)
  } catch (cause) {
    // JSON would fail a second time to describe it, and on Bun that takes 0.9 s for what is nested 100,000 deep.
    const what = typeof data === 'object' ? Object.prototype.toString.call(data) : describe(data)
    throw new SidewireError('ERR_SERIALIZE', `cannot send ${what}: ${(cause as Error).message}`, { cause })
  }
  if (text === undefined)
    throw new SidewireError(
      'ERR_SERIALIZE',
      `cannot send ${describe(data)}: JSON has no form for it; send a string, bytes, or a JSON value`,
    )
  return text
}

export function byteLength(payload: Payload): number {
  return typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
}

/** Text is parsed as JSON, and is the plain string if it is not JSON; binary is a `Buffer`. */
export function decode(payload: Payload): unknown {
  if (typeof payload !== 'string') return toBuffer(payload)
  if (!mayBeJson(payload)) return payload
  try {
    return JSON.parse(payload)
  } catch {
    return payload
  }
}

/** A throw costs a stack trace: plain chat lines are told apart by their first character. */
function mayBeJson(text: string): boolean {
  const first = text.charCodeAt(0)
  // { [ " digits - t f n and the white space of JSON
  return (
    first === 0x7b ||
    first === 0x5b ||
    first === 0x22 ||
    (first >= 0x30 && first <= 0x39) ||
    first === 0x2d ||
    first === 0x74 ||
    first === 0x66 ||
    first === 0x6e ||
    first === 0x20 ||
    first === 0x0a ||
    first === 0x0d ||
    first === 0x09
  )
}

/** The same memory as a `Buffer`. */
export function toBuffer(payload: Payload): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload)
  return Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
}
