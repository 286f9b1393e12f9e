import { createServer as createTcpServer } from 'node:net'
import { CloseCode } from '../../engine/close.ts'
import { asksForWebSocket } from '../../engine/handshake/asks-for-websocket.ts'
import { SidewireError } from '../../engine/errors.ts'
import type {
  HttpAnswer,
  ListenOptions,
  Payload,
  RawRequest,
  ReadBody,
  Runtime,
  RuntimeEvents,
  RuntimeServer,
  RuntimeSocket,
  SendStatus,
  TlsFiles,
  UpgradeDecision,
} from '../../engine/runtime.ts'
import { setImmediate } from '../../engine/timers.ts'
import { Answers } from '../answers.ts'
import { listenOnAll } from '../listen-on-all.ts'
import { OpenFiles } from '../open-files.ts'
import { isBodiless, statusLine } from '../raw-answer.ts'
import { readTls, tlsError } from '../tls-files.ts'
import { OuterCork } from './uws-cork.ts'
import { SocketKinds } from './uws-kinds.ts'
import type * as UWS from './uws-module.ts'

/** `getUserData()` is a native call; uWebSockets.js also copies the fields of the user data onto the socket. */
type Native<D> = UWS.WebSocket<Holder<D>> & Holder<D>
interface Holder<D> {
  socket: UwsSocket<D>
}

/** For small messages faster than `Buffer.toString`; uWebSockets.js has checked that the bytes are UTF-8. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * HTTP_IDLE_TIMEOUT_S of its source: from the TCP connection to the end of the head, in steps of 4 s. There are builds
 * that wait for 30 s instead, and take the number.
 */
const HANDSHAKE_TIMEOUT_S = 10

/** LIBUS_LISTEN_DEFAULT, which not every build exports: with SO_REUSEPORT. */
const SHARED = 0

/** @param uws - the module, because loading a native binary may fail: see `load.ts` */
export function createUwsRuntime(uws: UWS.UwsModule, description: string): Runtime {
  return {
    name: 'uws',
    description,
    capabilities: {
      unsolicitedPong: false,
      closeFrameOnParserError: false,
      everyCloseCode: false,
      remotePort: false,
      headerCase: false,
      pathAsSent: true,
      bytesInTarget: true,
      // At the ends of a value they are cut off like spaces, and what is no UTF-8 is replaced, before anything is shown.
      headerBytes: false,
      refusesHttp10: true,
      // See HANDSHAKE_TIMEOUT_S. A timer of ours could not tell who it was for: `filter` shows the connection, but not
      // which of the requests that come later is its own, and after an upgrade its memory is another socket's.
      handshakeTimeout: false,
      hangsUp: true,
      serverWindowBits: [9, 10, 11, 12, 13, 14, 15],
      // The compressor for less than 15 bits goes on from one message to the next.
      smallWindowWithoutTakeover: false,
      // Its HTTP responses can, its WebSockets have no call for it.
      closeWithoutCode: true,
      pausesReading: false,
      // SO_REUSEPORT. On macOS one process gets all, and on Windows it is undefined which.
      sharesPort: process.platform === 'linux' && 'kernel',
    },
    listen: (events, options) => listen(uws, events, options),
  }
}

