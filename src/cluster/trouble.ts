import type { Clock, Timer } from '../engine/clock.ts'
import type { Logger } from '../engine/logger.ts'

const DOCS = '; see docs/guide/machines.md'
/** Losses of one moment are told together. */
const GATHER_MS = 1000

/** What there is to say about the broker: each thing once, not once for each message. */
export class Trouble {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #name: string
  #downAt: number | undefined
  #lost = 0
  #telling: Timer | undefined
  readonly #said = new Set<string>()

  constructor(clock: Clock, logger: Logger, name: string) {
    this.#clock = clock
    this.#logger = logger
    this.#name = name
  }

  down(error: Error): void {
    if (this.#downAt !== undefined) return
    this.#downAt = this.#clock.now()
    this.#logger.warn(
      `the broker ${this.#name} is away (${error.message}): broadcasts reach the connections of this process only, until it is ` +
        `back${DOCS}`,
    )
  }

  up(): void {
    if (this.#downAt === undefined) return
    const seconds = ((this.#clock.now() - this.#downAt) / 1000).toFixed(1)
    this.#downAt = undefined
    this.#logger.warn(`the broker ${this.#name} is back after ${seconds} s`)
  }

  lost(count: number): void {
    this.#lost += count
    this.#telling ??= this.#clock.after(GATHER_MS, () => this.#tellLost())
  }

  refused(pattern: string, bytes: number, limit: number, isBroker: boolean): void {
    const whose = isBroker ? `the broker ${this.#name} takes` : 'maxPayload of the handler allows'
    this.#once(
      `refused ${pattern}`,
      `${pattern}: a broadcast of ${bytes} bytes reached the connections of this process only: ${whose} ${limit}; stats().broker.refused ` +
        'counts them (this is said once)',
    )
  }

  unreadable(): void {
    this.#once(
      'unreadable',
      `the broker ${this.#name} brought what no node of this version has sent; it is ignored (this is said once): another version ` +
        `of sidewire, or another program, publishes there${DOCS}`,
    )
  }

  stop(): void {
    this.#telling?.cancel()
    if (this.#lost > 0) this.#tellLost()
  }

  #tellLost(): void {
    this.#logger.warn(
      `${this.#lost} broadcast${this.#lost === 1 ? '' : 's'} of other nodes did not reach this one, and cannot be had any more: the broker ` +
        `was away for longer than "buffer" and "bufferTime" bridge${DOCS}`,
    )
    this.#lost = 0
    this.#telling = undefined
  }

  #once(key: string, line: string): void {
    if (this.#said.has(key)) return
    this.#said.add(key)
    this.#logger.warn(line)
  }
}
