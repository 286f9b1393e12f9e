import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'

/** RFC 7692 7.1.1: without context takeover each message can be inflated, and skipped, for itself. */
export const DEFLATE_OFFER = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'
/** RFC 7692 7.2.1: the empty block that a compressed message leaves out at its end. */
const EMPTY_BLOCK = Buffer.from([0x00, 0x00, 0xff, 0xff])

/** A larger result is not kept for the next receiver. */
const MAX_KEPT_BYTES = 1024 * 1024

/** Without context takeover (RFC 7692 7.1.1), so that each message stands for itself. */
export function deflateMessage(payload: Uint8Array): Buffer {
  return deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -EMPTY_BLOCK.length)
}

/** Inflates; the receivers of a broadcast get the same bytes one after the other, so the last result is kept. */
export class Inflater {
  #last: Buffer | undefined
  #result: Buffer = EMPTY_BLOCK

  /**
   * @param maxLength - bytes, inflated
   * @throws what zlib says of bytes that are not deflated, and `ERR_BUFFER_TOO_LARGE`
   */
  inflate(bytes: Buffer, start: number, end: number, maxLength: number = Infinity): Buffer {
    if (
      this.#last?.length === end - start &&
      this.#result.length <= maxLength &&
      this.#last.compare(bytes, start, end) === 0
    )
      return this.#result
    const deflated = Buffer.from(bytes.subarray(start, end))
    const inflated = inflateRawSync(Buffer.concat([deflated, EMPTY_BLOCK]), {
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(maxLength !== Infinity && { maxOutputLength: maxLength }),
    })
    if (inflated.length > MAX_KEPT_BYTES) return inflated
    this.#last = deflated
    this.#result = inflated
    return inflated
  }
}
