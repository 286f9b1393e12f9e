import * as fc from 'fast-check'
import { encodeFrame, HANDSHAKE } from '../support/raw-client.ts'
import { deflate } from './reference.ts'

/** Where to cut, as shares of the length: they stay meaningful while the bytes shrink. */
export const cuts: fc.Arbitrary<number[]> = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
  maxLength: 12,
})

/** Lengths around the borders of the three encodings (RFC 6455 5.2) are as likely as short ones. */
const size = fc.oneof(
  { weight: 6, arbitrary: fc.nat(40) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 124, 125, 126, 127, 128, 4096, 65_535, 65_536, 70_000) },
)

const binary: fc.Arbitrary<Buffer> = fc
  .tuple(size, fc.uint8Array({ minLength: 1, maxLength: 32 }))
  .map(([length, bytes]) => Buffer.alloc(length, bytes))

const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 2, arbitrary: fc.json() },
  { weight: 1, arbitrary: size.map((length) => 'é'.repeat(length / 2)) },
)

export interface ValidMessage {
  readonly text: boolean
  readonly payload: Buffer
  /** Where to cut it into fragments. */
  readonly cuts: number[]
  /** Control frames in front of each fragment. */
  readonly between: { readonly opcode: 9 | 10; readonly payload: Buffer }[]
}

const control = fc.record({
  opcode: fc.constantFrom(9 as const, 10 as const),
  payload: fc.uint8Array({ maxLength: 125 }).map((bytes) => Buffer.from(bytes)),
})

export const validMessage: fc.Arbitrary<ValidMessage> = fc
  .tuple(
    fc.oneof(
      text.map((value) => ({ text: true, payload: Buffer.from(value.toWellFormed()) })),
      binary.map((payload) => ({ text: false, payload })),
    ),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
    fc.array(control, { maxLength: 2 }),
  )
  .map(([message, at, between]) => ({ ...message, cuts: at, between }))

/** One frame of any kind, most of them against the RFC in some way. */
export interface WildFrame {
  readonly fin: boolean
  readonly rsv: number
  readonly opcode: number
  readonly masked: boolean
  readonly payload: Buffer
  /** Which of the three encodings its length has, and what it says. */
  readonly encoding: 'shortest' | 16 | 64
  readonly lie: number
}

const opcode = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 2) },
  { weight: 3, arbitrary: fc.constantFrom(8, 9, 10) },
  { weight: 1, arbitrary: fc.nat(15) },
)

const closePayload = fc
  .tuple(
    fc.oneof(fc.constantFrom(1000, 1001, 1004, 1005, 1006, 1012, 1015, 3000, 4999, 5000), fc.nat(65_535)),
    text,
  )
  .map(([code, reason]) => Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]))

/** Whether compression was negotiated or not. */
const deflated = text.map((value) => deflate(value))

const wildFrame: fc.Arbitrary<WildFrame> = fc
  .record({
    fin: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    rsv: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(7) }),
    opcode,
    masked: fc.oneof(
      { weight: 12, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) },
    ),
    payload: fc.oneof(
      { weight: 3, arbitrary: fc.uint8Array({ maxLength: 140 }).map((bytes) => Buffer.from(bytes)) },
      { weight: 3, arbitrary: text.map((value) => Buffer.from(value)) },
      { weight: 2, arbitrary: closePayload },
      { weight: 1, arbitrary: binary },
    ),
    encoding: fc.oneof(
      { weight: 8, arbitrary: fc.constant('shortest' as const) },
      { weight: 1, arbitrary: fc.constantFrom(16 as const, 64 as const) },
    ),
    lie: fc.oneof(
      { weight: 12, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constantFrom(-1, 1, 5, 70_000, 17 * 1024 * 1024, 2 ** 40) },
    ),
  })
  .chain((frame) =>
    fc.oneof(
      { weight: 5, arbitrary: fc.constant(frame) },
      {
        weight: 1,
        arbitrary: deflated.map((payload) => ({ ...frame, rsv: 4, opcode: 1 + (frame.opcode & 1), payload })),
      },
    ),
  )

/** A byte set, put in or taken out, at a share of the length. */
export interface Mutation {
  readonly kind: 'set' | 'insert' | 'delete' | 'cut' | 'repeat'
  readonly at: number
  readonly byte: number
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('set', 'insert', 'delete', 'cut', 'repeat'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  byte: fc.nat(255),
})

export const mutations: fc.Arbitrary<Mutation[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Mutation[]>([]) },
  { weight: 1, arbitrary: fc.array(mutation, { maxLength: 4 }) },
)

export const wildFrames: fc.Arbitrary<WildFrame[]> = fc.array(wildFrame, { minLength: 1, maxLength: 8 })

export function encodeWild({ fin, rsv, opcode: code, masked, payload, encoding, lie }: WildFrame): Buffer {
  const length = Math.max(0, payload.length + lie)
  const first = (fin ? 0x80 : 0) | (rsv << 4) | code
  const maskBit = masked ? 0x80 : 0
  let head: Buffer
  if (encoding === 64 || length > 65_535) {
    head = Buffer.alloc(10)
    head[1] = maskBit | 127
    head.writeBigUInt64BE(BigInt(length), 2)
  } else if (encoding === 16 || length > 125) {
    head = Buffer.from([0, maskBit | 126, length >> 8, length & 255])
  } else head = Buffer.from([0, maskBit | length])
  head[0] = first
  if (!masked) return Buffer.concat([head, payload])
  const mask = [0x37, 0xfa, 0x21, 0x3d]
  return Buffer.concat([head, Buffer.from(mask), payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0))])
}

