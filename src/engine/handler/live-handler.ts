import { CloseCode } from '../close.ts'
import { BacklogSweep } from './backlog-sweep.ts'
import type { Timer } from '../clock.ts'
import type { Broadcast, Connection, Service } from '../connection/connection.ts'
import type { Context } from '../context.ts'
import { Inbox } from '../connection/dispatch.ts'
import { Checks } from '../schema/checks.ts'
import { SidewireError } from '../errors.ts'
import { createHandlerService } from './handler-service.ts'
import { Hooks } from './hooks.ts'
import { LagMonitor } from '../lag-monitor.ts'
import { Lifecycle } from './lifecycle.ts'
import { startHeartbeat, startInactivity } from '../connection/liveness.ts'
import { NOTICED_LAG_MS } from '../connection/message-rate.ts'
import { byteLength } from '../connection/message.ts'
import type { ResolvedHandler } from './options.ts'
import type { RemoteBroadcast } from '../nodes.ts'
import type { Scenario } from './scenario.ts'
import type { Play } from '../play.ts'
import { isPromiseLike } from '../promise.ts'
import { roomsOf, type PublishOptions } from '../rooms/broadcast-options.ts'
import { Scope } from '../rooms/rooms.ts'
import type { Payload } from '../runtime.ts'
import type { Tap } from '../tap.ts'
import { queueMicrotask } from '../timers.ts'

/** A path in the one spelling of all that are one to the routing of the handler. */
type PlaceOf = (path: string, handler: ResolvedHandler) => string

/** A handler in service: its connections, their scopes, and the timers that all of them share. */
export class LiveHandler implements Service {
  readonly context: Context
  handler: ResolvedHandler
  direct: boolean
  readonly hooks: Hooks
  readonly checks: Checks
  readonly lag: LagMonitor
  readonly lifecycle: Lifecycle
  play: Play | undefined
  /** What `play` plays. */
  #played: Scenario | undefined
  readonly #placeOf: PlaceOf
  readonly #scopes = new Map<string, Scope<Connection>>()
  #timers: Timer[] = []
  readonly #sweep: BacklogSweep
  #warnedAboutPong = false
  #numbers = 0
  /** Connections that are open, or whose `onClose` is still to come. */
  #present = 0
  readonly #whenEmpty: (() => void)[] = []

  constructor(context: Context, handler: ResolvedHandler, placeOf: PlaceOf) {
    this.context = context
    this.#placeOf = placeOf
    this.handler = handler
    this.direct = isDirect(handler)
    this.hooks = new Hooks(context, () => this.handler)
    this.checks = new Checks(this)
    this.lag = new LagMonitor(context.clock)
    this.lifecycle = new Lifecycle(this.hooks, (isOver) => createHandlerService(this, isOver))
    this.#sweep = new BacklogSweep(context.clock, () => this.connections())
    this.play = this.#makePlay(undefined)
  }

  /** Puts a new version of the handler into service; connections, rooms and metadata stay. */
  replace(handler: ResolvedHandler): void {
    const connections = [...this.connections()]
    const rescoped = handler.scope !== this.handler.scope
    if (rescoped) {
      for (const conn of connections) this.#leaveScope(conn)
      this.#scopes.clear() // a connection that is closing has left its scope, but the scope waits for its end
    }
    const isSame = handler.source === this.handler.source && handler.source.scenario === this.#played
    const asksAnother = !asksTheSame(this.handler, handler)
    this.handler = handler
    this.direct = isDirect(handler)
    // What is said goes on where this handler is none of those that have changed.
    if (!isSame) {
      this.play?.stop()
      this.play = this.#makePlay(this.play)
    }
    if (asksAnother) for (const conn of connections) conn.startClose(CloseCode.GoingAway, 'Handler changed')
    if (rescoped) {
      for (const conn of connections) {
        this.#enterScope(conn)
        conn.eachRoom((name) => conn.scope.join(conn, name))
      }
    }
    this.#stopTimers()
    const now = this.context.clock.now()
    for (const conn of connections) {
      conn.missedPings = 0
      conn.lastActive = now
    }
    if (connections.length > 0) this.#startTimers()
  }

