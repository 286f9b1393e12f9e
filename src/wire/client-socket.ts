import { isUtf8 } from 'node:buffer'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { CloseCode, isSendableCloseCode, truncateReason } from '../engine/close.ts'
import { clearTimeout, setTimeout } from '../engine/timers.ts'
import { Answer } from './answer.ts'
import { Inflater } from './deflate.ts'
import { closeFrame, maskedFrame, Opcode } from './frame.ts'
import { FrameReader, type FrameEvents } from './frame-reader.ts'
import { Handshake, type Asking } from './handshake.ts'

/** Whom a client trusts, and by what it is known: PEM, as `node:tls` has it. */
export interface ClientTls {
  /** In the place of the authorities that Node knows. */
  ca?: string | Buffer | (string | Buffer)[]
  cert?: string | Buffer
  key?: string | Buffer
  passphrase?: string
  /** `false`: the certificate of the server is not looked at. @defaultValue true */
  rejectUnauthorized?: boolean
  /** The name that the certificate is for. @defaultValue the host of the URL */
  servername?: string
}

/** How a connection is opened, and what it may carry. Times are in milliseconds. */
export interface ClientSocketOptions extends Asking {
  readonly tls?: ClientTls
  /** The address of this machine that the connection comes from. @defaultValue the system chooses */
  readonly localAddress?: string
  /** From the start to the head of the answer. */
  readonly handshakeTimeout: number
  /** From a close frame of ours to the end of the TCP connection. @defaultValue Infinity */
  readonly closeTimeout?: number
  /** Bytes of a message, inflated or not; a larger one ends the connection with 1009. @defaultValue Infinity */
  readonly maxPayload?: number
  /** Text that is no UTF-8 ends the connection with 1007. @defaultValue false: the receiver sees to it */
  readonly checksText?: boolean
  /** Ends the TCP connection by a reset: no port is left waiting (TIME-WAIT). @defaultValue false */
  readonly resets?: boolean
  /** Why an answer that is right opens no connection all the same. */
  readonly refuse?: (answer: Answer) => string | undefined
  /** Of a server that refuses: no more of its body is needed. */
  readonly isEnough?: (answer: Answer) => boolean
  /** How text of the server, or of a library, stands in a sentence. @defaultValue as it is */
  readonly show?: (text: string) => string
}

/** How a connection ended, or why there was none. */
export interface End {
  /** `refused`: it never opened; `closed`: by us; `dropped`: not by us. */
  readonly how: 'refused' | 'dropped' | 'closed'
  /** A sentence, without a full stop; '' if it was closed by us. */
  readonly why: string
  /** Of the other side's close frame; 1006 without one (RFC 6455 7.1.5). */
  readonly code: number
  readonly reason: string
  /** Close frames have gone both ways. */
  readonly wasClean: boolean
  /** With what we have closed because it broke RFC 6455, or a limit. */
  readonly violation: number | undefined
  /** Of a server that answered another thing than 101: its answer, with as much of the body as came. */
  readonly answer: Answer | undefined
  /** What the operating system, or TLS, said. */
  readonly error: Error | undefined
}

export interface ClientSocketEvents {
  open(socket: ClientSocket, answer: Answer): void
  /** A whole message, inflated; in place, and only valid during the call. */
  message(bytes: Buffer, start: number, end: number, isText: boolean): void
  /** After the messages of one chunk: the moment to send what they made possible. */
  turn?(): void
  /** It is answered already. */
  ping?(payload: Buffer): void
  pong?(payload: Buffer): void
  /** The operating system has taken what was waiting, after {@link ClientSocket.bufferedAmount} was large. */
  drain?(): void
  /** Once, last. */
  ended(end: End): void
}

const MAX_HEAD_BYTES = 64 * 1024
/** A body without an end must not hold anybody up. */
const REFUSAL_TIMEOUT_MS = 1000
/** From the other side's close frame, or a violation, to the end of the TCP connection. */
const DROP_TIMEOUT_MS = 2000
/** Pings of a server that reads nothing are not answered (RFC 6455 5.5.3: the latest is enough). */
const MAX_BACKLOG_OF_PONGS = 64 * 1024

/**
 * Memory that all sockets read into. Reading and handling a chunk is one synchronous step in libuv, so no two sockets need
 * it at once; but on Windows a read may be under way while others are, and Bun has its own way of reading.
 */
let sharedBuffer: Buffer | undefined
const onBun = process.versions['bun'] !== undefined
const canShare = process.platform !== 'win32' && !onBun
const inflater = new Inflater()
const NOTHING = Buffer.alloc(0)
const asItIs = (text: string): string => text