export function mutate(bytes: Buffer, changes: readonly Mutation[]): Buffer {
  let result = bytes
  for (const { kind, at, byte } of changes) {
    const place = Math.floor(at * result.length)
    const [before, after] = [result.subarray(0, place), result.subarray(place)]
    const one = Buffer.from([byte])
    if (kind === 'set') result = Buffer.concat([before, one, after.subarray(1)])
    else if (kind === 'insert') result = Buffer.concat([before, one, after])
    else if (kind === 'delete') result = Buffer.concat([before, after.subarray(1 + (byte & 7))])
    else if (kind === 'repeat') result = Buffer.concat([before, after.subarray(0, byte), after])
    else result = before
  }
  return result
}

/** The frames of a valid message, control frames between its fragments. */
export function encodeMessage({ text: isText, payload, cuts: at, between }: ValidMessage): Buffer {
  const places = at.map((cut) => Math.floor(cut * payload.length)).toSorted((a, b) => a - b)
  const edges = [0, ...places, payload.length]
  const parts = edges.slice(1).map((end, index) => payload.subarray(edges[index], end))
  return Buffer.concat(
    parts.flatMap((part, index) => [
      ...between.map((frame) => encodeFrame(frame.opcode, frame.payload)),
      encodeFrame(index > 0 ? 0 : isText ? 1 : 2, part, { fin: index === parts.length - 1 }),
    ]),
  )
}

/** A header of the handshake, and what is wrong with it. */
const headerName = fc.oneof(
  fc.constantFrom(
    ...['Host', 'Upgrade', 'Connection', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version', 'Origin', 'Cookie'],
    ...[
      'Sec-WebSocket-Protocol',
      'Sec-WebSocket-Extensions',
      'Content-Length',
      'Transfer-Encoding',
      'Expect',
    ],
    ...['X-Forwarded-For', 'X-Sidewire-Secret', '__proto__', 'constructor', 'x'],
  ),
  fc.string({ maxLength: 12 }),
)

const headerValue = fc.oneof(
  fc.constantFrom(
    ...[
      '',
      'websocket',
      'Upgrade',
      'upgrade, keep-alive',
      '13',
      '14',
      ' 13 ',
      'dGhlIHNhbXBsZSBub25jZQ==',
      'x',
    ],
    ...[
      'permessage-deflate',
      'permessage-deflate; client_max_window_bits=0',
      'permessage-deflate; server_max_window_bits=8',
    ],
    ...[
      'a, b',
      'a,,b',
      'chunked',
      '0',
      '5',
      '-1',
      '99999999999999999999',
      '100-continue',
      'null',
      'http://evil.example',
    ],
    ...['http://localhost:1', 'http://[::1', 'localhost', '[::1', '127.0.0.1:99999', 'a b', '%'],
  ),
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary-ascii', maxLength: 30 }),
  fc.nat(9000).map((length) => 'h'.repeat(length)),
)

export interface WildHandshake {
  readonly method: string
  readonly target: string
  readonly version: string
  /** Replaces the handshake's own header of this name, comes beside it, or takes it away. */
  readonly headers: {
    readonly how: 'replace' | 'add' | 'drop'
    readonly name: string
    readonly value: string
  }[]
  readonly rest: Buffer
}

const target = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('/api/fuzz/0', '/api/late') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...[
        '/',
        '*',
        '',
        '/api',
        '/api/',
        '//',
        '/api/fuzz/%',
        '/api/fuzz/%ff',
        '/api/fuzz/a%2fb',
        '/healthz',
        '/api/fuzz/?',
      ],
      ...[
        'http://127.0.0.1/api/fuzz/0',
        'http://',
        'http://[/api',
        '/api/fuzz/0?%zz',
        '/api/fuzz/0#x',
        '/../api/fuzz/0',
        'api',
      ],
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 30 }).map((path) => `/api/fuzz/${path}`) },
  { weight: 1, arbitrary: fc.nat(20_000).map((length) => `/api/fuzz/${'p'.repeat(length)}`) },
)

export const wildHandshake: fc.Arbitrary<WildHandshake> = fc.record({
  method: fc.oneof(
    { weight: 6, arbitrary: fc.constant('GET') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('get', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'CONNECT', 'PRI', 'TRACE', 'x', ''),
    },
  ),
  target,
  version: fc.oneof(
    { weight: 8, arbitrary: fc.constant('HTTP/1.1') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.2', 'http/1.1', 'HTTP/11', ''),
    },
  ),
  headers: fc.array(
    fc.record({ how: fc.constantFrom('replace', 'add', 'drop'), name: headerName, value: headerValue }),
    { maxLength: 4 },
  ),
  rest: fc.oneof(
    { weight: 3, arbitrary: fc.constant(Buffer.alloc(0)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: fc.constant(Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')) },
  ),
})

export function encodeHandshake({ method, target: path, version, headers, rest }: WildHandshake): Buffer {
  const fields: [string, string][] = Object.entries({ Host: '127.0.0.1', ...HANDSHAKE })
  for (const { how, name, value } of headers) {
    const at = fields.findIndex(([known]) => known.toLowerCase() === name.toLowerCase())
    if (how === 'add' || at === -1) fields.push([name, value])
    else if (how === 'replace') fields[at] = [name, value]
    else fields.splice(at, 1)
  }
  const lines = [`${method} ${path} ${version}`, ...fields.map(([name, value]) => `${name}: ${value}`)]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), rest])
}
