import { Admission } from './handshake/admission.ts'
import type { Inside } from './inside.ts'
import { noPlay, type MakePlay } from './play.ts'
import type { Network } from './network.ts'
import type { Nodes, RemoteBroadcast } from './nodes.ts'
import { tellRefusal } from './handshake/told-refusal.ts'
import { pathOf } from './handshake/request.ts'
import type { PublishOptions } from './rooms/broadcast-options.ts'
import { systemClock, type Clock, type Timer } from './clock.ts'
import { CLOSE_ANSWER_TIMEOUT_MS, CloseCode } from './close.ts'
import { infoOf, type ConnectionInfo } from './connection/connection-info.ts'
import type { Connection } from './connection/connection.ts'
import type { Context } from './context.ts'
import { Departed } from './connection/departed.ts'
import { dispatch, UNTOLD } from './connection/dispatch.ts'
import { describe, SidewireError } from './errors.ts'
import type { Holdings } from './holdings.ts'
import { closeRemoved, type LiveHandler } from './handler/live-handler.ts'
import { LiveHandlers } from './handler/live-handlers.ts'
import type { Logger } from './logger.ts'
import { takeMessage } from './connection/message-rate.ts'
import { toBuffer } from './connection/message.ts'
import type { ResolvedEngineOptions } from './handler/options.ts'
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
import { countRefused, createStats, type RefusalReason, type Stats } from './stats.ts'
import { PlainRequests } from './handshake/plain-requests.ts'
import { Tap, type TapListener } from './tap.ts'
import { queueMicrotask } from './timers.ts'
import { TrafficLog } from './traffic-log.ts'
import { Upgrades, type Abilities } from './handshake/upgrades.ts'
import { noDialler, type LoadDialler } from './upstream/backend.ts'
import { Legs } from './upstream/legs.ts'

type Decision = UpgradeDecision<Connection>
type Socket = RuntimeSocket<Connection>

/** Before the runtime listens. */
const UNABLE: Abilities = { serverWindowBits: [], smallWindowWithoutTakeover: false, hangsUp: false }

/** What some handlers need, and the engine does not know. */
interface Partners {
  /** For those that ask a backend. */
  readonly loadDialler?: LoadDialler
  /** For those with a scenario. */
  readonly makePlay?: MakePlay
}

/** The engine: handlers in, runtime events in; what a connection, a room and a broadcast mean. */
export class Engine implements Context, Inside, Omit<RuntimeEvents<Connection>, 'request'> {
  readonly clock: Clock
  readonly logger: Logger
  readonly stats: Stats = createStats()
  readonly legs: Legs = new Legs()
  readonly loadDialler: LoadDialler
  readonly makePlay: MakePlay
  readonly isDebug: boolean
  tap: Tap | undefined
  nodes: Nodes | undefined
  isOwnPong: ((payload: Uint8Array) => boolean) | undefined
  #network: Network | undefined
  readonly #tap: Tap
  #options: ResolvedEngineOptions
  readonly #handlers: LiveHandlers
  readonly #admission: Admission
  readonly #upgrades: Upgrades
  readonly #requests: PlainRequests
  /** `undefined` where its level is off. */
  readonly #traffic: TrafficLog | undefined
  #server: RuntimeServer | undefined
  #capabilities: RuntimeCapabilities | undefined
  #topics = 0
  #closing = false
  /** Clients that got their close frame right after the handshake. */
  readonly #rejected = new Map<Connection, Timer>()
  readonly #departed = new Departed()

  constructor(
    options: ResolvedEngineOptions,
    logger: Logger,
    clock: Clock = systemClock,
    { loadDialler = noDialler, makePlay = noPlay }: Partners = {},
  ) {
    this.clock = clock
    this.logger = logger
    this.loadDialler = loadDialler
    this.makePlay = makePlay
    this.isDebug = options.logLevel === 'debug'
    this.#tap = new Tap(clock, logger)
    this.#options = options
    this.#admission = new Admission(this, options)
    this.#handlers = new LiveHandlers(this, options)
    this.#traffic = TrafficLog.for(logger, options.logLevel)
    this.#upgrades = new Upgrades(this, this.#handlers, this.#admission, options, this.#traffic)
    this.#requests = new PlainRequests(this, this.#handlers, options)
  }

  /** Called once, when the runtime listens. */
  attach(server: RuntimeServer, capabilities: RuntimeCapabilities): void {
    this.#server = server
    this.#capabilities = capabilities
    this.#admission.start(() => server.isShortOfFiles())
    this.#handlers.start()
  }

  get network(): Network | undefined {
    return this.#network
  }

  /** What stands between it and its clients from now on. */
  standBehind(network: Network): void {
    this.#network = network
    this.#tellNetwork()
  }

