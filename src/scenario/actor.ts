import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { Match, Moment, Random, Scenario } from '../engine/handler/scenario.ts'
import type { Stage } from '../engine/play.ts'
import { SidewireError } from '../engine/errors.ts'
import { isPromiseLike } from '../engine/promise.ts'
import { differenceAt } from './match.ts'
import type { Payloads } from './payloads.ts'
import { randomOf } from './random.ts'

/** What functions of one run get: a message that was waited for takes the place of the one before. */
export interface MutableMoment extends Moment {
  message: any
}

/** A step that waits for a message. */
export interface Waiter {
  readonly path: string
  takes(data: unknown): boolean
  arrived(data: unknown): void
}

/** What a scenario knows of all connections of its handler. */
export interface Common {
  readonly stage: Stage
  readonly scenario: Scenario
  readonly payloads: Payloads
  /** What `shared` is. */
  readonly shared: unknown
}

/** What a scenario knows of one connection. */
export class Actor {
  readonly conn: WebSocketConnection
  readonly #common: Common
  readonly state: unknown
  phase: string
  readonly runs: Set<{ end(): void }> = new Set()
  readonly waiters: Set<Waiter> = new Set()
  readonly tickers: Set<{ stop(): void }> = new Set()
  /** How often each place has run. */
  readonly #counts = new Map<string, number>()
  readonly #randoms = new Map<string, Random>()

  constructor(conn: WebSocketConnection, common: Common, before?: Pick<Actor, 'state' | 'phase'>) {
    this.conn = conn
    this.#common = common
    this.phase = before?.phase ?? 'start'
    const { state = {} } = common.scenario
    const made: unknown = typeof state === 'function' ? state(conn) : structuredClone(state)
    this.state = before ? withNew(before.state, made) : made
  }

  get stage(): Stage {
    return this.#common.stage
  }

  get payloads(): Payloads {
    return this.#common.payloads
  }

  isIn(phases: string | readonly string[] | undefined): boolean {
    if (phases === undefined) return true
    return typeof phases === 'string' ? phases === this.phase : phases.includes(this.phase)
  }

  countOf(place: string): number {
    return this.#counts.get(place) ?? 0
  }

  /** @returns which time this is, from 1 */
  count(place: string): number {
    const n = this.countOf(place) + 1
    this.#counts.set(place, n)
    return n
  }

  moment(place: string, message: unknown, n: number): MutableMoment {
    const { shared, stage } = this.#common
    return {
      conn: this.conn,
      message,
      n,
      state: this.state,
      shared,
      random: this.randomAt(place),
      now: () => stage.clock.date(),
    }
  }

  randomAt(place: string): Random {
    const known = this.#randoms.get(place)
    if (known) return known
    const { scenario, stage } = this.#common
    const random = randomOf({
      seed: scenario.seed ?? 1,
      pattern: stage.pattern,
      key: this.#key(),
      kind: place,
    })
    this.#randoms.set(place, random)
    return random
  }

  #key(): string | number {
    const { scenario, stage } = this.#common
    try {
      return scenario.key?.(this.conn.req) ?? stage.numberOf(this.conn)
    } catch (thrown) {
      stage.failed(this.conn, 'scenario.key', thrown)
      return stage.numberOf(this.conn)
    }
  }

  /** A match that throws matches nothing. */
  matches(match: Match<any, Moment>, data: unknown, moment: Moment, path: string): boolean {
    if (typeof match !== 'function') return differenceAt(match, data) === undefined
    try {
      const isMatch: unknown = match(data, moment)
      if (!isPromiseLike(isMatch)) return Boolean(isMatch)
      Promise.resolve(isMatch).catch(() => {})
      throw new SidewireError(
        'ERR_OPTION',
        `${path} answered a promise: what takes a message has to be known at once`,
      )
    } catch (thrown) {
      this.stage.failed(this.conn, path, thrown)
      return false
    }
  }

  /** Everything of it ends. */
  stop(): void {
    for (const run of [...this.runs]) run.end()
    for (const ticker of this.tickers) ticker.stop()
    this.waiters.clear()
  }
}

/** What is known stays as it is; what a new version of the scenario knows besides comes to it. */
export function withNew(known: unknown, made: unknown): unknown {
  if (typeof known !== 'object' || known === null || typeof made !== 'object' || made === null) return known
  for (const [name, value] of Object.entries(made))
    if (!Object.hasOwn(known, name)) Object.assign(known, { [name]: value as unknown })
  return known
}
