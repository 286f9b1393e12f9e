import { CloseCode } from './close.ts'
import type { Timer } from './clock.ts'
import type { Connection } from './connection.ts'
import type { Context } from './context.ts'
import { Inbox } from './dispatch.ts'
import { SidewireError, toError } from './errors.ts'
import { LagMonitor } from './lag-monitor.ts'
import { startHeartbeat, startInactivity } from './liveness.ts'
import { NOTICED_LAG_MS } from './message-rate.ts'
import { byteLength } from './message.ts'
import type { ResolvedHandler } from './options.ts'
import { isPromiseLike } from './promise.ts'
import { Scope } from './rooms.ts'
import type { Payload } from './runtime.ts'
import { queueMicrotask } from './timers.ts'

/** A handler in service: its connections, their scopes, and the isolation of what its hooks throw. */
export class LiveHandler {
  readonly context: Context
  handler: ResolvedHandler
  /** Messages need no queue: see `dispatch.ts`. */
  direct: boolean
  /** Watches the event loop for `maxMessagesPerSecond`. */
  readonly lag: LagMonitor
  readonly #placeOf: (path: string) => string
  readonly #scopes = new Map<string, Scope>()
  #timers: Timer[] = []
  #warnedAboutPong = false
  /** Bytes broadcast since backlogs were last looked at. */
  #bytesSinceSweep = 0
  /** Those of the largest message among them. */
  largestBroadcast = 0
  #sweep: Timer | undefined

  /** @param placeOf - the one spelling of all paths that are one to the routing */
  constructor(context: Context, handler: ResolvedHandler, placeOf: (path: string) => string) {
    this.context = context
    this.#placeOf = placeOf
    this.handler = handler
    this.direct = isDirect(handler)
    this.lag = new LagMonitor(context.clock)
  }

