import { connect as connectTcp, type Socket } from 'node:net'
import { inflateRawSync, constants } from 'node:zlib'
import { Queue, within } from './client.ts'

export interface Frame {
  readonly fin: boolean
  readonly rsv1: boolean
  readonly opcode: number
  readonly payload: Buffer
}

export interface FrameOptions {
  readonly fin?: boolean
  readonly rsv?: number
  readonly masked?: boolean
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
      20_000,
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
  ): Promise<HttpResponse> {
    const { Host = '127.0.0.1', ...rest } = headers
    const lines = Object.entries({ Host, ...rest }).filter(([, value]) => value !== undefined)
    const head = [start, ...lines.map(([name, value]) => `${name}: ${value}`), ...extraLines]
    const response = new Promise<HttpResponse>((resolve, reject) => {
      this.#response = resolve
      void this.ended.then(() => reject(new Error('the connection ended without a response')))
    })
    this.tcp.write(`${head.join('\r\n')}\r\n\r\n`)
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
    const end = this.#buffer.indexOf('\r\n\r\n')
    if (end === -1) return
    const [start = '', ...lines] = this.#buffer.toString('latin1', 0, end).split('\r\n')
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    )
    const status = Number(start.split(' ')[1])
    const rest = this.#buffer.subarray(end + 4)
    const length = Number(headers['content-length'] ?? 0)
    if (status !== 101 && rest.length < length) return
    this.#upgraded = status === 101
    this.#buffer = rest
    this.#response?.({ status, headers, body: rest.toString('utf8', 0, length) })
    if (this.#upgraded) this.#readFrames()
  }

  #readFrames(): void {
    for (;;) {
      const found = decodeFrame(this.#buffer)
      if (!found) return
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
  const { fin = true, rsv = 0, masked = true } = options
  const body = Buffer.from(payload)
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const maskBit = masked ? 0x80 : 0
  let head: Buffer
  if (body.length < 126) head = Buffer.from([first, maskBit | body.length])
  else if (body.length < 65_536) {
    head = Buffer.from([first, maskBit | 126, body.length >> 8, body.length & 255])
  } else {
    head = Buffer.alloc(10)
    head[0] = first
    head[1] = maskBit | 127
    head.writeBigUInt64BE(BigInt(body.length), 2)
  }
  if (!masked) return Buffer.concat([head, body])
  const mask = Buffer.from([1, 2, 3, 4])
  const hidden = Buffer.from(body.map((byte, index) => byte ^ (mask[index & 3] ?? 0)))
  return Buffer.concat([head, mask, hidden])
}

export function decodeFrame(buffer: Buffer): { frame: Frame; size: number } | undefined {
  if (buffer.length < 2) return undefined
  const [first = 0, second = 0] = buffer
  let length = second & 127
  let offset = 2
  if (length === 126) {
    if (buffer.length < 4) return undefined
    length = buffer.readUInt16BE(2)
    offset = 4
  } else if (length === 127) {
    if (buffer.length < 10) return undefined
    length = Number(buffer.readBigUInt64BE(2))
    offset = 10
  }
  if (buffer.length < offset + length) return undefined
  return {
    frame: {
      fin: (first & 0x80) !== 0,
      rsv1: (first & 0x40) !== 0,
      opcode: first & 15,
      payload: Buffer.from(buffer.subarray(offset, offset + length)),
    },
    size: offset + length,
  }
}
