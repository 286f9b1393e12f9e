import { Refused } from '../../control/answers.ts'
import type { Command } from '../../control/commands.ts'
import type { FaultPage } from '../../control/faults.ts'
import type { ControlConnection, ControlList, FaultRequest, Reach } from '../../control/reach.ts'
import type { Clock, Timer } from '../../engine/clock.ts'
import { createStats, type Stats } from '../../engine/stats.ts'
import type { TapListener } from '../../engine/tap.ts'
import { PROFILES } from '../../faults/by-name.ts'
import type { ConnectionPage, ConnectionQuery } from '../../inspector/connections.ts'
import { MAX_ROWS, type FaultAnswer, type FaultCommand, type FaultList } from '../../inspector/faults.ts'
import type { Left } from '../../inspector/lookout.ts'
import { LOOKED_AT, type Scene } from '../../inspector/scene.ts'
import { Timeline, type TimelineOptions } from '../../inspector/timeline.ts'
import type { Outcome } from '../calls.ts'
import { LastingFaults } from './lasting-faults.ts'
import { mergePages, mergeRows, mergeStats } from './merged.ts'
import type { Question } from './outlook.ts'
import type { Peer } from './peer.ts'
import type { Pulse, Seen } from './stream.ts'
import { cutOf, numberOf, sightingOf, type Named } from './wire.ts'

/** Who has not answered by then is left out, and named where there is a place for it. */
const LIST_MS = 500
const COMMAND_MS = 2000
/** Nobody looks any more: the graph of the page goes on for so long, too. */
const PATIENCE_MS = 60_000
/** Messages of a worker that may wait for what is said of them. */
const MAX_UNHANDLED = 10_000

interface Watched {
  readonly worker: number
  readonly first: number
  /** Those that are open, by their numbers. */
  readonly open: Map<number, Named>
  /** Numbers in its tap, and here. */
  readonly unhandled: Map<number, number>
  stats: Stats
  late: number
}

interface Gathered<T> {
  readonly answers: readonly T[]
  /** The numbers of those that did not answer. */
  readonly missing: readonly number[]
}

interface Options extends TimelineOptions {
  readonly workers: number
  readonly redact: readonly string[]
  /** Whether something that is sent to a handler reaches more than these workers. */
  readonly hasBroker: boolean
  /** Whether they tell what happens also while no page is open. */
  readonly isAlwaysTold: boolean
}

export type Ask = <T>(peer: Peer, question: Question, ms: number) => Promise<Outcome<T>>

/** The engines of all workers, as the inspector and the control endpoint see them. */
export class AllWorkers implements Scene {
  readonly timeline: Timeline
  readonly numberOf: Scene['numberOf'] = numberOf
  /** In sum, and none of them falls when a worker dies. */
  readonly stats: Stats = createStats()
  /** Told what a worker had no time to tell. */
  onLeft: (count: number) => void = () => {}
  readonly #clock: Clock
  readonly #options: Options
  readonly #ask: Ask
  readonly #peers = new Map<Peer, Watched>()
  readonly #listeners = new Set<TapListener>()
  readonly #faults: LastingFaults
  readonly #gone: Stats = createStats()
  #isTold: boolean
  #until = 0
  #idle: Timer | undefined
  #n = 0
  #highest = 0

  constructor(clock: Clock, ask: Ask, options: Options) {
    this.#clock = clock
    this.#ask = ask
    this.#options = options
    this.#isTold = options.isAlwaysTold
    this.timeline = new Timeline(clock, options)
    this.#faults = new LastingFaults(clock)
  }

  // Workers

  joined(peer: Peer, worker: number): void {
    const { workers } = this.#options
    const first = Math.ceil(this.#highest / workers) * workers + worker
    this.#peers.set(peer, {
      worker,
      first,
      open: new Map(),
      unhandled: new Map(),
      stats: createStats(),
      late: 0,
    })
    for (const given of this.#faults.requests()) void this.#ask(peer, { what: 'faults', given }, COMMAND_MS)
    if (this.#isTold) void this.#watch(peer, first)
  }

  left(peer: Peer): void {
    const watched = this.#peers.get(peer)
    if (!watched) return
    this.#peers.delete(peer)
    for (const named of watched.open.values()) this.#show(cutOf(named, ++this.#n, this.#clock.now()))
    const { stats } = watched
    mergeStats(this.#gone, [
      this.#gone,
      { ...stats, connections: 0, closed: stats.closed + stats.connections },
    ])
    this.#sum()
  }

