import type { Row } from '../row.ts'

/** A row as the page keeps it: of all lives of the server, one list. */
export interface Line extends Omit<Row, 'type' | 'by' | 'ms' | 'nearest'> {
  /** `restart`: the server was started anew here. */
  readonly type: Row['type'] | 'restart'
  /** What took a message, and for how long; known when it has. */
  by?: string
  nearest?: string
  ms?: number
  /** Rows that the server did not send, or that came while the page paused. */
  readonly skipped?: number
}

/** What is shown without a filter for it: joins tell more than pings, and who wants those asks for them. */
export type Kind = 'message' | 'connection' | 'room' | 'control' | 'error'

const KIND_OF: Readonly<Record<Exclude<Line['type'], 'left' | 'restart' | 'handled'>, Kind>> = {
  message: 'message',
  sent: 'message',
  broadcast: 'message',
  upstream: 'message',
  open: 'connection',
  close: 'connection',
  refused: 'connection',
  join: 'room',
  leave: 'room',
  ping: 'control',
  pong: 'control',
  error: 'error',
  fault: 'message',
}

export function kindOf({ type }: Line): Kind | undefined {
  return type === 'left' || type === 'restart' || type === 'handled' ? undefined : KIND_OF[type]
}

/** `in` is from the client. */
export function directionOf(line: Line): 'in' | 'out' | undefined {
  if (line.type === 'message' || line.type === 'open') return 'in'
  if (line.type === 'sent' || line.type === 'broadcast' || line.type === 'refused') return 'out'
  if (line.type === 'close' && line.code === 1006) return undefined
  if (line.type === 'fault' && line.from === undefined) return undefined
  if (['ping', 'pong', 'close', 'fault', 'upstream'].includes(line.type))
    return line.from === 'client' ? 'in' : 'out'
  return undefined
}

const MAX_LINES = 100_000
/** Of letters; a line is short, unless its payload is long. */
const MAX_LETTERS = 32 * 1024 * 1024

/** The last lines, oldest first. */
export class Lines {
  #all: Line[] = []
  #head = 0
  #letters = 0
  /** Added to what the server counts, which begins anew with it. */
  #base = 0
  #connBase = 0
  #lastConn = 0
  /** How many have been dropped for there were too many. */
  dropped = 0

  get length(): number {
    return this.#all.length - this.#head
  }

  at(index: number): Line | undefined {
    return this.#all[this.#head + index]
  }

  /** Its number, or the one that it will have for the server. */
  toServer(conn: number): number {
    return conn - this.#connBase
  }

  fromServer(conn: number): number {
    return conn + this.#connBase
  }

  /** @returns what is new; what a message was handled by is added to it */
  add(rows: readonly Row[], skipped: number): Line[] {
    const added: Line[] = []
    const first = rows[0]
    if (skipped > 0)
      added.push({
        n: (first ? first.n + this.#base : this.#lastN()) - 0.5,
        at: first?.at ?? Date.now(),
        type: 'left',
        skipped,
      })
    for (const row of rows) {
      if (row.type === 'handled') this.#handle(row, added)
      else added.push(this.#lineOf(row))
    }
    this.#push(added)
    return added
  }

  /** The server is another one from now on. */
  restart(at: number): Line {
    const line: Line = { n: this.#lastN() + 0.5, at, type: 'restart' }
    this.#base = Math.ceil(line.n)
    this.#connBase = this.#lastConn
    this.#push([line])
    return line
  }

  clear(): void {
    this.#all = []
    this.#head = 0
    this.#letters = 0
  }

  get(n: number): Line | undefined {
    let low = this.#head
    let high = this.#all.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const line = this.#all[middle] as Line // between the ends
      if (line.n === n) return line
      if (line.n < n) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }

  /** What the server calls it. */
  serverN(line: Line): number | undefined {
    return line.n > this.#base ? line.n - this.#base : undefined
  }

  *[Symbol.iterator](): Generator<Line> {
    for (let i = this.#head; i < this.#all.length; i++) yield this.#all[i] as Line
  }

  #lastN(): number {
    return this.#all.at(-1)?.n ?? this.#base
  }

  #lineOf({ conn, to, faults, type, ...row }: Row): Line {
    for (const number of to ?? []) this.#lastConn = Math.max(this.#lastConn, this.fromServer(number))
    if (conn !== undefined) this.#lastConn = Math.max(this.#lastConn, this.fromServer(conn))
    return {
      ...row,
      type,
      n: row.n + this.#base,
      ...(conn !== undefined && { conn: this.fromServer(conn) }),
      ...(to && { to: this.#fromServer(to) }),
      ...(faults && {
        faults: Object.fromEntries(
          Object.entries(faults).map(([kind, conns]) => [kind, this.#fromServer(conns)]),
        ),
      }),
    }
  }

  #fromServer(conns: readonly number[]): readonly number[] {
    return this.#connBase === 0 ? conns : conns.map((each) => this.fromServer(each))
  }

  #handle({ message, by, nearest, ms }: Row, added: readonly Line[]): void {
    if (message === undefined) return
    const n = message + this.#base
    const line = added.findLast((each) => each.n === n) ?? this.get(n)
    if (!line) return
    if (by !== undefined) line.by = by
    if (nearest !== undefined) line.nearest = nearest
    if (ms !== undefined) line.ms = ms
  }

  #push(lines: readonly Line[]): void {
    for (const line of lines) {
      this.#all.push(line)
      this.#letters += sizeOf(line)
    }
    while (this.length > MAX_LINES || (this.#letters > MAX_LETTERS && this.length > 1)) {
      this.#letters -= sizeOf(this.#all[this.#head++] as Line) // length > 0
      this.dropped++
    }
    if (this.#head > MAX_LINES / 4) {
      this.#all = this.#all.slice(this.#head)
      this.#head = 0
    }
  }
}

function sizeOf({ text = '', base64 = '', to = [] }: Line): number {
  return text.length + base64.length + to.length * 4
}
