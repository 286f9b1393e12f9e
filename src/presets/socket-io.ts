import { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import type { AuthenticateResult, UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { HandshakeRequest } from '../engine/handshake/request.ts'
import type { RequestAnswer } from '../engine/handshake/request-answer.ts'
import type { Logger } from '../engine/logger.ts'
import { Flow } from './flow.ts'
import { isObject, wrong } from '../engine/handler/option-error.ts'
import { checkPath, restarting, splitOptions, type PresetOptions } from './options.ts'

// socket.io speaks its protocol itself. It takes sockets from what it is told to use in the place of `ws` (`wsEngine`), so that its
// own checks, middlewares and errors are as ever; those of the handler take the place of what `ws` would have accepted.

/** A `Server` of socket.io 4. */
export interface SocketIoServer {
  /** As socket.io has it: to a server of Node's, with options of engine.io. */
  attach(server: never, options: never): unknown
  path(): string
}

export interface SocketIoOptions extends PresetOptions {
  /**
   * The whole path that clients ask for, which is their option `path` too. It ends with a slash, unless `io` has
   * `addTrailingSlash: false`. @defaultValue '/socket.io/', or the `path` of `io`
   */
  path?: string
}

/** What is asked of engine.io, which socket.io brings along. */
interface EngineIo {
  readonly opts: {
    transports: readonly string[]
    readonly maxHttpBufferSize: number
    readonly allowEIO3?: boolean
    readonly addTrailingSlash?: boolean
  }
  handleUpgrade(request: object, socket: RefusalSocket, head: Buffer): void
}

/** What engine.io takes for a socket of `ws`. */
type Accept = (socket: Socket) => void

const UNSUPPORTED_VERSION = 'Unsupported protocol version'
/**
 * In the words of engine.io, and for every page to read: a client with `tryAllTransports` goes on, and one without it shows what it
 * is, and no error of CORS.
 */
const UNKNOWN_TRANSPORT: RequestAnswer = {
  status: 400,
  headers: { 'Access-Control-Allow-Origin': '*' },
  body: { code: 0, message: 'Transport unknown' },
}

/**
 * socket.io on a handler, rooms, namespaces, acknowledgements, middlewares and adapters included: see docs/guide/presets.md.
 * Its clients have to come by WebSocket: `transports: ['websocket']`, or `tryAllTransports: true`.
 * @param io - a `Server` of socket.io, made without a server or a port
 * @throws `ERR_OPTION`
 */
export function socketIo(io: SocketIoServer, options?: SocketIoOptions): UniversalApiWsHandler {
  if (!isServer(io)) wrong('socketIo() io', io, 'a Server of socket.io, such as new Server()')
  const { own, handler } = splitOptions('socketIo', options, ['path'])
  const given = own['path'] ?? io.path()
  checkPath(given, 'socketIo.path', '/socket.io/')
  const engine = attach(io)
  // As engine.io has it, and its clients, whatever their option `path` says.
  const path = given.replace(/\/$/, '') + (engine.opts.addTrailingSlash === false ? '' : '/')
  const accepts = new WeakMap<HandshakeRequest, Accept>()
  const sockets = new Map<WebSocketConnection, Socket>()
  const flow = new Flow()
  let logger: Logger | undefined
  let hasTold = false

  const left = (conn: WebSocketConnection): void => {
    const socket = sockets.get(conn)
    sockets.delete(conn)
    flow.release(conn)
    socket?.emit('close')
  }

  return {
    maxPayload: engine.opts.maxHttpBufferSize,
    ...handler,
    pattern: path,
    prefix: false,
    raw: true,
    onStart(service, handedOver) {
      logger = service.logger
      return handler.onStart?.(service, handedOver)
    },
    async authenticate(req) {
      const answer = await ask(engine, req)
      if (typeof answer !== 'function') return answer
      accepts.set(req, answer)
      return true
    },
    onRequest(req) {
      if (!hasTold && queryOf(req).get('transport') === 'polling') {
        hasTold = true
        logger?.warn(
          `${path}: a socket.io client begins with HTTP long polling, which is not served: give it transports: ['websocket'], or tryAllTransports: true (this is said once)`,
        )
      }
      return UNKNOWN_TRANSPORT
    },
    async onConnect(conn, req) {
      const socket = new Socket(conn, flow)
      sockets.set(conn, socket)
      accepts.get(req)?.(socket)
      await socket.listened
    },
    onMessage(conn, data) {
      sockets.get(conn)?.emit('message', data, typeof data !== 'string')
    },
    onDrain: flow.release,
    onClose: left,
    onStop: restarting(handler.onStop, left),
  }
}

function isServer(io: unknown): boolean {
  return isObject(io) && typeof io['attach'] === 'function' && typeof io['path'] === 'function'
}

/** In the place of the sockets of `ws`: engine.io asks for one when it has let a client in. */
class WsEngine {
  handleUpgrade(_request: object, socket: RefusalSocket, _head: Buffer, accept: Accept): void {
    socket.accept(accept)
  }

  close(): void {}
}

/** What stands in the place of a server: it never listens, and socket.io looks at it only to close it. */
const standIns = new WeakSet<object>()

function attach(io: SocketIoServer): EngineIo {
  const attached = io as unknown as {
    readonly engine: EngineIo & { readonly ws?: unknown }
    readonly httpServer?: object
  }
  // `io.close()` would close ours in the place of its own.
  if (attached.httpServer !== undefined && !standIns.has(attached.httpServer))
    wrong('socketIo() io', 'attached to another server', 'made without a server or a port: new Server()')
  const standIn = createServer()
  standIns.add(standIn)
  io.attach(standIn as never, { wsEngine: WsEngine } as never)
  const { engine } = attached
  if (!(engine.ws instanceof WsEngine))
    wrong(
      'socketIo() io',
      engine.opts,
      'a Server that leaves wsEngine out, and has websocket among its transports',
    )
  engine.opts.transports = ['websocket']
  return engine
}

function queryOf({ url }: HandshakeRequest): URLSearchParams {
  return new URL(url, 'ws://localhost').searchParams
}

/** What engine.io makes of a handshake: what it wants to call with the socket, or its refusal. */
async function ask(engine: EngineIo, req: HandshakeRequest): Promise<Accept | AuthenticateResult> {
  // engine.io would say so behind the 101.
  if (queryOf(req).get('EIO') !== '4' && engine.opts.allowEIO3 !== true)
    return { success: false, status: 400, reason: UNSUPPORTED_VERSION }
  return new Promise((resolve) => {
    const request = { ...req, headers: { ...req.headers }, connection: req.socket }
    const refuse = (reason: string): void => resolve({ success: false, status: 400, reason })
    engine.handleUpgrade(request, new RefusalSocket(resolve, refuse), Buffer.alloc(0))
  })
}

/** What engine.io takes for the TCP connection of a handshake: it writes an answer there if it refuses. */
class RefusalSocket extends EventEmitter {
  readonly writable = true
  readonly accept: (accept: Accept) => void
  readonly #refuse: (reason: string) => void
  #written = ''

  constructor(accept: (accept: Accept) => void, refuse: (reason: string) => void) {
    super()
    this.accept = accept
    this.#refuse = refuse
  }

  write(text: string): void {
    this.#written += text
  }

  destroy(): void {
    this.#refuse(this.#written.split('\r\n\r\n')[1] ?? '')
  }
}

/** A connection, as engine.io knows sockets. */
class Socket extends EventEmitter {
  /** Settles when engine.io hears what the client sends, or has sent it away. */
  readonly listened: Promise<void>
  readonly #conn: WebSocketConnection
  readonly #flow: Flow

  constructor(conn: WebSocketConnection, flow: Flow) {
    super()
    this.#conn = conn
    this.#flow = flow
    this.listened = new Promise((resolve) => {
      this.on('newListener', (name) => name === 'message' && resolve())
      this.on('close', resolve)
    })
  }

  /** The callback stands last: older versions have options before it. */
  send(data: string | Buffer, ...rest: unknown[]): void {
    const status = this.#conn.send(data)
    const done = rest.at(-1)
    if (typeof done === 'function') this.#flow.after(this.#conn, status, done as () => void)
  }

  close(): void {
    this.#conn.close()
  }
}