async function listen<D>(
  uws: UWS.UwsModule,
  events: RuntimeEvents<D>,
  options: ListenOptions,
): Promise<RuntimeServer> {
  const files = new OpenFiles()
  const { tls } = options
  const app = tls ? createSecureApp(uws, tls) : uws.App()
  app.setIdleTimeout?.(HANDSHAKE_TIMEOUT_S)
  const encrypted = tls !== undefined
  const outer = new OuterCork(uws)
  const answers = new Answers()

  app.filter((res, change) => {
    if (change < 0 || !files.isFull()) return
    res.close()
    events.hungUp()
  })

  const kinds = new SocketKinds(uws)
  const upgrade = (res: UWS.HttpResponse, req: UWS.HttpRequest, own: UWS.us_socket_context_t): void => {
    const leaving = new Leaving()
    const raw = { ...copyRequest(res, req, encrypted), onGone: leaving.onGone }
    const write = (decision: UpgradeDecision<D>): void => {
      if (!decision.accept) return decision.answer ? answer(res, raw, decision.answer) : void res.close()
      const { data, protocol } = decision
      const { extensions, context } = kinds.agree(decision.extensions, own)
      res.upgrade(
        { socket: new UwsSocket(data) },
        headerOf(raw, 'sec-websocket-key') ?? '',
        protocol,
        extensions,
        context,
      )
    }
    const result = events.upgrade(raw)
    const refused = !(result instanceof Promise) && !result.accept
    respond(
      answers,
      res,
      refused ? afterPacket(result) : result,
      write,
      async ({ accept }) => {
        if (accept) await outer.ready()
        return (run) => (accept ? outer.cork(res, run) : res.cork(run))
      },
      leaving,
    )
  }
  const behavior: Omit<UWS.WebSocketBehavior<Holder<D>>, 'upgrade'> = {
    maxPayloadLength: options.maxPayload,
    maxBackpressure: options.maxBackpressure,
    // Time is the engine's.
    idleTimeout: 0,
    sendPingsAutomatically: false,
    open: (ws) => {
      const { socket } = ws as Native<D>
      socket.native = ws
      events.open(socket)
    },
    message: (ws, data, isBinary) => {
      const bytes = data.byteLength
      // The memory is taken back when this callback returns.
      const payload = isBinary ? Buffer.from(data.slice(0)) : utf8.decode(data)
      events.message((ws as Native<D>).socket, payload, bytes)
    },
    ping: (ws, data) => events.ping((ws as Native<D>).socket, Buffer.from(data.slice(0))),
    pong: (ws, data) => events.pong((ws as Native<D>).socket, Buffer.from(data.slice(0))),
    drain: (ws) => {
      const { socket } = ws as Native<D>
      // Behind its callback uSockets stops looking for room, if no write failed there; a large message that was written in
      // part does not count as one (`us_socket_write2`), and its rest would wait for ever.
      setImmediate(() => {
        if (socket.native) events.drain(socket)
      })
    },
    dropped: (ws) => {
      const { socket } = ws as Native<D>
      // It comes in the middle of a publish, where closing a socket is not allowed.
      setImmediate(() => events.overflow(socket))
    },
    close: (ws, code, message) => {
      const { socket } = ws as Native<D>
      socket.native = undefined
      const text = utf8.decode(message)
      if (code === CloseCode.AbnormalClosure) {
        const known = closeCodeOf(text)
        events.closed(socket, known.code, '', known.closeFrame)
      } else events.closed(socket, code, text, true)
    },
  }

  kinds.serve(app, behavior, upgrade)

  app.any('/*', (res, req) => {
    const raw = copyRequest(res, req, encrypted)
    // A handshake without a key of the right length never gets to the route above.
    if (!asksForWebSocket(headerOf(raw, 'upgrade'), headerOf(raw, 'sec-websocket-key'))) {
      const result = events.request(raw, readBody(res))
      const isLast = !(result instanceof Promise) && (result.status >= 400 || asksToClose(raw))
      return respond(answers, res, isLast ? afterPacket(result) : result, (response) =>
        answer(res, raw, response),
      )
    }
    respond(answers, res, afterPacket(events.upgrade(raw)), (decision) => {
      const refusal = { status: 400, headers: {}, body: 'Malformed WebSocket handshake' }
      answer(res, raw, decision.accept ? refusal : (decision.answer ?? refusal))
    })
  })

  const listeners = await listenOnAll(options, async (host, port) => {
    const token = await new Promise<UWS.us_listen_socket | false>((resolve) => {
      app.listen(host, port, options.sharesPort ? SHARED : uws.LIBUS_LISTEN_EXCLUSIVE_PORT, resolve)
    })
    if (!token) throw await reasonForListenFailure(host, port)
    return { port: uws.us_socket_local_port(token), stop: () => uws.us_listen_socket_close(token) }
  }).catch((error: unknown) => {
    app.close()
    throw error
  })
  let listening = true
  const stopListening = (): void => {
    if (listening) for (const listener of listeners) listener.stop()
    listening = false
  }
  return {
    port: listeners[0].port,
    publish: (topic, payload, compress) => {
      app.publish(topic, payload, typeof payload !== 'string', compress)
    },
    subscribers: (topic) => app.numSubscribers(topic),
    isShortOfFiles: () => files.isShort(),
    stopListening,
    close: async () => {
      stopListening()
      files.close()
      await answers.written()
      outer.close()
      app.close()
    },
  }
}

