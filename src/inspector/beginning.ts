import type { Payload } from '../engine/runtime.ts'

/** The most of a payload that a line shows; the whole of it is had by asking. */
const MAX_TEXT = 4096
const MAX_BINARY = 256

/** The same one, if that is all of it; else a copy, for a part of a string keeps all of it. */
export function beginningOf(payload: Payload): Payload {
  if (typeof payload !== 'string')
    return payload.byteLength > MAX_BINARY ? payload.slice(0, MAX_BINARY) : payload
  return payload.length > MAX_TEXT ? Buffer.from(payload.slice(0, MAX_TEXT)).toString() : payload
}