  /** The version that is here now goes into service, if it is not. */
  start(): void {
    this.lifecycle.serve(this.handler.source)
  }

  /** A reload has removed it: its connections go, and then it is told; at once if there are none. */
  async retire(): Promise<void> {
    for (const conn of [...this.connections()]) closeRemoved(conn)
    if (this.#present > 0) await this.empty()
    await this.lifecycle.end('removed')
  }

  /** Resolves when it has no connection any more, and has been told so. */
  async empty(): Promise<void> {
    if (this.#present > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve))
  }

  *connections(): Generator<Connection> {
    for (const scope of this.#scopes.values()) yield* scope.connections
  }

  get largestBroadcast(): number {
    return this.#sweep.largest
  }

  get scopes(): Iterable<Scope<Connection>> {
    return this.#scopes.values()
  }

  scopeOf(conn: Connection): Scope<Connection> | undefined {
    return this.#scopes.get(this.#scopeKey(conn))
  }

  number(): number {
    return ++this.#numbers
  }

  /** A connection opened: rooms first, then `onConnect`, then whatever it sent meanwhile. */
  open(conn: Connection): void {
    this.#present++
    conn.relay?.opened()
    if (this.#timers.length === 0) this.#startTimers()
    conn.lastActive = this.context.clock.now()
    this.#enterScope(conn)
    if (this.handler.source.defaultRoom !== undefined) conn.joinRoom(this.handler.source.defaultRoom)
    const connecting = this.#connect(conn)
    // Beside an async onConnect: a script that waits holds no message back.
    this.play?.opened(conn)
    if (connecting === undefined) return conn.relay?.start()
    if (conn.dropsMessages) return undefined
    const inbox = new Inbox(conn, true)
    conn.inbox = inbox
    void connecting.then(() => {
      inbox.release()
      conn.relay?.start()
    })
  }

  /** Calls `onConnect`; a promise, which never rejects, of one that is async. */
  #connect(conn: Connection): Promise<void> | undefined {
    try {
      const result = this.handler.source.onConnect?.(conn, conn.req)
      return isPromiseLike(result) ? this.#watchConnect(conn, result) : undefined
    } catch (thrown) {
      this.#failConnect(conn, thrown)
      return undefined
    }
  }

  left(conn: Connection): void {
    this.play?.left(conn)
    this.#tidy(conn)
  }

  closed(conn: Connection, code: number, reason: string, initiatedByClient: boolean): void {
    conn.relay?.ended(code, reason, initiatedByClient)
    this.#close(conn, code, reason, initiatedByClient)
    this.#present--
    if (this.#present === 0) for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  /**
   * To all of its connections, or to a union of its rooms.
   * @throws `ERR_SERIALIZE`, `ERR_INVALID`, `ERR_OPTION`
   */
  publish(data: unknown, options?: PublishOptions): void {
    const rooms = roomsOf(options, 'publish')
    const payload = this.encode(data)
    this.#publish(payload, rooms, this.#scopes.values())
    if (options?.local !== true) this.relay(undefined, payload, rooms)
  }

  /** What another node has broadcast. */
  deliver({ scope, rooms, payload }: RemoteBroadcast): void {
    const one = scope === undefined ? undefined : this.#scopes.get(scope)
    if (scope === undefined) this.#publish(payload, rooms, this.#scopes.values())
    else if (one) this.#publish(payload, rooms, [one])
  }

  #publish(
    payload: Payload,
    rooms: readonly string[] | undefined,
    scopes: Iterable<Scope<Connection>>,
  ): void {
    let receivers = 0
    const reached = [...scopes]
    for (const scope of reached) receivers += this.broadcast(scope, payload, rooms, undefined)
    const { tap } = this.context
    if (!tap) return
    const audience = (): Connection[] => reached.flatMap((scope) => [...scope.audience(rooms)])
    this.tellBroadcast(tap, { payload, rooms, from: undefined, receivers, audience })
  }

  /** The same to the other nodes, behind what went to the connections here: also where none of them is in the rooms. */
  relay(from: Connection | undefined, payload: Payload, rooms: readonly string[] | undefined): void {
    const { nodes } = this.context
    if (nodes === undefined || rooms?.length === 0) return
    const { pattern, scope } = this.handler
    const place = from && scope === 'path' ? this.#scopeKey(from) : undefined
    nodes.broadcast({ pattern: pattern.source, scope: place, rooms, payload })
  }

  /** What is sent to clients, as it goes on the wire. @throws `ERR_SERIALIZE`, `ERR_INVALID` */
  encode(data: unknown): Payload {
    const { handler } = this
    return handler.encode(handler.schema.outgoing === undefined ? data : this.checks.outgoing(data))
  }

  broadcast(
    scope: Scope<Connection>,
    payload: Payload,
    names: readonly string[] | undefined,
    except: Connection | undefined,
  ): number {
    const receivers = scope.broadcast(payload, this.compresses(payload), names, except)
    if (receivers > 0) this.#sweep.after(this.countOut(receivers, payload), this.handler.maxBackpressure)
    return receivers
  }

  tellBroadcast(tap: Tap, broadcast: Broadcast): void {
    const [pattern, bytes] = [this.handler.pattern.source, byteLength(broadcast.payload)]
    tap.tell({ type: 'broadcast', pattern, bytes, ...broadcast })
  }

  compresses(payload: Payload): boolean {
    const { compressFrom } = this.handler
    if (compressFrom === Infinity) return false
    // A string has at most three bytes for each of its UTF-16 units, and at least one.
    const { length } = payload
    if (typeof payload !== 'string' || length >= compressFrom) return length >= compressFrom
    return length * 3 >= compressFrom && byteLength(payload) >= compressFrom
  }

  countOut(receivers: number, payload: Payload): number {
    const { stats } = this.context
    const bytes = byteLength(payload)
    stats.messagesOut += receivers
    stats.bytesOut += receivers * bytes
    return bytes
  }

  pong(conn: Connection, payload: Payload): void {
    if (this.context.canPong()) {
      const pattern = this.handler.pattern.source
      this.context.tap?.tell({ type: 'pong', conn, pattern, from: 'server', payload })
      return conn.socket.pong(payload)
    }
    if (this.#warnedAboutPong) return
    this.#warnedAboutPong = true
    this.context.logger.warn(
      `${this.hooks.nameOf(conn)}: conn.pong() does nothing on uWebSockets.js, which has no call for it; pings are still answered; see docs/reference/runtimes.md`,
    )
  }

  reportOverflow(conn: Connection, waiting: number): void {
    this.context.stats.terminatedForBackpressure++
    const { pattern, maxBackpressure } = this.handler
    const error = new SidewireError(
      'ERR_BACKPRESSURE',
      `the client reads too slowly: ${waiting} bytes waited for it, more than maxBackpressure (${maxBackpressure} bytes) ` +
        `of the handler ${pattern.source}; send while conn.bufferedAmount is small, or raise maxBackpressure`,
    )
    // Not from inside of the send that found it.
    queueMicrotask(() => this.hooks.report(conn, error))
  }

  #makePlay(before: Play | undefined): Play | undefined {
    const { scenario } = this.handler.source
    this.#played = scenario
    if (scenario === undefined) return undefined
    const { clock, logger, isDebug, makePlay } = this.context
    return makePlay(
      scenario,
      {
        clock,
        pattern: this.handler.pattern.source,
        isSequential: this.handler.sequential,
        debug: isDebug ? (text) => logger.debug(text) : undefined,
        connections: () => this.connections(),
        numberOf: (conn) => (conn as Connection).n,
        encode: (data) => this.encode(data),
        send: (conn, payload) => void (conn as Connection).transmit(payload, this.compresses(payload), true),
        broadcast: (from, payload, room, includeSelf) =>
          (from as Connection).broadcastPayload(
            payload,
            room === undefined ? undefined : [room],
            includeSelf,
          ),
        // Each node plays for its own: what a ticker says would come once from each of them.
        publish: (payload, room) =>
          this.#publish(payload, room === undefined ? undefined : [room], this.#scopes.values()),
        failed: (conn, what, thrown) =>
          conn ? this.hooks.fail(conn, what, thrown) : this.hooks.failAlone(what, thrown),
      },
      before,
    )
  }

  /** Ends the timers. */
  stop(): void {
    this.#stopTimers()
    this.#sweep.stop()
  }

  #close(conn: Connection, code: number, reason: string, initiatedByClient: boolean): void {
    const { source } = this.handler
    const done = (): void => conn.forgetRooms()
    if (!source.onClose) return done()
    try {
      const result = source.onClose(conn, code, reason, initiatedByClient)
      if (!isPromiseLike(result)) return done()
      void this.hooks.watch(conn, 'onClose', result).then(done)
    } catch (thrown) {
      this.hooks.fail(conn, 'onClose', thrown)
      done()
    }
  }

  #watchConnect(conn: Connection, result: PromiseLike<unknown>): Promise<void> {
    return Promise.resolve(result).then(noop, (thrown: unknown) => this.#failConnect(conn, thrown))
  }

  #failConnect(conn: Connection, thrown: unknown): void {
    this.hooks.fail(conn, 'onConnect', thrown)
    conn.startClose(CloseCode.InternalError, '')
  }

  #scopeKey(conn: Connection): string {
    return this.handler.scope === 'path' ? (conn.place ??= this.#placeOf(conn.path, this.handler)) : ''
  }

  #enterScope(conn: Connection): void {
    const key = this.#scopeKey(conn)
    let scope = this.#scopes.get(key)
    if (!scope) {
      scope = new Scope(this.context)
      this.#scopes.set(key, scope)
    }
    conn.scope = scope
    scope.add(conn)
  }

  #leaveScope(conn: Connection): void {
    conn.scope.remove(conn)
    this.#tidy(conn)
  }

