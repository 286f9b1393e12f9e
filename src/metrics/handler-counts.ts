import { CloseCode } from '../engine/close.ts'
import type { TapEvent } from '../engine/tap.ts'
import { Histogram } from './histogram.ts'

/** What happened at one handler. Counted from the start, and kept when a reload takes the handler out: a counter never falls. */
export interface HandlerCount {
  opened: number
  closed: number
  messagesIn: number
  messagesOut: number
  bytesIn: number
  bytesOut: number
  readonly errors: Map<string, number>
  /** By what took a message. */
  readonly durations: Map<string, Histogram>
}

/** Codes of our own that an application may well have; a program that makes them up must not fill memory. */
const MAX_CODES = 64

/** Reads the tap, for what the engine does not count by handler. */
export class HandlerCounts {
  readonly byPattern: Map<string, HandlerCount> = new Map()
  readonly closedBy: Map<string, number> = new Map(
    Object.values(CloseCode).map((code): [string, number] => [String(code), 0]),
  )
  readonly #timesHooks: boolean

  /** @param timesHooks - whether it keeps how long hooks take */
  constructor(timesHooks: boolean) {
    this.#timesHooks = timesHooks
  }

  of(pattern: string): HandlerCount {
    let count = this.byPattern.get(pattern)
    if (count === undefined) {
      count = {
        opened: 0,
        closed: 0,
        messagesIn: 0,
        messagesOut: 0,
        bytesIn: 0,
        bytesOut: 0,
        errors: new Map(),
        durations: new Map(),
      }
      this.byPattern.set(pattern, count)
    }
    return count
  }

  readonly listen = (event: TapEvent): void => {
    switch (event.type) {
      case 'message': {
        const count = this.of(event.pattern)
        count.messagesIn++
        count.bytesIn += event.bytes
        break
      }
      case 'handled':
        if (this.#timesHooks && event.by !== undefined) this.#took(event.pattern, event.by, event.ms)
        break
      case 'sent': {
        const count = this.of(event.pattern)
        count.messagesOut++
        count.bytesOut += event.bytes
        break
      }
      case 'broadcast': {
        const count = this.of(event.pattern)
        count.messagesOut += event.receivers
        count.bytesOut += event.receivers * event.bytes
        break
      }
      case 'open':
        this.of(event.pattern).opened++
        break
      case 'close':
        this.of(event.pattern).closed++
        increment(this.closedBy, this.#codeLabel(event.code, event.initiatedByClient))
        break
      case 'error':
        if (event.hook !== undefined) increment(this.of(event.pattern).errors, event.hook)
        break
      case 'fault':
      case 'join':
      case 'leave':
      case 'ping':
      case 'pong':
      case 'refused':
      case 'upstream':
    }
  }

  #took(pattern: string, hook: string, ms: number): void {
    const { durations } = this.of(pattern)
    let histogram = durations.get(hook)
    if (histogram === undefined) {
      histogram = new Histogram()
      durations.set(hook, histogram)
    }
    histogram.observe(ms / 1000)
  }

  /** RFC 6455 7.4.2: a client may choose of 2,000, and each would be a series; what it chooses is one for each thousand. */
  #codeLabel(code: number, isOfClient: boolean): string {
    const exact = String(code)
    const isKnown = this.closedBy.has(exact) && (code < 3000 || !isOfClient)
    if (isKnown || (!isOfClient && this.closedBy.size < MAX_CODES)) return exact
    return `${Math.trunc(code / 1000)}xxx`
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