class UwsSocket<D> implements RuntimeSocket<D> {
  readonly data: D
  /** Every method of a closed uWebSockets.js socket throws, so it is let go at its close. */
  native: UWS.WebSocket<Holder<D>> | undefined = undefined

  constructor(data: D) {
    this.data = data
  }

  get bufferedAmount(): number {
    return this.native ? this.native.getBufferedAmount() : 0
  }

  send(payload: Payload, compress: boolean): SendStatus {
    if (!this.native) return 'closed'
    const result = this.native.send(payload, typeof payload !== 'string', compress)
    return result === 1 ? 'sent' : result === 0 ? 'queued' : 'dropped'
  }

  publish(topic: string, payload: Payload, compress: boolean): void {
    this.native?.publish(topic, payload, typeof payload !== 'string', compress)
  }

  subscribe(topic: string): void {
    this.native?.subscribe(topic)
  }

  unsubscribe(topic: string): void {
    this.native?.unsubscribe(topic)
  }

  ping(payload: Payload): void {
    this.native?.ping(payload)
  }

  pong(): void {
    // No call for it: `capabilities.unsolicitedPong` is false.
  }

  pause(): boolean {
    return false
  }

  resume(): void {
    // Nothing is paused: `capabilities.pausesReading` is false.
  }

  close(code: number, reason: string): void {
    this.native?.end(code, reason)
  }

  terminate(): void {
    // What was sent in this turn is still corked, and `close` would drop it.
    if (this.native) setImmediate(() => this.native?.close())
  }
}

/** uWebSockets.js reads everything as UTF-8. */
const BEYOND_ASCII = /[^\0-\x7f]/
const BEYOND_ASCII_ALL = /[^\0-\x7f]+/gu

/** A byte a character, as Node has header values (and RFC 9110 5.5 knows no charset). */
function asLatin1(value: string): string {
  return Buffer.from(value).toString('latin1')
}

/** What is asked for later than in the route's own callback is too late: the bytes are gone. */
function readBody(res: UWS.HttpResponse): ReadBody {
  return (maxBytes) =>
    new Promise((resolve) => {
      const chunks: Buffer[] = []
      let bytes = 0
      res.onData((chunk, isLast) => {
        bytes += chunk.byteLength
        // The memory is taken back when this callback returns.
        if (bytes <= maxBytes) chunks.push(Buffer.from(chunk.slice(0)))
        if (bytes > maxBytes) resolve(undefined)
        else if (isLast) resolve(Buffer.concat(chunks))
      })
    })
}

/** `HttpRequest` lives on the stack: everything is copied before the callback returns. */
function copyRequest(res: UWS.HttpResponse, req: UWS.HttpRequest, encrypted: boolean): RawRequest {
  const rawHeaders: string[] = []
  req.forEach((name, value) => rawHeaders.push(name, BEYOND_ASCII.test(value) ? asLatin1(value) : value))
  const query = req.getQuery()
  const url = query ? `${req.getUrl()}?${query}` : req.getUrl()
  return {
    method: req.getCaseSensitiveMethod(),
    // As Bun has it, and as clients should have sent it (RFC 3986 2.1).
    url: BEYOND_ASCII.test(url) ? url.replaceAll(BEYOND_ASCII_ALL, encodeURIComponent) : url,
    // It answers 505 to anything else by itself.
    httpVersion: '1.1',
    rawHeaders,
    remoteAddress: utf8.decode(res.getRemoteAddressAsText()),
    remotePort: undefined,
    encrypted,
  }
}

