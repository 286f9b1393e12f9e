import { createHash, randomBytes } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { closeFrame, Inflater, maskedFrame } from './frame.ts'
import { FrameReader, Opcode, type FrameEvents } from './frame-reader.ts'
import { shown } from './mask.ts'
import { Refusal } from './refusal.ts'
import type { Target } from './target.ts'

/** How a connection is opened. */
export interface SocketOptions {
  readonly target: Target
  readonly subprotocol: string | undefined
  /** `Name: value` */
  readonly headers: readonly string[]
  readonly compress: boolean
  /** Do not check the certificate. */
  readonly tlsInsecure: boolean
}

/** What a scenario makes of a connection. */
export interface SocketEvents {
  open(socket: LoadSocket): void
  /** A whole message, inflated; in place, and only valid during the call. */
  message(bytes: Buffer, start: number, end: number, isText: boolean): void
  /** After the messages of one chunk: the moment to send what they made possible. */
  turn(): void
  /**
   * Once, last. `refused`: there was no connection; `dropped`: not by us.
   * @param said - what a server that refused said of it, which may be something else each time; or ''
   */
  ended(how: 'refused' | 'dropped' | 'closed', why: string, said: string): void
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11' // RFC 6455 1.3
/** RFC 7692 7.1.1: without context takeover each message can be inflated, and skipped, for itself. */
const DEFLATE_OFFER = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'
const MAX_HEAD_BYTES = 64 * 1024
const HANDSHAKE_TIMEOUT_MS = 10_000
/** A body without an end must not hold up the run. */
const REFUSAL_TIMEOUT_MS = 1000
const NORMAL_CLOSURE = 1000

/**
 * Memory that all sockets read into. Reading and handling a chunk is one synchronous step in libuv, so no two sockets need
 * it at once; but on Windows a read may be under way while others are, and Bun has its own way of reading.
 */
const sharedBuffer: Buffer | undefined =
  process.platform !== 'win32' && process.versions['bun'] === undefined
    ? Buffer.allocUnsafeSlow(256 * 1024)
    : undefined
const inflater = new Inflater()

/** One client on a bare TCP or TLS socket: handshake, frames, control frames. */
export class LoadSocket implements FrameEvents {
  readonly #events: SocketEvents
  readonly #options: SocketOptions
  readonly #socket: Socket
  readonly #reader = new FrameReader(this)
  readonly #key = randomBytes(16).toString('base64')
  #head: Buffer | undefined = Buffer.alloc(0)
  #refusal: Refusal | undefined
  #phase: 'connecting' | 'open' | 'closing' | 'ended' = 'connecting'
  #why = ''
  #timer: NodeJS.Timeout | undefined

