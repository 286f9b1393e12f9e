import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { CloseCode } from '../../engine/close.ts'
import { asksForWebSocket } from '../../engine/handshake/asks-for-websocket.ts'
import { SidewireError } from '../../engine/errors.ts'
import type {
  HttpAnswer,
  ListenOptions,
  RawRequest,
  ReadBody,
  Runtime,
  RuntimeEvents,
  RuntimeServer,
} from '../../engine/runtime.ts'
import { listenOnAll } from '../listen-on-all.ts'
import { OpenFiles } from '../open-files.ts'
import { answerRaw, writeAnswer } from '../raw-answer.ts'
import { readBody } from '../read-body.ts'
import { readTls } from '../tls-files.ts'
import { EarlyBytes } from './early-bytes.ts'
import { Topics, WsSocket } from './ws-socket.ts'
import { takeTurns } from './ws-turns.ts'

/** How often Node looks for clients whose time is up. */
const MIN_CHECK_MS = 50
const MAX_CHECK_MS = 1000
/** What stands for no limit at TLS handshakes, where 0 is Node's default of two minutes. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

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
      pathAsSent: true,
      // Node's parser answers 400.
      bytesInTarget: false,
      headerBytes: true,
      refusesHttp10: true,
      handshakeTimeout: true,
      hangsUp: true,
      // zlib has no raw deflate with a window of 2^8 bytes.
      serverWindowBits: [9, 10, 11, 12, 13, 14, 15],
      smallWindowWithoutTakeover: true,
      closeWithoutCode: true,
      pausesReading: true,
      // Bun's `node:cluster` starts processes, and hands out no connections.
      sharesPort: process.versions['bun'] === undefined && 'primary',
    },
    listen,
  }
}

async function listen<D>(events: RuntimeEvents<D>, options: ListenOptions): Promise<RuntimeServer> {
  const files = new OpenFiles()
  const topics = new Topics<D>()
  const pem = options.tls && readTls(options.tls)
  const sockets = new Set<Duplex>()
  const open = new Set<WebSocket>()
  /** The last one on each connection. */
  const answers = new WeakMap<Duplex, ServerResponse>()
  const acceptor = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: options.maxPayload,
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

  const upgrade = async (request: IncomingMessage, socket: Duplex, first: Buffer): Promise<void> => {
    let head = first
    socket.on('error', destroy) // before anything else: a reset at any moment lands here
    // Node hands over an upgrade at once, also behind a request that waits for its answer still; and that answer may
    // be the last one on this connection (RFC 9112 9.3.2, 9.6).
    const before = answers.get(socket)
    if (before && !before.closed) await once(before, 'close')
    if (socket.destroyed || socket.writableEnded) return
    const raw = {
      ...copyRequest(request, options.tls !== undefined),
      onGone: (run: () => void): void => void socket.once('close', run),
    }
    const end = (answer: HttpAnswer): void => answerRaw(socket, request.method, answer)
    // Node has let go of the socket, whatever it was to become.
    if (!isHandshake(request)) {
      const answer = await events.request(raw, NO_BODY)
      return socket.destroyed ? undefined : end(answer)
    }
    let decision = events.upgrade(raw)
    if (decision instanceof Promise) {
      const early = new EarlyBytes(socket, head)
      decision = await decision
      head = early.take()
    }
    if (socket.destroyed) return
    if (!decision.accept) return decision.answer ? end(decision.answer) : void socket.destroy()
    request.headers['sec-websocket-extensions'] = decision.extensions || undefined
    // `ws` would fail the client if its choice were not in the offer; the choice is the engine's.
    delete request.headers['sec-websocket-protocol']
    // It takes no list here, which the RFC allows and the engine has checked.
    request.headers.upgrade = 'websocket'
    ;(request as Accepted).acceptedProtocol = decision.protocol
    acceptor.handleUpgrade(request, socket, head, (ws) => {
      open.add(ws)
      ws.on('close', ended)
      const deflateBits = ws.extensions === '' ? 0 : windowBitsOf(decision.extensions)
      takeTurns(socket)
      const served = new WsSocket(decision.data, ws, socket as Socket, deflateBits, topics, events)
      serve(served)
      events.open(served)
      if (!ws.isPaused) socket.resume() // `EarlyBytes` has paused it
    })
  }

  // One listener for all sockets: a closure for each would keep its request, two kilobytes, for as long as it is open.
  const forget = function (this: Socket): void {
    sockets.delete(this)
  }
  const ended = function (this: WebSocket): void {
    open.delete(this)
  }
  const onTimeout = ({ code }: NodeJS.ErrnoException): void => {
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT') events.handshakeTimedOut()
  }
  const connection = (socket: Socket): void => {
    if (files.isFull()) {
      socket.destroy()
      events.hungUp()
      return
    }
    sockets.add(socket)
    socket.on('close', forget)
  }
  // Emitted behind the answer (408) that Node gives by itself.
  const watchTimeout = (socket: Socket): void => void socket.on('error', onTimeout)
  const plain = (request: IncomingMessage, response: ServerResponse): void => {
    answers.set(request.socket, response)
    const raw = copyRequest(request, options.tls !== undefined)
    if (!isHandshake(request)) {
      void reply(response, events.request(raw, readBody(request)))
      // Unread, a body would count against the client's time, and keep a large one from being sent.
      request.resume()
      return
    }
    const refuse = async (): Promise<HttpAnswer> => {
      const decision = await events.upgrade(raw)
      const malformed = { status: 400, headers: {}, body: 'Malformed WebSocket handshake' }
      return decision.accept ? malformed : (decision.answer ?? malformed)
    }
    void reply(response, refuse())
  }

  const sharing = options.sharesPort ? await howToShare() : {}
  const listeners = await listenOnAll(options, async (host, port) => {
    const server = createServer(pem, options.handshakeTimeout)
    server.on('connection', connection)
    server.on(pem ? 'secureConnection' : 'connection', watchTimeout)
    server.on('tlsClientError', ({ code }: NodeJS.ErrnoException) => {
      if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') events.handshakeTimedOut()
    })
    server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head))
    server.on('request', plain)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, host, ...sharing }, resolve)
    })
    return {
      server,
      port: (server.address() as AddressInfo).port,
      closed: new Promise<void>((resolve) => server.once('close', resolve)),
      stop: () => void server.close(),
    }
  }).catch((error: unknown) => {
    for (const socket of sockets) socket.destroy()
    throw error
  })
  let listening = true
  const stopListening = (): void => {
    if (listening) for (const listener of listeners) listener.stop()
    listening = false
    for (const { server } of listeners) server.closeIdleConnections()
  }
  return {
    port: listeners[0].port,
    publish: (topic, payload, compress) => topics.publish(topic, payload, compress),
    subscribers: (topic) => topics.subscribers(topic),
    isShortOfFiles: () => files.isShort(),
    stopListening,
    close: async () => {
      stopListening()
      files.close()
      for (const socket of sockets) socket.destroy()
      // `ws` reports a close some turns after that of the TCP socket.
      const reported = [...open].map((ws) => new Promise((resolve) => ws.once('close', resolve)))
      await Promise.all([...listeners.map(({ closed }) => closed), ...reported])
    },
  }
}

