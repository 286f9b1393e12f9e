import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { CloseCode } from '../../engine/close.ts'
import type {
  HttpAnswer,
  ListenOptions,
  Payload,
  RawRequest,
  Runtime,
  RuntimeEvents,
  RuntimeServer,
  RuntimeSocket,
  SendStatus,
  TlsFiles,
} from '../../engine/runtime.ts'
import { listenError, readTls } from '../listen-error.ts'
import { frame } from './frame.ts'
import { statusLine } from './status-line.ts'

/** As on uWebSockets.js: the engine refuses first, with the handler's own limit. */
const PAYLOAD_HEADROOM = 1024 * 1024

export function createWsRuntime(description: string): Runtime {
  return {
    name: 'ws',
    description,
    capabilities: {
      unsolicitedPong: true,
      closeFrameOnParserError: true,
      everyCloseCode: true,
      remotePort: true,
      headerCase: true,
      refusesHttp10: true,
    },
    listen,
  }
}

async function listen<D>(events: RuntimeEvents<D>, options: ListenOptions): Promise<RuntimeServer> {
  const topics = new Topics<D>()
  const server = createServer(options.tls)
  const sockets = new Set<Duplex>()
  const open = new Set<WebSocket>()
  const acceptor = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: options.maxPayload + PAYLOAD_HEADROOM,
    // Legal messages may come in any number of fragments and chunks; `maxPayload` bounds them.
    maxFragments: 0,
    maxBufferedChunks: 0,
    // 1,000 pings in one packet are legal too; the backlog of pongs is bounded below.
    ...{ maxPendingAutoPongs: 0 }, // newer than the types
    // Without context takeover a compressed broadcast is compressed once for all receivers.
    perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true },
    handleProtocols: () => false,
  })
  acceptor.on('headers', (headers, request) => {
    const protocol = (request as Accepted).acceptedProtocol
    if (protocol) headers.push(`Sec-WebSocket-Protocol: ${protocol}`)
  })

  const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    socket.on('error', () => socket.destroy()) // before anything else: a reset at any moment lands here
    const decision = await events.upgrade(copyRequest(request, options.tls !== undefined))
    if (socket.destroyed) return
    if (!decision.accept) return void socket.end(formatAnswer(decision.answer))
    const extensions = zlibCanServe(decision.extensions) ? decision.extensions : ''
    request.headers['sec-websocket-extensions'] = extensions || undefined
    // `ws` would fail the client if its choice were not in the offer; the choice is the engine's.
    delete request.headers['sec-websocket-protocol']
    // It takes no list here, which the RFC allows and the engine has checked.
    request.headers.upgrade = 'websocket'
    ;(request as Accepted).acceptedProtocol = decision.protocol
    acceptor.handleUpgrade(request, socket, head, (ws) => {
      open.add(ws)
      ws.once('close', () => open.delete(ws))
      const deflateBits = ws.extensions === '' ? 0 : windowBitsOf(extensions)
      serve(new WsSocket(decision.data, ws, socket as Socket, deflateBits, topics, events), events, options)
    })
  }

  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head))
  server.on('request', (request, response) => {
    const raw = copyRequest(request, options.tls !== undefined)
    if (request.headers['sec-websocket-key'] === undefined && !mentionsWebSocket(request)) {
      void reply(response, events.request(raw))
      return
    }
    const refuse = async (): Promise<HttpAnswer> => {
      const decision = await events.upgrade(raw)
      return decision.accept
        ? { status: 400, headers: {}, body: 'Malformed WebSocket handshake' }
        : decision.answer
    }
    void reply(response, refuse())
  })

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(listenError(cause, options.host, options.port)))
    server.listen(options.port, options.host, resolve)
  })
  const closed = new Promise<void>((resolve) => server.once('close', resolve))
  let listening = true
  const stopListening = (): void => {
    if (listening) server.close()
    listening = false
    server.closeIdleConnections()
  }
  return {
    port: (server.address() as AddressInfo).port,
    publish: (topic, payload, compress) => topics.publish(topic, payload, compress),
    stopListening,
    close: async () => {
      stopListening()
      for (const socket of sockets) socket.destroy()
      // `ws` reports a close some turns after that of the TCP socket.
      const reported = [...open].map((ws) => new Promise((resolve) => ws.once('close', resolve)))
      await Promise.all([closed, ...reported])
    },
  }
}