/** One client on a bare TCP or TLS socket: handshake, frames, control frames. Compression, if it is offered. */
export class ClientSocket implements FrameEvents {
  readonly #events: ClientSocketEvents
  readonly #options: ClientSocketOptions
  readonly #socket: Socket
  readonly #reader: FrameReader
  readonly #show: (text: string) => string
  /** What is written to it is the operating system's at once, or waits. */
  readonly #isPlain: boolean
  readonly #checksText: boolean
  #handshake: Handshake | undefined
  #head: Buffer | undefined = NOTHING
  #refusal: Answer | undefined
  #phase: 'connecting' | 'open' | 'closing' | 'dropping' | 'ended' = 'connecting'
  #why = ''
  #error: Error | undefined
  #code: number = CloseCode.AbnormalClosure
  #reason = ''
  #wasClean = false
  #violation: number | undefined
  /** The TCP connection ended while it was paused: what had come before is still to be read. */
  #isOver = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: ClientSocketOptions, events: ClientSocketEvents) {
    const { target, handshakeTimeout, maxPayload, checksText = false, show = asItIs } = options
    this.#options = options
    this.#events = events
    this.#show = show
    this.#checksText = checksText
    this.#isPlain = canShare && !target.secure
    this.#reader = new FrameReader(this, maxPayload)
    const handshake = new Handshake(options)
    this.#handshake = handshake
    this.#socket = this.#connect()
    this.#endIn(handshakeTimeout, `no answer to the handshake within ${inSeconds(handshakeTimeout)}`)
    this.#socket
      .setNoDelay(true)
      .once(target.secure ? 'secureConnect' : 'connect', () =>
        // A header is bytes (RFC 9110 5.5), a character each here.
        this.#socket.write(handshake.request, 'latin1'),
      )
      .on('error', (error: NodeJS.ErrnoException) => {
        this.#error ??= error
        this.#why ||= this.#explain(error)
        this.#endSoon()
      })
      .on('end', () => {
        this.#refusal?.end()
        this.#why ||=
          this.#phase === 'connecting'
            ? `the server ended the connection without an answer; if it ${target.secure ? 'does not speak TLS, try ws://' : 'speaks TLS, try wss://'}`
            : 'the server ended the TCP connection without a close frame'
        this.#endSoon()
      })
      .once('close', () => {
        clearTimeout(this.#timer)
        this.#end()
      })
    if (events.drain) this.#socket.on('drain', () => this.#events.drain?.())
  }

