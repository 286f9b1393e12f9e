import { Admission, GOING_AWAY, type Refusal } from './admission.ts'
import { authenticate, type Verdict } from './authenticate.ts'
import { systemClock, type Clock, type Timer } from './clock.ts'
import { CLOSE_ANSWER_TIMEOUT_MS, CloseCode } from './close.ts'
import { Connection } from './connection.ts'
import type { Context } from './context.ts'
import { dispatch } from './dispatch.ts'
import { describe, SidewireError, toError } from './errors.ts'
import { checkHandshake, chooseDeflateOffer, chooseSubprotocol, textAnswer } from './handshake.ts'
import type { Holdings } from './holdings.ts'
import { LiveHandler } from './live-handler.ts'
import type { Logger } from './logger.ts'
import { takeMessage } from './message-rate.ts'
import { encode, toBuffer } from './message.ts'
import type { ResolvedEngineOptions } from './options.ts'
import { isOriginAllowed } from './origin.ts'
import { isPromiseLike } from './promise.ts'
import { createHandshakeRequest, pathOf, readHeaders, type HandshakeRequest } from './request.ts'
import { Router, type Route } from './router.ts'
import { stripPrefix } from './routing.ts'
import type {
  HttpAnswer,
  Payload,
  RawRequest,
  RuntimeCapabilities,
  RuntimeEvents,
  RuntimeServer,
  RuntimeSocket,
  UpgradeDecision,
} from './runtime.ts'
import { createStats, type RefusalReason, type Stats } from './stats.ts'

/** An open connection, as the server lists it. */
export interface ConnectionInfo {
  readonly id: string
  readonly path: string
  readonly rooms: readonly string[]
  readonly remoteAddress: string
  /** Milliseconds since the epoch. */
  readonly since: number
}

export interface PublishOptions {
  /** Only the union of these rooms. An empty list reaches nobody. */
  rooms?: readonly string[]
}

type Decision = UpgradeDecision<Connection>
type Socket = RuntimeSocket<Connection>

/** The engine: handlers in, runtime events in; what a connection, a room and a broadcast mean. */
export class Engine implements Context, Omit<RuntimeEvents<Connection>, 'request'> {
  readonly clock: Clock
  readonly logger: Logger
  readonly stats: Stats = createStats()
  #options: ResolvedEngineOptions
  /** By pattern, in the order in which they are tried. */
  #live: ReadonlyMap<string, LiveHandler>
  #router: Router<LiveHandler>
  #server: RuntimeServer | undefined
  #capabilities: RuntimeCapabilities | undefined
  #topics = 0
  readonly #admission: Admission
  #closing = false
  /** Refuses the handshakes that wait for `authenticate`. */
  readonly #waiting = new Set<() => void>()
  /** Clients that got their close frame right after the handshake. */
  readonly #rejected = new Map<Connection, Timer>()
  #idle: (() => void)[] = []

  constructor(options: ResolvedEngineOptions, logger: Logger, clock: Clock = systemClock) {
    this.clock = clock
    this.logger = logger
    this.#options = options
    this.#admission = new Admission(clock, this.stats, options)
    this.#live = byPattern(options.handlers.map((handler) => new LiveHandler(this, handler)))
    this.#router = createRouter(this.#live)
  }

  /** Called once, when the runtime listens. */
  attach(server: RuntimeServer, capabilities: RuntimeCapabilities): void {
    this.#server = server
    this.#capabilities = capabilities
    this.#admission.start()
  }