/** Tells who waits that the client has left before it had an answer. */
class Leaving {
  #run: (() => void) | undefined

  readonly onGone = (run: () => void): void => {
    this.#run = run
  }

  tell(): void {
    this.#run?.()
  }
}

/** How a later answer is corked, as all writes outside of the route's own callback have to be. */
type Cork = (run: () => void) => void

/** Nothing may touch `res` once it was aborted. */
function respond<T>(
  answers: Answers,
  res: UWS.HttpResponse,
  result: T | Promise<T>,
  write: (result: T) => void,
  prepare: (result: T) => Promise<Cork> = async () => (run) => res.cork(run),
  leaving?: Leaving,
): void {
  if (!(result instanceof Promise)) return write(result)
  let aborted = false
  res.onAborted(() => {
    aborted = true
    leaving?.tell()
  })
  const written = result.then(async (value) => {
    const cork = await prepare(value)
    if (!aborted) cork(() => write(value))
  })
  void answers.add(written)
}

/**
 * For the last answer on a connection. uWebSockets.js would go on with what else is in the packet, and answer a request
 * that was hidden in the body of the first one, say (RFC 9112 9.6); while an answer is pending, it drops the
 * connection instead.
 */
function afterPacket<T>(result: T | Promise<T>): Promise<T> {
  return new Promise((resolve) => setImmediate(() => resolve(result)))
}

function asksToClose(raw: RawRequest): boolean {
  return /\bclose\b/i.test(headerOf(raw, 'connection') ?? '')
}

function answer(res: UWS.HttpResponse, { method }: RawRequest, { status, headers, body }: HttpAnswer): void {
  res.writeStatus(statusLine(status))
  for (const [name, value] of Object.entries(headers)) res.writeHeader(name, value)
  if (isBodiless(status)) return void res.endWithoutBody()
  if (method !== 'HEAD') return void res.end(body, status >= 400)
  // uWebSockets.js sends the body of `end` also where there must be none (RFC 9110 9.3.2).
  res.writeHeader('Content-Length', String(Buffer.byteLength(body)))
  res.endWithoutBody()
}

function headerOf({ rawHeaders }: RawRequest, name: string): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i] === name) return rawHeaders[i + 1]
  }
  return undefined
}

/** uWebSockets.js ends a connection as 1006 with one of its own texts; users get the code that fits. */
function closeCodeOf(text: string): { code: number; closeFrame: boolean } {
  if (text.startsWith('Received too big message')) return { code: CloseCode.MessageTooBig, closeFrame: false }
  if (text === 'Received invalid UTF-8') return { code: CloseCode.InvalidPayload, closeFrame: false }
  if (text === 'Received invalid WebSocket frame') return { code: CloseCode.ProtocolError, closeFrame: false }
  // A close frame with a code it does not know, valid ones (3000-3999, 1012-1014) among them: the code is lost.
  if (text === 'Received invalid close payload') return { code: CloseCode.NoStatusReceived, closeFrame: true }
  return { code: CloseCode.AbnormalClosure, closeFrame: false }
}

function createSecureApp(uws: UWS.UwsModule, tls: TlsFiles): UWS.TemplatedApp {
  readTls(tls)
  try {
    return uws.SSLApp({ cert_file_name: tls.cert, key_file_name: tls.key })
  } catch (cause) {
    throw tlsError(tls, cause)
  }
}

/** uWebSockets.js only says that it failed; Node's own listen says why. */
function reasonForListenFailure(host: string, port: number): Promise<unknown> {
  return new Promise((resolve) => {
    const server = createTcpServer()
    server.once('error', resolve)
    server.listen(port, host, () =>
      server.close(() => resolve(new SidewireError('ERR_LISTEN', 'unknown reason'))),
    )
  })
}
