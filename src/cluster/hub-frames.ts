// Between a worker and the hub: each frame behind its length, 4 bytes, little endian.

const HEAD = 4
/** No frame is longer: the largest message that any runtime can send, and what stands before it. */
const MAX_FRAME = 512 * 1024 * 1024 + 65_536
/** Bytes that may wait for a hub that does not read. */
export const MAX_WAITING: number = 16 * 1024 * 1024

export function encodeLength(length: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD)
  head.writeUInt32LE(length)
  return head
}

/** Cuts a stream where a frame ends. */
export class FrameReader {
  readonly #onFrames: (whole: Buffer) => void
  #rest: Buffer[] = []
  #bytes = 0

  /** @param onFrames - one or more whole ones, with their lengths: see `eachFrame` */
  constructor(onFrames: (whole: Buffer) => void) {
    this.#onFrames = onFrames
  }

  /** @returns whether the stream makes sense */
  read(bytes: Buffer): boolean {
    this.#rest.push(bytes)
    this.#bytes += bytes.length
    if (this.#bytes < this.#wanted()) return true
    const all = this.#rest.length === 1 ? bytes : Buffer.concat(this.#rest)
    let at = 0
    while (all.length - at >= HEAD) {
      const length = all.readUInt32LE(at)
      if (length > MAX_FRAME) return false
      if (all.length - at < HEAD + length) break
      at += HEAD + length
    }
    this.#rest = at < all.length ? [all.subarray(at)] : []
    this.#bytes = all.length - at
    if (at > 0) this.#onFrames(all.subarray(0, at))
    return true
  }

  /** So many bytes are needed before it is worth looking: a long frame in many pieces is put together once. */
  #wanted(): number {
    const [first] = this.#rest
    if (!first || first.length < HEAD) return HEAD
    return Math.min(first.readUInt32LE(0), MAX_FRAME) + HEAD
  }
}

export function eachFrame(whole: Buffer, visit: (frame: Buffer) => void): void {
  for (let at = 0; at < whole.length;) {
    const end = at + HEAD + whole.readUInt32LE(at)
    visit(whole.subarray(at + HEAD, end))
    at = end
  }
}