  /** An empty scope goes, and with the last one the timers. */
  #tidy(conn: Connection): void {
    const key = this.#scopeKey(conn)
    const scope = this.#scopes.get(key)
    if (scope && scope.connections.size === 0) this.#scopes.delete(key)
    if (this.#scopes.size === 0) this.stop()
  }

  #startTimers(): void {
    if (this.handler.heartbeat > 0) this.#timers.push(startHeartbeat(this))
    if (this.handler.inactivityTimeout > 0) this.#timers.push(startInactivity(this))
    if (this.handler.maxMessagesPerSecond > 0) this.lag.watch(NOTICED_LAG_MS)
  }

  #stopTimers(): void {
    for (const timer of this.#timers) timer.cancel()
    this.#timers = []
    this.lag.stop()
  }
}

export function closeRemoved(conn: Connection): void {
  conn.startClose(CloseCode.GoingAway, 'Handler removed')
}

/** Whether it is answered by whom it was before. What a function chooses is not known before it is called. */
function asksTheSame({ upstream: before }: ResolvedHandler, { upstream: after }: ResolvedHandler): boolean {
  if (typeof before === 'function' || typeof after === 'function') return typeof before === typeof after
  return JSON.stringify(before) === JSON.stringify(after)
}

function isDirect(handler: ResolvedHandler): boolean {
  const { source, rules, delay, sequential } = handler
  if (source.scenario !== undefined) return false
  return rules.length === 0 && delay === 0 && !sequential && source.transformRawData === undefined
}

function noop(): void {}
