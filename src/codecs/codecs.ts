import type { Codec } from '../engine/connection/codec.ts'

// `sidewire/codecs`: binary formats by the user's own library, which this package does not bring. A message that is text, or
// that the library cannot read, is none: `decode` throws, and the engine hands nothing over (`onError`, or `schema.onInvalid`).

/** What `@msgpack/msgpack` and `msgpackr` have in common. */
export interface MsgpackLibrary {
  encode(data: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

/** MessagePack (https://msgpack.org): `codec: msgpack({ encode, decode })`, of `@msgpack/msgpack` or `msgpackr`. */
export function msgpack(library: MsgpackLibrary): Codec {
  return binary(
    'msgpack',
    (data) => library.encode(data),
    (bytes) => library.decode(bytes),
  )
}

/** A message type of protobufjs. */
export interface ProtobufjsType {
  encode(data: unknown): { finish(): Uint8Array }
  decode(bytes: Uint8Array): unknown
  /** What is wrong with the data, `null` if nothing is. */
  verify?(data: unknown): string | null
}

/** The two functions of `@bufbuild/protobuf`, for one message type. */
export interface BinaryFunctions {
  toBinary(data: unknown): Uint8Array
  fromBinary(bytes: Uint8Array): unknown
}

/**
 * Protocol Buffers (https://protobuf.dev), one message type for both directions: of protobufjs the type itself, of
 * `@bufbuild/protobuf` its functions, `protobuf({ toBinary: (data) => toBinary(ChatSchema, data), fromBinary: ... })`.
 */
export function protobuf(type: ProtobufjsType | BinaryFunctions): Codec {
  if ('toBinary' in type)
    return binary(
      'protobuf',
      (data) => type.toBinary(data),
      (bytes) => type.fromBinary(bytes),
    )
  return binary(
    'protobuf',
    (data) => {
      // `encode` writes what it is given, and strings for numbers give bytes that mean something else.
      const trouble = type.verify?.(data)
      if (typeof trouble === 'string') throw new TypeError(trouble)
      return type.encode(data).finish()
    },
    (bytes) => type.decode(bytes),
  )
}

function binary(
  name: string,
  encode: (data: unknown) => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
): Codec {
  return {
    name,
    encode,
    decode(payload) {
      if (typeof payload === 'string') throw new TypeError(`a text message, and ${name} is binary`)
      // Of a `Buffer` libraries make more of them, where a browser has plain bytes.
      return decode(new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength))
    },
  }
}
