import { Sleepers } from '../control/sleepers.ts'
import type { Clock, Timer } from '../engine/clock.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { Inside } from '../engine/inside.ts'
import type { Stats } from '../engine/stats.ts'
import type { TapEvent } from '../engine/tap.ts'
import { queueMicrotask } from '../engine/timers.ts'
import { beginningOf } from './beginning.ts'
import type { Connections } from './connections.ts'
import { FaultMarks, type Marks } from './marks.ts'
import type { Redaction } from './redaction.ts'

/** How much of each happened while nobody looked, because it came too fast. Only what is not zero. */
export type Left = Partial<Record<(typeof COUNTERS)[number], number>>

/** One thing that happened, as the timeline keeps it. */
export interface Entry {
  /** From 1, without gaps. */
  readonly n: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** `undefined`: what was left out stands in its place. */
  event: TapEvent | undefined
  /** Only the beginning of its payload is kept. */
  isStripped?: true
  readonly conn: WebSocketConnection | undefined
  /** Who got a broadcast, by their numbers. */
  readonly audience: Uint32Array | undefined
  /** Of `handled`: the message. */
  readonly of: Entry | undefined
  /** Of a frame: what faults have done to it. */
  readonly marks: Marks | undefined
  readonly byInspector: boolean
  readonly left?: Left
}

export interface TimelineOptions {
  readonly history: number
  readonly historyBytes: number
  /** Before a part is cut off, in which nothing would be found any more. */
  readonly redaction: Redaction
}

const COUNTERS = ['messagesIn', 'messagesOut', 'opened', 'closed', 'refused', 'handlerErrors'] as const
/** What an entry takes besides its payload, about. */
const BYTES_PER_ENTRY = 200
/** How many receivers cost as much as an entry. */
const RECEIVERS_PER_ENTRY = 5
/** Entries that may come at once. */
const BURST = 2000
/** Entries a second beyond that, while a page looks and while none does. */
const LOOKED_AT_PER_S = 20_000
const ALONE_PER_S = 500
/** A page that is open asks again by then. */
const PATIENCE_MS = 10_000
/** What comes too fast is not looked at for so long, at first and at most. */
const REST_MS = 50
const MAX_REST_MS = 1000
const MAX_REST_LOOKED_AT_MS = 100

/**
 * The last of what happened. It looks at so many happenings a second, and then lets go of the tap for a moment, which
 * costs the engine nothing then; what happens meanwhile is counted by the engine, and stands in the timeline as a number.
 */
export class Timeline {
  readonly #inside: Inside
  readonly #stats: Stats
  readonly #clock: Clock
  readonly #options: TimelineOptions
  readonly #connections: Connections
  readonly #marks: FaultMarks
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
  readonly #cutByUs = new WeakSet<WebSocketConnection>()
  #isActing = false
  #lookedAtUntil = -Infinity
  #budget = BURST
  #filledAt: number
  #stopListening: (() => void) | undefined
  #resting: Timer | undefined
  #over: Left = {}
  #isLeaving = false
  #rest = REST_MS
  #resumedAt = -Infinity

  constructor(
    inside: Inside,
    stats: Stats,
    clock: Clock,
    connections: Connections,
    options: TimelineOptions,
  ) {
    this.#inside = inside
    this.#stats = stats
    this.#clock = clock
    this.#connections = connections
    this.#marks = new FaultMarks(connections.numberOf)
    this.#options = options
    this.#sleepers = new Sleepers(clock)
    this.#filledAt = clock.now()
    this.#stopListening = inside.listen(this.#listen)
  }

  get last(): number {
    return this.#last
  }

  /** The number of the first that is still there. */
  get first(): number {
    return this.#entries[this.#head]?.n ?? this.#last + 1
  }

  /** A page has asked. */
  look(): void {
    this.#lookedAtUntil = this.#clock.now() + PATIENCE_MS
  }

  get #isLookedAt(): boolean {
    return this.#clock.now() < this.#lookedAtUntil
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