  /** Puts a new version of the handler into service; connections, rooms and metadata stay. */
  replace(handler: ResolvedHandler): void {
    const connections = [...this.connections()]
    const rescoped = handler.scope !== this.handler.scope
    if (rescoped) {
      for (const conn of connections) this.#leaveScope(conn)
      this.#scopes.clear() // a connection that is closing has left its scope, but the scope waits for its end
    }
    this.handler = handler
    this.direct = isDirect(handler)
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

  *connections(): Generator<Connection> {
    for (const scope of this.#scopes.values()) yield* scope.connections
  }

  get scopes(): Iterable<Scope> {
    return this.#scopes.values()
  }

  scopeOf(conn: Connection): Scope | undefined {
    return this.#scopes.get(this.#scopeKey(conn))
  }

  /** A connection opened: rooms first, then `onConnect`, then whatever it sent meanwhile. */
  open(conn: Connection): void {
    const { source } = this.handler
    if (this.#timers.length === 0) this.#startTimers()
    conn.lastActive = this.context.clock.now()
    this.#enterScope(conn)
    if (source.defaultRoom !== undefined) conn.joinRoom(source.defaultRoom)
    if (!source.onConnect) return
    try {
      const result = source.onConnect(conn, conn.req)
      if (!isPromiseLike(result)) return
      if (conn.dropsMessages) return void this.#watchConnect(conn, result)
      const inbox = new Inbox(conn, true)
      conn.inbox = inbox
      void this.#watchConnect(conn, result).then(() => inbox.release())
    } catch (thrown) {
      this.#failConnect(conn, thrown)
    }
  }

  /** Its socket is gone, and with it its place in the scope. */
  left(conn: Connection): void {
    this.#tidy(conn)
  }

  /** Nothing of it waits any more. */
  closed(conn: Connection, code: number, reason: string, initiatedByClient: boolean): void {
    const { source } = this.handler
    const done = (): void => conn.forgetRooms()
    if (!source.onClose) return done()
    try {
      const result = source.onClose(conn, code, reason, initiatedByClient)
      if (!isPromiseLike(result)) return done()
      void this.watch(conn, 'onClose', result).then(done)
    } catch (thrown) {
      this.fail(conn, 'onClose', thrown)
      done()
    }
  }

  broadcast(
    scope: Scope,
    payload: Payload,
    names: readonly string[] | undefined,
    except: Connection | undefined,
  ): void {
    const receivers = scope.broadcast(payload, this.compresses(payload), names, except)
    if (receivers > 0) this.#sweepAfter(this.countOut(receivers, payload))
  }

  compresses(payload: Payload): boolean {
    const { compressFrom } = this.handler
    if (compressFrom === Infinity) return false
    // A string has at most three bytes for each of its UTF-16 units, and at least one.
    const { length } = payload
    if (typeof payload !== 'string' || length >= compressFrom) return length >= compressFrom
    return length * 3 >= compressFrom && byteLength(payload) >= compressFrom
  }

  /** @returns the bytes of one copy */
  countOut(receivers: number, payload: Payload): number {
    const { stats } = this.context
    const bytes = byteLength(payload)
    stats.messagesOut += receivers
    stats.bytesOut += receivers * bytes
    return bytes
  }

  pong(conn: Connection, payload: Payload): void {
    if (this.context.canPong()) return conn.socket.pong(payload)
    if (this.#warnedAboutPong) return
    this.#warnedAboutPong = true
    this.context.logger.warn(
      `${this.#name(conn)}: conn.pong() does nothing on uWebSockets.js, which has no call for it; pings are still answered`,
    )
  }

  hook(conn: Connection, name: 'onPing' | 'onPong', payload: Buffer): void {
    try {
      const result = this.handler.source[name]?.(conn, payload)
      if (isPromiseLike(result)) void this.watch(conn, name, result)
    } catch (thrown) {
      this.fail(conn, name, thrown)
    }
  }

  /** Waits for an async hook; a rejection is a failure of the hook. Never rejects. */
  watch(conn: Connection, hook: string, result: PromiseLike<unknown>): Promise<void> {
    return Promise.resolve(result).then(noop, (thrown: unknown) => this.fail(conn, hook, thrown))
  }

  /** A hook threw or rejected. */
  fail(conn: Connection, hook: string, thrown: unknown): void {
    this.context.stats.handlerErrors++
    const error = toError(thrown)
    if (this.handler.source.onError) return this.#callOnError(conn, error)
    this.context.logger.error(`${this.#name(conn)}: ${hook} failed: ${error.stack ?? error.message}`)
  }

  /** Something happened to the connection that `onError` should know, and that no hook is to blame for. */
  report(conn: Connection, error: SidewireError): void {
    if (this.handler.source.onError) this.#callOnError(conn, error)
    else this.context.logger.warn(`${this.#name(conn)}: ${error.message}`)
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
    queueMicrotask(() => this.report(conn, error))
  }

  /** Ends the timers. */
  stop(): void {
    this.#stopTimers()
    this.#sweep?.cancel()
    this.#sweep = undefined
  }

  #watchConnect(conn: Connection, result: PromiseLike<unknown>): Promise<void> {
    return Promise.resolve(result).then(noop, (thrown: unknown) => this.#failConnect(conn, thrown))
  }

  #failConnect(conn: Connection, thrown: unknown): void {
    this.fail(conn, 'onConnect', thrown)
    conn.startClose(CloseCode.InternalError, '')
  }

  #callOnError(conn: Connection, error: Error): void {
    const log = (thrown: unknown): void => {
      const { stack, message } = toError(thrown)
      this.context.logger.error(`${this.#name(conn)}: onError failed: ${stack ?? message}`)
    }
    try {
      const result = this.handler.source.onError?.(conn, error)
      if (isPromiseLike(result)) Promise.resolve(result).catch(log)
    } catch (thrown) {
      log(thrown)
    }
  }

  #scopeKey(conn: Connection): string {
    return this.handler.scope === 'path' ? (conn.place ??= this.#placeOf(conn.path)) : ''
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

  /**
   * A native publish does not say whose backlog grew. Nobody's can have grown by more than what was broadcast,
   * so it is enough to look once every quarter of the limit, after the runtime has written.
   */
  #sweepAfter(bytes: number): void {
    this.#bytesSinceSweep += bytes
    if (bytes > this.largestBroadcast) this.largestBroadcast = bytes
    if (this.#sweep || this.#bytesSinceSweep < this.handler.maxBackpressure / 4) return
    this.#sweep = this.context.clock.after(0, () => {
      this.#sweep = undefined
      this.#bytesSinceSweep = 0
      for (const conn of this.connections()) {
        if (conn.isOverfull()) conn.overflow()
      }
      this.largestBroadcast = 0
    })
  }

  #name(conn: Connection): string {
    return `${this.handler.pattern.source} (connection ${conn.id})`
  }
}

function isDirect(handler: ResolvedHandler): boolean {
  const { source, rules, delay, sequential } = handler
  return rules.length === 0 && delay === 0 && !sequential && source.transformRawData === undefined
}

function noop(): void {}
