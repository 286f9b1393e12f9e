import { randomBytes } from 'node:crypto'
import type { RemoteBroadcast } from '../engine/nodes.ts'
import type { Payload } from '../engine/runtime.ts'

// What goes over a broker, version 1. Numbers are little endian, `v` is a length in LEB128 and as many bytes.
//
//   0  1  version << 4 | kind
//   1  8  sender
//   9  4  seq: of a message its number; of the others the number of the last message
//
//   message  1 flags (1 text, 2 scope, 4 rooms, 8 sent again, 16 names in UTF-16), v pattern, [v scope], [v count, v names],
//            payload to the end
//   hello    JSON: what the node is, and what it has kept
//   again    8 whose, 4 from, 4 to: one has missed these messages
//   bye      nothing: it goes away in order
//   ask      4 call, JSON: a question to all
//   answer   8 to, 4 call, 1 whether more follows, a part of JSON
//
// A frame of another version, or one that is broken, is nobody's: during a rolling deploy both are on one broker.

const VERSION = 1
const HEAD = 13

const Kind = { message: 0, hello: 1, again: 2, bye: 3, ask: 4, answer: 5 } as const
const Flag = { text: 1, scope: 2, rooms: 4, again: 8, utf16: 16 } as const
/** Where the flags of a message are. */
const FLAGS = HEAD

/** Random at each start of a node: 53 bits, so that it is a number that keys a `Map`. */
export type NodeId = number

export type Frame = { readonly sender: NodeId; readonly seq: number } & (
  | { readonly kind: 'message' }
  | { readonly kind: 'hello'; readonly about: unknown }
  | { readonly kind: 'again'; readonly whose: NodeId; readonly from: number; readonly to: number }
  | { readonly kind: 'bye' }
  | { readonly kind: 'ask'; readonly call: number; readonly question: unknown }
  | {
      readonly kind: 'answer'
      readonly to: NodeId
      readonly call: number
      readonly isPart: boolean
      readonly part: Uint8Array
    }
)

/** As error messages and lists show it. */
export function nameOfNode(id: NodeId): string {
  return id.toString(16).padStart(14, '0')
}

export function newNodeId(): NodeId {
  const bytes = randomBytes(7)
  return (bytes.readUIntLE(4, 3) & 0x1f_ffff) * 2 ** 32 + bytes.readUInt32LE(0)
}

export function encodeMessage(sender: NodeId, seq: number, message: RemoteBroadcast): Buffer {
  const { pattern, scope, rooms, payload } = message
  // A name may be any string, and half a character would not come through UTF-8 as it was.
  const isUtf8 = isWellFormed(pattern) && isWellFormed(scope ?? '') && (rooms ?? []).every(isWellFormed)
  const encoding = isUtf8 ? 'utf8' : 'utf16le'
  const patternBytes = Buffer.byteLength(pattern, encoding)
  const scopeBytes = scope === undefined ? 0 : Buffer.byteLength(scope, encoding)
  const payloadBytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
  let length = HEAD + 1 + sizeOf(patternBytes) + patternBytes + payloadBytes
  if (scope !== undefined) length += sizeOf(scopeBytes) + scopeBytes
  if (rooms !== undefined) {
    length += sizeOf(rooms.length)
    for (const room of rooms) {
      const bytes = Buffer.byteLength(room, encoding)
      length += sizeOf(bytes) + bytes
    }
  }
  const frame = Buffer.allocUnsafe(length)
  let at = writeHead(frame, Kind.message, sender, seq)
  let flags = typeof payload === 'string' ? Flag.text : 0
  if (scope !== undefined) flags |= Flag.scope
  if (rooms !== undefined) flags |= Flag.rooms
  if (!isUtf8) flags |= Flag.utf16
  frame[at++] = flags
  at = writeText(frame, at, pattern, patternBytes, encoding)
  if (scope !== undefined) at = writeText(frame, at, scope, scopeBytes, encoding)
  if (rooms !== undefined) {
    at = writeLength(frame, at, rooms.length)
    for (const room of rooms) at = writeText(frame, at, room, Buffer.byteLength(room, encoding), encoding)
  }
  if (typeof payload === 'string') frame.write(payload, at)
  else frame.set(payload, at)
  return frame
}

