import type { Payload } from '../engine/runtime.ts'

/**
 * A damaged copy: text is cut off at a character, of binary one bit is flipped. What is empty stays so.
 * @param where - from 0, the beginning, to below 1
 */
export function damaged(payload: Payload, where: number): Payload {
  if (payload.length === 0) return payload
  if (typeof payload === 'string') {
    const end = Math.floor(where * payload.length)
    // Not inside of a character.
    return payload.slice(0, isLowSurrogate(payload.charCodeAt(end)) ? end - 1 : end)
  }
  const copy = Buffer.from(payload)
  const bit = Math.floor(where * copy.length * 8)
  copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
  return copy
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}
