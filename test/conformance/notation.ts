// The words that the case table is written in: plain data for what a client sends, and for what has to come back.

/** One frame as the client sends it. */
export interface SentFrame {
  readonly kind: 'frame'
  readonly opcode: number
  readonly payload: string | Buffer
  readonly fin: boolean
  /** RSV1 to RSV3 as one number: 4, 2, 1. */
  readonly rsv: number
  /** RFC 6455 5.3; `undefined` for none. */
  readonly mask: number | undefined
  /** How many bytes the length takes, in place of as few as possible. */
  readonly lengthBytes?: 1 | 2 | 8
  /** What the head says in place of the payload's length. */
  readonly length?: bigint
}

/** A message that the client compresses as it was negotiated, in fragments of so many bytes. */
export interface SentDeflated {
  readonly kind: 'deflated'
  readonly opcode: number
  readonly payload: string | Buffer
  readonly fragment: number
  readonly options: DeflateOptions
}

export interface DeflateOptions {
  /** 0 stores, 9 looks hardest. */
  readonly level?: number
  readonly windowBits?: number
  /** How many bytes of the message each DEFLATE block takes. */
  readonly block?: number
  /** RFC 7692 7.2.3.4: the last block has the BFINAL bit. */
  readonly final?: true
}

/** Any bytes: a request's head, a frame that no function here writes. */
export interface SentBytes {
  readonly kind: 'bytes'
  readonly bytes: Buffer
}

/** Several in one TCP segment (as far as the system goes along). */
export interface Together {
  readonly kind: 'together'
  readonly steps: readonly Step[]
}

/** Several as one stream, in TCP segments of so many bytes. */
export interface Chopped {
  readonly kind: 'chopped'
  readonly size: number
  readonly steps: readonly Step[]
}

/** Waits until so many things have come back, the answer to a handshake that the table spells out among them. */
export interface Heard {
  readonly kind: 'heard'
  readonly count: number
}

/** What the client sends. Each step is a TCP segment of its own, and the server has a turn before the next one. */
export type Step = SentFrame | SentDeflated | SentBytes | Together | Chopped | Heard

export interface FrameOptions {
  readonly fin?: boolean
  readonly rsv?: number
  readonly mask?: number | 'none'
  readonly lengthBytes?: 1 | 2 | 8
  readonly length?: bigint
}

export const MIB: number = 1024 * 1024

const MASK = 0x37_fa_21_3d

export function frame(opcode: number, payload: string | Buffer = '', options: FrameOptions = {}): SentFrame {
  const { fin = true, rsv = 0, mask = MASK, ...rest } = options
  return { kind: 'frame', opcode, payload, fin, rsv, mask: mask === 'none' ? undefined : mask, ...rest }
}

type FrameOf = (payload?: string | Buffer, options?: FrameOptions) => SentFrame

function of(opcode: number, fin = true): FrameOf {
  return (payload?: string | Buffer, options?: FrameOptions): SentFrame =>
    frame(opcode, payload, { fin, ...options })
}

export const text: FrameOf = of(1)
export const binary: FrameOf = of(2)
/** The first fragment of a message. */
export const textStart: FrameOf = of(1, false)
export const binaryStart: FrameOf = of(2, false)
/** A fragment in the middle, and the last one. */
export const more: FrameOf = of(0, false)
export const last: FrameOf = of(0)
export const ping: FrameOf = of(9)
export const pong: FrameOf = of(10)
/** A close frame with just this payload. */
export const closeRaw: FrameOf = of(8)

/** A close frame; without a code it is empty. */
export function close(code?: number, reason: string | Buffer = '', options?: FrameOptions): SentFrame {
  return frame(8, code === undefined ? '' : Buffer.concat([uint16(code), Buffer.from(reason)]), options)
}

/** A text in fragments of so many bytes, without regard to characters. */
export function fragments(payload: string | Buffer, size: number, opcode = 1): SentFrame[] {
  const whole = Buffer.from(payload)
  const count = Math.max(1, Math.ceil(whole.length / size))
  return Array.from({ length: count }, (_, index) =>
    frame(index === 0 ? opcode : 0, whole.subarray(index * size, (index + 1) * size), {
      fin: index === count - 1,
    }),
  )
}

/** The same step so many times. */
export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

/** A compressed text. */
export function packed(
  payload: string,
  options: DeflateOptions = {},
  fragment: number = Infinity,
): SentDeflated {
  return { kind: 'deflated', opcode: 1, payload, fragment, options }
}

export function packedBinary(
  payload: Buffer,
  options: DeflateOptions = {},
  fragment: number = Infinity,
): SentDeflated {
  return { kind: 'deflated', opcode: 2, payload, fragment, options }
}

export function raw(content: string | Buffer): SentBytes {
  return { kind: 'bytes', bytes: typeof content === 'string' ? Buffer.from(content, 'latin1') : content }
}

export function together(...steps: Step[]): Together {
  return { kind: 'together', steps }
}

export function chopped(size: number, ...steps: Step[]): Chopped {
  return { kind: 'chopped', size, steps }
}

export function heard(count: number): Heard {
  return { kind: 'heard', count }
}

/** `hex('ce ba')` */
export function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(/\s/g, ''), 'hex')
}