/** A copy that says so. */
export function markAgain(frame: Uint8Array): Buffer {
  const copy = Buffer.from(frame)
  copy[FLAGS] = (copy[FLAGS] ?? 0) | Flag.again
  return copy
}

export function isMarkedAgain(frame: Uint8Array): boolean {
  return ((frame[FLAGS] ?? 0) & Flag.again) !== 0
}

export function encodeHello(sender: NodeId, seq: number, about: unknown): Buffer {
  return withJson(Kind.hello, sender, seq, Buffer.alloc(0), about)
}

export function encodeBye(sender: NodeId, seq: number): Buffer {
  const frame = Buffer.allocUnsafe(HEAD)
  writeHead(frame, Kind.bye, sender, seq)
  return frame
}

export function encodeAgain(sender: NodeId, whose: NodeId, from: number, to: number): Buffer {
  const frame = Buffer.allocUnsafe(HEAD + 16)
  let at = writeHead(frame, Kind.again, sender, 0)
  at = writeId(frame, at, whose)
  at = frame.writeUInt32LE(from >>> 0, at)
  frame.writeUInt32LE(to >>> 0, at)
  return frame
}

export function encodeAsk(sender: NodeId, call: number, question: unknown): Buffer {
  const head = Buffer.allocUnsafe(4)
  head.writeUInt32LE(call)
  return withJson(Kind.ask, sender, 0, head, question)
}

/** Brokers limit the length of a frame, NATS to 1 MiB. */
const MAX_PART = 256 * 1024

export function* encodeAnswer(sender: NodeId, to: NodeId, call: number, answer: unknown): Generator<Buffer> {
  const json = Buffer.from(JSON.stringify(answer ?? null))
  for (let start = 0; start < json.length; start += MAX_PART) {
    const part = json.subarray(start, start + MAX_PART)
    const frame = Buffer.allocUnsafe(HEAD + 13 + part.length)
    let at = writeHead(frame, Kind.answer, sender, 0)
    at = writeId(frame, at, to)
    at = frame.writeUInt32LE(call, at)
    frame[at++] = start + MAX_PART < json.length ? 1 : 0
    frame.set(part, at)
    yield frame
  }
}

/** `undefined` for what no node of this version has sent. A message is looked into by {@link readMessage} when its turn has come. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < HEAD) return undefined
  const frame = bufferOf(bytes)
  const [first = 0] = frame
  if (first >> 4 !== VERSION) return undefined
  const [sender, seq] = [readId(frame, 1), frame.readUInt32LE(9)]
  if (!Number.isSafeInteger(sender)) return undefined
  switch (first & 0xf) {
    case Kind.message:
      if (frame.length === HEAD) return undefined
      return { kind: 'message', sender, seq }
    case Kind.hello: {
      const about = readJson(frame.subarray(HEAD))
      return about === undefined ? undefined : { kind: 'hello', sender, seq, about }
    }
    case Kind.again: {
      if (frame.length !== HEAD + 16) return undefined
      const whose = readId(frame, HEAD)
      const [from, to] = [frame.readUInt32LE(HEAD + 8), frame.readUInt32LE(HEAD + 12)]
      return { kind: 'again', sender, seq, whose, from, to }
    }
    case Kind.bye:
      return { kind: 'bye', sender, seq }
    case Kind.ask: {
      if (frame.length < HEAD + 4) return undefined
      const question = readJson(frame.subarray(HEAD + 4))
      if (question === undefined) return undefined
      return { kind: 'ask', sender, seq, call: frame.readUInt32LE(HEAD), question }
    }
    case Kind.answer: {
      if (frame.length < HEAD + 13) return undefined
      const [to, call] = [readId(frame, HEAD), frame.readUInt32LE(HEAD + 8)]
      const isPart = frame[HEAD + 12] === 1
      return { kind: 'answer', sender, seq, to, call, isPart, part: frame.subarray(HEAD + 13) }
    }
    default:
      return undefined
  }
}

/** What a message says; `undefined` if it is broken. Nothing of the frame's memory is kept. */
export function readMessage(bytes: Uint8Array): RemoteBroadcast | undefined {
  const frame = bufferOf(bytes)
  const flags = frame[FLAGS] ?? 0
  const reader = new Reader(frame, HEAD + 1, flags & Flag.utf16 ? 'utf16le' : 'utf8')
  const pattern = reader.text()
  const scope = flags & Flag.scope ? reader.text() : undefined
  let rooms: string[] | undefined
  if (flags & Flag.rooms) {
    rooms = []
    const count = reader.length()
    // Each has a byte at least, so that a wrong count makes no long list.
    if (count > frame.length) return undefined
    for (let n = 0; n < count; n++) rooms.push(reader.text())
  }
  if (reader.isBroken) return undefined
  const rest = frame.subarray(reader.at)
  const payload: Payload = flags & Flag.text ? rest.toString() : Buffer.from(rest)
  return { pattern, scope, rooms, payload }
}

