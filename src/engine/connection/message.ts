import { describe, SidewireError } from '../errors.ts'
import type { Payload } from '../runtime.ts'

/**
 * What a user sends, as it goes on the wire: a string is text, bytes are binary, everything else is JSON text.
 * @throws `ERR_SERIALIZE` for what JSON cannot carry; nothing is sent then.
 */
export function encode(data: unknown): Payload {
  if (typeof data === 'string') return data.isWellFormed() ? data : data.toWellFormed()
  if (ArrayBuffer.isView(data))
    return data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  let text: string | undefined
  try {
    const bytes = typeof data === 'object' && data !== null ? bytesOf(data) : undefined
    if (bytes) return bytes
    // Its output is well-formed: lone surrogates leave as escapes.
    text = JSON.stringify(data)
  } catch (cause) {
    if (cause instanceof SidewireError) throw cause
    throw new SidewireError('ERR_SERIALIZE', `cannot send ${kindOf(data)}: ${(cause as Error).message}`, {
      cause,
    })
  }
  if (text === undefined)
    throw new SidewireError(
      'ERR_SERIALIZE',
      `cannot send ${describe(data)}: JSON has no form for it; send a string, bytes, or a JSON value`,
    )
  return text
}

/** For an error. JSON may fail to describe it, and on Bun that takes 0.9 s for what is nested 100,000 deep. */
export function kindOf(data: unknown): string {
  return typeof data === 'object' && data !== null ? Object.prototype.toString.call(data) : describe(data)
}

/** Whether it goes on the wire as it is: text, or bytes of any kind and realm. */
export function isPayload(value: unknown): boolean {
  return typeof value === 'string' || ArrayBuffer.isView(value) || isBuffer(value)
}

function isBuffer(value: unknown): boolean {
  return /^\[object (?:Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value))
}

/**
 * The bytes of what JSON would take for an empty object, though it has some: those of a buffer, of any realm (`node:vm`, an
 * iframe of jsdom), shared or not. Plain objects and lists are told apart by the two names that they do not have.
 * @throws `ERR_SERIALIZE` for what has its content only later
 */
function bytesOf(data: object): Uint8Array | undefined {
  const { then, [Symbol.toStringTag]: tag } = data as { then?: unknown; [Symbol.toStringTag]?: unknown }
  if (typeof then === 'function')
    throw new SidewireError(
      'ERR_SERIALIZE',
      'cannot send a promise: an await is missing before it; send what it resolves to',
    )
  if (tag === undefined) return undefined
  switch (Object.prototype.toString.call(data)) {
    case '[object ArrayBuffer]':
    case '[object SharedArrayBuffer]':
      return new Uint8Array(data as ArrayBuffer)
    case '[object Blob]':
    case '[object File]':
      throw new SidewireError(
        'ERR_SERIALIZE',
        'cannot send a Blob: its bytes are read asynchronously, and messages keep their order; send await blob.arrayBuffer()',
      )
  }
  return undefined
}

/** For who looks at it before it is encoded. @throws `ERR_SERIALIZE` for what has its content only later */
export function assertNow(data: unknown): void {
  if (typeof data === 'object' && data !== null) bytesOf(data)
}

/** What keeping one message takes besides its payload: about 100 for text, 260 for binary, measured on Node and Bun. */
export const BYTES_PER_MESSAGE = 256

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

/** As it came: text is the string, binary a `Buffer`. */
export function asSent(payload: Payload): string | Buffer {
  return typeof payload === 'string' ? payload : toBuffer(payload)
}

/** The same memory as a `Buffer`. */
export function toBuffer(payload: Payload): Buffer {
  if (typeof payload === 'string') return Buffer.from(payload)
  return Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
}
