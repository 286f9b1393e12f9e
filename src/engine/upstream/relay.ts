import {
  assertCloseCode,
  CLOSE_ANSWER_TIMEOUT_MS,
  CloseCode,
  isSendableCloseCode,
  truncateReason,
} from '../close.ts'
import type { Timer } from '../clock.ts'
import type { Connection, Relay } from '../connection/connection.ts'
import { byteLength, BYTES_PER_MESSAGE } from '../connection/message.ts'
import { SidewireError } from '../errors.ts'
import { Fifo } from '../fifo.ts'
import { isPromiseLike } from '../promise.ts'
import type { Payload, SendStatus } from '../runtime.ts'
import type { Backend, BackendEnd } from './backend.ts'
import { DROP } from './drop.ts'
import { urlToShow } from './upstream.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** Nothing more is read from a backend while as many bytes wait for the client, or for a hook. */
const HIGH_WATER_BYTES = 1024 * 1024
/** How long an accepted handshake may take to open; a client may go away in between, and no runtime tells. */
const OPENING_MS = 1000

/**
 * What ties a client to its backend: the order of what the backend sends, what waits for whom, and how the end of one is
 * that of the other. The order of what the client sends is the inbox's: see `dispatch.ts`.
 */
export class BackendRelay implements Relay {
  readonly upstream: UpstreamConnection
  readonly #conn: Connection
  readonly #backend: Backend
  /** From the backend, behind a hook that has not settled, or an `onConnect`. */
  readonly #waiting = new Fifo<Payload>()
  #waitingBytes = 0
  /** A hook has not settled: nothing is handed over before it has. */
  #isHeld = true
  #isPaused = false
  /** The client's socket is there. */
  #hasClient = false
  /** Whether the backend may still be sent something. */
  #isOpen = true
  /** How the backend ended; the client is told behind what it sent before. */
  #end: BackendEnd | undefined
  /** What `conn.upstream.close()` was called with. */
  #asked: { readonly code: number; readonly reason: string } | undefined
  #timer: Timer | undefined

