import type { FaultInfo } from '../engine/handler/faults.ts'

/** How a connection ended, as `CloseEvent` has it. */
export interface Closed {
  readonly code: number
  readonly reason: string
  /** Whether there was a closing handshake: false for 1006. */
  readonly wasClean: boolean
}

/** One thing that happened. */
export interface Entry {
  /** Milliseconds since the server started. */
  readonly at: number
  readonly kind: 'connect' | 'in' | 'out' | 'broadcast' | 'close' | 'refused' | 'fault' | 'error'
  /** Its number, from 1 in the order of accept; 0 where there is none. */
  readonly connection: number
  readonly path: string
  /** Of a message: as the handler's codec reads it. */
  readonly data?: unknown
  /** As it was on the wire. */
  readonly raw?: string | Uint8Array
  /** What took a message: `onMessage`, `responses[0]`; missing while nothing has. */
  readonly matched?: string
  /** Of a broadcast: who got it, by number. */
  readonly receivers?: readonly number[]
  readonly close?: Closed
  /** What `faults` has done, to which message of its direction, from 1. */
  readonly fault?: FaultInfo
  /** Of a refused handshake. */
  readonly status?: number
  readonly error?: Error
}

/** More go, the oldest first. */
const MAX_ENTRIES = 10_000

/** What happened on a server, the latest last. */
export class Journal {
  #entries: Entry[] = []
  #gone = 0

  get entries(): readonly Entry[] {
    this.#cut(MAX_ENTRIES)
    return [...this.#entries]
  }

  /** How many are gone, because there were too many. */
  get gone(): number {
    this.#cut(MAX_ENTRIES)
    return this.#gone
  }

  /** How many there have been. */
  get count(): number {
    return this.#gone + this.#entries.length
  }

  add(entry: Entry): void {
    this.#entries.push(entry)
    // Rarely, as a list is moved for it.
    if (this.#entries.length >= 2 * MAX_ENTRIES) this.#cut(MAX_ENTRIES)
  }

  clear(): void {
    this.#entries = []
    this.#gone = 0
  }

  #cut(length: number): void {
    const tooMany = this.#entries.length - length
    if (tooMany <= 0) return
    this.#entries.splice(0, tooMany)
    this.#gone += tooMany
  }
}
