import { connect as connectTcp, type Socket } from 'node:net'
import { inflateRawSync, constants } from 'node:zlib'
import { Queue, within } from './client.ts'

export interface Frame {
  readonly fin: boolean
  readonly rsv1: boolean
  /** RSV1 to RSV3 as one number: 4, 2, 1. */
  readonly rsv: number
  readonly opcode: number
  readonly masked: boolean
  /** How many bytes the length took. */
  readonly lengthBytes: LengthBytes
  readonly payload: Buffer
}

type LengthBytes = 1 | 2 | 8

export interface FrameOptions {
  readonly fin?: boolean
  readonly rsv?: number
  readonly masked?: boolean
  readonly mask?: number
  /** In place of as few as possible. */
  readonly lengthBytes?: LengthBytes
  /** What the head says in place of the payload's length. */
  readonly length?: bigint
}

export interface HttpResponse {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

export const HANDSHAKE: Readonly<Record<string, string>> = {
  Upgrade: 'websocket',
  Connection: 'Upgrade',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
}

/** A TCP socket that sends and reads frames, for what no client library does. */
export class RawClient {
  readonly tcp: Socket
  readonly frames: Queue<Frame> = new Queue<Frame>('frame')
  /** The TCP connection ended, for whatever reason. */
  readonly ended: Promise<void>
  #buffer: Buffer = Buffer.alloc(0)
  #response: ((response: HttpResponse) => void) | undefined
  #upgraded = false

  constructor(port: number) {
    this.tcp = connectTcp({ port, host: '127.0.0.1' })
    this.tcp.on('error', () => {})
    this.ended = within(
      new Promise<void>((resolve) => {
        this.tcp.once('end', () => resolve())
        this.tcp.once('close', () => resolve())
      }),
      'no end of the TCP connection',
    )
    this.ended.catch(() => {})
    this.tcp.on('data', (chunk) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      if (this.#upgraded) this.#readFrames()
      else this.#readResponse()
    })
  }

  /** Sends a request head and reads the response; on 101 the connection speaks frames. */
  request(
    path: string,
    headers: Record<string, string | undefined> = HANDSHAKE,
    start = `GET ${path} HTTP/1.1`,
    extraLines: string[] = [],
    encoding: BufferEncoding = 'utf8',
  ): Promise<HttpResponse> {
    const { Host = '127.0.0.1', ...rest } = headers
    const lines = Object.entries({ Host, ...rest }).filter(([, value]) => value !== undefined)
    const head = [start, ...lines.map(([name, value]) => `${name}: ${value}`), ...extraLines]
    const response = new Promise<HttpResponse>((resolve, reject) => {
      this.#response = resolve
      const hungUp = (): void => reject(new Error('the connection ended without a response'))
      this.ended.then(hungUp, hungUp)
    })
    this.tcp.write(`${head.join('\r\n')}\r\n\r\n`, encoding)
    return within(response, `no response for ${path}`)
  }

  /** Opening handshake that has to succeed. */
  async open(path: string, headers: Record<string, string> = {}): Promise<this> {
    const response = await this.request(path, { ...HANDSHAKE, ...headers })
    if (response.status !== 101) throw new Error(`expected 101, got ${response.status} ${response.body}`)
    return this
  }

  frame(opcode: number, payload: string | Buffer = '', options: FrameOptions = {}): void {
    this.tcp.write(encodeFrame(opcode, payload, options))
  }

  text(payload: string): void {
    this.frame(1, payload)
  }

  closeFrame(code: number, reason = ''): void {
    const payload = Buffer.alloc(2)
    payload.writeUInt16BE(code)
    this.frame(8, Buffer.concat([payload, Buffer.from(reason)]))
  }

  next(): Promise<Frame> {
    return this.frames.next()
  }

  /** The next frame as text, inflated if it is compressed. */
  async nextText(): Promise<string> {
    const { payload, rsv1 } = await this.next()
    return (rsv1 ? inflate(payload) : payload).toString()
  }

  /** The code and reason of the close frame; other frames before it are dropped. */
  async nextClose(): Promise<{ code: number; reason: string }> {
    for (;;) {
      const { opcode, payload } = await this.next()
      if (opcode !== 8) continue
      return { code: payload.length < 2 ? 1005 : payload.readUInt16BE(), reason: payload.toString('utf8', 2) }
    }
  }