interface Accepted extends IncomingMessage {
  acceptedProtocol?: string
}

function createServer(pem: ReturnType<typeof readTls> | undefined, handshakeTimeout: number): Server {
  const timeout = Math.ceil(handshakeTimeout)
  const timeouts = {
    headersTimeout: timeout,
    // Node wants it to be no shorter. It ends with the request, and so does not touch `authenticate`.
    requestTimeout: timeout,
    connectionsCheckingInterval: Math.min(MAX_CHECK_MS, Math.max(MIN_CHECK_MS, Math.ceil(timeout / 10))),
  }
  return pem
    ? createHttpsServer({ ...pem, ...timeouts, handshakeTimeout: timeout || MAX_TIMEOUT_MS })
    : createHttpServer(timeouts)
}

const SOCKET = Symbol('the socket of the engine')

interface Served extends WebSocket {
  [SOCKET]: WsSocket<unknown>
}

function serve(socket: WsSocket<unknown>): void {
  const { ws } = socket
  ;(ws as Served)[SOCKET] = socket
  ws.on('error', onError)
  ws.on('message', onMessage)
  ws.on('ping', onPing)
  ws.on('pong', onPong)
  ws.on('close', onClose)
}

function onError(this: WebSocket, error: Error & { code?: string }): void {
  ;(this as Served)[SOCKET].failure ??= error
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const socket = (this as Served)[SOCKET]
  const bytes = data as Buffer // `binaryType` is "nodebuffer"
  socket.events.message(socket, isBinary ? bytes : bytes.toString('utf8'), bytes.length)
}