  constructor(conn: Connection, backend: Backend) {
    this.#conn = conn
    this.#backend = backend
    const { context } = conn.live
    context.legs.add(this)
    this.#timer = context.clock.after(OPENING_MS, () => this.goAway())
    this.upstream = {
      url: backend.url,
      subprotocol: backend.subprotocol,
      get bufferedAmount() {
        return backend.bufferedAmount
      },
      send: (data) => this.#send(conn.live.handler.encode(data)),
      close: (code = CloseCode.NormalClosure, reason = '') => {
        assertCloseCode(code)
        this.#askToClose(code, truncateReason(String(reason)))
      },
    }
    backend.listen({ message: (payload) => this.#message(payload), ended: (end) => this.#ended(end) })
  }

  // From the client's side

  opened(): void {
    this.#hasClient = true
    if (this.#isOpen) this.#timer?.cancel()
  }

  start(): void {
    this.#isHeld = false
    this.#flow()
  }

  pass(payload: Payload, made: unknown): void {
    if (made === DROP) return
    if (made === undefined) this.#send(payload)
    else this.#send(this.#encoded('onMessage', () => this.#conn.live.handler.encode(made)) ?? payload)
  }

  drained(): void {
    this.#adjust()
  }

  close(code: number, reason: string): void {
    if (this.#isOpen) this.#close(code, reason)
  }

  left(code: number): void {
    if (!this.#isOpen) return
    if (code === CloseCode.AbnormalClosure) this.#cut()
    else this.#close(CloseCode.GoingAway, '')
  }

  ended(code: number, reason: string, initiatedByClient: boolean): void {
    this.#forget()
    if (!this.#isOpen) return
    if (!initiatedByClient) this.left(code)
    else if (isSendableCloseCode(code)) this.#close(code, reason)
    else this.#close(CloseCode.NoStatusReceived, '')
  }

  // From the server

  goAway(): void {
    this.left(CloseCode.GoingAway)
  }

  terminate(): void {
    this.#isOpen = false
    this.#backend.terminate()
  }

  // From the backend

  #message(payload: Payload): void {
    if (this.#conn.closed) return
    this.#tell('server', payload)
    if (this.#isHeld || this.#waiting.size > 0) {
      this.#waiting.push(payload)
      this.#waitingBytes += payload.length + BYTES_PER_MESSAGE
    } else this.#handOver(payload)
    this.#adjust()
  }

  #ended(end: BackendEnd): void {
    this.#timer?.cancel()
    this.#isOpen = false
    this.#end = end
    this.#conn.live.context.legs.remove(this)
    this.#flow()
  }

  /** Hands over what waits, until a hook takes its time; behind the last of it the client learns of the end. */
  #flow(): void {
    while (!this.#isHeld && this.#waiting.size > 0) {
      const payload = this.#waiting.shift() as Payload // size > 0
      this.#waitingBytes -= payload.length + BYTES_PER_MESSAGE
      this.#handOver(payload)
    }
    this.#adjust()
    if (this.#end && !this.#isHeld && !this.#conn.closed) this.#endClient(this.#end)
  }

  #handOver(payload: Payload): void {
    const conn = this.#conn
    const { handler, hooks } = conn.live
    const { source } = handler
    if (conn.closed) return
    if (source.onUpstreamMessage === undefined) return this.#deliver(payload)
    let result: unknown
    try {
      result = source.onUpstreamMessage(conn, handler.decode(payload))
    } catch (thrown) {
      hooks.fail(conn, 'onUpstreamMessage', thrown)
    }
    if (!isPromiseLike(result)) return this.#deliverMade(payload, result)
    this.#isHeld = true
    const go = (made: unknown): void => {
      this.#isHeld = false
      this.#deliverMade(payload, made)
      this.#flow()
    }
    result.then(go, (thrown: unknown) => {
      hooks.fail(conn, 'onUpstreamMessage', thrown)
      go(undefined)
    })
  }

  #deliverMade(payload: Payload, made: unknown): void {
    if (made === DROP) return
    const changed =
      made === undefined ? undefined : this.#encoded('onUpstreamMessage', () => this.#conn.live.encode(made))
    this.#deliver(changed ?? payload)
  }

  #deliver(payload: Payload): void {
    this.#conn.transmit(payload, this.#conn.live.compresses(payload), true)
  }

  /** What a hook wants to have sent in the place of a message; `undefined` if that cannot be. */
  #encoded(hook: string, encode: () => Payload): Payload | undefined {
    try {
      return encode()
    } catch (thrown) {
      this.#conn.live.hooks.fail(this.#conn, hook, thrown)
      return undefined
    }
  }

  /** A client that reads slowly holds the backend back, and nobody's memory grows. */
  #adjust(): void {
    const limit = Math.min(HIGH_WATER_BYTES, this.#conn.live.handler.maxBackpressure / 2)
    const sent = this.#hasClient ? this.#conn.bufferedAmount : 0
    const isFull = this.#waitingBytes + sent > limit
    if (isFull === this.#isPaused) return
    this.#isPaused = isFull
    if (isFull) this.#backend.pause()
    else this.#backend.resume()
  }

  // To the backend

  #send(payload: Payload): SendStatus {
    if (!this.#isOpen) return 'closed'
    const waiting = this.#backend.bufferedAmount
    if (waiting > 0 && waiting + byteLength(payload) > this.#conn.live.handler.maxQueue) {
      this.#overflow()
      return 'dropped'
    }
    this.#tell('client', payload)
    this.#backend.send(payload)
    return this.#backend.bufferedAmount === 0 ? 'sent' : 'queued'
  }

  #overflow(): void {
    const { context, hooks, handler } = this.#conn.live
    context.stats.closedForQueue++
    hooks.report(
      this.#conn,
      new SidewireError(
        'ERR_QUEUE',
        `the backend is slower than the client: more than maxQueue (${handler.maxQueue} bytes) waited for ${urlToShow(this.#backend.url)}`,
      ),
    )
    this.#conn.startClose(CloseCode.TryAgainLater, 'Too many messages are waiting')
  }

  #askToClose(code: number, reason: string): void {
    if (!this.#isOpen) return
    this.#asked = { code, reason }
    this.#close(code, reason)
  }

  #close(code: number, reason: string): void {
    this.#isOpen = false
    this.#giveTime()
    this.#backend.close(code, reason)
  }

  #cut(): void {
    this.#isOpen = false
    this.#giveTime()
    this.#backend.cut()
  }

  /** For what still waits, and for the answer to a close frame. */
  #giveTime(): void {
    const { clock, closeTimeout } = this.#conn.live.context
    this.#timer?.cancel()
    const time = this.#backend.bufferedAmount > 0 ? closeTimeout : 0
    this.#timer = clock.after(Math.max(time, CLOSE_ANSWER_TIMEOUT_MS), () => this.#backend.terminate())
  }

  // The end

  #endClient({ code, reason, violation }: BackendEnd): void {
    const conn = this.#conn
    if (violation !== undefined) {
      conn.live.hooks.report(
        conn,
        new SidewireError('ERR_UPSTREAM', `${urlToShow(this.#backend.url)}: ${violation}`),
      )
      return conn.startClose(CloseCode.GoingAway, '')
    }
    if (code !== CloseCode.AbnormalClosure) return this.#closeClient(code, reason)
    // It was told to go, and went without an answer.
    if (this.#asked) return this.#closeClient(this.#asked.code, this.#asked.reason)
    return conn.cut()
  }

  #closeClient(code: number, reason: string): void {
    const isWithout = code === CloseCode.NoStatusReceived
    const { context } = this.#conn.live
    this.#conn.startClose(
      isWithout && !context.canCloseWithoutCode() ? CloseCode.NormalClosure : code,
      reason,
    )
  }

  /** The client has gone. */
  #forget(): void {
    this.#waiting.clear()
    this.#waitingBytes = 0
    this.#isHeld = false
    if (this.#isPaused) this.#backend.resume()
    this.#isPaused = false
  }

  #tell(from: 'client' | 'server', payload: Payload): void {
    const { context, handler } = this.#conn.live
    if (!context.tap) return
    const bytes = byteLength(payload)
    context.tap.tell({
      type: 'upstream',
      conn: this.#conn,
      pattern: handler.pattern.source,
      from,
      payload,
      bytes,
    })
  }
}
