import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import type { DeflateOptions } from './notation.ts'

/** RFC 7692 7.2.1: what a compressor leaves out, and 7.2.2: a decompressor puts back. */
const TAIL = Buffer.from([0, 0, 0xff, 0xff])
const MAX_WINDOW = 32 * 1024

/** The client's half of permessage-deflate, by what the server agreed to. */
export class DeflateCodec {
  readonly #parameters: ReadonlyMap<string, string>
  /** What was compressed, and inflated, before: as much as a window holds. */
  #sent: Buffer = Buffer.alloc(0)
  #received: Buffer = Buffer.alloc(0)

  constructor(parameters: ReadonlyMap<string, string>) {
    this.#parameters = parameters
  }

  compress(payload: Buffer, options: DeflateOptions): Buffer {
    const { level = 6, block = Infinity, final = false } = options
    const agreed = Number(this.#parameters.get('client_max_window_bits') ?? 15)
    // zlib has no raw deflate with 8 bits; with 9 it looks back as far as 512 - 262 bytes.
    const windowBits = Math.max(9, Math.min(options.windowBits ?? 15, agreed))
    const parts: Buffer[] = []
    let dictionary = this.#parameters.has('client_no_context_takeover') ? Buffer.alloc(0) : this.#sent
    let at = 0
    do {
      const part = payload.subarray(at, at + block)
      at += part.length
      const finishFlush = final && at === payload.length ? constants.Z_FINISH : constants.Z_SYNC_FLUSH
      const window = dictionary.subarray(-(2 ** windowBits))
      parts.push(
        deflateRawSync(part, {
          level,
          windowBits,
          finishFlush,
          ...(window.length > 0 && { dictionary: window }),
        }),
      )
      dictionary = Buffer.concat([dictionary, part]).subarray(-MAX_WINDOW)
    } while (at < payload.length)
    this.#sent = dictionary
    const bytes = Buffer.concat(parts)
    // RFC 7692 7.2.3.4: behind a block with BFINAL comes an empty one, of which the header is left.
    return final ? Buffer.concat([bytes, Buffer.from([0])]) : bytes.subarray(0, -TAIL.length)
  }

  /** @throws what zlib throws, for data that the server must not send */
  inflate(payload: Buffer): Buffer {
    const windowBits = Number(this.#parameters.get('server_max_window_bits') ?? 15)
    const dictionary = this.#parameters.has('server_no_context_takeover')
      ? Buffer.alloc(0)
      : this.#received.subarray(-(2 ** windowBits))
    const bytes = inflateRawSync(Buffer.concat([payload, TAIL]), {
      windowBits,
      finishFlush: constants.Z_SYNC_FLUSH,
      // What is still in the output may be referred to, however far back: little of it shows who looks too far.
      ...(windowBits < 15 && { chunkSize: 64 }),
      ...(dictionary.length > 0 && { dictionary }),
    })
    this.#received = Buffer.concat([this.#received, bytes]).subarray(-MAX_WINDOW)
    return bytes
  }
}

/** The parameters of the one permessage-deflate in a Sec-WebSocket-Extensions header. */
export function parametersOf(extension: string): Map<string, string> {
  const [, ...parameters] = extension.split(';').map((part) => part.trim())
  return new Map(
    parameters.map((parameter) => {
      const [name = '', value = ''] = parameter.split('=').map((part) => part.trim())
      return [name, value.replace(/^"(.*)"$/, '$1')]
    }),
  )
}

/** What is wrong with an answer to these offers by RFC 7692 7.1; `undefined` if nothing is. */
export function illegalAnswer(answer: string, offers: readonly string[]): string | undefined {
  if (!/^permessage-deflate *(;|$)/.test(answer)) return `answers with ${answer}`
  const got = parametersOf(answer)
  const fits = offers.some((offer) => {
    if (offer.split(';', 1)[0]?.trim() !== 'permessage-deflate') return false
    const asked = parametersOf(offer)
    if (asked.has('server_no_context_takeover') && !got.has('server_no_context_takeover')) return false
    if (asked.has('server_max_window_bits')) {
      const bits = Number(got.get('server_max_window_bits'))
      if (!(bits >= 8 && bits <= Number(asked.get('server_max_window_bits')))) return false
    }
    if (!got.has('client_max_window_bits')) return true
    if (!asked.has('client_max_window_bits')) return false
    const bits = Number(got.get('client_max_window_bits'))
    return bits >= 8 && bits <= Number(asked.get('client_max_window_bits') || 15)
  })
  const known = [
    'server_no_context_takeover',
    'client_no_context_takeover',
    'server_max_window_bits',
    'client_max_window_bits',
  ]
  if (!fits || [...got.keys()].some((name) => !known.includes(name)))
    return `answers with ${answer}, which fits no offer`
  return undefined
}