interface Accepted extends IncomingMessage {
  acceptedProtocol?: string
}

function createServer(tls: TlsFiles | undefined): Server {
  return tls ? createHttpsServer(readTls(tls)) : createHttpServer()
}

function serve<D>(socket: WsSocket<D>, events: RuntimeEvents<D>, options: ListenOptions): void {
  const { ws } = socket
  let failure: (Error & { code?: string }) | undefined
  ws.on('error', (error) => {
    failure ??= error
  })
  ws.on('message', (data: Buffer, isBinary) => {
    events.message(socket, isBinary ? data : data.toString('utf8'), data.length)
  })
  ws.on('ping', (data) => {
    if (socket.bufferedAmount > options.maxBackpressure) events.overflow(socket)
    else events.ping(socket, data)
  })
  ws.on('pong', (data) => events.pong(socket, data))
  ws.on('close', (code, reason) => {
    socket.unsubscribeAll()
    const known = failure === undefined ? undefined : closeCodeOf(failure)
    if (known !== undefined) events.closed(socket, known, '', false)
    else {
      const closeFrame = code !== CloseCode.AbnormalClosure
      events.closed(socket, code, closeFrame ? reason.toString('utf8') : '', closeFrame)
    }
  })
  events.open(socket)
}

/** `ws` reports 1006 for what its own parser refuses, and says why in an error. */
function closeCodeOf({ code = '' }: Error & { code?: string }): number | undefined {
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return CloseCode.MessageTooBig
  if (code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH') return CloseCode.MessageTooBig
  if (code === 'WS_ERR_INVALID_UTF8' || code.startsWith('Z_')) return CloseCode.InvalidPayload
  if (code.startsWith('WS_ERR_')) return CloseCode.ProtocolError
  return undefined
}

/** The native runtimes have topics; here they are sets of sockets. */
class Topics<D> {
  readonly #subscribers = new Map<string, Set<WsSocket<D>>>()

  subscribe(topic: string, socket: WsSocket<D>): void {
    const subscribers = this.#subscribers.get(topic)
    if (subscribers) subscribers.add(socket)
    else this.#subscribers.set(topic, new Set([socket]))
  }

  unsubscribe(topic: string, socket: WsSocket<D>): void {
    const subscribers = this.#subscribers.get(topic)
    if (subscribers?.delete(socket) && subscribers.size === 0) this.#subscribers.delete(topic)
  }

  /** Framed, and compressed, once for all. */
  publish(topic: string, payload: Payload, compress: boolean, except?: WsSocket<D>): void {
    const subscribers = this.#subscribers.get(topic)
    if (!subscribers) return
    const frames = new Map<number, Buffer>()
    for (const socket of subscribers) {
      if (socket === except) continue
      const bits = compress ? socket.deflateBits : 0
      let bytes = frames.get(bits)
      if (!bytes) frames.set(bits, (bytes = frame(payload, bits)))
      socket.write(bytes)
    }
  }
}

class WsSocket<D> implements RuntimeSocket<D> {
  readonly data: D
  readonly ws: WebSocket
  /** 0 where compression was not negotiated. */
  readonly deflateBits: number
  readonly #tcp: Socket
  readonly #topics: Topics<D>
  readonly #events: RuntimeEvents<D>
  readonly #subscriptions = new Set<string>()
  #waitsForDrain = false

  constructor(
    data: D,
    ws: WebSocket,
    tcp: Socket,
    deflateBits: number,
    topics: Topics<D>,
    events: RuntimeEvents<D>,
  ) {
    this.data = data
    this.ws = ws
    this.deflateBits = deflateBits
    this.#tcp = tcp
    this.#topics = topics
    this.#events = events
  }

  get bufferedAmount(): number {
    return this.#tcp.destroyed ? 0 : this.#tcp.writableLength
  }

  send(payload: Payload, compress: boolean): SendStatus {
    if (this.ws.readyState !== this.ws.OPEN) return 'closed'
    this.write(frame(payload, compress ? this.deflateBits : 0))
    return this.#tcp.writableLength === 0 ? 'sent' : 'queued'
  }

  /** Writes past `ws`, which frames for each receiver; it has nothing of its own in flight but control frames. */
  write(bytes: Buffer): void {
    if (this.ws.readyState !== this.ws.OPEN || this.#tcp.destroyed) return
    this.#tcp.write(bytes)
    if (this.#tcp.writableLength > 0) this.#watchDrain()
  }

  publish(topic: string, payload: Payload, compress: boolean): void {
    this.#topics.publish(topic, payload, compress, this)
  }

  subscribe(topic: string): void {
    if (this.ws.readyState !== this.ws.OPEN) return
    this.#subscriptions.add(topic)
    this.#topics.subscribe(topic, this)
  }

  unsubscribe(topic: string): void {
    if (this.#subscriptions.delete(topic)) this.#topics.unsubscribe(topic, this)
  }

  unsubscribeAll(): void {
    for (const topic of this.#subscriptions) this.#topics.unsubscribe(topic, this)
    this.#subscriptions.clear()
  }

  ping(payload: Payload): void {
    if (this.ws.readyState === this.ws.OPEN) this.ws.ping(payload)
  }

  pong(payload: Payload): void {
    if (this.ws.readyState === this.ws.OPEN) this.ws.pong(payload)
  }

  close(code: number, reason: string): void {
    if (this.ws.readyState === this.ws.OPEN) this.ws.close(code, reason)
  }

  terminate(): void {
    this.ws.terminate()
  }

  /** The stream's own `drain` event does not come for a backlog below its high-water mark; an empty write behind it does. */
  #watchDrain(): void {
    if (this.#waitsForDrain) return
    this.#waitsForDrain = true
    this.#tcp.write(Buffer.alloc(0), () => {
      this.#waitsForDrain = false
      if (this.#tcp.destroyed) return
      if (this.bufferedAmount > 0) this.#watchDrain()
      this.#events.drain(this)
    })
  }
}

function copyRequest(request: IncomingMessage, encrypted: boolean): RawRequest {
  return {
    method: request.method ?? '',
    url: request.url ?? '/',
    httpVersion: request.httpVersion,
    rawHeaders: request.rawHeaders,
    remoteAddress: request.socket.remoteAddress ?? '',
    remotePort: request.socket.remotePort,
    encrypted,
  }
}

function mentionsWebSocket(request: IncomingMessage): boolean {
  return /\bwebsocket\b/i.test(request.headers.upgrade ?? '')
}

async function reply(response: ServerResponse, result: HttpAnswer | Promise<HttpAnswer>): Promise<void> {
  const { status, headers, body } = await result
  response.on('error', () => response.destroy())
  if (status >= 400) response.setHeader('Connection', 'close')
  response.writeHead(status, { 'Content-Length': Buffer.byteLength(body), ...headers })
  response.end(body)
}

function formatAnswer({ status, headers, body }: HttpAnswer): Buffer {
  const fields = { Connection: 'close', 'Content-Length': String(Buffer.byteLength(body)), ...headers }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${statusLine(status)}\r\n${lines.join('')}\r\n`),
    typeof body === 'string' ? Buffer.from(body) : body,
  ])
}

function windowBitsOf(offer: string): number {
  const [, bits] = /server_max_window_bits="?(\d+)/.exec(offer) ?? []
  return bits === undefined ? 15 : Number(bits)
}

/** zlib has no raw deflate with a window of 2^8 bytes. */
function zlibCanServe(offer: string): boolean {
  return windowBitsOf(offer) > 8
}