/** Text of so many bytes. */
export function fill(length: number): string {
  return '*'.repeat(length)
}

/** Bytes of all values. */
export function bytes(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => index % 251))
}

/** Text that compresses, but not away. */
export function prose(length: number): string {
  const words = 'the quick brown fox jumps over a lazy dog while 1234567890 other foxes look on '
  let made = ''
  for (let n = 0; made.length < length; n++) made += `${(n * 2_654_435_761) % 4_294_967_296} ${words}`
  return made.slice(0, length)
}

/** Bytes that do not compress: xorshift, always the same. */
export function noise(length: number): Buffer {
  let state = 2_463_534_242
  return Buffer.from(
    Uint8Array.from({ length }, () => {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      return state & 255
    }),
  )
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}

// The opening handshake

/** A header's value, several for a repeated header, `undefined` for a missing one. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

const HANDSHAKE: Headers = {
  Host: '127.0.0.1',
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
}

/** The opening handshake, with these headers in place of or besides its own. */
export function ask(headers: Headers = {}, path = '/echo', start = `GET /api${path} HTTP/1.1`): SentBytes {
  return plain({ ...HANDSHAKE, ...headers }, start)
}

/** Any request. */
export function plain(headers: Headers, start: string): SentBytes {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}`),
  )
  return raw(`${[start, ...lines].join('\r\n')}\r\n\r\n`)
}

/** The opening handshake with its lines changed by hand. */
export function edited(edit: (head: string) => string, headers: Headers = {}): SentBytes {
  return raw(edit(ask(headers).bytes.toString('latin1')))
}

// What comes back

/** A message, ping or pong. */
export interface ExpectedFrame {
  readonly kind: 'frame'
  readonly opcode: number
  readonly payload: string | Buffer
  /** Whether a message has to come compressed; `undefined` if it may be either. */
  readonly compressed?: boolean
}

/** A close frame with one of these codes; 1005 stands for an empty one. */
export interface ExpectedClose {
  readonly kind: 'close'
  readonly codes: readonly number[]
  readonly reason: string | undefined
}

/** The TCP connection ends without a close frame. */
export interface ExpectedDrop {
  readonly kind: 'dropped'
}

/** Nothing comes, and the TCP connection ends when the client ends its side. */
export interface ExpectedSilence {
  readonly kind: 'unanswered'
}

/** A response with one of these statuses; `headers` by lower-case name, `undefined` for none. */
export interface ExpectedResponse {
  readonly kind: 'response'
  readonly statuses: readonly number[]
  readonly headers: Readonly<Record<string, string | undefined>>
  /** What was negotiated, where that matters: see {@link deflate}. */
  readonly extension?: readonly string[]
}

/**
 * What has to come back, in this order. Behind a close frame and `dropped` comes the end of the TCP connection and
 * nothing else; behind a refusal, too, once the client, who has no use for the connection, ends its side. Else the
 * connection has to be alive: a ping gets its pong, a close its close.
 */
export type Expected = ExpectedFrame | ExpectedClose | ExpectedDrop | ExpectedSilence | ExpectedResponse

export function closes(...codes: number[]): ExpectedClose {
  return { kind: 'close', codes, reason: undefined }
}

export function closesWith(code: number, reason: string): ExpectedClose {
  return { kind: 'close', codes: [code], reason }
}

export const dropped: ExpectedDrop = { kind: 'dropped' }

export const unanswered: ExpectedSilence = { kind: 'unanswered' }

/** The handshake succeeded. */
export function switched(headers: Readonly<Record<string, string | undefined>> = {}): ExpectedResponse {
  return { kind: 'response', statuses: [101], headers }
}

/** permessage-deflate was agreed on, legally for the offer, with these parameters among others. */
export function deflate(...parameters: string[]): ExpectedResponse {
  return { kind: 'response', statuses: [101], headers: {}, extension: parameters }
}

/** The handshake succeeded, without an extension. */
export const declined: ExpectedResponse = switched({ 'sec-websocket-extensions': undefined })

export function refused(...statuses: number[]): ExpectedResponse {
  return { kind: 'response', statuses, headers: {} }
}

export function refusedWith(
  status: number,
  headers: Readonly<Record<string, string | undefined>>,
): ExpectedResponse {
  return { kind: 'response', statuses: [status], headers }
}

/** A compressed, an uncompressed message. */
export function squeezed(payload: string | Buffer): ExpectedFrame {
  return {
    kind: 'frame',
    opcode: typeof payload === 'string' ? 1 : 2,
    payload,
    compressed: true,
  }
}

export function unsqueezed(payload: string | Buffer): ExpectedFrame {
  return { ...squeezed(payload), compressed: false }
}

// The table

/** Id, title, what the client sends, what has to come back, and where that is written. */
export type Case = readonly [
  id: string,
  title: string,
  send: readonly Step[],
  expect: readonly (Expected | SentFrame)[],
  rfc: string,
]

export interface Group {
  readonly id: string
  readonly title: string
  /** Path and headers of the handshake; none where the cases spell it out. */
  readonly handshake?: { readonly path: string; readonly headers?: Headers }
  readonly cases: readonly Case[]
}
