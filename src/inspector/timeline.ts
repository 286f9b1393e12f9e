import { Sleepers } from '../control/sleepers.ts'
import type { Clock } from '../engine/clock.ts'
import type { TapEvent } from '../engine/tap.ts'
import { beginningOf } from './beginning.ts'
import type { Left, Onlooker, Sighting } from './lookout.ts'
import type { Redaction } from './redaction.ts'

/** One thing that happened, as the timeline keeps it. */
export interface Entry extends Omit<Sighting, 'event'> {
  /** From 1, without gaps. */
  readonly n: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** `undefined`: what was left out stands in its place. */
  event: TapEvent | undefined
  /** Only the beginning of its payload is kept. */
  isStripped?: true
  /** Of `handled`: the message. */
  readonly of: Entry | undefined
  readonly left?: Left
}

export interface TimelineOptions {
  readonly history: number
  readonly historyBytes: number
  /** Before a part is cut off, in which nothing would be found any more. */
  readonly redaction: Redaction
}

/** What an entry takes besides its payload, about. */
const BYTES_PER_ENTRY = 200

/** The last of what was seen. */
export class Timeline implements Onlooker {
  readonly #clock: Clock
  readonly #options: TimelineOptions
  readonly #sleepers: Sleepers
  /** Those before `#head` are gone. */
  #entries: Entry[] = []
  #head = 0
  /** Those before it have no long payloads. */
  #whole = 0
  /** Without `handled`, which belongs to another. */
  #size = 0
  #bytes = 0
  #last = 0
  /** Messages that nothing has been said of yet, by their number in the tap. */
  readonly #unhandled = new Map<number, Entry>()

  constructor(clock: Clock, options: TimelineOptions) {
    this.#clock = clock
    this.#options = options
    this.#sleepers = new Sleepers(clock)
  }

  get last(): number {
    return this.#last
  }

  /** The number of the first that is still there. */
  get first(): number {
    return this.#entries[this.#head]?.n ?? this.#last + 1
  }

  after(n: number): readonly Entry[] {
    return this.#entries.slice(this.#head + Math.max(0, n - this.first + 1))
  }

  get(n: number): Entry | undefined {
    return n < this.first ? undefined : this.#entries[this.#head + n - this.first]
  }

  /** Until there is one behind it, or the time is over. */
  async wait(after: number, ms: number): Promise<void> {
    if (this.#last <= after) await this.#sleepers.sleep(ms)
  }

  /** Those who wait get what there is. */
  wake(): void {
    this.#sleepers.wake()
  }

  see(sighting: Sighting & { readonly isStripped?: true }): void {
    const { event } = sighting
    const of = event.type === 'handled' ? this.#unhandled.get(event.message) : undefined
    // The message was left out, or is gone.
    if (event.type === 'handled' && !of) return
    const entry = this.#add({ ...sighting, of })
    if (event.type === 'message') this.#unhandled.set(event.n, entry)
    if (event.type === 'handled') this.#unhandled.delete(event.message)
  }

  leave(left: Left): void {
    this.#add({
      event: undefined,
      conn: undefined,
      audience: undefined,
      of: undefined,
      marks: undefined,
      byInspector: false,
      left,
    })
  }

  #add(entry: Omit<Entry, 'n' | 'at'>): Entry {
    const added: Entry = { ...entry, n: ++this.#last, at: this.#clock.date() }
    this.#entries.push(added)
    if (!added.of) this.#size++
    this.#bytes += sizeOf(added)
    const { history, historyBytes } = this.#options
    while (this.#size > history) this.#drop(this.#entries[this.#head++] as Entry) // size > 0
    this.#strip(historyBytes)
    // Not one by one: each time moves all that stay.
    if (this.#head > history) {
      this.#entries = this.#entries.slice(this.#head)
      this.#whole = Math.max(0, this.#whole - this.#head)
      this.#head = 0
    }
    this.#sleepers.wake()
    return added
  }

  /** Long payloads of what is old are cut, so that one large message does not cost the lines of all others. */
  #strip(maxBytes: number): void {
    this.#whole = Math.max(this.#whole, this.#head)
    while (this.#bytes > maxBytes && this.#whole < this.#entries.length - 1) {
      const old = this.#entries[this.#whole++] as Entry // below the length
      const before = sizeOf(old)
      if (old.event && 'payload' in old.event) {
        const payload = beginningOf(this.#options.redaction.payload(old.event.payload))
        if (payload !== old.event.payload) {
          old.event = { ...old.event, payload }
          old.isStripped = true
        }
      }
      this.#bytes += sizeOf(old) - before
    }
  }

  #drop(old: Entry): void {
    if (!old.of) this.#size--
    this.#bytes -= sizeOf(old)
    if (old.event?.type === 'message') this.#unhandled.delete(old.event.n)
  }
}

function sizeOf({ event, audience }: Entry): number {
  const payload = event && 'payload' in event ? event.payload.length : 0
  return BYTES_PER_ENTRY + (audience?.byteLength ?? 0) + payload
}
