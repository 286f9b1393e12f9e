import type { Clock } from '../engine/clock.ts'
import type { Connection } from '../engine/connection/connection.ts'
import { noFaults, type FaultCounts, type Faults, type FaultsOf } from '../engine/handler/faults.ts'
import { faultsSchema } from '../engine/handler/fault-schema.ts'
import { checkOptions } from '../engine/handler/option-schema.ts'
import type { HandshakeRequest } from '../engine/handshake/request.ts'
import { streamOf, type Stream } from './chance.ts'

/** Which faults are on, for a handler or for all, and since when: a handler's own, or what `setFaults` has switched on. */
export class FaultSet {
  readonly counts: FaultCounts = noFaults()
  readonly seed: number | string
  /** Whether the seed was drawn here, and nobody has been told of it. */
  isSeedNews: boolean
  readonly #faults: FaultsOf
  readonly #selects: ((conn: Connection) => boolean) | undefined
  /** A function is asked about a handshake of before, too. */
  readonly #looksBack: boolean
  /** Handshakes that it was asked about, by handler. */
  #handshakes = new Map<string, number>()
  /** What the function has said of a handshake. */
  #said = new WeakMap<HandshakeRequest, { readonly faults: Faults | undefined }>()
  /** Lets handshakes go that wait. */
  readonly #waiting = new Set<() => void>()

  /**
   * @param drawn - the seed, if the faults have none
   * @param how - `selects`: which connections it is for, without it all; `looksBack`: a function of it is asked about a
   * connection that had other faults at its handshake, too
   */
  constructor(
    faults: FaultsOf,
    drawn: number,
    how: { selects?: ((conn: Connection) => boolean) | undefined; looksBack?: boolean } = {},
  ) {
    this.#faults = faults
    this.#selects = how.selects
    this.#looksBack = how.looksBack ?? false
    const { seed } = typeof faults === 'function' ? {} : faults
    this.seed = seed ?? drawn
    this.isSeedNews = seed === undefined
  }

  /** As JSON can have it. */
  get shown(): unknown {
    const withoutFunctions = (_key: string, value: unknown): unknown =>
      typeof value === 'function' ? 'function' : value
    return JSON.parse(JSON.stringify(this.#faults, withoutFunctions))
  }

  /** Of a handshake, which it counts. */
  arrive(
    pattern: string,
    req: HandshakeRequest,
  ): { readonly faults: Faults; readonly n: number } | undefined {
    if (this.#selects) return undefined
    const n = (this.#handshakes.get(pattern) ?? 0) + 1
    this.#handshakes.set(pattern, n)
    const faults = this.#ask(req, n)
    return faults && { faults, n }
  }

  /** Of a connection that is open. */
  of(conn: Connection): Faults | undefined {
    if (this.#selects?.(conn) === false) return undefined
    if (typeof this.#faults !== 'function') return this.#faults
    const said = this.#said.get(conn.req)
    return said || !this.#looksBack ? said?.faults : this.#ask(conn.req, conn.n)
  }

  /** Counts, and chance, begin anew. */
  reset(): void {
    Object.assign(this.counts, noFaults())
    this.#handshakes = new Map()
    this.#said = new WeakMap()
  }

  delay(clock: Clock, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        timer.cancel()
        this.#waiting.delete(go)
        resolve()
      }
      const timer = clock.after(Math.ceil(ms), go)
      this.#waiting.add(go)
    })
  }

  /** Handshakes that wait do so no longer. */
  release(): void {
    for (const go of [...this.#waiting]) go()
  }

  /** @param key - of the connection, or its number */
  streams(
    { seed = this.seed }: Faults,
    pattern: string,
    key: string | number,
    direction: 'in' | 'out',
  ): (kind: string) => Stream {
    return (kind) => streamOf({ seed, pattern, key, direction, kind })
  }

  #ask(req: HandshakeRequest, n: number): Faults | undefined {
    if (typeof this.#faults !== 'function') return this.#faults
    const faults = this.#faults(req, n)
    if (faults !== undefined) checkOptions(faultsSchema, faults)
    this.#said.set(req, { faults })
    return faults
  }
}