  /** Puts new options into service. Connections of handlers that are gone are closed with 1001. */
  update(options: ResolvedEngineOptions): void {
    this.#options = options
    this.#admission.update(options)
    this.#upgrades.update(options)
    this.#requests.update(options)
    this.#handlers.update(options)
    this.#tellNetwork()
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

  canCloseWithoutCode(): boolean {
    return this.#capabilities?.closeWithoutCode ?? false
  }

  // From outside

  decode(pattern: string, payload: Payload): unknown {
    const live = this.#handlers.get(pattern)
    return live ? live.handler.decode(payload) : payload
  }

  /** @returns what ends it */
  listen(listener: TapListener): () => void {
    this.#tap.add(listener)
    this.tap = this.#tap
    return () => {
      this.#tap.remove(listener)
      if (this.#tap.isIdle) this.tap = undefined
    }
  }

  /** Whether a handler matches this path, prefix included. */
  matches(path: string): boolean {
    return this.patternAt(path) !== undefined
  }

  /** Which one. */
  patternAt(path: string): string | undefined {
    return this.#handlers.find(path)?.target.handler.pattern.source
  }

  /**
   * Sends to all connections of one handler, or to a union of its rooms.
   * @throws `ERR_UNKNOWN_HANDLER`, `ERR_SERIALIZE`, `ERR_OPTION`
   */
  publishTo(pattern: string, data: unknown, options?: PublishOptions): void {
    this.#live(pattern).publish(data, options)
  }

  /**
   * What another node has broadcast, to the connections here.
   * @returns whether there is such a handler
   */
  deliver(message: RemoteBroadcast): boolean {
    const live = this.#handlers.get(message.pattern)
    live?.deliver(message)
    return live !== undefined
  }

  /** Bytes of the largest payload of a handler; without one of this pattern there is no limit. */
  maxPayloadOf(pattern: string): number {
    return this.#handlers.get(pattern)?.handler.maxPayload ?? Infinity
  }

  openConnections(pattern?: string): Connection[] {
    return [...(pattern === undefined ? this.#handlers : this.#live(pattern)).connections()]
  }

  patternOf(pattern: string): string {
    return this.#live(pattern).handler.pattern.source
  }

  failed(pattern: string, what: string, thrown: unknown): void {
    this.#handlers.get(pattern)?.hooks.failAlone(what, thrown)
  }

  #tellNetwork(): void {
    const served = Array.from(this.#handlers, ({ handler }) => handler)
    this.#network?.serve(
      served.map(({ pattern, source }) => ({ pattern: pattern.source, faults: source.faults })),
    )
  }

  #live(pattern: string): LiveHandler {
    const source = String(pattern)
    const live = this.#handlers.get(source.startsWith('/') ? source : `/${source}`)
    if (live) return live
    const known = this.#handlers.patterns.join(', ')
    throw new SidewireError(
      'ERR_UNKNOWN_HANDLER',
      `no enabled handler has the pattern ${describe(pattern)}; there is ${known || 'none'}`,
    )
  }

  get isLagging(): boolean {
    return this.#admission.isLagging
  }

  isShortOfFiles(): boolean {
    return this.#admission.isShortOfFiles()
  }

  connections(): ConnectionInfo[] {
    return Array.from(this.#handlers.connections(), infoOf)
  }

  holdings(): Holdings {
    const scopes = [...this.#handlers].flatMap((live) => [...live.scopes])
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
      handshakes: this.#upgrades.waiting + this.#admission.opening,
      upstreams: this.legs.size,
      rejected: this.#rejected.size,
      departed: this.#departed.size,
    }
  }

  /**
   * Takes no more connections, closes the open ones with 1001, and tells the handlers when all are gone. Resolves when they
   * have been told, or time is up.
   */
  async close(): Promise<void> {
    this.#closing = true
    this.#admission.stop()
    this.#upgrades.stop()
    this.#requests.stop()
    this.#network?.stop()
    for (const conn of [...this.#handlers.connections()]) closeGoingAway(conn)
    this.#departed.stop()
    const { shutdownTimeout } = this.#options
    let timer: Timer | undefined
    const timeUp = new Promise<void>((resolve) => {
      timer = this.clock.after(shutdownTimeout, resolve)
    })
    await Promise.race([timeUp, Promise.all([this.#handlers.empty(), this.legs.goAway()])])
    this.legs.terminate()
    await Promise.race([timeUp, this.#handlers.stop()])
    timer?.cancel()
    for (const hook of this.#handlers.unsettled)
      this.logger.warn(`${hook} did not settle within ${shutdownTimeout} ms (shutdownTimeout)`)
  }

  // From the runtime

  upgrade(raw: RawRequest): Decision | Promise<Decision> {
    const decision = this.#upgrades.decide(raw, this.#capabilities ?? UNABLE)
    if (this.tap) {
      const pattern = this.#handlers.find(pathOf(raw.url))?.target.handler.pattern.source
      tellRefusal(this.tap, raw, pattern, decision)
    }
    return this.#traffic ? this.#traffic.decided(raw, decision) : decision
  }

  /** Plain HTTP; `undefined` where no handler matches. */
  request(raw: RawRequest): HttpAnswer | Promise<HttpAnswer> | undefined {
    return this.#requests.answer(raw)
  }

  handshakeTimedOut(): void {
    countRefused(this.stats, 'handshakeTimeout')
    this.#tellUnread('handshakeTimeout')
    this.#traffic?.failed('its handshake was not complete within handshakeTimeout')
  }

  hungUp(): void {
    const { reason } = this.#admission.hungUp()
    countRefused(this.stats, reason)
    this.#tellUnread(reason)
    this.#traffic?.failed('file descriptors run out')
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
    this.#traffic?.opened(conn)
    this.tap?.tell({ type: 'open', conn, pattern: patternOf(conn) })
    conn.n = conn.live.number()
    this.#network?.opened(conn)
    conn.live.open(conn)
    if (this.#closing) closeGoingAway(conn)
    // A reload may come between the answer and the open socket, too.
    else if (!this.#handlers.serves(conn.live)) closeRemoved(conn)
  }

  message(socket: Socket, payload: Payload, bytes: number): void {
    const conn = socket.data
    if (conn.closed || conn.rejection) return
    if (conn.link === undefined) this.#receive(conn, payload, bytes)
    else conn.link.receive(payload, bytes, (...arrived) => this.#receive(conn, ...arrived))
  }

  /** It has come through the network. */
  #receive(conn: Connection, payload: Payload, bytes: number, nth?: number): void {
    if (conn.closed) return
    const { live } = conn
    this.stats.messagesIn++
    this.stats.bytesIn += bytes
    const n = this.tap
      ? this.tap.tell({ type: 'message', conn, pattern: patternOf(conn), payload, bytes, nth })
      : UNTOLD
    conn.missedPings = 0
    if (live.handler.inactivityTimeout > 0) conn.lastActive = this.clock.now()
    if (live.handler.maxMessagesPerSecond > 0 && !takeMessage(conn)) return
    if (bytes > live.handler.maxPayload) conn.startClose(CloseCode.MessageTooBig, 'Message too big')
    else dispatch(conn, payload, bytes, n)
  }

  ping(socket: Socket, payload: Uint8Array): void {
    const conn = socket.data
    if (conn.rejection) return
    // The runtime has sent a pong by itself, also while a close waits; nobody may let them pile up.
    if (conn.isOverfull()) conn.overflow()
    if (conn.closed || conn.link?.isDeaf) return
    this.tap?.tell({ type: 'ping', conn, pattern: patternOf(conn), from: 'client', payload })
    conn.missedPings = 0
    conn.lastActive = this.clock.now()
    if (conn.live.handler.maxMessagesPerSecond > 0 && !takeMessage(conn)) return
    conn.live.hooks.control(conn, 'onPing', toBuffer(payload))
  }

  pong(socket: Socket, payload: Uint8Array): void {
    const conn = socket.data
    if (conn.closed || conn.rejection || conn.link?.isDeaf) return
    this.tap?.tell({ type: 'pong', conn, pattern: patternOf(conn), from: 'client', payload })
    conn.missedPings = 0
    if (this.isOwnPong?.(payload)) return
    conn.live.hooks.control(conn, 'onPong', toBuffer(payload))
  }

  drain(socket: Socket): void {
    if (!socket.data.rejection) socket.data.drained()
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
    this.#network?.closed(conn)
    const end = conn.ended(code, reason, closeFrame)
    this.#admission.closed(conn)
    this.stats.closed++
    this.stats.connections--
    this.stats.closedByCode[end.code] = (this.stats.closedByCode[end.code] ?? 0) + 1
    this.tap?.tell({ type: 'close', conn, pattern: patternOf(conn), ...end })
    this.#traffic?.closed(conn, end.code, end.reason, end.initiatedByClient)
    // uWebSockets.js reports a close from inside of the call that closes, the others later. This is later, always.
    queueMicrotask(() => {
      conn.live.left(conn)
      this.#departed.add(conn, () => conn.live.closed(conn, end.code, end.reason, end.initiatedByClient))
    })
  }

  /** A handshake that was refused before it could be read. */
  #tellUnread(reason: RefusalReason): void {
    const unread = {
      pattern: undefined,
      url: undefined,
      remoteAddress: undefined,
      origin: undefined,
      answer: undefined,
    }
    this.tap?.tell({ type: 'refused', reason, ...unread, close: undefined })
  }
}

function patternOf(conn: Connection): string {
  return conn.live.handler.pattern.source
}

function closeGoingAway(conn: Connection): void {
  conn.startClose(CloseCode.GoingAway, 'Server is going away')
}

function topicName(n: number): string {
  return n.toString(36)
}
