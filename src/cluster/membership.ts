import { hostname } from 'node:os'
import type { Broker } from '../engine/broker.ts'
import type { ConnectionInfo } from '../engine/connection/connection-info.ts'
import type { Engine } from '../engine/engine.ts'
import type { ResolvedBrokerOptions } from '../engine/handler/broker-options.ts'
import { copyStats, sumStats, type Stats } from '../engine/stats.ts'
import { Cluster } from './cluster.ts'
import type { NodeInfo } from './node-info.ts'
import type { Question } from './questions.ts'

/** The connections of all nodes. */
export interface AllConnections {
  readonly connections: readonly (ConnectionInfo & { readonly node: string })[]
  /** The ids of nodes that did not answer in time. */
  readonly missing: readonly string[]
}

/** The counters of all nodes, in sum; `broker.state` is this node's. */
export interface AllStats {
  readonly stats: Stats
  /** The ids of nodes that did not answer in time: they are not in the sum. */
  readonly missing: readonly string[]
}

/** A server among others: its engine, and the node that it is. */
export class Membership {
  readonly #engine: Engine
  readonly #cluster: Cluster

  constructor(
    engine: Engine,
    broker: Broker,
    options: ResolvedBrokerOptions,
    about: Pick<NodeInfo, 'runtime' | 'version' | 'worker'>,
  ) {
    this.#engine = engine
    this.#cluster = new Cluster(broker, options, {
      clock: engine.clock,
      logger: engine.logger,
      stats: engine.stats,
      about: { host: hostname(), pid: process.pid, since: engine.clock.date(), ...about },
      deliver: (message) => engine.deliver(message),
      maxPayload: (pattern) => engine.maxPayloadOf(pattern),
      answer: (question) => this.#answer(question),
    })
    engine.nodes = this.#cluster
  }

  /** Resolves when it hears the others, or after 2 s. */
  async open(): Promise<void> {
    await this.#cluster.open()
  }

  get nodes(): readonly NodeInfo[] {
    return this.#cluster.nodes
  }

  async allConnections(timeout: number): Promise<AllConnections> {
    const { answers, missing } = await this.#cluster.ask<ConnectionInfo[]>({ what: 'connections' }, timeout)
    const own = [this.#cluster.id, this.#engine.connections()] as const
    const connections = [own, ...answers].flatMap(([node, list]) => list.map((conn) => ({ ...conn, node })))
    return { connections, missing }
  }

  async allStats(timeout: number): Promise<AllStats> {
    const { answers, missing } = await this.#cluster.ask<Stats>({ what: 'stats' }, timeout)
    const stats = copyStats(this.#engine.stats)
    for (const other of answers.values()) sumStats(stats, other)
    return { stats, missing }
  }

  async close(): Promise<void> {
    await this.#cluster.close()
  }

  #answer({ what }: Question): unknown {
    if (what === 'connections') return this.#engine.connections()
    if (what === 'stats') return this.#engine.stats
    return undefined // Of a version that can be asked more.
  }
}
