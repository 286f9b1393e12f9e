import type { Clock } from '../engine/clock.ts'
import type { TapEvent } from '../engine/tap.ts'
import { rowOf, type JournalRow } from './row.ts'
import { Sleepers } from './sleepers.ts'

/** What a page of the journal says. */
export interface JournalPage {
  readonly rows: readonly JournalRow[]
  /** What to give as `after` next. */
  readonly next: number
  /** How many rows after `after` are gone, or were never told by a worker, because there were too many. */
  readonly gone: number
}

const MAX_ROWS = 2000
const MAX_BYTES = 4 * 1024 * 1024
/** What a row takes besides its payload, about. */
const BYTES_PER_ROW = 200

/** The last of what happened. */
export class ControlJournal {
  readonly #clock: Clock
  #rows: JournalRow[] = []
  #bytes = 0
  #last = 0
  readonly #sleepers: Sleepers

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sleepers = new Sleepers(clock)
  }

  readonly listen = (event: TapEvent): void => {
    const row = rowOf(event, this.#clock.date())
    this.#last = row.n
    this.#rows.push(row)
    this.#bytes += sizeOf(row)
    while (this.#rows.length > MAX_ROWS || (this.#bytes > MAX_BYTES && this.#rows.length > 1))
      this.#bytes -= sizeOf(this.#rows.shift() as JournalRow) // length > 0
    this.#sleepers.wake()
  }

  page(after: number): JournalPage {
    const rows = this.#rows.filter(({ n }) => n > after)
    return { rows, next: this.#last, gone: Math.max(0, this.#last - after - rows.length) }
  }

  /** The same, as soon as there is a row, or when the time is over. */
  async wait(after: number, ms: number): Promise<JournalPage> {
    if (this.#last <= after) await this.#sleepers.sleep(ms)
    return this.page(after)
  }

  /** So many things have happened that nobody looked at: their numbers are never seen. */
  leave(count: number): void {
    this.#last += count
    this.#sleepers.wake()
  }

  /** Answers those who wait. */
  wake(): void {
    this.#sleepers.wake()
  }
}

function sizeOf({ bytes = 0 }: JournalRow): number {
  return bytes + BYTES_PER_ROW
}
