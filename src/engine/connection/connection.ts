import { assertIncludeSelf, roomsOf, type BroadcastOptions } from '../rooms/broadcast-options.ts'
import {
  assertCloseCode,
  CLOSE_ANSWER_TIMEOUT_MS,
  CloseCode,
  MAX_CONTROL_PAYLOAD_BYTES,
  truncateReason,
} from '../close.ts'
import { afterReading, type Timer } from '../clock.ts'
import type { Context } from '../context.ts'
import { describe, SidewireError } from '../errors.ts'
import type { FaultInfo, Faults } from '../handler/faults.ts'
import type { Hooks } from '../handler/hooks.ts'
import type { LagMonitor } from '../lag-monitor.ts'
import type { Link } from './link.ts'
import { byteLength } from './message.ts'
import type { Play } from '../play.ts'
import type { ResolvedHandler } from '../handler/options.ts'
import { pathOf, type HandshakeRequest } from '../handshake/request.ts'
import type { Scope } from '../rooms/rooms.ts'
import type { Params } from '../handshake/routing.ts'
import type { Payload, RuntimeSocket, SendStatus } from '../runtime.ts'
import type { Happening, Tap } from '../tap.ts'
import type { UpstreamConnection } from '../upstream/upstream-connection.ts'
import type { WebSocketConnection } from './websocket-connection.ts'

/** What a connection asks of the handler that serves it. */
export interface Service {
  readonly context: Context
  readonly handler: ResolvedHandler
  readonly hooks: Hooks
  readonly checks: MessageChecks
  /** Of a handler with a scenario. */
  readonly play: Play | undefined
  /** Messages need no queue: see `dispatch.ts`. */
  readonly direct: boolean
  /** Watches the event loop for `maxMessagesPerSecond`. */
  readonly lag: LagMonitor
  /** Bytes of the largest broadcast that may still wait for somebody. */
  readonly largestBroadcast: number
  /** @returns its number, from 1 */
  number(): number
  open(conn: Connection): void
  /** Its socket is gone, and with it its place in the scope. */
  left(conn: Connection): void
  /** Nothing of it waits any more. */
  closed(conn: Connection, code: number, reason: string, initiatedByClient: boolean): void
  scopeOf(conn: Connection): Scope<Connection> | undefined
  broadcast(
    scope: Scope<Connection>,
    payload: Payload,
    names: readonly string[] | undefined,
    except: Connection | undefined,
  ): number
  /** To the connections of other nodes. */
  relay(from: Connection, payload: Payload, rooms: readonly string[] | undefined): void
  tellBroadcast(tap: Tap, broadcast: Broadcast): void
  encode(data: unknown): Payload
  compresses(payload: Payload): boolean
  /** @returns the bytes of one copy */
  countOut(receivers: number, payload: Payload): number
  pong(conn: Connection, payload: Payload): void
  reportOverflow(conn: Connection, waiting: number): void
}

/** What holds messages against a schema: see `schema/checks.ts`. */
export interface MessageChecks {
  incoming(conn: Connection, data: unknown, payload: Payload): unknown
  unreadable(conn: Connection, thrown: unknown, payload: Payload): symbol
}

/** A broadcast, as the tap is told of it. */
export type Broadcast = Pick<
  Extract<Happening, { type: 'broadcast' }>,
  'payload' | 'rooms' | 'from' | 'receivers' | 'audience'
>

/** Messages that wait for their turn: see `dispatch.ts`. */
export interface Queue {
  /** @param pending - what is being made of it */
  push(payload: Payload, bytes: number, n: number, pending?: PromiseLike<unknown>): void
  /** The client has gone. What waits is still handled, and behind it `run` is called. */
  whenDone(run: () => void): void
  /** We close the connection: what still waits is dropped. */
  end(): void
}

/** What ties it to the backend that answers in the place of a handler: see `upstream/relay.ts`. */
export interface Relay {
  readonly upstream: UpstreamConnection
  /** Its socket is there. */
  opened(): void
  /** Hooks may be called: what the backend has sent is handed over. */
  start(): void
  /** A message of the client's turn: as it came, or what a hook has made of it. */
  pass(payload: Payload, made: unknown): void
  /** The client has read what waited. */
  drained(): void
  /** The handler closes the connection. */
  close(code: number, reason: string): void
  /** We end it, for whatever reason. */
  left(code: number): void
  /** It has ended, and all that the client sent has had its turn. */
  ended(code: number, reason: string, initiatedByClient: boolean): void
}

