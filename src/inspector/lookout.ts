import type { Clock, Timer } from '../engine/clock.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { Inside } from '../engine/inside.ts'
import type { Stats } from '../engine/stats.ts'
import type { TapEvent } from '../engine/tap.ts'
import { queueMicrotask } from '../engine/timers.ts'
import type { Connections } from './connections.ts'
import { FaultMarks, type Marks } from './marks.ts'

/** How much of each happened while nobody looked, because it came too fast. Only what is not zero. */
export type Left = Partial<Record<(typeof COUNTERS)[number], number>>

/** Something that happened, with what was known of it then. */
export interface Sighting {
  readonly event: TapEvent
  readonly conn: WebSocketConnection | undefined
  /** Who got a broadcast, by their numbers. */
  readonly audience: Uint32Array | undefined
  /** Of a frame: what faults have done to it. */
  readonly marks: Marks | undefined
  readonly byInspector: boolean
}

/** Who is told of it. */
export interface Onlooker {
  see(sighting: Sighting): void
  leave(left: Left): void
}

/** How much is looked at. */
export interface Pace {
  /** Entries a second, beyond those that may come at once. */
  readonly perSecond: number
  /** Milliseconds that what comes too fast is not looked at, at most. */
  readonly maxRest: number
}

const COUNTERS = ['messagesIn', 'messagesOut', 'opened', 'closed', 'refused', 'handlerErrors'] as const
/** Happenings that may come at once. */
const BURST = 2000
/** How many receivers cost as much as a happening. */
const RECEIVERS_EACH = 5
/** What comes too fast is not looked at for so long, at first. */
const REST_MS = 50

/**
 * Looks at what happens: at so many happenings a second, and then it lets go of the tap for a moment, which costs the engine
 * nothing then; what happens meanwhile is counted by the engine.
 */
export class Lookout {
  readonly #inside: Inside
  readonly #stats: () => Stats
  readonly #clock: Clock
  readonly #connections: Connections
  readonly #onlooker: Onlooker
  readonly #pace: () => Pace
  readonly #marks: FaultMarks
  readonly #cutByUs = new WeakSet<WebSocketConnection>()
  #isActing = false
  #budget = BURST
  #filledAt: number
  #stopListening: (() => void) | undefined
  #resting: Timer | undefined
  #over: Left = {}
  #isLeaving = false
  #rest = REST_MS
  #resumedAt = -Infinity
  #onResume: (() => void) | undefined

  constructor(
    inside: Inside,
    stats: () => Stats,
    clock: Clock,
    connections: Connections,
    onlooker: Onlooker,
    pace: () => Pace,
  ) {
    this.#inside = inside
    this.#stats = stats
    this.#clock = clock
    this.#connections = connections
    this.#onlooker = onlooker
    this.#pace = pace
    this.#marks = new FaultMarks(connections.numberOf)
    this.#filledAt = clock.now()
    this.#stopListening = inside.listen(this.#listen)
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
    this.#resting = undefined
  }

  readonly #listen = (event: TapEvent): void => {
    if (!this.#isActing && !this.#afford(event)) return
    const { conn, audience } = this.#connections.see(event)
    const marks = this.#marks.see(event)
    const byInspector =
      this.#isActing || (event.type === 'close' && conn !== undefined && this.#cutByUs.has(conn))
    this.#onlooker.see({ event, conn, audience, marks, byInspector })
  }

  /** Whether there is the time to look at it. What there is not is counted. */
  #afford(event: TapEvent): boolean {
    if (this.#budget < 1) this.#fill()
    if (this.#budget < 1) {
      this.#leave(event)
      return false
    }
    this.#budget -= event.type === 'broadcast' ? 1 + event.receivers / RECEIVERS_EACH : 1
    return true
  }

  #fill(): void {
    const now = this.#clock.now()
    const perMs = this.#pace().perSecond / 1000
    this.#budget = Math.min(BURST, this.#budget + (now - this.#filledAt) * perMs)
    this.#filledAt = now
  }

  /** Counts what the tap still tells, and lets go of it as soon as nothing happens: the engine's counters are even then. */
  #leave(event: TapEvent): void {
    countLeft(this.#over, event)
    if (this.#isLeaving) return
    this.#isLeaving = true
    // Behind all that is told of one message: what the engine counts, and what was told, is the same then.
    queueMicrotask(() => this.#letGo())
  }

  #letGo(): void {
    this.#isLeaving = false
    if (!this.#stopListening) return
    this.#stopListening()
    this.#stopListening = undefined
    const before = countersOf(this.#stats())
    this.#onResume = () => {
      const after = countersOf(this.#stats())
      for (const name of COUNTERS) add(this.#over, name, after[name] - before[name])
    }
    // Where it goes on as fast, it is looked at less often.
    const wasQuick = this.#clock.now() - this.#resumedAt < REST_MS
    this.#rest = wasQuick ? Math.min(this.#rest * 2, this.#pace().maxRest) : REST_MS
    this.#resting = this.#clock.after(this.#rest, () => this.#resume())
  }

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
      this.#onlooker.leave(left)
    }
    this.#stopListening ??= this.#inside.listen(this.#listen)
  }
}

/** One that is left out. */
export function countLeft(over: Left, event: TapEvent): void {
  if (event.type === 'message') add(over, 'messagesIn', 1)
  if (event.type === 'sent') add(over, 'messagesOut', 1)
  if (event.type === 'broadcast') add(over, 'messagesOut', event.receivers)
  if (event.type === 'open') add(over, 'opened', 1)
  if (event.type === 'close') add(over, 'closed', 1)
  if (event.type === 'refused') add(over, 'refused', 1)
  if (event.type === 'error') add(over, 'handlerErrors', 1)
}

function add(over: Left, name: keyof Left, count: number): void {
  over[name] = (over[name] ?? 0) + count
}

function countersOf(stats: Stats): Record<(typeof COUNTERS)[number], number> {
  const { messagesIn, messagesOut, opened, closed, refused, handlerErrors } = stats
  return { messagesIn, messagesOut, opened, closed, refused, handlerErrors }
}
