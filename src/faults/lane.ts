import type { Clock, Timer } from '../engine/clock.ts'
import type { Deliver } from '../engine/connection/link.ts'
import { Fifo } from '../engine/fifo.ts'
import type { FaultInfo, LinkFaults } from '../engine/handler/faults.ts'
import type { Payload } from '../engine/runtime.ts'
import type { Chooser } from './chooser.ts'
import { damaged } from './damage.ts'

/** What waits for a partner to change places with, and has none, goes alone. */
const ALONE_MS = 100

/** A message on its way. */
export interface Letter {
  readonly payload: Payload
  readonly bytes: number
  readonly deliver: Deliver
  /** What its handler's `match` functions say. */
  readonly matches: Parameters<Chooser['next']>[0]
}

/** Its number is that of {@link LaneEvents.happened}. */
interface Numbered extends Letter {
  readonly n: number
}

interface Held {
  readonly letter: Numbered
  readonly due: number
}

export interface LaneEvents {
  happened(kind: FaultInfo['kind'], message: number, payload: Payload): void
  /** Nothing is on its way any more. */
  empty(): void
}

/**
 * One direction of a link. A message has left when its last byte has, and has arrived when it has taken its time behind
 * that, never before the one before it: one due time for each message, and one timer, for the first of them.
 */
export class Lane {
  readonly #clock: Clock
  readonly #faults: LinkFaults
  readonly #chooser: Chooser
  readonly #events: LaneEvents
  readonly #queue = new Fifo<Held>()
  #bytes = 0
  /** Waits to change places with the next one. */
  #moved:
    | { readonly letter: Numbered; readonly copies: number; readonly latency: number; readonly timer: Timer }
    | undefined
  #sent = -Infinity
  #due = -Infinity
  #timer: Timer | undefined
  #n = 0
  #isClosed = false

  constructor(clock: Clock, faults: LinkFaults, chooser: Chooser, events: LaneEvents) {
    this.#clock = clock
    this.#faults = faults
    this.#chooser = chooser
    this.#events = events
  }

  /** Of the messages that are on their way. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many are. */
  get size(): number {
    return this.#queue.size + (this.#moved?.copies ?? 0)
  }

  /** @returns whether it waits */
  push(letter: Letter): boolean {
    if (this.#isClosed) return false
    const n = ++this.#n
    const { isDropped, isDoubled, damage, isMoved, latency } = this.#chooser.next(letter.matches)
    if (isDropped) {
      this.#events.happened('drop', n, letter.payload)
      return false
    }
    const whole = { ...letter, n }
    const sent = damage === undefined ? whole : this.#damage(whole, damage)
    const copies = isDoubled ? 2 : 1
    if (isDoubled) this.#events.happened('duplicate', n, letter.payload)
    if (isMoved && !this.#moved) {
      this.#events.happened('reorder', n, letter.payload)
      const timer = this.#clock.after(ALONE_MS, () => this.#rejoin())
      this.#moved = { letter: kept(sent), copies, latency, timer }
      this.#bytes += copies * sent.bytes
      return true
    }
    const waits = this.#travel(sent, copies, latency)
    if (waits) this.#events.happened('delay', n, letter.payload)
    this.#rejoin()
    return waits
  }

  /** All that is on its way arrives now, in its order. */
  flush(): void {
    this.#rejoin(true)
    this.#timer?.cancel()
    this.#timer = undefined
    for (const { letter } of this.#empty()) deliver(letter)
  }

  /** Nothing arrives any more, and nothing of what is on its way. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#moved?.timer.cancel()
    this.#moved = undefined
    this.#empty()
  }

  #damage(letter: Numbered, where: number): Numbered {
    const payload = damaged(letter.payload, where)
    if (payload === letter.payload) return letter
    this.#events.happened('corrupt', letter.n, letter.payload)
    return { ...letter, payload, bytes: Buffer.byteLength(payload) }
  }

  /** Goes behind the one that has taken its place, or alone. */
  #rejoin(isFlushed = false): void {
    if (!this.#moved) return
    const { letter, copies, latency, timer } = this.#moved
    timer.cancel()
    this.#moved = undefined
    this.#bytes -= copies * letter.bytes
    if (isFlushed) for (let copy = 0; copy < copies; copy++) this.#queue.push({ letter, due: 0 })
    else if (!this.#travel(letter, copies, latency)) this.#tellEmpty()
  }

  /** @returns whether the last copy of it waits */
  #travel(letter: Numbered, copies: number, latency: number): boolean {
    let waits = false
    for (let copy = 0; copy < copies; copy++) waits = this.#send(letter, latency)
    return waits
  }

  #send(letter: Numbered, latency: number): boolean {
    const { bandwidth, stall = false } = this.#faults
    const now = this.#clock.now()
    this.#sent = bandwidth === undefined ? now : Math.max(this.#sent, now) + (letter.bytes * 1000) / bandwidth
    this.#due = Math.max(this.#due, this.#sent + latency)
    if (!stall && this.#due <= now && this.#queue.size === 0) {
      deliver(letter)
      return false
    }
    this.#queue.push({ letter: kept(letter), due: this.#due })
    this.#bytes += letter.bytes
    if (!stall) this.#timer ??= this.#arm()
    return true
  }

  #arm(): Timer | undefined {
    const { first } = this.#queue
    if (!first) return undefined
    // A timer of a fraction of a millisecond comes too early.
    return this.#clock.after(Math.max(0, Math.ceil(first.due - this.#clock.now())), () => this.#run())
  }

  #run(): void {
    this.#timer = undefined
    const now = this.#clock.now()
    for (let held = this.#queue.first; held && held.due <= now; held = this.#queue.first) {
      const { letter } = held
      this.#queue.shift()
      this.#bytes -= letter.bytes
      deliver(letter)
      // Lifted, or closed, by whoever got it.
      if (this.#isClosed) return
    }
    this.#timer ??= this.#arm()
    this.#tellEmpty()
  }

  #tellEmpty(): void {
    if (this.size === 0) this.#events.empty()
  }

  #empty(): Held[] {
    this.#bytes = 0
    return this.#queue.clear()
  }
}

/** Bytes are the sender's, who may write others into them as soon as they are sent. */
function kept(letter: Numbered): Numbered {
  const { payload } = letter
  return typeof payload === 'string' ? letter : { ...letter, payload: Buffer.from(payload) }
}

function deliver({ deliver: hand, payload, bytes, n }: Numbered): void {
  hand(payload, bytes, n)
}
