/** What a server answers, by kind. An array and what is in it is only valid during the call. */
export interface RespEvents {
  status(text: string): void
  error(text: string): void
  integer(value: number): void
  /** Bulk strings are views of what was read; `null` is the protocol's own. */
  array(items: readonly RespItem[]): void
  /** What came is not RESP2: nothing is read any more. */
  garbage(why: string): void
}

export type RespItem = Uint8Array | number | null

const CR = 13
const LF = 10
const MINUS = 45
const ZERO = 48
const ARRAY = 42 // *
const BULK = 36 // $
const INTEGER = 58 // :
const STATUS = 43 // +
const ERROR = 45 // -
/** Of a line without its end; the longest that Redis writes is an error that quotes a command. */
const MAX_LINE = 4096
const LONG_LINE = `a line is longer than ${MAX_LINE} bytes`
/** Of pub/sub, none has more than four. */
const MAX_ITEMS = 16
/** A number that is exact in JavaScript. */
const MAX_DIGITS = 15
const NOTHING = new Uint8Array(0)
/** More is to come. */
const INCOMPLETE = -1

/**
 * RESP2 (redis.io/docs/latest/develop/reference/protocol-spec), as far as a client without a query needs it: no array in an array, and
 * no bulk string outside of one. It copies only what crosses the border of two chunks.
 */
export class RespReader {
  readonly #events: RespEvents
  readonly #maxBulk: number
  #items: RespItem[] = []
  /** Items of the array that are still to come; 0 outside of one. */
  #missing = 0
  /** The start of a line. */
  #rest: Uint8Array = NOTHING
  /** A bulk string that has come in part, with its end of line. */
  #bulk: Buffer | undefined
  #filled = 0
  #line = 0
  #isDone = false

  /** @param maxBulk - bytes of the longest string; the protocol allows 512 MiB */
  constructor(events: RespEvents, maxBulk: number) {
    this.#events = events
    this.#maxBulk = maxBulk
  }

  /** @param chunk - its memory must not be used again while an array is not complete */
  push(chunk: Uint8Array): void {
    if (this.#isDone) return
    let at = this.#bulk ? this.#fill(this.#bulk, chunk) : 0
    let bytes = chunk
    if (this.#rest.length > 0) {
      bytes = Buffer.concat([this.#rest, chunk])
      this.#rest = NOTHING
    }
    while (at < bytes.length && !this.#isDone) {
      const next = this.#element(bytes, at)
      if (next === INCOMPLETE) {
        // What is left of the chunk would keep the whole of it alive; it is a few bytes, and copied with the next one anyway.
        this.#rest = bytes.subarray(at)
        if (this.#rest.length > MAX_LINE + 1) this.#garbage(LONG_LINE)
        return
      }
      at = next
    }
  }

  /** No more is read: whoever is told of something may have had enough. */
  stop(): void {
    this.#isDone = true
  }

  /** Reads one line, and the string behind it. Returns where the next one starts. */
  #element(bytes: Uint8Array, at: number): number {
    const kind = bytes[at]
    if (kind === BULK || kind === INTEGER || kind === ARRAY) {
      const value = this.#number(bytes, at + 1)
      if (value === undefined) return INCOMPLETE
      if (this.#isDone) return at
      if (kind === BULK) return this.#string(bytes, this.#line, value)
      if (kind === ARRAY) this.#array(value)
      else if (this.#missing > 0) this.#add(value)
      else this.#events.integer(value)
      return this.#line
    }
    if (kind !== STATUS && kind !== ERROR) return this.#garbage(`a line starts with ${show(kind)}`)
    if (this.#missing > 0) return this.#garbage(`in an array, a line starts with ${show(kind)}`)
    const end = bytes.indexOf(CR, at)
    if (end - at > MAX_LINE) return this.#garbage(LONG_LINE)
    if (end === -1 || end + 1 === bytes.length) return INCOMPLETE
    if (bytes[end + 1] !== LF) return this.#garbage('a line does not end with CR LF')
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + at + 1, end - at - 1).toString()
    if (kind === STATUS) this.#events.status(text)
    else this.#events.error(text)
    return end + 2
  }

  #array(length: number): void {
    if (this.#missing > 0) return void this.#garbage('an array is in another one')
    if (length < 1 || length > MAX_ITEMS) return void this.#garbage(`an array has ${length} items`)
    this.#missing = length
    return undefined
  }

  #string(bytes: Uint8Array, start: number, length: number): number {
    if (this.#missing === 0) return this.#garbage('a string is in no array')
    if (length === -1) {
      this.#add(null)
      return start
    }
    if (length < 0 || length > this.#maxBulk)
      return this.#garbage(`a string has ${length} bytes, and at most ${this.#maxBulk} are read`)
    const end = start + length
    if (end + 2 > bytes.length) {
      this.#bulk = Buffer.allocUnsafe(length + 2)
      this.#bulk.set(bytes.subarray(start))
      this.#filled = bytes.length - start
      return bytes.length
    }
    if (bytes[end] !== CR || bytes[end + 1] !== LF) return this.#garbage('a string does not end with CR LF')
    this.#add(bytes.subarray(start, end))
    return end + 2
  }

  /** The rest of a string. Returns where the next line starts. */
  #fill(bulk: Buffer, chunk: Uint8Array): number {
    const length = Math.min(bulk.length - this.#filled, chunk.length)
    bulk.set(length === chunk.length ? chunk : chunk.subarray(0, length), this.#filled)
    this.#filled += length
    if (this.#filled < bulk.length) return length
    this.#bulk = undefined
    const end = bulk.length - 2
    if (bulk[end] !== CR || bulk[end + 1] !== LF) return this.#garbage('a string does not end with CR LF')
    this.#add(bulk.subarray(0, end))
    return length
  }

  #add(item: RespItem): void {
    this.#items.push(item)
    if (--this.#missing > 0) return
    const items = this.#items
    this.#items = []
    this.#events.array(items)
  }

  /** The digits up to the end of the line, which is then kept in `#line`. */
  #number(bytes: Uint8Array, start: number): number | undefined {
    let at = start
    const isNegative = bytes[at] === MINUS
    if (isNegative) at++
    const first = at
    let value = 0
    for (; at < bytes.length; at++) {
      const digit = (bytes[at] ?? 0) - ZERO
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    if (at - first > MAX_DIGITS) return this.#garbage('a number is too long')
    if (at >= bytes.length) return undefined
    if (at === first || bytes[at] !== CR) return this.#garbage('a number has other things than digits in it')
    if (at + 1 === bytes.length) return undefined
    if (bytes[at + 1] !== LF) return this.#garbage('a line does not end with CR LF')
    this.#line = at + 2
    return isNegative ? -value : value
  }

  #garbage(why: string): number {
    this.#isDone = true
    this.#bulk = undefined
    this.#rest = NOTHING
    this.#items = []
    this.#events.garbage(why)
    return 0
  }
}

function show(byte: number | undefined): string {
  return `0x${(byte ?? 0).toString(16).padStart(2, '0')}`
}
