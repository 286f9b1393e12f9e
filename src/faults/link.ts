import type { Clock, Timer } from '../engine/clock.ts'
import type { Connection } from '../engine/connection/connection.ts'
import type { Deliver, Link } from '../engine/connection/link.ts'
import { byteLength, BYTES_PER_MESSAGE } from '../engine/connection/message.ts'
import type { FaultInfo, Faults } from '../engine/handler/faults.ts'
import type { Payload, SendStatus } from '../engine/runtime.ts'
import { queueMicrotask, setImmediate } from '../engine/timers.ts'
import { within, type Stream } from './chance.ts'
import { Chooser } from './chooser.ts'
import { Lane, type Letter } from './lane.ts'
import { choose, onesOf, wholeWithin } from './which.ts'

/** What a link is made of. */
export interface Plan {
  readonly faults: Faults
  /** The number of the connection among those of its handler. */
  readonly n: number
  readonly clock: Clock
  streams(direction: 'in' | 'out'): (kind: string) => Stream
  happened(info: FaultInfo, payload?: Payload): void
}

/** The network between one client and its handler, with all that is wrong with it. */
export class FaultyLink implements Link {
  readonly #conn: Connection
  readonly #plan: Plan
  readonly #out: Lane
  readonly #in: Lane
  readonly #timers: Timer[] = []
  /** After how many messages, and bytes, it is cut. */
  #messagesLeft = Infinity
  #bytesLeft = Infinity
  /** `due`: with what has left the socket. */
  #cut: 'no' | 'due' | 'done' = 'no'
  #isHalfOpen = false

  constructor(conn: Connection, plan: Plan) {
    this.#conn = conn
    this.#plan = plan
    const { faults, clock } = plan
    const lane = (direction: 'in' | 'out'): Lane => {
      const ofDirection = direction === 'out' ? faults : (faults.incoming ?? {})
      return new Lane(clock, ofDirection, new Chooser(ofDirection, plan.streams(direction)), {
        happened: (kind, message, payload) => plan.happened({ kind, direction, message }, payload),
        empty: () => {
          if (direction === 'out') this.#conn.drained()
        },
      })
    }
    this.#out = lane('out')
    this.#in = lane('in')
    this.#planDisconnect()
    this.#planHalfOpen()
  }

  get held(): number {
    return this.#out.bytes
  }

  get isSilent(): boolean {
    return this.#isHalfOpen || this.#plan.faults.stall === true
  }

  get isDeaf(): boolean {
    return this.#isHalfOpen || this.#plan.faults.incoming?.stall === true
  }

  send(payload: Payload, compress: boolean): SendStatus {
    if (this.#cut !== 'no' || this.#isHalfOpen) return 'sent'
    let status: SendStatus = 'sent'
    const waits = this.#out.push({
      ...this.#letter(payload, byteLength(payload)),
      deliver: (arrived, bytes) => {
        status = this.#arrive(arrived, bytes, compress)
      },
    })
    return waits ? 'queued' : status
  }

  receive(payload: Payload, bytes: number, deliver: Deliver): void {
    if (this.#cut !== 'no' || this.#isHalfOpen) return
    this.#in.push({ ...this.#letter(payload, bytes), deliver })
    if (this.#in.size > 1 && this.#in.bytes + this.#in.size * BYTES_PER_MESSAGE > this.#conn.maxQueue)
      this.#conn.overfill()
  }

  drained(): void {
    if (this.#cut === 'due') this.#disconnect()
  }

  end(): void {
    this.#cancel()
    this.#out.close()
    // The handler sees what the client sent before it left; not what a connection that is dead has carried.
    if (this.#isHalfOpen) this.#in.close()
    else this.#in.flush()
  }

  /** Another one takes its place, or none: what waits for the client arrives at once. {@link handOver} is next. */
  giveWay(next: FaultyLink | undefined): void {
    this.#cancel()
    const hasWaited = this.#out.size > 0
    this.#out.flush()
    if (this.#isHalfOpen) this.#conn.socket.resume()
    this.#conn.setLink(next, hasWaited)
  }

  /** What was on its way to the handler arrives; answers to it, and to whom, are the business of what is in place now. */
  handOver(): void {
    this.#in.flush()
  }

  #letter(payload: Payload, bytes: number): Omit<Letter, 'deliver'> {
    const conn = this.#conn
    let data: { readonly value: unknown } | undefined
    return {
      payload,
      bytes,
      matches: (match) => {
        data ??= { value: conn.read(payload) }
        return conn.asks('match', () => match(data?.value, conn)) ?? false
      },
    }
  }

  /** At the client, as far as the socket can tell. */
  #arrive(payload: Payload, bytes: number, compress: boolean): SendStatus {
    if (this.#cut !== 'no') return 'sent'
    const status = this.#conn.hand(payload, compress)
    this.#messagesLeft--
    this.#bytesLeft -= bytes
    if (this.#messagesLeft <= 0 || this.#bytesLeft <= 0) this.#cutBehind()
    return status
  }

  /** With what has arrived, and not from inside of the send that was the last. */
  #cutBehind(): void {
    this.#cut = 'due'
    this.#out.close()
    setImmediate(() => {
      if (this.#cut === 'due' && this.#conn.socket.bufferedAmount === 0) this.#disconnect()
    })
  }

  #disconnect(): void {
    const { code, reason = '' } = this.#plan.faults.disconnect ?? {}
    this.#cut = 'done'
    this.#out.close()
    if (this.#conn.closed) return
    this.#plan.happened({ kind: 'disconnect', direction: undefined, message: 0 })
    if (code === undefined) this.#conn.sever()
    else this.#conn.close(code, reason)
  }

  #planDisconnect(): void {
    const { disconnect } = this.#plan.faults
    if (!disconnect) return
    const streams = this.#plan.streams('out')
    const { connections = 1, after, afterMessages, afterBytes } = disconnect
    if (choose(onesOf(connections), this.#plan.n, streams('disconnect')()) === undefined) return
    if (afterMessages !== undefined) this.#messagesLeft = wholeWithin(afterMessages, streams('afterMessages'))
    if (afterBytes !== undefined) this.#bytesLeft = afterBytes
    if (after === undefined && (afterMessages ?? afterBytes) !== undefined) return
    this.#later(within(after ?? 0, streams('after')), () => this.#disconnect())
  }

  #planHalfOpen(): void {
    const { halfOpen = false } = this.#plan.faults
    if (halfOpen === false) return
    const streams = this.#plan.streams('out')
    const { connections = 1, after = 0 } = halfOpen === true ? {} : halfOpen
    if (choose(onesOf(connections), this.#plan.n, streams('halfOpen')()) === undefined) return
    const begin = (): void => {
      this.#isHalfOpen = true
      this.#out.close()
      this.#in.close()
      // Where it can, the runtime stops reading, and with it answering pings and close frames.
      this.#conn.socket.pause()
      // Not before `onConnect`.
      queueMicrotask(() => this.#plan.happened({ kind: 'halfOpen', direction: undefined, message: 0 }))
    }
    const ms = within(after, streams('halfOpenAfter'))
    if (ms === 0) begin()
    else this.#later(ms, begin)
  }

  #later(ms: number, run: () => void): void {
    this.#timers.push(this.#plan.clock.after(Math.ceil(ms), run))
  }

  #cancel(): void {
    for (const timer of this.#timers) timer.cancel()
  }
}