function onPing(this: WebSocket, data: Buffer): void {
  const socket = (this as Served)[SOCKET]
  socket.watchDrain() // `ws` has written a pong by itself, and a close may have to wait for it
  socket.events.ping(socket, data)
}

function onPong(this: WebSocket, data: Buffer): void {
  const socket = (this as Served)[SOCKET]
  socket.events.pong(socket, data)
}

function onClose(this: WebSocket, code: number, reason: Buffer): void {
  const socket = (this as Served)[SOCKET]
  socket.unsubscribeAll()
  const known = socket.failure && closeCodeOf(socket.failure)
  if (known !== undefined) return socket.events.closed(socket, known, '', false)
  const closeFrame = code !== CloseCode.AbnormalClosure
  socket.events.closed(socket, code, closeFrame ? reason.toString('utf8') : '', closeFrame)
}

function destroy(this: Duplex): void {
  this.destroy()
}

/** `ws` reports 1006 for what its own parser refuses, and says why in an error. */
function closeCodeOf({ code = '' }: Error & { code?: string }): number | undefined {
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return CloseCode.MessageTooBig
  if (code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH') return CloseCode.MessageTooBig
  if (code === 'WS_ERR_INVALID_UTF8' || code.startsWith('Z_')) return CloseCode.InvalidPayload
  if (code.startsWith('WS_ERR_')) return CloseCode.ProtocolError
  return undefined
}

/** Of a request whose socket Node has let go of. */
const NO_BODY: ReadBody = () => Promise.resolve(new Uint8Array())

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

function isHandshake({ headers }: IncomingMessage): boolean {
  return asksForWebSocket(headers.upgrade, headers['sec-websocket-key'])
}

async function reply(response: ServerResponse, result: HttpAnswer | Promise<HttpAnswer>): Promise<void> {
  const answer = await result
  if (answer.status >= 400) response.setHeader('Connection', 'close')
  writeAnswer(response, answer)
}

function windowBitsOf(offer: string): number {
  const [, bits] = /server_max_window_bits="?(\d+)/.exec(offer) ?? []
  return bits === undefined ? 15 : Number(bits)
}

/**
 * A worker of `node:cluster` shares by itself; other processes where the kernel can, and Node can tell it to.
 * @throws `ERR_RUNTIME`
 */
async function howToShare(): Promise<{ reusePort?: true }> {
  const { default: cluster } = await import('node:cluster')
  if (cluster.isWorker) return {}
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isKnown = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
  if (isKnown && process.platform === 'linux') return { reusePort: true }
  throw new SidewireError(
    'ERR_RUNTIME',
    `option "sharePort" is true, but the runtime ws shares a port only among workers of node:cluster, or on Linux from Node 22.12 on ` +
      `(this is Node ${process.versions.node} on ${process.platform}); use the runtime uws, or sidewire serve --workers`,
  )
}