  /** Puts new options into service. Connections of handlers that are gone are closed with 1001. */
  update(options: ResolvedEngineOptions): void {
    const before = new Map(this.#live)
    this.#options = options
    this.#admission.update(options)
    const after = options.handlers.map((handler) => {
      const live = before.get(handler.pattern.source)
      if (!live) return new LiveHandler(this, handler)
      before.delete(handler.pattern.source)
      live.replace(handler)
      return live
    })
    this.#live = byPattern(after)
    this.#router = createRouter(this.#live)
    for (const live of before.values()) {
      for (const conn of [...live.connections()]) conn.startClose(CloseCode.GoingAway, 'Handler removed')
    }
  }

  // What the parts share

  get closeTimeout(): number {
    return this.#options.closeTimeout
  }

  publish(topic: string, payload: Payload, compress: boolean): void {
    this.#server?.publish(topic, payload, compress)
  }

  newTopic(): string {
    return topicName(++this.#topics)
  }

  canPong(): boolean {
    return this.#capabilities?.unsolicitedPong ?? false
  }

  // From outside

  /** Whether a handler matches this path, prefix included. */
  matches(path: string): boolean {
    return this.#match(path) !== undefined
  }

  /**
   * Sends to all connections of one handler, or to a union of its rooms.
   * @throws `ERR_UNKNOWN_HANDLER`, `ERR_SERIALIZE`
   */
  publishTo(pattern: string, data: unknown, options: PublishOptions = {}): void {
    const source = pattern.startsWith('/') ? pattern : `/${pattern}`
    const live = this.#live.get(source)
    if (!live) {
      const known = [...this.#live.keys()].join(', ')
      throw new SidewireError(
        'ERR_UNKNOWN_HANDLER',
        `no enabled handler has the pattern ${describe(pattern)}; there is ${known || 'none'}`,
      )
    }
    const payload = encode(data)
    for (const scope of live.scopes) live.broadcast(scope, payload, options.rooms, undefined)
  }

  connections(): ConnectionInfo[] {
    return [...this.#live.values()].flatMap((live) =>
      [...live.connections()].map((conn) => ({
        id: conn.id,
        path: conn.path,
        rooms: conn.getRooms(),
        remoteAddress: conn.req.socket.remoteAddress,
        since: conn.since,
      })),
    )
  }

  holdings(): Holdings {
    const scopes = [...this.#live.values()].flatMap((live) => [...live.scopes])
    const countTopics = (): number => {
      let count = 0
      for (let n = 1; n <= this.#topics; n++) {
        if ((this.#server?.subscribers(topicName(n)) ?? 0) > 0) count++
      }
      return count
    }
    return {
      scopes: scopes.length,
      rooms: scopes.reduce((sum, scope) => sum + scope.rooms.size, 0),
      unions: scopes.reduce((sum, scope) => sum + scope.unionCount, 0),
      get topics() {
        return countTopics()
      },
      handshakes: this.#waiting.size + this.#admission.opening,
      rejected: this.#rejected.size,
    }
  }

  /** Takes no more connections, closes the open ones with 1001, and resolves when all are gone or time is up. */
  async close(): Promise<void> {
    this.#closing = true
    this.#admission.stop()
    for (const refuse of [...this.#waiting]) refuse()
    for (const live of this.#live.values()) {
      for (const conn of [...live.connections()]) conn.startClose(CloseCode.GoingAway, 'Server is going away')
    }
    if (this.stats.connections === 0) return
    await new Promise<void>((resolve) => {
      const timer = this.clock.after(this.#options.shutdownTimeout, resolve)
      this.#idle.push(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  // From the runtime

  upgrade(raw: RawRequest): Decision | Promise<Decision> {
    const read = readHeaders(raw.rawHeaders)
    const { headers } = read
    const malformed = checkHandshake(raw, headers)
    if (malformed) return this.#refuse('malformed', malformed)
    const found = this.#match(pathOf(raw.url))
    if (!found) return this.#refuse('path', textAnswer(404, 'No WebSocket handler matches this path'))
    const { target: live, params } = found
    if (params === 'malformed')
      return this.#refuse('malformed', textAnswer(400, 'The path has a malformed percent escape'))
    if (!isOriginAllowed(headers['origin'], headers['host'], this.#options.allowedOrigins, raw.isHostKnown)) {
      this.logger.warn(
        `refused a connection from the origin ${describe(headers['origin'])}; ` +
          'if that page is yours, add it to the option allowedOrigins',
      )
      return this.#refuse('origin', textAnswer(403, 'This origin may not connect'))
    }
    const full = this.#admission.refuse(raw.remoteAddress)
    if (full) return this.#refuseAs(full)
    const protocol = chooseSubprotocol(headers['sec-websocket-protocol'], live.handler.source.subprotocols)
    if (protocol === undefined)
      return this.#refuse('subprotocol', textAnswer(400, 'None of the offered subprotocols is spoken here'))
    const req = createHandshakeRequest(raw, params, read)
    const extensions =
      live.handler.compressFrom === Infinity
        ? ''
        : chooseDeflateOffer(headers['sec-websocket-extensions'], this.#capabilities?.serverWindowBits ?? [])
    try {
      const verdict = authenticate(live.handler.source, req)
      if (!isPromiseLike(verdict)) return this.#decide(live, req, verdict, protocol, extensions)
      return this.#authenticateInTime(live, verdict, (settled) =>
        this.#decide(live, req, settled, protocol, extensions),
      )
    } catch (thrown) {
      return this.#failAuthenticate(live, thrown)
    }
  }

  handshakeTimedOut(): void {
    this.#countRefused('handshakeTimeout')
  }

  open(socket: Socket): void {
    const conn = socket.data
    conn.socket = socket
    if (conn.rejection) {
      // First, because uWebSockets.js reports the close from inside of it.
      const timer = this.clock.after(CLOSE_ANSWER_TIMEOUT_MS, () => socket.terminate())
      this.#rejected.set(conn, timer)
      socket.close(conn.rejection.code, conn.rejection.reason)
      return
    }
    this.#admission.opened(conn)
    this.stats.opened++
    this.stats.connections++
    conn.live.open(conn)
    if (this.#closing) conn.startClose(CloseCode.GoingAway, 'Server is going away')
    // A reload may come between the answer and the open socket, too.
    else if (!this.#serves(conn.live)) conn.startClose(CloseCode.GoingAway, 'Handler removed')
  }

  message(socket: Socket, payload: Payload, bytes: number): void {
    const conn = socket.data
    if (conn.closed || conn.rejection) return
    const { live } = conn
    this.stats.messagesIn++
    this.stats.bytesIn += bytes
    conn.missedPings = 0
    if (live.handler.inactivityTimeout > 0) conn.lastActive = this.clock.now()
    if (live.handler.maxMessagesPerSecond > 0 && !takeMessage(conn)) return
    if (bytes > live.handler.maxPayload) conn.startClose(CloseCode.MessageTooBig, 'Message too big')
    else dispatch(conn, payload, bytes)
  }

  ping(socket: Socket, payload: Uint8Array): void {
    const conn = socket.data
    if (conn.closed || conn.rejection) return
    conn.missedPings = 0
    conn.lastActive = this.clock.now()
    if (conn.live.handler.maxMessagesPerSecond > 0 && !takeMessage(conn)) return
    conn.live.hook(conn, 'onPing', toBuffer(payload))
  }

  pong(socket: Socket, payload: Uint8Array): void {
    const conn = socket.data
    if (conn.closed || conn.rejection) return
    conn.missedPings = 0
    conn.live.hook(conn, 'onPong', toBuffer(payload))
  }

  drain(socket: Socket): void {
    socket.data.drained()
  }

  overflow(socket: Socket): void {
    if (!socket.data.rejection) socket.data.overflow()
  }

  closed(socket: Socket, code: number, reason: string, closeFrame: boolean): void {
    const conn = socket.data
    if (conn.rejection) {
      this.#rejected.get(conn)?.cancel()
      this.#rejected.delete(conn)
      return
    }
    const end = conn.ended(code, reason, closeFrame)
    this.#admission.closed(conn)
    this.stats.closed++
    this.stats.connections--
    this.stats.closedByCode[end.code] = (this.stats.closedByCode[end.code] ?? 0) + 1
    // uWebSockets.js reports a close from inside of the call that closes, the others later. This is later, always.
    queueMicrotask(() => {
      conn.live.closed(conn, end.code, end.reason, end.initiatedByClient)
      if (this.stats.connections === 0) for (const resolve of this.#idle.splice(0)) resolve()
    })
  }

  /** Whether no reload has removed it. */
  #serves(live: LiveHandler): boolean {
    return this.#live.get(live.handler.pattern.source) === live
  }

  #match(path: string): Route<LiveHandler> | undefined {
    const rest = stripPrefix(path, this.#options.prefixes)
    return rest === undefined ? undefined : this.#router.find(rest)
  }

  #decide(
    live: LiveHandler,
    req: HandshakeRequest,
    verdict: Verdict,
    protocol: string,
    extensions: string,
  ): Decision {
    if (verdict.kind === 'refuse')
      return this.#refuse('authenticate', textAnswer(verdict.status, verdict.reason))
    if (!this.#serves(live)) return this.#refuse('path', textAnswer(404, 'This handler was removed'))
    const full = this.#admission.refuseAuthenticated(req.socket.remoteAddress)
    if (full) return this.#refuseAs(full)
    if (verdict.kind === 'close') {
      this.#countRefused('authenticate')
      return {
        accept: true,
        data: new Connection(live, req, undefined, protocol, verdict),
        protocol,
        extensions,
      }
    }
    const conn = new Connection(live, req, verdict.data, protocol)
    this.#admission.accepted(conn)
    return { accept: true, data: conn, protocol, extensions }
  }

  #authenticateInTime(
    live: LiveHandler,
    verdict: PromiseLike<Verdict>,
    decide: (verdict: Verdict) => Decision,
  ): Promise<Decision> {
    return new Promise((resolve) => {
      const { authenticateTimeout } = this.#options
      let settled = false
      const settle = (): boolean => {
        if (settled) return false
        settled = true
        timer.cancel()
        return this.#waiting.delete(goAway)
      }
      const timer = this.clock.after(authenticateTimeout, () => {
        settle()
        this.logger.warn(
          `${live.handler.pattern.source}: authenticate did not answer within ${authenticateTimeout} ms (authenticateTimeout)`,
        )
        resolve(this.#refuse('authenticateTimeout', textAnswer(503, 'Authentication took too long')))
      })
      const goAway = (): void => {
        settle()
        resolve(this.#refuseAs(GOING_AWAY))
      }
      this.#waiting.add(goAway)
      verdict.then(
        (value) => {
          if (settle()) resolve(decide(value))
        },
        (thrown: unknown) => {
          if (settle()) resolve(this.#failAuthenticate(live, thrown))
          else this.#logAuthenticate(live, thrown)
        },
      )
    })
  }

  #failAuthenticate(live: LiveHandler, thrown: unknown): Decision {
    this.#logAuthenticate(live, thrown)
    return this.#refuse('authenticate', textAnswer(500, 'Authentication failed'))
  }

  #logAuthenticate(live: LiveHandler, thrown: unknown): void {
    const error = toError(thrown)
    this.stats.handlerErrors++
    this.logger.error(`${live.handler.pattern.source}: authenticate failed: ${error.stack ?? error.message}`)
  }

  #refuseAs({ reason, answer }: Refusal): Decision {
    return this.#refuse(reason, answer)
  }

  #refuse(reason: RefusalReason, answer: HttpAnswer): Decision {
    this.#countRefused(reason)
    return { accept: false, answer }
  }

  #countRefused(reason: RefusalReason): void {
    const { stats } = this
    stats.refused++
    stats.refusedBy[reason] = (stats.refusedBy[reason] ?? 0) + 1
  }
}

function topicName(n: number): string {
  return n.toString(36)
}

function byPattern(handlers: readonly LiveHandler[]): ReadonlyMap<string, LiveHandler> {
  return new Map(handlers.map((live) => [live.handler.pattern.source, live]))
}

function createRouter(live: ReadonlyMap<string, LiveHandler>): Router<LiveHandler> {
  return new Router(live.values(), ({ handler }) => handler.pattern)
}
