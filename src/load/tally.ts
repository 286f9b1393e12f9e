import { availableParallelism, cpus, release, type } from 'node:os'
import { now } from './clock.ts'
import { judgeGenerator } from './generator-health.ts'
import { LatencyHistogram } from './histogram.ts'
import type { LoadOptions } from './options.ts'
import { createCounters, type Counters, type Snapshot } from './recorder.ts'
import type { Interval, Report } from './report.ts'
import { createFaults, type Faults } from './sequence.ts'
import type { WorkerResult } from './worker.ts'

/** Adds up what all workers saw, and makes the report of it. */
export class Tally {
  readonly #options: LoadOptions
  readonly #latency = new LatencyHistogram()
  readonly #lastReceiver = new LatencyHistogram()
  readonly #sendLag = new LatencyHistogram()
  readonly #counters: Counters = createCounters()
  readonly #timeline: Interval[] = []

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Adds up one interval of all workers; the last one, after the measurement, is no point of the timeline. */
  add(endsAt: number, every: number, snapshots: readonly Snapshot[]): Interval | undefined {
    const interval = new LatencyHistogram()
    let measured = 0
    for (const snapshot of snapshots) {
      for (const name of Object.keys(this.#counters) as (keyof Counters)[])
        this.#counters[name] += snapshot[name]
      measured += this.#options.scenario === 'connect' ? snapshot.handshakes : snapshot.measured
      interval.add(snapshot.latency)
      this.#latency.add(snapshot.latency)
      if (snapshot.lastReceiver) this.#lastReceiver.add(snapshot.lastReceiver)
      if (snapshot.sendLag) this.#sendLag.add(snapshot.sendLag)
    }
    const last = this.#timeline.at(-1)
    const length = endsAt / 1000 - (last?.second ?? 0)
    // What is left at the end is too short to say anything about a second.
    if (endsAt > this.#options.duration + every / 2 || length < every / 2000) return undefined
    const point: Interval = {
      second: endsAt / 1000,
      perSecond: measured / length,
      p50: interval.count > 0 ? interval.percentile(50) : null,
      p99: interval.count > 0 ? interval.percentile(99) : null,
      max: interval.count > 0 ? interval.percentile(100) : null,
    }
    this.#timeline.push(point)
    return point
  }

  /** @param cpu - of all threads, in seconds a second */
  report(results: readonly WorkerResult[], cpu: number): Omit<Report, 'startedAt' | 'memory'> {
    const options = this.#options
    // What was recorded is no part of what is told of a run.
    const { target, playbacks: _, leftOut: _keys, ...rest } = options
    const sum = (pick: (result: WorkerResult) => number): number =>
      results.reduce((total, result) => total + pick(result), 0)
    const faults = createFaults()
    for (const { faults: some } of results)
      for (const name of Object.keys(faults) as (keyof typeof faults)[]) faults[name] += some[name]
    const from = Math.min(...results.map(({ measuredFrom }) => measuredFrom))
    const until = Math.max(...results.map(({ measuredUntil }) => measuredUntil))
    const seconds = Math.max((until - from) / 1000, 0.001)
    const { sent, received, measured, measuredBytes, handshakes } = this.#counters
    const connections = {
      opened: sum(({ connections: { opened } }) => opened),
      refused: sum(({ connections: { refused } }) => refused),
      dropped: sum(({ connections: { dropped } }) => dropped),
    }
    const reasons = new Map<string, number>()
    for (const result of results)
      for (const [why, count] of result.connections.reasons) reasons.set(why, (reasons.get(why) ?? 0) + count)
    const isFanout = options.scenario === 'fanout'
    const expected = sent * options.connections
    const latency = this.#latency.summary()
    // With nothing back, it is seldom the server that loses messages: it was asked for what it does not do.
    const others = connections.dropped + faults.misdirected + faults.unexpected
    const isMute = options.scenario === 'echo' && received === 0 && others === 0
    const problems = problemsOf(faults, reasons, isMute)
    return {
      url: target.url,
      scenario: options.scenario,
      options: rest,
      machine: {
        platform: `${type()} ${release()}`,
        cpu: cpus()[0]?.model.trim() ?? '',
        cores: availableParallelism(),
        runtime: process.versions['bun'] ? `Bun ${process.versions['bun']}` : `Node ${process.versions.node}`,
      },
      measuredFrom: wallClock(from),
      measuredUntil: wallClock(until),
      seconds,
      messages: {
        sent,
        received,
        perSecond: measured / seconds,
        bytesPerSecond: measuredBytes / seconds,
        ...faults,
      },
      latency,
      percentiles: this.#latency.curve(),
      connections,
      fanout: isFanout
        ? {
            receivers: options.connections,
            senders: options.senders,
            expected,
            received,
            reach: expected === 0 ? 0 : received / expected,
            lastReceiver: this.#lastReceiver.summary(),
          }
        : null,
      handshakes:
        options.scenario === 'connect'
          ? { completed: connections.opened, perSecond: handshakes / seconds }
          : null,
      generator: judgeGenerator({
        utilizations: results.map(({ utilization }) => utilization),
        cpu,
        workers: options.workers,
        isOpenLoop: options.rate !== undefined,
        sendLag: this.#sendLag.summary(),
        latency,
      }),
      comparison: null,
      timeline: this.#timeline,
      ok: problems.length === 0,
      masked: [],
      problems,
    }
  }
}

const NO_ECHO =
  'not one came back; does the server send back what it gets, with the {id} in it? Where it expects another message, say which with --message'

/** A time of the monotonic clock as a date. */
function wallClock(time: number): string {
  return new Date(Date.now() - (now() - time)).toISOString()
}

/** @param isMute - an echo got nothing back, neither its own messages nor others, on connections that stayed open */
function problemsOf(
  faults: Readonly<Faults>,
  reasons: ReadonlyMap<string, number>,
  isMute: boolean,
): string[] {
  const problems: string[] = []
  const say = (count: number, what: string): void => {
    if (count > 0) problems.push(`${count} ${count === 1 ? 'message' : 'messages'} ${what}`)
  }
  say(faults.lost, isMute ? `lost: ${NO_ECHO}` : 'lost')
  say(faults.duplicated, 'duplicated')
  say(faults.outOfOrder, 'out of order')
  say(faults.late, 'late: answered, but later than --timeout')
  say(
    faults.misdirected,
    'of other connections of this run: the server broadcasts what it gets (measure that with the scenario fanout), or mixes connections up',
  )
  say(faults.unexpected, 'of a connection or with a number that this run has never had')
  say(faults.mismatched, 'other than what was recorded in their place')
  for (const [why, count] of reasons)
    problems.push(`${count} ${count === 1 ? 'connection' : 'connections'}: ${why}`)
  return problems
}