  seen(peer: Peer, { sightings, left, put = [], gone = [] }: Seen): void {
    const watched = this.#peers.get(peer)
    if (!watched) return
    for (const sighting of sightings) {
      const { event, conn } = sighting
      const own = event['n'] as number
      if (conn && conn[0] > this.#highest) this.#highest = conn[0]
      if (conn && event['type'] === 'open') watched.open.set(conn[0], conn)
      if (conn && event['type'] === 'close') watched.open.delete(conn[0])
      const isHandled = event['type'] === 'handled'
      const message = event['message'] as number
      const of = isHandled ? watched.unhandled.get(message) : undefined
      // What it is about was left out, or is too long ago.
      if (isHandled && of === undefined) continue
      if (isHandled) watched.unhandled.delete(message)
      const n = ++this.#n
      if (event['type'] === 'message') remember(watched.unhandled, own, n)
      this.#show(sightingOf(sighting, n, of))
    }
    for (const named of put) watched.open.set(named[0], named)
    for (const number of gone) watched.open.delete(number)
    for (const [number] of put) this.#highest = Math.max(this.#highest, number)
    if (left) this.#leave(left)
  }

  pulsed(peer: Peer, { stats, late }: Pulse): void {
    const watched = this.#peers.get(peer)
    if (!watched) return
    watched.stats = stats
    watched.late = Math.max(watched.late, late)
    this.#sum()
  }

  /** Milliseconds that the event loop of one of them was late, at most since this was asked last. */
  lateBy(): number {
    let late = 0
    for (const watched of this.#peers.values()) {
      late = Math.max(late, watched.late)
      watched.late = 0
    }
    return late
  }

  // What is asked

  async look(): Promise<void> {
    this.#until = this.#clock.now() + PATIENCE_MS
    if (this.#isTold) return
    this.#isTold = true
    this.#waitForIdle()
    await Promise.all(Array.from(this.#peers, ([peer, { first }]) => this.#watch(peer, first)))
  }

  /** What the control endpoint asks: what it does is not marked as the inspector's. */
  get reach(): Reach {
    return {
      listen: (listener) => {
        this.#listeners.add(listener)
        return () => void this.#listeners.delete(listener)
      },
      list: () => this.#list(),
      send: (command) => this.#send(command, false),
      disconnect: (command) => this.#disconnect(command, false),
      switchFaults: (request) => this.#switchFaults(request),
    }
  }

  async #list(): Promise<ControlList> {
    const { answers, missing } = await this.#answers<ControlConnection[]>({ what: 'list' })
    return { connections: answers.flat(), ...(missing.length > 0 && { missing }) }
  }

  async connections(patterns: readonly string[], query: ConnectionQuery): Promise<ConnectionPage> {
    const all = { ...query, skip: 0, limit: query.skip + query.limit }
    const given = { patterns, query: all }
    const { answers, missing } = await this.#answers<ConnectionPage>({ what: 'connections', given })
    const page = mergePages(answers, patterns, query)
    return missing.length > 0 ? { ...page, missing } : page
  }

  async faults(): Promise<FaultList> {
    const { answers } = await this.#answers<FaultList>({ what: 'page/list' })
    const rows = mergeRows(answers.map((answer) => answer.rows))
    return { rows: rows.slice(0, MAX_ROWS), found: rows.length }
  }

  async runFaults(command: FaultCommand): Promise<FaultAnswer> {
    await this.look()
    if (command.action !== 'list') {
      await this.#command(() => ({ what: 'page/faults', given: command }))
      this.#faults.ran(command)
    }
    return { ...(await this.faults()), profiles: PROFILES }
  }

  async #switchFaults(request: FaultRequest): Promise<FaultPage> {
    if (request.action !== 'list') {
      await this.#command(() => ({ what: 'faults', given: request }))
      this.#faults.switched(request)
    }
    const { answers } = await this.#answers<FaultPage>({ what: 'faults', given: { action: 'list' } })
    return { faults: mergeRows(answers.map(({ faults }) => faults)) }
  }

  async send(command: Command): Promise<{ readonly receivers: number }> {
    await this.look()
    return this.#send(command, true)
  }

  async disconnect(command: Command): Promise<{ readonly connections: number }> {
    await this.look()
    return this.#disconnect(command, true)
  }

  close(): void {
    this.#idle?.cancel()
  }

  async #send(command: Command, byInspector: boolean): Promise<{ readonly receivers: number }> {
    const { hasBroker } = this.#options
    const all = await this.#command<{ receivers: number }>((index) => {
      // A broker carries it from one of them to the others, and to other machines.
      const reaches = !hasBroker ? 'here' : index === 0 ? 'everywhere' : 'nobody'
      return { what: 'send', given: { command, reaches, byInspector } }
    })
    return { receivers: all.reduce((sum, { receivers }) => sum + receivers, 0) }
  }

  async #disconnect(command: Command, byInspector: boolean): Promise<{ readonly connections: number }> {
    const given = { command, byInspector }
    const all = await this.#command<{ connections: number }>(() => ({ what: 'disconnect', given }))
    return { connections: all.reduce((sum, { connections }) => sum + connections, 0) }
  }

  async #answers<T>(question: Question): Promise<Gathered<T>> {
    const answers: T[] = []
    const missing: number[] = []
    await Promise.all(
      Array.from(this.#peers, async ([peer, { worker }]) => {
        const outcome = await this.#ask<T>(peer, question, LIST_MS)
        if (outcome && 'value' in outcome && outcome.value !== undefined && outcome.value !== null)
          answers.push(outcome.value)
        else missing.push(worker)
      }),
    )
    return { answers, missing }
  }

  /** A client is at one of them, and unknown to the others: any other failure is one of all. @throws what they throw */
  async #command<T>(questionOf: (index: number) => Question): Promise<T[]> {
    const outcomes = await Promise.all(
      [...this.#peers.keys()].map((peer, index) => this.#ask<T>(peer, questionOf(index), COMMAND_MS)),
    )
    const errors = outcomes.flatMap((outcome) => (outcome && 'error' in outcome ? outcome.error : []))
    const values = outcomes.flatMap((outcome) => (outcome && 'value' in outcome ? [outcome.value] : []))
    const isUnknown = (error: Error): boolean => error instanceof Refused && error.code === 'target'
    const failure = errors.find((error) => !isUnknown(error)) ?? (values.length === 0 ? errors[0] : undefined)
    if (failure) throw failure
    if (values.length === 0)
      throw new Refused(503, 'target', `no worker has answered within ${COMMAND_MS} ms`)
    return values
  }

  #show(sighting: ReturnType<typeof sightingOf>): void {
    this.timeline.see(sighting)
    for (const listener of this.#listeners) listener(sighting.event)
  }

  #leave(left: Left): void {
    this.timeline.leave(left)
    const count = Object.values(left).reduce((sum, each) => sum + each, 0)
    this.#n += count
    this.onLeft(count)
  }

  #sum(): void {
    mergeStats(this.stats, [this.#gone, ...Array.from(this.#peers.values(), ({ stats }) => stats)])
  }

  async #watch(peer: Peer, first: number): Promise<void> {
    const { workers, redact } = this.#options
    const numbering = { first, step: workers }
    const perSecond = LOOKED_AT.perSecond / workers
    const given = { perSecond, maxRest: LOOKED_AT.maxRest, redact, numbering }
    await this.#ask(peer, { what: 'watch', given }, LIST_MS)
  }

  #waitForIdle(): void {
    const wait = this.#until - this.#clock.now()
    this.#idle = this.#clock.after(Math.max(0, wait), () => {
      if (this.#clock.now() < this.#until) return this.#waitForIdle()
      this.#isTold = false
      for (const [peer, watched] of this.#peers) {
        watched.open.clear()
        void this.#ask(peer, { what: 'unwatch' }, COMMAND_MS)
      }
    })
  }
}

function remember(unhandled: Map<number, number>, own: number, n: number): void {
  unhandled.set(own, n)
  if (unhandled.size <= MAX_UNHANDLED) return
  for (const oldest of unhandled.keys()) {
    unhandled.delete(oldest)
    return
  }
}