  /** What is done in here is marked as the inspector's, and seen whatever else happens. */
  act<T>(run: (willEnd: (conn: WebSocketConnection) => void) => T): T {
    this.#resume()
    this.#isActing = true
    try {
      return run((conn) => this.#cutByUs.add(conn))
    } finally {
      this.#isActing = false
    }
  }

  close(): void {
    this.#stopListening?.()
    this.#stopListening = undefined
    this.#resting?.cancel()
    this.#sleepers.wake()
  }

  readonly #listen = (event: TapEvent): void => {
    if (!this.#isActing && !this.#afford(event)) return
    const of = event.type === 'handled' ? this.#unhandled.get(event.message) : undefined
    // The message was left out, or is gone.
    if (event.type === 'handled' && !of) return
    const { conn, audience } = this.#connections.see(event)
    const marks = this.#marks.see(event)
    const byInspector =
      this.#isActing || (event.type === 'close' && conn !== undefined && this.#cutByUs.has(conn))
    const entry = this.#add({ event, conn, audience, of, marks, byInspector })
    if (event.type === 'message') this.#unhandled.set(event.n, entry)
    if (event.type === 'handled') this.#unhandled.delete(event.message)
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

  /** Whether there is the time to look at it. What there is not is counted. */
  #afford(event: TapEvent): boolean {
    if (this.#budget < 1) this.#fill()
    if (this.#budget < 1) {
      this.#leave(event)
      return false
    }
    this.#budget -= event.type === 'broadcast' ? 1 + event.receivers / RECEIVERS_PER_ENTRY : 1
    return true
  }

  #fill(): void {
    const now = this.#clock.now()
    const perMs = (this.#isLookedAt ? LOOKED_AT_PER_S : ALONE_PER_S) / 1000
    this.#budget = Math.min(BURST, this.#budget + (now - this.#filledAt) * perMs)
    this.#filledAt = now
  }

  /** Counts what the tap still tells, and lets go of it as soon as nothing happens: the engine's counters are even then. */
  #leave(event: TapEvent): void {
    const over = this.#over
    const add = (name: keyof Left, count: number): void => {
      over[name] = (over[name] ?? 0) + count
    }
    if (event.type === 'message') add('messagesIn', 1)
    if (event.type === 'sent') add('messagesOut', 1)
    if (event.type === 'broadcast') add('messagesOut', event.receivers)
    if (event.type === 'open') add('opened', 1)
    if (event.type === 'close') add('closed', 1)
    if (event.type === 'refused') add('refused', 1)
    if (event.type === 'error') add('handlerErrors', 1)
    if (this.#isLeaving) return
    this.#isLeaving = true
    // Behind all that is told of one message: what the engine counts, and what was told, is the same then.
    queueMicrotask(() => this.#letGo(add))
  }

  #letGo(add: (name: keyof Left, count: number) => void): void {
    this.#isLeaving = false
    if (!this.#stopListening) return
    this.#stopListening()
    this.#stopListening = undefined
    const before = countersOf(this.#stats)
    this.#onResume = () => {
      const after = countersOf(this.#stats)
      for (const name of COUNTERS) add(name, after[name] - before[name])
    }
    // Where it goes on as fast, it is looked at less often.
    const wasQuick = this.#clock.now() - this.#resumedAt < REST_MS
    this.#rest = wasQuick
      ? Math.min(this.#rest * 2, this.#isLookedAt ? MAX_REST_LOOKED_AT_MS : MAX_REST_MS)
      : REST_MS
    this.#resting = this.#clock.after(this.#rest, () => this.#resume())
  }

  #onResume: (() => void) | undefined

  #resume(): void {
    if (!this.#resting) return
    this.#resting.cancel()
    this.#resting = undefined
    this.#onResume?.()
    this.#onResume = undefined
    const left = Object.fromEntries(Object.entries(this.#over).filter(([, count]) => count > 0)) as Left
    this.#over = {}
    this.#resumedAt = this.#clock.now()
    this.#fill()
    if (Object.keys(left).length > 0) {
      this.#connections.leave()
      this.#marks.forget()
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
    this.#stopListening ??= this.#inside.listen(this.#listen)
  }
}

function sizeOf({ event, audience }: Entry): number {
  const payload = event && 'payload' in event ? event.payload.length : 0
  return BYTES_PER_ENTRY + (audience?.byteLength ?? 0) + payload
}

function countersOf(stats: Stats): Record<(typeof COUNTERS)[number], number> {
  const { messagesIn, messagesOut, opened, closed, refused, handlerErrors } = stats
  return { messagesIn, messagesOut, opened, closed, refused, handlerErrors }
}
