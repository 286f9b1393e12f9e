import type { Clock, Timer } from '../engine/clock.ts'
import { assertCloseCode } from '../engine/close.ts'
import { infoOf } from '../engine/connection/connection-info.ts'
import type { Connection } from '../engine/connection/connection.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import type { FaultCounts, FaultInfo, Faults, FaultsOf } from '../engine/handler/faults.ts'
import { disconnectOptionsSchema, faultOptionsSchema, faultsSchema } from '../engine/handler/fault-schema.ts'
import { checkOptions } from '../engine/handler/option-schema.ts'
import type { HandshakeRequest } from '../engine/handshake/request.ts'
import type { Logger } from '../engine/logger.ts'
import type { FaultRow, Network, Passage } from '../engine/network.ts'
import type { Payload } from '../engine/runtime.ts'
import type { Stats } from '../engine/stats.ts'
import type { Tap } from '../engine/tap.ts'
import { FaultyLink } from './link.ts'
import type { DisconnectOptions, FaultHandle, FaultOptions } from './options.ts'
import { passageOf } from './passage.ts'
import { rowOf } from './row.ts'
import { FaultSet } from './set.ts'
import { leavesToChance, needsLink } from './which.ts'

export type { DisconnectOptions, FaultHandle, FaultOptions } from './options.ts'

/** All handlers. */
const ALL = '*'

/** What it needs of the engine. */
export interface World {
  readonly clock: Clock
  readonly logger: Logger
  readonly stats: Stats
  readonly tap: Tap | undefined
  /** @throws `ERR_UNKNOWN_HANDLER` */
  openConnections(pattern?: string): Connection[]
  /** As the handler has it. @throws `ERR_UNKNOWN_HANDLER` */
  patternOf(pattern: string): string
  /** A function of the handler has failed, and no connection is to blame. */
  failed(pattern: string, what: string, thrown: unknown): void
}

/** A set that is switched on, for a pattern or for all. */
interface Layer {
  readonly pattern: string
  readonly set: FaultSet
  readonly by: 'code' | 'control'
  /** By the date. */
  readonly until: number | undefined
  stop(): void
}

/** What one connection has alone. */
interface Own {
  readonly set: FaultSet
  readonly by: 'code' | 'control'
  readonly until: number | undefined
  readonly timer: Timer | undefined
}

interface Linked {
  readonly link: FaultyLink
  readonly set: FaultSet
  readonly faults: Faults
}

/** Which of the counts a fault is. */
const COUNT_OF: Readonly<Record<FaultInfo['kind'], keyof FaultCounts>> = {
  delay: 'delayed',
  drop: 'dropped',
  duplicate: 'duplicated',
  reorder: 'reordered',
  corrupt: 'corrupted',
  disconnect: 'disconnected',
  halfOpen: 'halfOpened',
}

/** Which faults are on, and what they do to handshakes and connections. The latest that is switched on counts, whole. */
export class FaultyNetwork implements Network {
  readonly #world: World
  /** For all that have no seed of their own. */
  readonly #seed: number
  /** What the handlers say. */
  #handlers = new Map<string, { readonly faults: FaultsOf; readonly set: FaultSet }>()
  /** In the order in which they were switched on. */
  #layers: Layer[] = []
  readonly #own = new Map<Connection, Own>()
  readonly #links = new Map<Connection, Linked>()

  constructor(world: World, seed: number = Math.floor(Math.random() * 2 ** 31)) {
    this.#world = world
    this.#seed = seed
  }

  /** @throws `ERR_OPTION`, `ERR_UNKNOWN_HANDLER` */
  setFaults(pattern: string, faults: FaultsOf, options: FaultOptions = {}): FaultHandle {
    checkOptions(faultOptionsSchema, options)
    const { for: ms, where } = options
    if (typeof faults !== 'function') checkOptions(faultsSchema, faults)
    if (where && typeof faults === 'object' && faults.handshake)
      throw new SidewireError(
        'ERR_OPTION',
        `option "handshake" is ${describe(faults.handshake)}, but "where" asks for connections, and a handshake is none yet; leave one of the two out`,
      )
    const selects = where && ((conn: Connection): boolean => where(infoOf(conn)))
    const layer = this.#lay(pattern, new FaultSet(faults, this.#seed, { selects }), ms, 'code')
    const { set } = layer
    const stop = (): void => layer.stop()
    return { seed: set.seed, counts: set.counts, stop, [Symbol.dispose]: stop }
  }

  setFaultsOf(conn: Connection, faults: Faults | undefined): void {
    this.#setOwn(conn, faults, undefined, 'code')
  }

