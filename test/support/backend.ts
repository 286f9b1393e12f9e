import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { constants, deflateRawSync } from 'node:zlib'
import { accepting } from './bare-server.ts'
import { Queue, within } from './client.ts'
import { decodeFrame, encodeFrame, inflate, type Frame } from './raw-client.ts'

/** What a backend answers to a handshake that is not a 101. */
interface Refusing {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface BackendOptions {
  /** Answers nothing at all. */
  readonly silent?: boolean
  refuse?(request: BackendRequest): Refusing | undefined
  choose?(offered: readonly string[]): string | undefined
  /** Agrees to permessage-deflate where it is offered, and compresses what it sends. */
  readonly deflate?: boolean
  /** Written with the 101, in one go. */
  readonly first?: readonly string[]
  /** A close frame with this code behind that. */
  readonly farewell?: number
  /** Reads nothing behind the handshake until it is told to. */
  readonly paused?: boolean
  readonly tls?: { readonly cert: string; readonly key: string }
}

const DEFLATE = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'

export interface BackendRequest {
  readonly url: string
  /** By name in small letters; all of one name. */
  readonly headers: Readonly<Record<string, readonly string[]>>
}

/** A WebSocket server that does what a test says, frame by frame, and the same on every platform. */
export class Backend {
  readonly connections: Queue<BackendConnection> = new Queue<BackendConnection>('connection to the backend')
  readonly requests: BackendRequest[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #options: BackendOptions

  static async start(options: BackendOptions = {}): Promise<Backend> {
    const backend = new Backend(options)
    await new Promise<void>((resolve) => backend.#server.listen(0, '127.0.0.1', resolve))
    return backend
  }

  private constructor(options: BackendOptions) {
    this.#options = options
    const accept = (socket: Socket): void => this.#accept(socket)
    this.#server = options.tls ? createTlsServer(options.tls, accept) : createServer(accept)
    this.#server.on('tlsClientError', () => {})
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `${this.#options.tls ? 'wss' : 'ws'}://127.0.0.1:${this.port}`
  }

  /** Open TCP connections. */
  get open(): number {
    return this.#sockets.size
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket.setNoDelay(true))
    socket.on('error', () => {})
    socket.on('close', () => this.#sockets.delete(socket))
    let head = Buffer.alloc(0)
    const read = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end === -1 || this.#options.silent) return
      socket.off('data', read)
      this.#answer(socket, head.toString('latin1', 0, end), head.subarray(end + 4))
    }
    socket.on('data', read)
  }

  #answer(socket: Socket, head: string, rest: Buffer): void {
    const { refuse, choose = ([name]) => name, deflate = false, paused = false } = this.#options
    const { first = [], farewell } = this.#options
    const request = requestOf(head)
    this.requests.push(request)
    const refusing = refuse?.(request)
    if (refusing) {
      const { status, headers = {}, body = '' } = refusing
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.end(
        `HTTP/1.1 ${status} No\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${lines.join('')}\r\n${body}`,
      )
      return
    }
    const one = (name: string): string => request.headers[name]?.[0] ?? ''
    const chosen = choose(one('sec-websocket-protocol').split(', ').filter(Boolean))
    const compresses = deflate && one('sec-websocket-extensions').includes('permessage-deflate')
    const answer = accepting(one('sec-websocket-key'), [
      ...(chosen === undefined ? [] : [`Sec-WebSocket-Protocol: ${chosen}`]),
      ...(compresses ? [`Sec-WebSocket-Extensions: ${DEFLATE}`] : []),
    ])
    const frames = first.map((text) => encodeFrame(1, text, { masked: false }))
    if (farewell !== undefined) frames.push(encodeFrame(8, closePayload(farewell, ''), { masked: false }))
    socket.write(Buffer.concat([Buffer.from(answer), ...frames]))
    const connection = new BackendConnection(socket, request, compresses, rest)
    if (paused) socket.pause()
    this.connections.push(connection)
  }
}

export class BackendConnection {
  readonly request: BackendRequest
  readonly tcp: Socket
  /** Text as a string, binary as a Buffer. */
  readonly messages: Queue<string | Buffer> = new Queue<string | Buffer>('message at the backend')
  readonly pongs: Queue<string> = new Queue<string>('pong at the backend')
  readonly pings: Queue<string> = new Queue<string>('ping at the backend')
  /** Of the other side's close frame; 1006 without one. */
  readonly closed: Promise<{ code: number; reason: string }>
  /** Whether the last message was compressed. */
  wasCompressed = false
  /** Whether it answers a close frame. */
  answersClose = true
  readonly #compresses: boolean
  #buffer: Buffer
  #fragments: Frame[] = []
  #close: (end: { code: number; reason: string }) => void = () => {}
  #saidClose = false

  constructor(tcp: Socket, request: BackendRequest, compresses: boolean, rest: Buffer) {
    this.tcp = tcp
    this.request = request
    this.#compresses = compresses
    this.#buffer = rest
    this.closed = within(
      new Promise((resolve) => {
        this.#close = resolve
      }),
      'no close at the backend',
    )
    this.closed.catch(() => {})
    tcp.on('close', () => this.#close({ code: 1006, reason: '' }))
    tcp.on('data', (chunk: Buffer) => {
      this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
      this.#read()
    })
    this.#read()
  }

  send(payload: string | Uint8Array): boolean {
    const bytes = Buffer.from(payload as Uint8Array)
    const opcode = typeof payload === 'string' ? 1 : 2
    if (!this.#compresses) return this.tcp.write(encodeFrame(opcode, bytes, { masked: false }))
    const deflated = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
    return this.tcp.write(encodeFrame(opcode, deflated, { masked: false, rsv: 4 }))
  }

  frame(opcode: number, payload: string | Buffer = '', fin = true): void {
    this.tcp.write(encodeFrame(opcode, payload, { masked: false, fin }))
  }

  close(code?: number, reason = ''): void {
    this.#saidClose = true
    this.frame(8, closePayload(code, reason))
  }

  cut(): void {
    this.tcp.destroy()
  }

  #read(): void {
    for (;;) {
      const { frame, size } = decodeFrame(this.#buffer)
      if (!frame) return
      this.#buffer = this.#buffer.subarray(size)
      this.#got(frame)
    }
  }

  #got(frame: Frame): void {
    const { opcode, payload, fin } = frame
    if (opcode === 9) {
      this.pings.push(payload.toString())
      return this.frame(10, payload)
    }
    if (opcode === 10) return this.pongs.push(payload.toString())
    if (opcode === 8) return this.#gotClose(payload)
    this.#fragments.push(frame)
    if (!fin) return undefined
    const [first] = this.#fragments
    const whole = Buffer.concat(this.#fragments.map((each) => each.payload))
    this.#fragments = []
    this.wasCompressed = first?.rsv1 ?? false
    const bytes = this.wasCompressed ? inflate(whole) : whole
    this.messages.push(first?.opcode === 1 ? bytes.toString() : bytes)
    return undefined
  }

  #gotClose(payload: Buffer): void {
    const code = payload.length < 2 ? 1005 : payload.readUInt16BE()
    this.#close({ code, reason: payload.toString('utf8', 2) })
    if (!this.answersClose) return
    if (!this.#saidClose) this.frame(8, payload)
    this.tcp.end()
  }
}

function closePayload(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return Buffer.alloc(0)
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)])
}

function requestOf(head: string): BackendRequest {
  const [start = '', ...lines] = head.split('\r\n')
  const headers: Record<string, string[]> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    ;(headers[name] ??= []).push(line.slice(colon + 1).trim())
  }
  return { url: start.split(' ')[1] ?? '', headers }
}