interface Ending {
  readonly code: number
  readonly reason: string
}

/** RFC 6455 5.2: the most that a server puts before a payload. */
const MAX_FRAME_HEAD_BYTES = 10

/** What a client was held back with is read by then, and what comes later has not waited. */
const READ_WITHIN_MS = 1000

const ABNORMAL: Ending = { code: CloseCode.AbnormalClosure, reason: '' }

/** The engine's side of a connection. Everything outside {@link WebSocketConnection} is the engine's own. */
export class Connection implements WebSocketConnection {
  readonly req: HandshakeRequest
  readonly authData: unknown
  readonly subprotocol: string
  readonly since: number
  /** Set when the runtime opens the socket, before any hook sees the connection. */
  socket!: RuntimeSocket<Connection>
  scope!: Scope<Connection>
  readonly live: Service
  /** Its number among those of its handler, from 1. */
  n = 0
  /** What stands between it and its client, where the network is not perfect. */
  link: Link | undefined = undefined
  /** Its path as scopes know it, once they have asked: see `LiveHandler`. */
  place: string | undefined = undefined
  /** What to close with at once, when `authenticate` said so. */
  readonly rejection: Ending | undefined
  /** Messages that wait for their turn; none while each can be handled as it comes. */
  inbox: Queue | undefined = undefined
  /** Where the handler asks a backend. */
  relay: Relay | undefined = undefined
  /** Pings in a row without a sign of life. */
  missedPings = 0
  /** Until when what the client has sent is within `maxMessagesPerSecond`, by the engine's clock. */
  paidUntil = 0
  /** When the client last sent a message or ping, by the engine's clock. */
  lastActive = 0
  /** Since when nothing is read from it, by the engine's clock. */
  #pausedAt: number | undefined = undefined
  /** When the pause began that what is read now may have waited for, and until when that is so. Most never have one. */
  #held: { readonly since: number; readonly until: number } | undefined = undefined
  /** Bytes that do not count among those that wait: one that `maxBackpressure` has no room for. */
  #spared = 0
  #phase: 'open' | 'draining' | 'closing' | 'closed' = 'open'
  #ending: Ending | undefined = undefined
  #dropsMessages = false
  #timer: Timer | undefined = undefined
  #id: string | undefined = undefined
  #rooms: Set<string> | undefined = undefined
  #metadata: Record<string, any> | undefined = undefined

  constructor(
    live: Service,
    req: HandshakeRequest,
    authData: unknown,
    subprotocol: string,
    rejection?: Ending,
  ) {
    this.since = live.context.clock.date()
    this.live = live
    this.req = req
    this.authData = authData
    this.subprotocol = subprotocol
    this.rejection = rejection
  }

  get path(): string {
    return pathOf(this.req.url)
  }

  get params(): Params {
    return this.req.params
  }