  /**
   * Writes frames. Returns whether the memory is free again at once, because all of it went to the operating system.
   */
  write(bytes: Buffer): boolean {
    if (this.#phase !== 'open') return true
    this.#socket.write(bytes)
    return this.#isPlain && this.#socket.writableLength === 0
  }

  get isOpen(): boolean {
    return this.#phase === 'open'
  }

  /** Bytes that the operating system has not taken yet. */
  get bufferedAmount(): number {
    return this.#socket.writableLength
  }

  /** A string is text, bytes are binary. Once it is closed, nothing is sent. */
  send(payload: string | Uint8Array): void {
    const opcode = typeof payload === 'string' ? Opcode.Text : Opcode.Binary
    this.write(maskedFrame(opcode, typeof payload === 'string' ? Buffer.from(payload) : payload))
  }

  /** @param payload - at most 125 bytes (RFC 6455 5.5) */
  ping(payload: Uint8Array): void {
    this.write(maskedFrame(Opcode.Ping, payload))
  }

  /** Reads nothing more, so that the server has to wait: close frames and pings are not seen, either. */
  pause(): void {
    if (this.#phase !== 'open') return
    this.#reader.pause()
    this.#socket.pause()
  }

  resume(): void {
    if (this.#phase === 'ended') return
    this.#reader.resume()
    // A message that was held may have paused it again.
    if (!this.#reader.isPaused) this.#socket.resume()
    this.#events.turn?.()
    if (this.#isOver && !this.#reader.isPaused) this.#endOver()
  }

  /**
   * The closing handshake, then the end of the TCP connection. What the server still sends before is not read.
   * @param code - one that may be sent, or 1005, for a close frame without one
   * @param reason - at most 123 bytes (RFC 6455 5.5)
   */
  close(code: number = CloseCode.NormalClosure, reason = ''): void {
    if (this.#phase === 'closing' || this.#phase === 'dropping') return
    if (this.#phase !== 'open') return this.destroy()
    this.write(closeFrame(code, reason))
    this.#phase = 'closing'
    this.#endIn(this.#options.closeTimeout)
    if (this.#reader.isPaused) this.resume()
  }

  /** The end of the TCP connection without a close frame, behind what was sent before. What comes meanwhile is not read. */
  finish(): void {
    if (this.#phase !== 'open') return this.destroy()
    this.#phase = 'closing'
    const wasPaused = this.#reader.isPaused
    this.#reader.end()
    if (this.#isOver) return this.#endOver()
    this.#socket.end()
    this.#endIn(this.#options.closeTimeout)
    if (wasPaused) this.#socket.resume()
    return undefined
  }

  /** Ends it at once. */
  destroy(): void {
    if (this.#phase === 'open') this.#phase = 'closing'
    this.#reader.end()
    if (this.#isOver) return this.#endOver()
    // After a closing handshake a reset hurts nobody. At thousands of handshakes a second the ports would run out.
    if (!this.#options.resets || this.#options.target.secure) return this.#cut()
    clearTimeout(this.#timer)
    this.#socket.resetAndDestroy()
    this.#endSoon()
  }

  // From the reader

  message(bytes: Buffer, start: number, end: number, isText: boolean, isCompressed: boolean): void {
    if (this.#phase !== 'open') return undefined
    if (isCompressed) return this.#inflate(bytes, start, end, isText)
    if (this.#checksText && isText && !isUtf8(bytes.subarray(start, end)))
      return this.violation(CloseCode.InvalidPayload, 'text is no UTF-8')
    return this.#events.message(bytes, start, end, isText)
  }

  control(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.Close) return this.#closedBy(payload)
    if (opcode === Opcode.Pong) return this.#events.pong?.(payload)
    if (this.bufferedAmount <= MAX_BACKLOG_OF_PONGS) this.write(maskedFrame(Opcode.Pong, payload))
    return this.#events.ping?.(payload)
  }

  violation(code: number, what: string): void {
    const isLimit = code === CloseCode.MessageTooBig
    this.#why = isLimit ? what : `the server broke RFC 6455: ${what}`
    this.#reader.end()
    if (this.#phase !== 'open') return this.destroy()
    this.#violation = code
    this.#phase = 'dropping'
    this.#socket.end(closeFrame(code, truncateReason(what)))
    this.#endIn(DROP_TIMEOUT_MS)
  }

  #inflate(bytes: Buffer, start: number, end: number, isText: boolean): void {
    if (!this.#options.deflate)
      return this.violation(
        CloseCode.ProtocolError,
        'a message is compressed, and compression was not offered',
      )
    let inflated: Buffer
    try {
      inflated = inflater.inflate(bytes, start, end, this.#options.maxPayload)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
        return this.violation(
          CloseCode.MessageTooBig,
          `a message is larger than ${this.#options.maxPayload} bytes`,
        )
      const text = this.#show((error as Error).message)
      return this.violation(CloseCode.InvalidPayload, `a message cannot be inflated: ${text}`)
    }
    return this.message(inflated, 0, inflated.length, isText, false)
  }

  #closedBy(payload: Buffer): void {
    const hasCode = payload.length >= 2
    const code: number = hasCode ? payload.readUInt16BE(0) : CloseCode.NoStatusReceived
    if (payload.length === 1) return this.violation(CloseCode.ProtocolError, 'a close frame has half a code')
    if (hasCode && !isSendableCloseCode(code))
      return this.violation(CloseCode.ProtocolError, `a close frame has the code ${payload.readUInt16BE(0)}`)
    if (!isUtf8(payload.subarray(2)))
      return this.violation(CloseCode.InvalidPayload, 'the reason of a close frame is no UTF-8')
    this.#code = code
    this.#reason = payload.subarray(2).toString()
    this.#wasClean = true
    this.#reader.end()
    if (this.#phase === 'closing') {
      if (this.#options.resets) this.destroy()
      else this.#socket.end()
      return undefined
    }
    const reason = this.#reason
    this.#why = `the server closed with ${code}${reason && ` ${JSON.stringify(this.#show(reason))}`}`
    this.write(maskedFrame(Opcode.Close, payload))
    this.#phase = 'dropping'
    this.#socket.end()
    this.#endIn(DROP_TIMEOUT_MS)
    return undefined
  }

  #connect(): Socket {
    const { target, tls, localAddress } = this.#options
    const where = {
      host: target.address,
      port: target.port,
      ...(localAddress !== undefined && { localAddress }),
    }
    if (this.#isPlain) {
      sharedBuffer ??= Buffer.allocUnsafeSlow(256 * 1024)
      const callback = (length: number, buffer: Uint8Array): boolean => {
        this.#received(buffer as Buffer, length)
        return true
      }
      return connectTcp({ ...where, onread: { buffer: sharedBuffer, callback } })
    }
    const ownName = /^[\d.]+$|:/.test(target.hostname) ? '' : target.hostname
    const { servername = ownName, ...trust } = tls ?? {}
    const socket = target.secure ? connectTls({ ...trust, ...where, servername }) : connectTcp(where)
    return socket.on('data', (chunk: Buffer) => this.#received(chunk, chunk.length))
  }

  #received(bytes: Buffer, length: number): void {
    if (this.#head === undefined) {
      if (this.#refusal) return this.#hearRefusal(this.#refusal, bytes.subarray(0, length))
      this.#reader.read(bytes, 0, length)
      return this.#events.turn?.()
    }
    // A copy: the memory is another one's as soon as this is read.
    let head = Buffer.concat([this.#head, bytes.subarray(0, length)])
    for (;;) {
      const end = head.indexOf('\r\n\r\n')
      if (end === -1 && head.length > MAX_HEAD_BYTES)
        return this.violation(CloseCode.ProtocolError, 'the answer to the handshake has no end')
      if (end === -1) {
        this.#head = head
        return undefined
      }
      const answer = new Answer(head.toString('latin1', 0, end))
      head = head.subarray(end + 4)
      if (!answer.isInterim) return this.#answered(answer, head)
    }
  }

  #answered(answer: Answer, rest: Buffer): void {
    this.#head = undefined
    clearTimeout(this.#timer)
    if (answer.status !== 101 || answer.version !== '1.1') {
      this.#refusal = answer
      this.#why = `the server answered ${this.#show(answer.statusLine)}`
      this.#endIn(REFUSAL_TIMEOUT_MS)
      return this.#hearRefusal(answer, rest)
    }
    const problem = this.#handshake?.problem(answer, this.#show) ?? this.#options.refuse?.(answer)
    this.#handshake = undefined
    if (problem !== undefined) {
      this.#why = problem
      return this.#cut()
    }
    this.#phase = 'open'
    this.#events.open(this, answer)
    if (rest.length === 0) return undefined
    this.#reader.read(rest, 0, rest.length)
    return this.#events.turn?.()
  }

  /** Ends it once it is known why. */
  #hearRefusal(answer: Answer, bytes: Buffer): void {
    answer.add(bytes)
    if (answer.isComplete || this.#options.isEnough?.(answer)) this.#cut()
  }

  #endIn(ms = Infinity, why = ''): void {
    clearTimeout(this.#timer)
    if (ms === Infinity) return
    this.#timer = setTimeout(() => {
      this.#why ||= why
      this.#cut()
    }, ms)
  }

  #cut(): void {
    clearTimeout(this.#timer)
    this.#socket.destroy()
    this.#endSoon()
  }

  #explain(error: NodeJS.ErrnoException): string {
    const { code } = error
    // Of a name with several addresses, none of which answers.
    const { message } = error instanceof AggregateError && !error.message ? (error.errors[0] as Error) : error
    // What a server answers that takes the TLS handshake for HTTP; the rest of the message are numbers of OpenSSL.
    if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'the server does not speak TLS: try ws://'
    return this.#show(message)
  }

  /**
   * `close` of the socket says it, too; but inside Bun it does not come while a test has replaced `setImmediate`. The
   * timer goes on: what is still being written must not keep the socket for ever.
   */
  #endSoon(): void {
    if (onBun) process.nextTick(() => this.#end())
  }

  /** Its TCP connection has gone before. */
  #endOver(): void {
    clearTimeout(this.#timer)
    this.#end()
  }

  #end(): void {
    const phase = this.#phase
    if (phase === 'ended') return
    if (phase === 'open' && this.#reader.isPaused) {
      this.#isOver = true
      return
    }
    this.#phase = 'ended'
    const how = phase === 'connecting' ? 'refused' : phase === 'closing' ? 'closed' : 'dropped'
    this.#events.ended({
      how,
      why: how === 'closed' ? '' : this.#why || 'the server ended the connection',
      code: this.#code,
      reason: this.#reason,
      wasClean: this.#wasClean,
      violation: this.#violation,
      answer: this.#refusal,
      error: this.#error,
    })
  }
}

function inSeconds(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000} s` : `${ms} ms`
}