/** How far `a` is behind `b`, less than 0 before it; numbers begin anew after 2 ** 32. */
export function distance(a: number, b: number): number {
  return (a - b) | 0
}

class Reader {
  at: number
  isBroken = false
  readonly #frame: Buffer
  readonly #encoding: 'utf8' | 'utf16le'

  constructor(frame: Buffer, at: number, encoding: 'utf8' | 'utf16le') {
    this.#frame = frame
    this.at = at
    this.#encoding = encoding
  }

  length(): number {
    let value = 0
    for (let shift = 0; shift < 32; shift += 7) {
      const byte = this.#frame[this.at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    this.isBroken = true
    return 0
  }

  text(): string {
    const end = this.length() + this.at
    if (end > this.#frame.length) this.isBroken = true
    if (this.isBroken) return ''
    const text = this.#frame.toString(this.#encoding, this.at, end)
    this.at = end
    return text
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function writeHead(frame: Buffer, kind: number, sender: NodeId, seq: number): number {
  frame[0] = (VERSION << 4) | kind
  writeId(frame, 1, sender)
  return frame.writeUInt32LE(seq >>> 0, 9)
}

function writeId(frame: Buffer, at: number, id: NodeId): number {
  frame.writeUInt32LE(id % 2 ** 32, at)
  return frame.writeUInt32LE(Math.floor(id / 2 ** 32), at + 4)
}

function readId(frame: Buffer, at: number): NodeId {
  return frame.readUInt32LE(at + 4) * 2 ** 32 + frame.readUInt32LE(at)
}

function withJson(kind: number, sender: NodeId, seq: number, head: Buffer, value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value))
  const frame = Buffer.allocUnsafe(HEAD + head.length + json.length)
  const at = writeHead(frame, kind, sender, seq)
  frame.set(head, at)
  frame.set(json, at + head.length)
  return frame
}

function readJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}

function sizeOf(length: number): number {
  let size = 1
  for (let left = length; left >= 0x80; left = Math.floor(left / 0x80)) size++
  return size
}

function writeLength(frame: Buffer, at: number, length: number): number {
  let [left, next] = [length, at]
  while (left >= 0x80) {
    frame[next++] = (left % 0x80) | 0x80
    left = Math.floor(left / 0x80)
  }
  frame[next++] = left
  return next
}

function isWellFormed(text: string): boolean {
  return text.isWellFormed()
}

function writeText(
  frame: Buffer,
  at: number,
  text: string,
  bytes: number,
  encoding: 'utf8' | 'utf16le',
): number {
  const start = writeLength(frame, at, bytes)
  frame.write(text, start, encoding)
  return start + bytes
}