  /** RST instead of FIN. */
  reset(): void {
    this.tcp.resetAndDestroy()
  }

  #readResponse(): void {
    const found = decodeResponse(this.#buffer)
    if (!found) return
    this.#upgraded = found.response.status === 101
    this.#buffer = this.#buffer.subarray(found.size)
    this.#response?.(found.response)
    if (this.#upgraded) this.#readFrames()
  }

  #readFrames(): void {
    for (;;) {
      const found = decodeFrame(this.#buffer)
      if (!found.frame) return
      this.#buffer = this.#buffer.subarray(found.size)
      this.frames.push(found.frame)
    }
  }
}

export function inflate(payload: Buffer): Buffer {
  return inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), {
    finishFlush: constants.Z_SYNC_FLUSH,
  })
}

export function encodeFrame(opcode: number, payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, masked = true, mask = 0x01_02_03_04 } = options
  const body = Buffer.from(payload)
  const length = options.length ?? BigInt(body.length)
  const lengthBytes = options.lengthBytes ?? fewestLengthBytes(length)
  const head = Buffer.alloc(lengthBytes === 1 ? 2 : 2 + lengthBytes)
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  head[1] = (masked ? 0x80 : 0) | (lengthBytes === 1 ? Number(length) : lengthBytes === 2 ? 126 : 127)
  if (lengthBytes === 2) head.writeUInt16BE(Number(length), 2)
  if (lengthBytes === 8) head.writeBigUInt64BE(length, 2)
  if (!masked) return Buffer.concat([head, body])
  const key = Buffer.alloc(4)
  key.writeUInt32BE(mask)
  const hidden = Buffer.allocUnsafe(body.length)
  for (let i = 0; i < body.length; i++) hidden[i] = (body[i] ?? 0) ^ (key[i & 3] ?? 0)
  return Buffer.concat([head, key, hidden])
}

function fewestLengthBytes(length: bigint): LengthBytes {
  return length < 126n ? 1 : length < 65_536n ? 2 : 8
}

/** The frame at the start of the buffer and its size; without a frame, `size` is how many bytes it takes to go on. */
export function decodeFrame(buffer: Buffer): { frame: Frame | undefined; size: number } {
  const [first = 0, second = 0] = buffer
  let length = second & 127
  const lengthBytes: LengthBytes = length < 126 ? 1 : length === 126 ? 2 : 8
  const headSize = lengthBytes === 1 ? 2 : 2 + lengthBytes
  if (buffer.length < 2 || buffer.length < headSize) return { frame: undefined, size: headSize }
  if (lengthBytes === 2) length = buffer.readUInt16BE(2)
  if (lengthBytes === 8) length = Number(buffer.readBigUInt64BE(2))
  const masked = (second & 128) !== 0
  const offset = headSize + (masked ? 4 : 0)
  const size = offset + length
  if (buffer.length < size) return { frame: undefined, size }
  const payload = Buffer.from(buffer.subarray(offset, size))
  if (masked)
    for (let i = 0; i < length; i++) payload[i] = (payload[i] ?? 0) ^ (buffer[headSize + (i & 3)] ?? 0)
  const rsv = (first >> 4) & 7
  const fin = (first & 0x80) !== 0
  return {
    frame: { fin, rsv1: (rsv & 4) !== 0, rsv, opcode: first & 15, masked, lengthBytes, payload },
    size,
  }
}

/**
 * The HTTP response at the start of the buffer and its size, once it is complete.
 * @param toHead - it answers a HEAD request: there is no body, whatever its length
 */
export function decodeResponse(
  buffer: Buffer,
  toHead: boolean = false,
): { response: HttpResponse; size: number } | undefined {
  const end = buffer.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [start = '', ...lines] = buffer.toString('latin1', 0, end).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  const status = Number(start.split(' ')[1])
  const size = end + 4 + (status === 101 || toHead ? 0 : Number(headers['content-length'] ?? 0))
  if (buffer.length < size) return undefined
  return { response: { status, headers, body: buffer.toString('utf8', end + 4, size) }, size }
}
