import { isObject } from '../engine/handler/option-error.ts'

// Messages of Phoenix channels, in the two forms of text that its clients have (`vsn` in the query), and in the binary ones.

export interface PhoenixMessage {
  /** The `ref` of the join that it belongs to; `null` for what goes to all. */
  readonly joinRef: string | null
  readonly ref: string | null
  readonly topic: string
  readonly event: string
  /** Bytes where it was binary, or shall be. */
  readonly payload: unknown
}

export type PhoenixVersion = 1 | 2

/** What a client asks for; Phoenix itself takes a client without a version for the first. `undefined`: none that is known. */
export function versionOf(url: string): PhoenixVersion | undefined {
  const vsn = new URL(url, 'ws://localhost').searchParams.get('vsn') ?? '1.0.0'
  // `~> 1.0.0` and `~> 2.0.0` in Phoenix.
  const [, major] = /^([12])\.0\.\d+$/.exec(vsn) ?? []
  return major === undefined ? undefined : major === '1' ? 1 : 2
}

/** Of the messages with bytes; the last two are Supabase's. */
const KIND = { push: 0, reply: 1, broadcast: 2, userPush: 3, userBroadcast: 4 } as const

/** What is said of the bytes in a message of Supabase. */
const JSON_ENCODING = 1

/** @returns `undefined` for what is no message */
export function decode(data: string | Buffer, version: PhoenixVersion): PhoenixMessage | undefined {
  if (typeof data !== 'string') return version === 2 ? decodeBinary(data) : undefined
  let json: unknown
  try {
    json = JSON.parse(data)
  } catch {
    return undefined
  }
  if (version === 1) {
    if (!isObject(json)) return undefined
    const { join_ref: joinRef, ref, topic, event, payload } = json
    return messageOf(joinRef, ref, topic, event, payload)
  }
  return Array.isArray(json) && json.length === 5
    ? messageOf(json[0], json[1], json[2], json[3], json[4])
    : undefined
}

function messageOf(
  joinRef: unknown,
  ref: unknown,
  topic: unknown,
  event: unknown,
  payload: unknown,
): PhoenixMessage | undefined {
  if (typeof topic !== 'string' || typeof event !== 'string') return undefined
  if (!isRef(joinRef) || !isRef(ref)) return undefined
  return { joinRef: joinRef ?? null, ref: ref ?? null, topic, event, payload }
}

function isRef(ref: unknown): ref is string | null | undefined {
  return ref === null || ref === undefined || typeof ref === 'string'
}

/** One byte for the length of each field, then the fields, then the payload. */
function decodeBinary(bytes: Buffer): PhoenixMessage | undefined {
  const kind = bytes[0]
  if (kind !== KIND.push && kind !== KIND.userPush) return undefined
  const amount = kind === KIND.push ? 4 : 5
  let offset = 1 + amount + (kind === KIND.push ? 0 : 1)
  const fields: string[] = []
  for (const length of bytes.subarray(1, 1 + amount)) {
    fields.push(bytes.toString('utf8', offset, offset + length))
    offset += length
  }
  if (offset > bytes.length) return undefined
  const [joinRef = '', ref = '', topic = '', event = '', meta = ''] = fields
  const rest = bytes.subarray(offset)
  if (kind === KIND.push) return messageOf(joinRef || null, ref || null, topic, event, rest)
  try {
    const payload: unknown = bytes[6] === JSON_ENCODING ? JSON.parse(rest.toString()) : rest
    const broadcast = {
      type: 'broadcast',
      event,
      payload,
      ...(meta !== '' && { meta: JSON.parse(meta) as unknown }),
    }
    return messageOf(joinRef || null, ref || null, topic, 'broadcast', broadcast)
  } catch {
    return undefined
  }
}

/** Bytes can be told only by what the second version has for them. */
export function encode(message: PhoenixMessage, version: PhoenixVersion): string | Uint8Array {
  const { joinRef, ref, topic, event, payload } = message
  if (version === 2) {
    const bytes = encodeBinary(message)
    if (bytes) return bytes
    return JSON.stringify([joinRef, ref, topic, event, payload])
  }
  return JSON.stringify({ join_ref: joinRef, ref, topic, event, payload })
}

function encodeBinary({ joinRef, ref, topic, event, payload }: PhoenixMessage): Uint8Array | undefined {
  if (isBytes(payload))
    return joinRef === null
      ? framed(KIND.broadcast, [topic, event], payload)
      : framed(KIND.push, [joinRef, topic, event], payload)
  if (!isObject(payload)) return undefined
  if (event === 'phx_reply' && isBytes(payload['response']))
    return framed(
      KIND.reply,
      [joinRef ?? '', ref ?? '', topic, String(payload['status'])],
      payload['response'],
    )
  if (event === 'broadcast' && isBytes(payload['payload']))
    return framed(KIND.userBroadcast, [topic, String(payload['event']), ''], payload['payload'], [0])
  return undefined
}

function framed(
  kind: number,
  fields: readonly string[],
  payload: Uint8Array,
  behind: readonly number[] = [],
): Uint8Array {
  const texts = fields.map((field) => Buffer.from(field))
  for (const [index, { length }] of texts.entries())
    if (length > 255)
      throw new TypeError(
        `${JSON.stringify(fields[index])} is longer than the 255 bytes that a binary message has for it`,
      )
  return Buffer.concat([
    Buffer.from([kind, ...texts.map(({ length }) => length), ...behind]),
    ...texts,
    payload,
  ])
}

/** Whether it has bytes that only the second version has a form for. */
export function isBinary(message: PhoenixMessage): boolean {
  return encodeBinary(message) !== undefined
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}
