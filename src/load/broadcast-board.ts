/** Most messages of one sender that may be under way. */
const MAX_RING = 2 ** 16
const MIN_RING = 2 ** 10
/** Entries of all rings together. */
const MAX_ENTRIES = 2 ** 20
/**
 * The number of the first message that is part of the measurement, of every sender; those before it only found out who
 * listens. It is fixed, so that a receiver on another machine knows it.
 */
export const FIRST_NUMBER: number = 2 ** 20

/**
 * What all workers of a fan-out know together: how many messages each sender has sent, when they were due, and how many
 * receivers have got them. Sender and receiver may be in different threads.
 */
export class BroadcastBoard {
  readonly #ring: number
  readonly #dues: Float64Array
  readonly #arrivals: Int32Array
  readonly #sent: Int32Array
  /** Receivers that are connected, and those among all that have not heard from every sender. */
  readonly #receivers: Int32Array
  readonly #deaf: Int32Array
  /** Senders that have not stopped. */
  readonly #sending: Int32Array

  static bytesFor(senders: number): number {
    return senders * ringFor(senders) * (8 + 4) + senders * 4 + 4 + 4 + 4
  }

  /** @param memory - of {@link bytesFor} bytes; zeros when it is new */
  constructor(memory: SharedArrayBuffer, senders: number) {
    const ring = ringFor(senders)
    const entries = senders * ring
    this.#ring = ring
    this.#dues = new Float64Array(memory, 0, entries)
    this.#arrivals = new Int32Array(memory, entries * 8, entries)
    this.#sent = new Int32Array(memory, entries * 12, senders)
    this.#receivers = new Int32Array(memory, entries * 12 + senders * 4, 1)
    this.#deaf = new Int32Array(memory, entries * 12 + senders * 4 + 4, 1)
    this.#sending = new Int32Array(memory, entries * 12 + senders * 4 + 8, 1)
  }

  /** Called once, by whoever made the memory; of this machine. */
  reset(receivers: number, senders: number): void {
    this.#deaf[0] = receivers
    this.#sending[0] = senders
  }

  addReceivers(count: number): void {
    Atomics.add(this.#receivers, 0, count)
  }

  /** A receiver has heard from every sender, or will never hear anything. */
  removeDeaf(): void {
    Atomics.sub(this.#deaf, 0, 1)
  }

  get deaf(): number {
    return Atomics.load(this.#deaf, 0)
  }

  /** So many senders send nothing more. */
  removeSending(count: number): void {
    Atomics.sub(this.#sending, 0, count)
  }

  /** How many senders of all workers may still send: no worker stops at the same moment as another. */
  get sending(): number {
    return Atomics.load(this.#sending, 0)
  }

  sent(sender: number): number {
    return Atomics.load(this.#sent, sender)
  }

  startMeasuring(sender: number): void {
    Atomics.store(this.#sent, sender, FIRST_NUMBER)
  }

  /** Whether as many messages are under way as can be. @param oldest - that not all receivers have */
  isFull(sender: number, oldest: number): boolean {
    return this.sent(sender) - oldest >= this.#ring
  }

  /** Takes note of the next message before it is written; returns its number. */
  send(sender: number, due: number): number {
    const number = this.sent(sender)
    const at = this.#at(sender, number)
    this.#dues[at] = due
    Atomics.store(this.#arrivals, at, 0)
    Atomics.store(this.#sent, sender, number + 1)
    return number
  }

  due(sender: number, number: number): number {
    return this.#dues[this.#at(sender, number)] as number // in range: see #at
  }

  /** Another receiver has it; returns whether it was the last one. */
  arrive(sender: number, number: number): boolean {
    return Atomics.add(this.#arrivals, this.#at(sender, number), 1) + 1 === Atomics.load(this.#receivers, 0)
  }

  hasArrived(sender: number, number: number): boolean {
    return Atomics.load(this.#arrivals, this.#at(sender, number)) >= Atomics.load(this.#receivers, 0)
  }

  #at(sender: number, number: number): number {
    return sender * this.#ring + (number & (this.#ring - 1))
  }
}

function ringFor(senders: number): number {
  const fair = 2 ** Math.floor(Math.log2(MAX_ENTRIES / senders))
  return Math.max(MIN_RING, Math.min(MAX_RING, fair))
}