  put(target: string | Connection, faults: Faults | undefined, ms?: number): void {
    if (ms !== undefined) checkOptions(faultOptionsSchema, { for: ms })
    if (typeof target !== 'string') return this.#setOwn(target, faults, ms, 'control')
    const source = this.#sourceOf(target)
    if (faults) checkOptions(faultsSchema, faults)
    for (const layer of this.#layers.filter((each) => each.by === 'control' && each.pattern === source))
      layer.stop()
    if (faults) this.#lay(target, new FaultSet(faults, this.#seed), ms, 'control')
  }

  rows(): readonly FaultRow[] {
    return [
      ...this.#layers.toReversed().map(({ pattern, set, by, until }) => rowOf(pattern, set, by, until)),
      ...Array.from(this.#own, ([conn, { set, by, until }]) => ({
        ...rowOf(conn.pattern, set, by, until),
        connection: conn.id,
      })),
      ...Array.from(this.#handlers, ([pattern, { set }]) => rowOf(pattern, set, 'handler')),
    ]
  }

  /** As the handlers say it, from the first connection on. @throws `ERR_UNKNOWN_HANDLER` */
  resetFaults(pattern: string = ALL): void {
    const source = this.#sourceOf(pattern)
    const isMeant = (each: string): boolean => source === ALL || each === source
    for (const layer of this.#layers.filter((each) => isMeant(each.pattern))) layer.stop()
    for (const [each, { set }] of this.#handlers) if (isMeant(each)) set.reset()
    for (const conn of this.#own.keys()) if (isMeant(conn.pattern)) this.#forgetOwn(conn)
    const meant = [...this.#links.keys()].filter((conn) => isMeant(conn.pattern))
    const before = meant.map((conn) => this.#link(conn, undefined))
    this.#refresh()
    for (const link of before) link?.handOver()
  }

  /** @returns how many @throws `ERR_UNKNOWN_HANDLER`, `ERR_CLOSE_CODE` */
  disconnect(pattern: string, options: DisconnectOptions = {}): number {
    checkOptions(disconnectOptionsSchema, options)
    const { code, reason = '', where } = options
    if (code !== undefined) assertCloseCode(code)
    const all = this.#connections(pattern).filter((conn) => !where || where(infoOf(conn)))
    for (const conn of all) {
      if (code === undefined) conn.sever()
      else conn.close(code, reason)
    }
    return all.length
  }

  arrive(pattern: string, req: HandshakeRequest): Passage | undefined {
    const found = this.#find(pattern, (set) => this.#ask(pattern, () => set.arrive(pattern, req)))
    const { set, said } = found ?? {}
    if (!set || !said?.faults.handshake) return undefined
    const { faults, n } = said
    const streams = set.streams(faults, pattern, this.#ask(pattern, () => faults.key?.(req)) ?? n, 'in')
    const { delay, refuse } = passageOf(said.faults.handshake, n, streams)
    if (delay > 0 || refuse) this.#tellSeed(pattern, set, faults)
    if (refuse) {
      set.counts.refused++
      this.#world.stats.faults.refused++
    }
    return { delay: delay > 0 ? set.delay(this.#world.clock, delay) : undefined, refuse }
  }

  opened(conn: Connection): void {
    if (this.#layers.length > 0 || this.#handlers.size > 0) this.#refreshOne(conn)
  }

  closed(conn: Connection): void {
    this.#forgetOwn(conn)
    this.#links.get(conn)?.link.end()
    this.#links.delete(conn)
  }

  serve(handlers: Iterable<{ readonly pattern: string; readonly faults: FaultsOf | undefined }>): void {
    const before = this.#handlers
    this.#handlers = new Map()
    for (const { pattern, faults } of handlers) {
      if (faults === undefined) continue
      const known = before.get(pattern)
      const isSame = known?.faults === faults
      this.#handlers.set(
        pattern,
        isSame ? known : { faults, set: new FaultSet(faults, this.#seed, { looksBack: true }) },
      )
    }
    for (const [pattern, { set }] of before) if (this.#handlers.get(pattern)?.set !== set) set.release()
    if (before.size > 0 || this.#handlers.size > 0) this.#refresh()
  }

  /** The server closes: nothing holds up what its clients are told. */
  stop(): void {
    this.serve([])
    for (const layer of [...this.#layers]) layer.stop()
    for (const conn of [...this.#own.keys()]) this.#forgetOwn(conn)
    const before = [...this.#links.keys()].map((conn) => this.#link(conn, undefined))
    for (const link of before) link?.handOver()
  }

  #sourceOf(pattern: string): string {
    return pattern === ALL ? ALL : this.#world.patternOf(pattern)
  }

  #lay(pattern: string, set: FaultSet, ms: number | undefined, by: Layer['by']): Layer {
    const source = this.#sourceOf(pattern)
    const { timer, until } = this.#deadline(ms, () => layer.stop())
    const layer: Layer = {
      pattern: source,
      set,
      by,
      until,
      stop: () => {
        timer?.cancel()
        if (!this.#layers.includes(layer)) return
        this.#layers = this.#layers.filter((each) => each !== layer)
        set.release()
        this.#refresh()
      },
    }
    this.#layers.push(layer)
    this.#refresh()
    return layer
  }

  #setOwn(conn: Connection, faults: Faults | undefined, ms: number | undefined, by: Layer['by']): void {
    if (faults) checkOptions(faultsSchema, faults)
    if (faults?.handshake)
      throw new SidewireError(
        'ERR_OPTION',
        `option "handshake" is ${describe(faults.handshake)}, but the handshake of this connection is over; use server.setFaults`,
      )
    this.#forgetOwn(conn)
    if (faults && !conn.closed) {
      const set = new FaultSet(faults, this.#seed)
      const deadline = this.#deadline(ms, () => this.#setOwn(conn, undefined, undefined, by))
      this.#own.set(conn, { set, by, ...deadline })
    }
    this.#refreshOne(conn)
  }

  #deadline(ms: number | undefined, end: () => void): Pick<Own, 'timer' | 'until'> {
    const { clock } = this.#world
    return ms === undefined
      ? { timer: undefined, until: undefined }
      : { timer: clock.after(ms, end), until: clock.date() + ms }
  }

  #forgetOwn(conn: Connection): void {
    this.#own.get(conn)?.timer?.cancel()
    this.#own.delete(conn)
  }

  #connections(pattern: string): Connection[] {
    return this.#world.openConnections(pattern === ALL ? undefined : pattern)
  }

  /** The first that says something, from the latest on. */
  #find<T>(pattern: string, ask: (set: FaultSet) => T | undefined): { set: FaultSet; said: T } | undefined {
    for (const layer of this.#layers.toReversed()) {
      if (layer.pattern !== ALL && layer.pattern !== pattern) continue
      const said = ask(layer.set)
      if (said !== undefined) return { set: layer.set, said }
    }
    const set = this.#handlers.get(pattern)?.set
    const said = set && ask(set)
    return set && said !== undefined ? { set, said } : undefined
  }

  #effective(conn: Connection): { set: FaultSet; said: Faults } | undefined {
    const own = this.#own.get(conn)?.set
    const said = own?.of(conn)
    if (own && said) return { set: own, said }
    return this.#find(conn.pattern, (set) => this.#ask(conn.pattern, () => set.of(conn)))
  }

  /** What a function of the user's answers; a failure of it is none of the client's. */
  #ask<T>(pattern: string, call: () => T): T | undefined {
    try {
      return call()
    } catch (thrown) {
      this.#world.failed(pattern, 'faults', thrown)
      return undefined
    }
  }

  #refresh(): void {
    // All of them first: what one of them hands over may be answered to another.
    const before = Array.from(this.#linkable(), (conn) => this.#relink(conn))
    for (const link of before) link?.handOver()
  }

  /** Those that are being closed are open no more, and their close frame may wait for what is wrong to be over. */
  #linkable(): Set<Connection> {
    return new Set([...this.#world.openConnections(), ...this.#links.keys()])
  }

  #refreshOne(conn: Connection): void {
    this.#relink(conn)?.handOver()
  }

  #relink(conn: Connection): FaultyLink | undefined {
    const found = this.#effective(conn)
    const now = this.#links.get(conn)
    const isLinked = found !== undefined && needsLink(found.said)
    if (now && isLinked && now.set === found.set && now.faults === found.said) return undefined
    return (now ?? isLinked) ? this.#link(conn, isLinked && !conn.closed ? found : undefined) : undefined
  }

  /** @param found - `undefined`: it is as any other @returns what has given way, and has something to hand over */
  #link(
    conn: Connection,
    found: { readonly set: FaultSet; readonly said: Faults } | undefined,
  ): FaultyLink | undefined {
    const before = this.#links.get(conn)
    const next = found && this.#make(conn, found.set, found.said)
    if (next) this.#links.set(conn, next)
    else this.#links.delete(conn)
    if (before) before.link.giveWay(next?.link)
    else conn.setLink(next?.link)
    return before?.link
  }

  #make(conn: Connection, set: FaultSet, faults: Faults): Linked {
    const { clock } = this.#world
    const key = conn.asks('key', () => faults.key?.(conn.req)) ?? conn.n
    const link = new FaultyLink(conn, {
      faults,
      n: conn.n,
      clock,
      streams: (direction) => set.streams(faults, conn.pattern, key, direction),
      happened: (info, payload = '') => this.#happened(conn, set, faults, info, payload),
    })
    return { link, set, faults }
  }

  #happened(conn: Connection, set: FaultSet, faults: Faults, info: FaultInfo, payload: Payload): void {
    const { stats, tap } = this.#world
    const name = COUNT_OF[info.kind]
    set.counts[name]++
    stats.faults[name]++
    this.#tellSeed(conn.pattern, set, faults)
    tap?.tell({ type: 'fault', conn, pattern: conn.pattern, ...info, payload })
    conn.tellFault(info)
  }

  /** Once, where chance decides and nobody has given it a seed. */
  #tellSeed(pattern: string, set: FaultSet, faults: Faults): void {
    if (!set.isSeedNews || faults.seed !== undefined || !leavesToChance(faults)) return
    set.isSeedNews = false
    this.#world.logger.info(
      `${pattern}: faults by chance, with the seed ${set.seed}; faults: { seed: ${set.seed} } repeats them`,
    )
  }
}
