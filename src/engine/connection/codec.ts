import { SidewireError, toError } from '../errors.ts'
import { isPromiseLike } from '../promise.ts'
import type { Payload } from '../runtime.ts'
import { asSent, assertNow, decode, encode, isPayload, kindOf } from './message.ts'

/** Turns what a handler sends into messages, and messages into what it gets. Both at once, because messages keep their order. */
export interface Codec<Incoming = any> {
  /** For error messages. */
  readonly name: string
  /** What is sent, whatever it is, as it goes on the wire: a string is text, bytes are binary, and both stay as they are. */
  encode(data: unknown): string | Uint8Array
  /** What `responses` and `onMessage` get of a message. */
  decode(payload: string | Buffer): Incoming
}

/**
 * What a handler without a codec has: strings are text, bytes are binary, everything else is JSON; text that is JSON arrives
 * parsed. For a codec of your own, to fall back on.
 */
export const jsonCodec: Codec = { name: 'json', encode, decode }

/** A codec as the engine calls it. */
export interface Translation {
  /** @throws `ERR_SERIALIZE` */
  readonly encode: (data: unknown) => Payload
  /** Throws what the user's codec throws. */
  readonly decode: (payload: Payload) => unknown
}

/** Decided once for each handler: most have the engine's own functions, with nothing around them. */
export function translationOf(handler: {
  readonly raw?: boolean | undefined
  readonly codec?: Codec | undefined
}): Translation {
  const { raw = false, codec = jsonCodec } = handler
  if (raw) return { encode, decode: asSent }
  if (codec === jsonCodec) return { encode, decode }
  return {
    encode: (data) => encodeWith(codec, data),
    decode: (payload) => decodeWith(codec, payload),
  }
}

function encodeWith(codec: Codec, data: unknown): Payload {
  assertNow(data)
  let encoded: unknown
  try {
    encoded = codec.encode(data)
  } catch (cause) {
    // It fell back on `jsonCodec`.
    if (cause instanceof SidewireError && cause.code === 'ERR_SERIALIZE') throw cause
    const { message } = toError(cause)
    throw new SidewireError(
      'ERR_SERIALIZE',
      `cannot send ${kindOf(data)}: the codec "${codec.name}" failed: ${message}`,
      { cause },
    )
  }
  if (isPayload(encoded)) return encode(encoded)
  forget(encoded)
  throw new SidewireError(
    'ERR_SERIALIZE',
    `cannot send ${kindOf(data)}: the codec "${codec.name}" made ${kindOf(encoded)} of it; encode has to return a string or bytes`,
  )
}

function decodeWith(codec: Codec, payload: Payload): unknown {
  const data: unknown = codec.decode(asSent(payload))
  if (!isPromiseLike(data)) return data
  forget(data)
  throw new SidewireError(
    'ERR_OPTION',
    `the codec "${codec.name}" made a promise of a message; decode has to return what it stands for: transformRawData may be async`,
  )
}

/** Nobody waits for it, so that its failure must not count as unhandled. */
function forget(value: unknown): void {
  if (isPromiseLike(value)) Promise.resolve(value).catch(() => {})
}
