import type { Clock } from '../engine/clock.ts'
import type { TapEvent } from '../engine/tap.ts'

/** One thing that happened, as JSON. What is unknown is left out. */
export interface JournalRow {
  /** From 1, without gaps. */
  readonly n: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly type: TapEvent['type']
  /** The handler's. */
  readonly pattern?: string
  /** The connection's id. */
  readonly connection?: string
  readonly path?: string
  /** A payload of text, as on the wire. */
  readonly text?: string
  /** One of bytes. */
  readonly base64?: string
  readonly bytes?: number
  readonly rooms?: readonly string[]
  readonly room?: string
  readonly receivers?: number
  readonly status?: number | string
  readonly code?: number
  readonly reason?: string
  readonly by?: string
  readonly ms?: number
  /** Of `handled`: the `n` of the message. */
  readonly message?: number
  readonly hook?: string
  readonly error?: string
  readonly from?: 'client' | 'server'
}

/** What a page of the journal says. */
export interface JournalPage {
  readonly rows: readonly JournalRow[]
  /** What to give as `after` next. */
  readonly next: number
  /** How many rows after `after` are gone, because there were too many. */
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
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  readonly listen = (event: TapEvent): void => {
    const row = rowOf(event, this.#clock.date())
    this.#last = row.n
    this.#rows.push(row)
    this.#bytes += sizeOf(row)
    while (this.#rows.length > MAX_ROWS || (this.#bytes > MAX_BYTES && this.#rows.length > 1))
      this.#bytes -= sizeOf(this.#rows.shift() as JournalRow) // length > 0
    for (const wake of [...this.#waiting]) wake()
  }

  page(after: number): JournalPage {
    const rows = this.#rows.filter(({ n }) => n > after)
    const first = this.#rows[0]?.n ?? this.#last + 1
    return { rows, next: this.#last, gone: Math.max(0, first - after - 1) }
  }

  /** The same, as soon as there is a row, or when the time is over. */
  async wait(after: number, ms: number): Promise<JournalPage> {
    if (this.#last <= after && ms > 0)
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          timer.cancel()
          this.#waiting.delete(wake)
          resolve()
        }
        const timer = this.#clock.after(ms, wake)
        this.#waiting.add(wake)
      })
    return this.page(after)
  }

  /** Answers those who wait. */
  close(): void {
    for (const wake of [...this.#waiting]) wake()
  }
}

function sizeOf({ bytes = 0 }: JournalRow): number {
  return bytes + BYTES_PER_ROW
}

function rowOf(event: TapEvent, at: number): JournalRow {
  const { n } = event
  const start = { n, at, type: event.type, ...(event.pattern !== undefined && { pattern: event.pattern }) }
  if (event.type === 'refused') {
    const { url, reason, answer, close } = event
    return {
      ...start,
      reason,
      ...(url !== undefined && { path: url }),
      ...(answer && { status: answer.status, text: answer.body }),
      ...(close && { code: close.code }),
    }
  }
  if (event.type === 'broadcast') {
    const { from, rooms, payload, bytes, receivers } = event
    return {
      ...start,
      ...(from && { connection: from.id }),
      ...(rooms && { rooms }),
      ...shown(payload),
      bytes,
      receivers,
    }
  }
  const of = event.conn ? { connection: event.conn.id, path: event.conn.path } : {}
  switch (event.type) {
    case 'message':
      return { ...start, ...of, ...shown(event.payload), bytes: event.bytes }
    case 'sent':
      return { ...start, ...of, ...shown(event.payload), bytes: event.bytes, status: event.status }
    case 'handled': {
      const { message, by, ms } = event
      return { ...start, ...of, message, ...(by !== undefined && { by }), ms }
    }
    case 'ping':
    case 'pong':
      return { ...start, ...of, from: event.from, ...shown(event.payload) }
    case 'join':
    case 'leave':
      return { ...start, ...of, room: event.room }
    case 'close':
      return {
        ...start,
        ...of,
        code: event.code,
        reason: event.reason,
        from: event.initiatedByClient ? 'client' : 'server',
      }
    case 'error':
      return {
        ...start,
        ...of,
        ...(event.hook !== undefined && { hook: event.hook }),
        error: event.error.stack ?? event.error.message,
      }
    case 'open':
    default:
      return { ...start, ...of }
  }
}

function shown(payload: string | Uint8Array): { text: string } | { base64: string } {
  return typeof payload === 'string'
    ? { text: payload }
    : { base64: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('base64') }
}
