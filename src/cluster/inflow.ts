import type { Clock, Timer } from '../engine/clock.ts'
import { distance } from './frame.ts'

/** Waits this long at most before it asks, at random: of several that miss the same, one asks, and all hear the answer. */
const ASK_WITHIN_MS = 50
/** How long an answer may take, for each time that it was asked for. */
const ANSWER_MS = [250, 500, 1000]

/** Where messages of one sender go, and what comes of those that are missing. */
export interface InflowEvents {
  /** In the order in which they were sent, each once. The memory may be the broker's. */
  deliver(frame: Uint8Array): void
  /** These are missing, the last one included. */
  ask(from: number, to: number): void
  lost(count: number): void
}

/** What comes from one other node: puts it in order, notices what is missing, asks for it, and in the end gives it up. */
export class Inflow {
  readonly #clock: Clock
  readonly #events: InflowEvents
  readonly #maxBytes: number
  /** The number that is due; `undefined` before the first is known. */
  #next: number | undefined
  /** The last that is known to have been sent. */
  #known: number | undefined
  /** What came too early, by number. */
  readonly #held = new Map<number, Uint8Array>()
  #heldBytes = 0
  #timer: Timer | undefined
  /** How often the gap was asked for. */
  #asked = 0

  constructor(clock: Clock, maxBytes: number, events: InflowEvents) {
    this.#clock = clock
    this.#maxBytes = maxBytes
    this.#events = events
  }

  message(seq: number, frame: Uint8Array): void {
    this.#next ??= seq
    this.#know(seq)
    const early = distance(seq, this.#next)
    if (early < 0 || this.#held.has(seq)) return
    if (early === 0) {
      this.#pass(frame)
      this.#release()
      return
    }
    // What a broker uses again when this returns.
    const copy = new Uint8Array(frame)
    this.#held.set(seq, copy)
    this.#heldBytes += copy.length
    if (this.#heldBytes > this.#maxBytes) this.#skipTo(this.#firstHeld())
    else this.#expect()
  }

  /** It has sent so many, and what comes before `first` cannot be had any more. */
  hello(last: number, first: number): void {
    this.#next ??= (last + 1) >>> 0
    this.#know(last)
    const end = (last + 1) >>> 0
    const due = this.#maxBytes === 0 ? end : first
    if (distance(due, this.#next) > 0) this.#skipTo(due)
    this.#expect()
  }

  /** Another node has asked for these, and we hear the answer as well. */
  othersAsked(from: number, to: number): void {
    const gap = this.#gap()
    if (!gap || this.#asked > 0 || distance(from, gap.from) > 0 || distance(to, gap.to) < 0) return
    this.#wait(1)
  }

  /** It goes in order, and this was its last. */
  bye(last: number): void {
    this.#next ??= (last + 1) >>> 0
    this.#know(last)
    this.giveUp()
  }

  /** The broker is away: nothing can be asked for. */
  pause(): void {
    this.#stop()
  }

  /** It is back. */
  resume(): void {
    this.#expect()
  }

  /** Nothing more will come of it, as far as is known. */
  giveUp(): void {
    if (this.#known !== undefined) this.#skipTo((this.#known + 1) >>> 0)
    this.#stop()
  }

  #know(seq: number): void {
    if (this.#known === undefined || distance(seq, this.#known) > 0) this.#known = seq
  }

  #pass(frame: Uint8Array): void {
    this.#next = ((this.#next ?? 0) + 1) >>> 0
    this.#events.deliver(frame)
  }

  /** What was held for the sake of those that have come now. */
  #release(): void {
    for (;;) {
      const frame = this.#take(this.#next ?? 0)
      if (!frame) break
      this.#pass(frame)
    }
    this.#stop()
    this.#expect()
  }

  #take(seq: number): Uint8Array | undefined {
    const frame = this.#held.get(seq)
    if (!frame) return undefined
    this.#held.delete(seq)
    this.#heldBytes -= frame.length
    return frame
  }

  #skipTo(target: number): void {
    const next = this.#next ?? target
    if (distance(target, next) <= 0) return
    const early = [...this.#held.keys()]
      .filter((seq) => distance(seq, target) < 0)
      .toSorted((a, b) => distance(a, b))
    const lost = distance(target, next) - early.length
    for (const seq of early) {
      const frame = this.#take(seq)
      if (frame) this.#pass(frame)
    }
    this.#next = target
    if (lost > 0) this.#events.lost(lost)
    this.#release()
  }

  #firstHeld(): number {
    const [first = 0, ...others] = this.#held.keys()
    return others.reduce((least, seq) => (distance(seq, least) < 0 ? seq : least), first)
  }

  #gap(): { from: number; to: number } | undefined {
    if (this.#next === undefined || this.#known === undefined) return undefined
    if (distance(this.#known, this.#next) < 0) return undefined
    const to = this.#held.size > 0 ? (this.#firstHeld() - 1) >>> 0 : this.#known
    return { from: this.#next, to }
  }

  /** Sees to a gap, if there is one that nobody sees to. */
  #expect(): void {
    if (this.#timer || !this.#gap()) return
    this.#asked = 0
    this.#timer = this.#clock.after(Math.random() * ASK_WITHIN_MS, () => this.#ask())
  }

  #ask(): void {
    const gap = this.#gap()
    if (!gap) return this.#stop()
    if (this.#asked === ANSWER_MS.length) {
      this.#stop()
      return this.#skipTo((gap.to + 1) >>> 0)
    }
    this.#events.ask(gap.from, gap.to)
    return this.#wait(this.#asked + 1)
  }

  #wait(asked: number): void {
    this.#timer?.cancel()
    this.#asked = asked
    this.#timer = this.#clock.after(ANSWER_MS[asked - 1] ?? 0, () => this.#ask())
  }

  #stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#asked = 0
  }
}
