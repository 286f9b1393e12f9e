import { disconnect, send, type Command } from '../control/commands.ts'
import type { Clock } from '../engine/clock.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { Inside } from '../engine/inside.ts'
import type { MaybePromise } from '../engine/promise.ts'
import type { Stats } from '../engine/stats.ts'
import { Connections, type ConnectionPage, type ConnectionQuery } from './connections.ts'
import { faultList, runFaultCommand, type FaultAnswer, type FaultCommand, type FaultList } from './faults.ts'
import { Lookout } from './lookout.ts'
import { Timeline, type TimelineOptions } from './timeline.ts'

/** What the inspector shows, and acts on: an engine, or those of several processes. */
export interface Scene {
  readonly timeline: Timeline
  readonly numberOf: (conn: WebSocketConnection) => number
  /** A page has asked. */
  look(): MaybePromise<void>
  connections(patterns: readonly string[], query: ConnectionQuery): MaybePromise<ConnectionPage>
  /** `undefined` where there is nothing to switch. */
  faults(): MaybePromise<FaultList | undefined>
  /** These throw `Refused`, and what the engine throws. */
  runFaults(command: FaultCommand): MaybePromise<FaultAnswer>
  send(command: Command): MaybePromise<{ readonly receivers: number }>
  disconnect(command: Command): MaybePromise<{ readonly connections: number }>
  close(): void
}

/** Entries a second, and the longest rest in milliseconds, while a page looks and while none does. */
export const LOOKED_AT = { perSecond: 20_000, maxRest: 100 }
const ALONE = { perSecond: 500, maxRest: 1000 }
/** A page that is open asks again by then. */
const PATIENCE_MS = 10_000

/** The engine of this process. */
export class OneEngine implements Scene {
  readonly timeline: Timeline
  readonly #inside: Inside
  readonly #clock: Clock
  readonly #connections: Connections
  readonly #lookout: Lookout
  #lookedAtUntil = -Infinity

  constructor(inside: Inside, stats: Stats, clock: Clock, options: TimelineOptions) {
    this.#inside = inside
    this.#clock = clock
    this.#connections = new Connections(inside)
    this.timeline = new Timeline(clock, options)
    this.#lookout = new Lookout(
      inside,
      () => stats,
      clock,
      this.#connections,
      this.timeline,
      () => (clock.now() < this.#lookedAtUntil ? LOOKED_AT : ALONE),
    )
  }

  get numberOf(): Scene['numberOf'] {
    return this.#connections.numberOf
  }

  look(): void {
    this.#lookedAtUntil = this.#clock.now() + PATIENCE_MS
  }

  connections(patterns: readonly string[], query: ConnectionQuery): ConnectionPage {
    return this.#connections.page(patterns, query)
  }

  faults(): FaultList | undefined {
    return faultList(this.#inside, this.#connections)
  }

  /** What arrives because they are lifted is by those who sent it, and not by the inspector. */
  runFaults(command: FaultCommand): FaultAnswer {
    return runFaultCommand(this.#inside, this.#connections, command)
  }

  send(command: Command): { readonly receivers: number } {
    return this.#lookout.act(() => send(this.#inside, command))
  }

  disconnect(command: Command): { readonly connections: number } {
    return this.#lookout.act((willEnd) => disconnect(this.#inside, command, willEnd))
  }

  close(): void {
    this.#lookout.close()
  }
}
