import { availableParallelism, cpus, release, type } from 'node:os'
import { Aggregate } from './aggregate.ts'
import { Judge } from './expect/judge.ts'
import type { Threshold } from './expect/threshold.ts'
import { judgeGenerator } from './generator-health.ts'
import type { LoadOptions } from './options.ts'
import { isOpenLoop } from './pace.ts'
import { problemsOf } from './problems.ts'
import { SCHEMA, type AgentHealth, type Interval, type Report } from './report.ts'
import { createFaults } from './sequence.ts'
import { Series } from './series.ts'
import type { WorkerResult } from './worker.ts'

/** How a run ended. */
export type Ending = Report['ended']

/** Adds up what all workers saw, and makes the report of it. */
export class Tally {
  readonly #options: LoadOptions
  readonly #total = new Aggregate(0)
  readonly #series: Series
  readonly #judge: Judge

  /** @param every - milliseconds of an interval */
  constructor(options: LoadOptions, every: number) {
    this.#options = options
    this.#series = new Series(options, every)
    this.#judge = new Judge(options.expect, options.scenario)
  }

  /** A threshold that ends the run is broken. */
  get broken(): Threshold | undefined {
    return this.#judge.broken
  }

  /**
   * Adds up one interval of all workers.
   * @param number - 0 is the warm-up, `Infinity` what came after the measurement: they are no points of the timeline
   */
  add(number: number, interval: Aggregate): Interval | undefined {
    this.#total.append(interval)
    if (number === 0 || number === Infinity) {
      this.#series.addOutside(interval, number === 0 ? 'warm-up' : 'end')
      return undefined
    }
    this.#judge.add(interval, this.#total)
    return this.#series.add(interval)
  }

  /**
   * @param measureFrom - of the wall clock, in milliseconds
   * @param cpu - of all threads, in seconds a second
   */
  report(
    results: readonly WorkerResult[],
    {
      measureFrom,
      cpu,
      ended,
      agents,
    }: {
      readonly measureFrom: number
      readonly cpu: number
      readonly ended: Ending
      readonly agents: readonly AgentHealth[]
    },
  ): Omit<Report, 'startedAt' | 'memory'> {
    const options = this.#options
    const total = this.#total
    // What was recorded is no part of what is told of a run.
    const { target, playbacks: _, leftOut: _keys, expect, stages, ...rest } = options
    const sum = (pick: (result: WorkerResult) => number): number =>
      results.reduce((all, result) => all + pick(result), 0)
    const faults = createFaults()
    for (const { faults: some } of results)
      for (const name of Object.keys(faults) as (keyof typeof faults)[]) faults[name] += some[name]
    const from = Math.min(...results.map(({ measuredFrom }) => measuredFrom))
    const until = Math.max(...results.map(({ measuredUntil }) => measuredUntil))
    const seconds = Math.max((until - from) / 1000, 0.001)
    const { sent, received, measured, measuredBytes, handshakes } = total.counters
    const connections = {
      opened: sum(({ connections: { opened } }) => opened),
      refused: sum(({ connections: { refused } }) => refused),
      dropped: sum(({ connections: { dropped } }) => dropped),
    }
    const isFanout = options.scenario === 'fanout'
    const expected = sent * options.connections
    // Each machine knows what its own senders have sent; together they know what is missing.
    if (isFanout && agents.length > 1) faults.lost = Math.max(0, expected - received)
    const reach = isFanout ? (expected === 0 ? 0 : received / expected) : null
    const latency = total.latency.summary()
    // With nothing back, it is seldom the server that loses messages: it was asked for what it does not do.
    const others = connections.dropped + faults.misdirected + faults.unexpected
    const isMute = options.scenario === 'echo' && received === 0 && others === 0
    const reasons = results.flatMap((result) => result.connections.reasons)
    const isExpected = new Set(expect.flatMap(({ metric }) => (metric.kind === 'count' ? [metric.of] : [])))
    const problems = problemsOf(
      faults,
      reasons,
      isMute,
      isExpected,
      results.find(({ mismatch }) => mismatch)?.mismatch,
    )
    const generator = judgeGenerator({
      utilizations: results.map(({ utilization }) => utilization),
      cpu,
      workers: options.workers,
      isOpenLoop: isOpenLoop(options),
      sendLag: total.sendLag.summary(),
      latency,
    })
    total.from = from
    total.to = until
    Object.assign(total.totals, faults, connections)
    const expectations = this.#judge.verdicts(total, {
      reach,
      isLimited: generator.limited,
      isInterrupted: ended === 'interrupted',
    })
    return {
      schema: SCHEMA,
      url: target.url,
      scenario: options.scenario,
      options: {
        ...rest,
        expect: expect.map(({ text }) => text),
        stages: stages.map(({ text }) => text),
      },
      machine: {
        platform: `${type()} ${release()}`,
        cpu: cpus()[0]?.model.trim() ?? '',
        cores: availableParallelism(),
        runtime: process.versions['bun'] ? `Bun ${process.versions['bun']}` : `Node ${process.versions.node}`,
      },
      measuredFrom: new Date(measureFrom + from).toISOString(),
      measuredUntil: new Date(measureFrom + until).toISOString(),
      ended,
      seconds,
      messages: {
        sent,
        received,
        perSecond: measured / seconds,
        bytesPerSecond: measuredBytes / seconds,
        ...faults,
      },
      latency,
      percentiles: total.latency.curve(),
      histogram: total.latency.encode(),
      connections,
      connecting: total.connecting.summary(),
      fanout: isFanout
        ? {
            receivers: options.connections,
            senders: options.senders,
            expected,
            received,
            reach: reach ?? 0,
            lastReceiver: total.lastReceiver.summary(),
            timed: agents.length < 2 || measured === 0 ? 1 : Math.min(1, total.latency.count / measured),
          }
        : null,
      handshakes:
        options.scenario === 'connect'
          ? { completed: connections.opened, perSecond: handshakes / seconds }
          : null,
      generator,
      agents,
      comparison: null,
      stages: this.#series.stages(),
      timeline: this.#series.timeline,
      bySecond: this.#series.seconds,
      expectations,
      ok: problems.length === 0,
      masked: [],
      problems,
    }
  }
}