  constructor(options: SocketOptions, events: SocketEvents) {
    this.#options = options
    this.#events = events
    this.#socket = this.#connect()
    this.#timer = setTimeout(() => {
      this.#why = `no answer to the handshake within ${HANDSHAKE_TIMEOUT_MS / 1000} s`
      this.#socket.destroy()
    }, HANDSHAKE_TIMEOUT_MS)
    this.#socket
      .setNoDelay(true)
      .once(options.target.secure ? 'secureConnect' : 'connect', () => this.#socket.write(this.#request()))
      .on('error', (error: NodeJS.ErrnoException) => {
        this.#why ||= explain(error)
      })
      .on('end', () => {
        this.#refusal?.end()
        this.#why ||=
          this.#phase === 'connecting'
            ? `the server ended the connection without an answer; if it ${options.target.secure ? 'does not speak TLS, try ws://' : 'speaks TLS, try wss://'}`
            : 'the server ended the TCP connection without a close frame'
      })
      .once('close', () => this.#end())
  }

  /**
   * Writes frames. Returns whether the memory is free again at once, because all of it went to the operating system.
   */
  write(bytes: Buffer): boolean {
    if (this.#phase !== 'open') return true
    this.#socket.write(bytes)
    return sharedBuffer !== undefined && !this.#options.target.secure && this.#socket.writableLength === 0
  }

  /** Bytes that the operating system has not taken yet. */
  get bufferedAmount(): number {
    return this.#socket.writableLength
  }

  send(payload: string | Uint8Array): void {
    const opcode = typeof payload === 'string' ? Opcode.Text : Opcode.Binary
    this.write(maskedFrame(opcode, typeof payload === 'string' ? Buffer.from(payload) : payload))
  }

  /** The closing handshake, then the end of the TCP connection. */
  close(): void {
    if (this.#phase !== 'open') return this.destroy()
    this.write(closeFrame(NORMAL_CLOSURE))
    this.#phase = 'closing'
  }

  /**
   * Ends it at once. After a closing handshake a reset hurts nobody, and leaves no port waiting (TIME-WAIT): at
   * thousands of handshakes a second they would run out.
   */
  destroy(): void {
    if (this.#phase === 'open') this.#phase = 'closing'
    if (this.#options.target.secure) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }

  // From the reader

  message(bytes: Buffer, start: number, end: number, isText: boolean, isCompressed: boolean): void {
    if (this.#phase !== 'open') return
    if (!isCompressed) return this.#events.message(bytes, start, end, isText)
    if (!this.#options.compress)
      return this.violation('a message is compressed, and compression was not offered')
    let inflated: Buffer
    try {
      inflated = inflater.inflate(bytes, start, end)
    } catch (error) {
      return this.violation(`a message cannot be inflated: ${shown((error as Error).message)}`)
    }
    this.#events.message(inflated, 0, inflated.length, isText)
  }

  control(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.Ping) this.write(maskedFrame(Opcode.Pong, payload))
    if (opcode !== Opcode.Close) return
    if (this.#phase === 'closing') return this.destroy()
    const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
    const reason = payload.subarray(2).toString()
    this.#why = `the server closed with ${code}${reason && ` ${JSON.stringify(shown(reason))}`}`
    this.write(maskedFrame(Opcode.Close, payload))
    this.#socket.end()
  }

  violation(what: string): void {
    this.#why = `the server broke RFC 6455: ${what}`
    this.#socket.destroy()
  }

  #connect(): Socket {
    const { target, tlsInsecure } = this.#options
    const where = { host: target.address, port: target.port }
    if (!target.secure && sharedBuffer) {
      const callback = (length: number, buffer: Uint8Array): boolean => {
        this.#received(buffer as Buffer, length)
        return true
      }
      return connectTcp({ ...where, onread: { buffer: sharedBuffer, callback } })
    }
    const servername = /^[\d.]+$|:/.test(target.hostname) ? '' : target.hostname
    const socket = target.secure
      ? connectTls({ ...where, servername, rejectUnauthorized: !tlsInsecure })
      : connectTcp(where)
    return socket.on('data', (chunk: Buffer) => this.#received(chunk, chunk.length))
  }

  #request(): string {
    const { target, subprotocol, headers, compress } = this.#options
    const lines = [
      `GET ${target.path} HTTP/1.1`,
      `Host: ${target.host}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${this.#key}`,
      'Sec-WebSocket-Version: 13',
    ]
    if (subprotocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${subprotocol}`)
    if (compress) lines.push(`Sec-WebSocket-Extensions: ${DEFLATE_OFFER}`)
    return [...lines, ...headers, '', ''].join('\r\n')
  }

  #received(bytes: Buffer, length: number): void {
    if (this.#head === undefined) {
      if (this.#refusal) return this.#hearRefusal(this.#refusal, bytes.subarray(0, length))
      this.#reader.read(bytes, 0, length)
      this.#events.turn()
      return
    }
    const head = Buffer.concat([this.#head, bytes.subarray(0, length)])
    this.#head = head
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) {
      if (head.length > MAX_HEAD_BYTES) this.violation('the answer to the handshake has no end')
      return
    }
    this.#head = undefined
    const [status = '', ...lines] = head.subarray(0, end).toString('latin1').split('\r\n')
    const header = (name: string): string | undefined =>
      lines
        .find((line) => line.toLowerCase().startsWith(`${name}:`))
        ?.slice(name.length + 1)
        .trim()
    clearTimeout(this.#timer)
    if (!/^HTTP\/1\.1 101(?: |$)/.test(status)) {
      this.#refusal = new Refusal(status, header)
      this.#why = this.#refusal.why
      this.#timer = setTimeout(() => this.#socket.destroy(), REFUSAL_TIMEOUT_MS)
      this.#hearRefusal(this.#refusal, head.subarray(end + 4))
      return
    }
    const failure = this.#checkAnswer(header)
    if (failure !== undefined) {
      this.#why = failure
      this.#socket.destroy()
      return
    }
    this.#phase = 'open'
    this.#events.open(this)
    if (end + 4 < head.length) {
      this.#reader.read(head, end + 4, head.length)
      this.#events.turn()
    }
  }

  /** Ends it once it is known why. */
  #hearRefusal(refusal: Refusal, bytes: Buffer): void {
    refusal.add(bytes)
    if (refusal.isComplete) this.#socket.destroy()
  }

  /** RFC 6455 4.1: what a client has to check; `undefined` if all is well. */
  #checkAnswer(header: (name: string) => string | undefined): string | undefined {
    const accept = createHash('sha1')
      .update(this.#key + GUID)
      .digest('base64')
    if (header('sec-websocket-accept') !== accept) return 'the Sec-WebSocket-Accept of the answer is wrong'
    const { subprotocol, compress } = this.#options
    const chosen = header('sec-websocket-protocol')
    if (subprotocol !== undefined && chosen === undefined)
      return `the server does not speak ${shown(subprotocol)}`
    const extension = header('sec-websocket-extensions')
    if (!compress)
      return extension === undefined
        ? undefined
        : `the server chose ${shown(extension)}, which was not offered`
    if (extension === undefined)
      return 'the server does not compress (--compress asks for permessage-deflate)'
    if (!extension.includes('server_no_context_takeover'))
      return `the server answered ${shown(extension)} without the server_no_context_takeover that was asked for (RFC 7692 7.1.1.1)`
    return undefined
  }

  #end(): void {
    clearTimeout(this.#timer)
    const phase = this.#phase
    this.#phase = 'ended'
    const said = this.#refusal?.said ?? ''
    if (phase === 'connecting')
      this.#events.ended('refused', this.#why || 'the server ended the connection', said)
    else if (phase === 'closing') this.#events.ended('closed', '', '')
    else this.#events.ended('dropped', this.#why || 'the connection ended', '')
  }
}

function explain({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRNOTAVAIL') return 'no local port is left (EADDRNOTAVAIL); use fewer connections'
  if (code === 'EMFILE')
    return 'this process has no file descriptor left (EMFILE); raise `ulimit -n`, or use fewer connections'
  // What a server answers that takes the TLS handshake for HTTP; the rest of the message are numbers of OpenSSL.
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'the server does not speak TLS: try ws://'
  return shown(message)
}
