import { everyLate, type Clock, type Timer } from '../../engine/clock.ts'
import type { WebSocketConnection } from '../../engine/connection/websocket-connection.ts'
import type { Inside } from '../../engine/inside.ts'
import type { Stats } from '../../engine/stats.ts'
import { setImmediate } from '../../engine/timers.ts'
import type { Connections } from '../../inspector/connections.ts'
import { countLeft, Lookout, type Left, type Onlooker, type Sighting } from '../../inspector/lookout.ts'
import { Redaction } from '../../inspector/redaction.ts'
import { wireOf, type Named, type WireSighting } from './wire.ts'

/** What a worker is to tell. */
export interface Watch {
  /** Happenings a second that it looks at. */
  readonly perSecond: number
  readonly maxRest: number
  /** Keys whose values are not to be seen. */
  readonly redact: readonly string[]
}

/** What it has seen in one turn. */
export interface Seen {
  readonly type: 'seen'
  readonly sightings: readonly WireSighting[]
  /** What it had no time for, or the supervisor none. */
  readonly left?: Left
  /** Open ones that it has not told of as they opened. */
  readonly put?: readonly Named[]
  /** The numbers of those that have closed the same way. */
  readonly gone?: readonly number[]
  /** Handed back as soon as it is taken. */
  readonly size: number
}

export interface Pulse {
  readonly type: 'pulse'
  readonly stats: Stats
  /** Milliseconds that the event loop was late, at most. */
  readonly late: number
}

/** What may be under way to a supervisor that does not take it; what comes then is counted. */
const MAX_UNDER_WAY = 8 * 1024 * 1024
const BYTES_EACH = 300
const PULSE_MS = 200

/** Tells the supervisor what happens in this worker, as long as somebody looks. */
export class Stream implements Onlooker {
  readonly #inside: Inside
  readonly #stats: () => Stats
  readonly #connections: Connections
  readonly #tell: (message: Seen | Pulse) => void
  readonly #redaction: Redaction
  readonly #timer: Timer
  readonly lookout: Lookout
  /** Those that the supervisor knows to be open. */
  readonly #told = new Map<WebSocketConnection, number>()
  #batch: WireSighting[] = []
  #size = 0
  #underWay = 0
  #left: Left = {}
  #isFlushing = false
  #late = 0

  constructor(
    inside: Inside,
    stats: () => Stats,
    clock: Clock,
    connections: Connections,
    watch: Watch,
    tell: (message: Seen | Pulse) => void,
  ) {
    this.#inside = inside
    this.#stats = stats
    this.#connections = connections
    this.#tell = tell
    this.#redaction = new Redaction(watch.redact)
    this.lookout = new Lookout(inside, stats, clock, connections, this, () => watch)
    this.#timer = everyLate(clock, PULSE_MS, (late) => {
      this.#late = Math.max(0, late)
      this.pulse()
    })
    // What was sent over them before is not known.
    this.#flush(true)
    connections.leave()
    this.pulse()
  }

  close(): void {
    this.#timer.cancel()
    this.lookout.close()
  }

  pulse(): void {
    this.#tell({ type: 'pulse', stats: this.#stats(), late: this.#late })
  }

  see(sighting: Sighting): void {
    const { event } = sighting
    if (this.#underWay + this.#size > MAX_UNDER_WAY) {
      countLeft(this.#left, event)
      return
    }
    const wire = wireOf(sighting, this.#connections.numberOf, this.#redaction)
    if (event.type === 'open') this.#told.set(event.conn, this.#connections.numberOf(event.conn))
    if (event.type === 'close') this.#told.delete(event.conn)
    this.#batch.push(wire)
    const { payload, audience } = wire
    this.#size += BYTES_EACH + (payload?.text ?? payload?.base64 ?? '').length + (audience?.length ?? 0) * 6
    this.#flushSoon()
  }

  leave(left: Left): void {
    for (const [name, count] of Object.entries(left) as [keyof Left, number][])
      this.#left[name] = (this.#left[name] ?? 0) + count
    this.#flushSoon()
  }

  /** The supervisor has taken so much. */
  taken(size: number): void {
    this.#underWay -= size
    if (Object.keys(this.#left).length > 0) this.#flushSoon()
  }

  /** What has happened is told before what comes of it. */
  flush(): void {
    if (this.#batch.length > 0 || Object.keys(this.#left).length > 0) this.#flush(false)
  }

  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      this.flush()
    })
  }

  #flush(isFirst: boolean): void {
    const [sightings, size] = [this.#batch, this.#size]
    const isBehind = this.#underWay > MAX_UNDER_WAY
    if (isBehind && sightings.length === 0) return
    const left = isBehind ? {} : this.#left
    const isGap = Object.keys(left).length > 0
    this.#batch = []
    this.#size = 0
    this.#underWay += size
    if (isGap) this.#left = {}
    const gap = isGap && { left }
    this.#tell({ type: 'seen', sightings, size, ...gap, ...((isGap || isFirst) && this.#difference()) })
  }

  /** What has opened and closed while it was not looked at. */
  #difference(): Pick<Seen, 'put' | 'gone'> {
    const put: Named[] = []
    const gone: number[] = []
    const open = new Set<WebSocketConnection>()
    for (const conn of this.#inside.openConnections()) {
      open.add(conn)
      if (this.#told.has(conn)) continue
      const number = this.#connections.numberOf(conn)
      this.#told.set(conn, number)
      put.push([number, conn.id, conn.path, conn.pattern])
    }
    for (const [conn, number] of this.#told) {
      if (open.has(conn)) continue
      this.#told.delete(conn)
      gone.push(number)
    }
    return { put, gone }
  }
}