  // Made when first asked for: most of 10,000 idle connections never need them.
  get id(): string {
    return (this.#id ??= crypto.randomUUID())
  }

  get rooms(): Set<string> {
    return (this.#rooms ??= new Set())
  }

  get metadata(): Record<string, any> {
    return (this.#metadata ??= {})
  }

  get closed(): boolean {
    return this.#phase !== 'open'
  }

  /** Whether what the client has sent is dropped where it waits: the end is ours. After the client's own it is still handled. */
  get dropsMessages(): boolean {
    return this.#dropsMessages
  }

  get bufferedAmount(): number {
    return this.#phase === 'closed' ? 0 : this.#waiting
  }

  get upstream(): UpstreamConnection | undefined {
    return this.relay?.upstream
  }

  get isPaused(): boolean {
    return this.#pausedAt !== undefined
  }

  pause(): boolean {
    if (this.#phase === 'open' && !this.isPaused && this.socket.pause())
      this.#pausedAt = this.live.context.clock.now()
    return this.isPaused
  }

  resume(): void {
    if (this.#pausedAt === undefined) return
    const now = this.live.context.clock.now()
    this.#held = { since: this.waitingSince(this.#pausedAt), until: now + READ_WITHIN_MS }
    this.#pausedAt = undefined
    // Nobody has listened to it in the meantime.
    this.missedPings = 0
    this.lastActive = now
    this.socket.resume()
  }

  /** Since when what is read now may have waited for the end of a pause: since now, if there was none. */
  waitingSince(now: number): number {
    return this.#held !== undefined && now <= this.#held.until ? this.#held.since : now
  }

  send(data: unknown): SendStatus {
    const payload = this.live.encode(data)
    return this.transmit(payload, this.live.compresses(payload), true)
  }

  /** Sends what is serialised already. `count`: not counted by a broadcast. */
  transmit(payload: Payload, compress: boolean, count = false): SendStatus {
    if (this.#phase !== 'open') return 'closed'
    const status =
      this.link === undefined ? this.socket.send(payload, compress) : this.link.send(payload, compress)
    if (count && status !== 'closed') this.#sent(payload, status)
    if (status === 'dropped' || (status === 'queued' && this.isOverfull(payload))) {
      this.overflow()
      return 'dropped'
    }
    return status
  }

  /** What has come through the link, to the socket. */
  hand(payload: Payload, compress: boolean): SendStatus {
    const status = this.socket.send(payload, compress)
    if (status === 'dropped') this.overflow()
    return status
  }

  broadcast(data: unknown, options?: BroadcastOptions): void {
    this.broadcastTo(this.live.encode(data), options)
  }

  broadcastAllRooms(data: unknown, includeSelf = false): void {
    assertIncludeSelf(includeSelf, 'broadcastAllRooms')
    this.broadcastPayload(this.live.encode(data), this.getRooms(), includeSelf)
  }

  /** `options` as users write them. */
  broadcastTo(payload: Payload, options: BroadcastOptions | undefined): void {
    const rooms = roomsOf(options, 'broadcast')
    this.broadcastPayload(payload, rooms, options?.includeSelf ?? false, options?.local)
  }

  broadcastPayload(
    payload: Payload,
    names: readonly string[] | undefined,
    includeSelf: boolean,
    isLocal = false,
  ): void {
    const scope = this.closed ? this.live.scopeOf(this) : this.scope
    const except = includeSelf ? undefined : this
    const receivers = scope ? this.live.broadcast(scope, payload, names, except) : 0
    if (!isLocal) this.live.relay(this, payload, names)
    const { tap } = this.live.context
    if (!tap) return
    const audience = (): Iterable<Connection> => scope?.audience(names, except) ?? []
    this.live.tellBroadcast(tap, { payload, rooms: names, from: this, receivers, audience })
  }

  joinRoom(room: string): void {
    if (typeof room !== 'string' || room === '')
      throw new SidewireError('ERR_ROOM_NAME', `room ${describe(room)} has to be a non-empty string`)
    if (this.#phase !== 'open' || this.#rooms?.has(room)) return
    this.rooms.add(room)
    this.scope.join(this, room)
    this.#tell('join', room)
  }

  leaveRoom(room: string): void {
    if (!this.#rooms?.delete(room)) return
    this.scope.leave(this, room)
    this.#tell('leave', room)
  }

  isInRoom(room: string): boolean {
    return this.#rooms?.has(room) ?? false
  }

  getRooms(): string[] {
    return this.#rooms ? [...this.#rooms] : []
  }

  eachRoom(visit: (name: string) => void): void {
    this.#rooms?.forEach(visit)
  }

  forgetRooms(): void {
    this.#rooms?.clear()
  }

  ping(payload: string | Uint8Array = ''): void {
    assertControlPayload(payload)
    if (this.#phase === 'open') this.sendPing(payload)
  }

  sendPing(payload: string | Uint8Array): void {
    if (this.link?.isSilent) return
    this.live.context.tap?.tell({ type: 'ping', conn: this, pattern: this.pattern, from: 'server', payload })
    this.socket.ping(payload)
  }

  pong(payload: string | Uint8Array = ''): void {
    assertControlPayload(payload)
    if (this.#phase === 'open' && !this.link?.isSilent) this.live.pong(this, payload)
  }

  close(code: number = CloseCode.NormalClosure, reason = ''): void {
    assertCloseCode(code)
    const text = truncateReason(String(reason))
    if (this.#phase === 'open') this.relay?.close(code, text)
    this.startClose(code, text)
  }

  /** Both native runtimes drop the backlog of a slow client at a close, so it has to drain first. */
  startClose(code: number, reason: string): void {
    this.#endBehindAll({ code, reason })
  }

  /** Without a close frame, but behind what was sent before. */
  cut(): void {
    this.#endBehindAll(ABNORMAL)
  }

  #endBehindAll(ending: Ending): void {
    this.dropMessages()
    if (this.#phase !== 'open') return
    this.#ending = ending
    if (this.#isThrough) return this.#sendClose()
    this.scope.remove(this)
    this.#timer = this.live.context.clock.after(this.live.context.closeTimeout, () => this.socket.terminate())
    this.#leave('draining')
  }

  forceClose(): void {
    this.dropMessages()
    if (this.#phase === 'closed') return
    // Behind a close frame, its code stays the answer: both native runtimes have reported the end by then.
    if (this.#phase !== 'closing') this.#end(ABNORMAL)
    this.socket.terminate()
  }

  /**
   * The same, where the network is to blame: what was sent before has left. A system that closes a socket with bytes that nobody
   * has read sends a reset, and takes back what the client has not read yet.
   */
  sever(): void {
    this.dropMessages()
    if (this.#phase !== 'open') return this.forceClose()
    this.#end(ABNORMAL)
    afterReading(() => this.socket.terminate())
  }

  /** The peer has vanished, it seems: one close frame in case it listens, and out. What it sent before is still handled. */
  abandon(code: number): void {
    if (this.#phase !== 'open') return
    const isHeard = !this.link?.isSilent
    this.#end(ABNORMAL)
    if (isHeard) this.socket.close(code, '')
    this.socket.terminate()
  }

  /** Whether more than `maxBackpressure` waits. @param last - what was sent last, if it is known */
  isOverfull(last: Payload = ''): boolean {
    const { maxBackpressure } = this.live.handler
    const waiting = this.#waiting
    if (waiting <= maxBackpressure) return false
    const largest = Math.max(byteLength(last), this.live.largestBroadcast)
    if (largest >= maxBackpressure) this.#spared = Math.max(this.#spared, largest + MAX_FRAME_HEAD_BYTES)
    return waiting - this.#spared > maxBackpressure
  }

  /** The client reads too slowly: ended, because skipping a message would be a silent loss. */
  overflow(): void {
    if (this.#phase === 'closed' || this.#ending === ABNORMAL) return
    if (this.#phase === 'closing') return this.socket.terminate()
    const waiting = this.#waiting
    this.dropMessages()
    this.#end(ABNORMAL)
    this.live.reportOverflow(this, waiting)
    this.socket.terminate()
  }

  /** The runtime's backlog went down. */
  drained(): void {
    if (this.socket.bufferedAmount > 0) return
    this.link?.drained()
    if (!this.#isThrough) return
    this.#spared = 0
    this.relay?.drained()
    if (this.#phase === 'open') this.live.hooks.drained(this)
    if (this.#phase !== 'draining') return
    this.#timer?.cancel()
    this.#sendClose()
  }

  /** The runtime's socket is gone. Returns what `onClose` is told. */
  ended(code: number, reason: string, closeFrame: boolean): Ending & { initiatedByClient: boolean } {
    const ours = this.#phase === 'closing' ? this.#ending : undefined
    const initiatedByClient = ours === undefined && closeFrame
    this.#timer?.cancel()
    this.#phase = 'closed'
    // It failed for what the client sent: an end of ours.
    if (!closeFrame && code !== CloseCode.AbnormalClosure) this.dropMessages()
    this.scope.remove(this)
    return { code: ours?.code ?? code, reason: ours?.reason ?? reason, initiatedByClient }
  }

  /** Of what waits nothing is wanted any more, though the client has gone by itself. */
  dropMessages(): void {
    this.#dropsMessages = true
    this.inbox?.end()
  }

  get pattern(): string {
    return this.live.handler.pattern.source
  }

  setFaults(faults: Faults | undefined): void {
    this.live.context.network?.setFaultsOf(this, faults)
  }

  /** With one it is served by hand; without, natively, and what had to wait for the network has not to any more. */
  setLink(link: Link | undefined, hasWaited = false): void {
    this.link = link
    // There is none before it is open, and none that it is in when it is not any more.
    if (this.#phase === 'open') (this.scope as Scope<Connection> | undefined)?.relink(this)
    if (hasWaited || this.#phase === 'draining') this.drained()
  }

  /** More than `maxQueue` waits of what the client has sent: closed, because skipping a message would be a silent loss. */
  overfill(): void {
    this.live.context.stats.closedForQueue++
    this.live.hooks.report(
      this,
      new SidewireError(
        'ERR_QUEUE',
        `the handler is slower than the client: more than maxQueue (${this.maxQueue} bytes) of messages waited`,
      ),
    )
    this.startClose(CloseCode.TryAgainLater, 'Too many messages are waiting')
  }

  get maxQueue(): number {
    return this.live.handler.maxQueue
  }

  /** What a function of `faults` answers; `undefined` if it fails. */
  asks<T>(name: string, call: () => T): T | undefined {
    try {
      return call()
    } catch (thrown) {
      this.live.hooks.fail(this, `faults: ${name}`, thrown)
      return undefined
    }
  }

  /** A payload as the handler reads it, or as it came if that fails. */
  read(payload: Payload): unknown {
    try {
      return this.live.handler.decode(payload)
    } catch {
      return payload
    }
  }

  tellFault(fault: FaultInfo): void {
    this.live.hooks.faulted(this, fault)
  }

  /** Bytes that have not left, in whatever stands before the client. */
  get #waiting(): number {
    return this.link === undefined ? this.socket.bufferedAmount : this.socket.bufferedAmount + this.link.held
  }

  /** Whether a close frame would get to the client, behind all that was sent. */
  get #isThrough(): boolean {
    return this.#waiting === 0 && !this.link?.isSilent
  }

  #sent(payload: Payload, status: SendStatus): void {
    const bytes = this.live.countOut(1, payload)
    const { tap } = this.live.context
    if (tap) tap.tell({ type: 'sent', conn: this, pattern: this.pattern, payload, bytes, status })
  }

  #tell(type: 'join' | 'leave', room: string): void {
    this.live.context.tap?.tell({ type, conn: this, pattern: this.pattern, room })
  }

  #sendClose(): void {
    const ending = this.#ending ?? ABNORMAL
    this.#leave('closing')
    if (ending === ABNORMAL) this.socket.terminate()
    else this.socket.close(ending.code, ending.reason)
    if ((this.#phase as string) === 'closed') return // uWebSockets.js reports the close from inside of it
    this.scope.remove(this)
    this.#timer = this.live.context.clock.after(CLOSE_ANSWER_TIMEOUT_MS, () => this.socket.terminate())
  }

  /** Without a closing handshake. Some runtimes report the end later; until then it is no member of anything. */
  #end(ending: Ending): void {
    this.#timer?.cancel()
    this.#ending = ending
    this.scope.remove(this)
    this.#leave('closing')
  }

  /** Open no more: what the client sends is dropped, but its answer to the close frame has to be read. */
  #leave(phase: 'draining' | 'closing'): void {
    this.#phase = phase
    this.relay?.left((this.#ending ?? ABNORMAL).code)
    this.resume()
  }
}

/** What `console.log(conn)` shows: the connection, not the engine behind it. */
Object.defineProperty(Connection.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Connection): unknown {
    const { id, path, params, subprotocol, authData, closed } = this
    return { id, path, params, subprotocol, authData, rooms: this.getRooms(), closed }
  },
})

function assertControlPayload(payload: string | Uint8Array): void {
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array))
    throw new SidewireError(
      'ERR_CONTROL_PAYLOAD',
      `a ping or pong payload is ${describe(payload)}; it has to be a string or a Uint8Array`,
    )
  const size = byteLength(payload)
  if (size > MAX_CONTROL_PAYLOAD_BYTES)
    throw new SidewireError(
      'ERR_CONTROL_PAYLOAD',
      `a ping or pong payload has ${size} bytes; at most ${MAX_CONTROL_PAYLOAD_BYTES} are allowed (RFC 6455 5.5)`,
    )
}
