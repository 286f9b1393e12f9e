import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { isReceivable } from './target.ts'

/** What RFC 6455 and 7692 make of the bytes that a client sent after its handshake. */
export interface Reading {
  readonly messages: Buffer[]
  /** Where the heads of compressed frames are whose length takes 2 or 8 bytes more. */
  readonly compressedHeads: { readonly start: number; readonly end: number }[]
  /**
   * `open`: between two frames. `incomplete`: inside of one. `closed`: a valid close frame. `failed`: a frame that has to
   * be refused. `unsure`: the RFC leaves it open, or one of the runtimes is known to let it pass. `garbled`: what was to be
   * inflated is no clean deflate; zlib and its likes forgive different things, at different moments.
   */
  state: 'open' | 'incomplete' | 'closed' | 'failed' | 'unsure' | 'garbled'
  /** What `onClose` has to be told, where the bytes decide it. */
  code?: number
}

export interface ReadingOptions {
  readonly deflate: boolean
  readonly maxPayload: number
  /** A frame that says it is longer is refused by its header. */
  readonly maxFrame: number
}

const decoder = new TextDecoder('utf-8', { fatal: true })

export function read(bytes: Buffer, options: ReadingOptions): Reading {
  const reading: Reading = { messages: [], compressedHeads: [], state: 'open' }
  let at = 0
  let message: { text: boolean; compressed: boolean; parts: Buffer[]; size: number } | undefined
  const end = (state: Reading['state'], code?: number): Reading => {
    // An unfinished message may have failed before, for what it has in it.
    if (message?.compressed) return Object.assign(reading, { state: 'garbled' })
    if (state === 'failed' && message && !isUtf8(Buffer.concat(message.parts)))
      return Object.assign(reading, { state: 'unsure' })
    return Object.assign(reading, { state, ...(code !== undefined && { code }) })
  }

  while (at < bytes.length) {
    // A runtime may judge the first byte alone; the native ones wait for the mask, as every frame has to have one.
    if (bytes.length - at < 6) return end('unsure')
    const [first = 0, second = 0] = bytes.subarray(at)
    const fin = (first & 0x80) !== 0
    const rsv1 = (first & 0x40) !== 0
    const opcode = first & 15
    const isControl = opcode >= 8
    if ((first & 0x30) !== 0 || (rsv1 && !options.deflate)) return end('failed', 1002)
    // uWebSockets.js takes it on control frames and on continuations once deflate is negotiated.
    if (rsv1 && (isControl || opcode === 0)) return end('unsure')
    if ((opcode > 2 && opcode < 8) || opcode > 10) return end('failed', 1002)
    if (isControl && (!fin || (second & 127) > 125)) return end('failed', 1002)
    // uWebSockets.js does not look at the mask bit, nor always at what kind of frame may follow which.
    if ((second & 0x80) === 0) return end('unsure')
    if ((opcode === 1 || opcode === 2) && message) return end('unsure')

    let length = second & 127
    const head = length < 126 ? 2 : length === 126 ? 4 : 10
    // The native ones look at this when the whole head is there.
    if (opcode === 0 && !message) return bytes.length - at < head + 4 ? end('unsure') : end('failed', 1002)
    if (length >= 126) {
      if (bytes.length - at < head) return end('incomplete')
      length = length === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2))
      if (rsv1) reading.compressedHeads.push({ start: at, end: at + head + 4 })
      // RFC 6455 5.2 asks for the shortest form, and nobody refuses a longer one for certain.
      if (length < (head === 4 ? 126 : 65_536)) return end('unsure')
      if (length >= 2 ** 31) return end('unsure') // 1002 or 1009
    }
    if (!isControl && length + (message?.size ?? 0) > options.maxFrame)
      return bytes.length - at < head + 4 ? end('unsure') : end('failed', 1009)
    if (bytes.length - at < head + 4 + length) return end('incomplete')
    const mask = bytes.subarray(at + head, at + head + 4)
    const payload = Buffer.from(
      bytes
        .subarray(at + head + 4, at + head + 4 + length)
        .map((byte, index) => byte ^ (mask[index & 3] ?? 0)),
    )
    at += head + 4 + length

    if (opcode === 8) return readClose(payload, end)
    if (isControl) continue
    message ??= { text: opcode === 1, compressed: rsv1, parts: [], size: 0 }
    message.parts.push(payload)
    message.size += length
    if (!fin) continue
    const { text, compressed, parts } = message
    message = undefined
    let whole: Buffer = Buffer.concat(parts)
    if (compressed) {
      const inflated = inflate(whole)
      if (!inflated || !deflate(inflated).equals(whole)) return end('garbled')
      whole = inflated
    }
    if (text && !isUtf8(whole)) return end('failed', 1007)
    if (whole.length > options.maxPayload) return end('failed', 1009)
    reading.messages.push(whole)
  }
  // Invalid text may be found in its first fragments, or at its end.
  if (message?.text && !isUtf8(Buffer.concat(message.parts))) return end('unsure')
  return end('open')
}

function readClose(payload: Buffer, end: (state: Reading['state'], code?: number) => Reading): Reading {
  if (payload.length === 0) return end('closed', 1005)
  // What uWebSockets.js makes of these is in the table of docs/reference/runtimes.md.
  if (payload.length === 1) return end('unsure')
  const code = payload.readUInt16BE()
  if (!isReceivable(code) || !isUtf8(payload.subarray(2))) return end('unsure')
  return end('closed', code)
}

/** Compressed as permessage-deflate has it (RFC 7692 7.2.1). */
export function deflate(bytes: Buffer | string): Buffer {
  return deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
}

function inflate(bytes: Buffer): Buffer | undefined {
  try {
    return inflateRawSync(Buffer.concat([bytes, Buffer.from([0, 0, 0xff, 0xff])]), {
      finishFlush: constants.Z_SYNC_FLUSH,
    })
  } catch {
    return undefined
  }
}

function isUtf8(bytes: Buffer): boolean {
  try {
    decoder.decode(bytes)
    return true
  } catch {
    return false
  }
}
