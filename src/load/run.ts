import { availableParallelism, cpus, release, type } from 'node:os'
import { Worker } from 'node:worker_threads'
import { SidewireError } from '../index.ts'
import { BroadcastBoard } from './broadcast-board.ts'
import { now } from './clock.ts'
import { judgeGenerator } from './generator-health.ts'
import { LatencyHistogram } from './histogram.ts'
import { residentMemory } from './memory.ts'
import type { LoadOptions } from './options.ts'
import { createCounters, type Counters, type Snapshot } from './recorder.ts'
import type { Interval, Report } from './report.ts'
import { createFaults } from './sequence.ts'
import type { FromWorker, ToWorker, WorkerInput, WorkerResult } from './worker.ts'

/** What is to be seen while it runs. */
export interface Progress {
  readonly phase: 'opening' | 'warm-up' | 'measuring'
  /** Seconds left of the measurement. */
  readonly left: number
  readonly interval: Interval | undefined
}

export interface RunHooks {
  /** A module that calls `runWorker`. */
  readonly worker: URL
  readonly onProgress: (progress: Progress) => void
  /** Ends the measurement early; the report is about what was measured until then. */
  readonly signal: AbortSignal
}

/** Points of a timeline, at most. */
const MAX_INTERVALS = 120
const MIN_INTERVAL_MS = 100
/** Longer than a worker waits for closing handshakes. */
const MAX_CLOSING_MS = 2000
/** Room for all threads to get the message to start. */
const HEAD_START_MS = 50

/**
 * Runs a load and reports what it found out.
 * @throws `ERR_LOAD` if it cannot be run, `ERR_OPTION`
 */
export async function runLoad(options: LoadOptions, hooks: RunHooks): Promise<Report> {
  const startedAt = new Date().toISOString()
  const memoryBefore = options.pid === undefined ? undefined : await residentMemory(options.pid)
  const fleet = new Fleet(options, hooks)
  let isDone = false
  try {
    hooks.onProgress({ phase: 'opening', left: options.duration / 1000, interval: undefined })
    await fleet.open()
    const { results, cpu } = await fleet.measure()
    const memoryAfter = options.pid === undefined ? undefined : await residentMemory(options.pid)
    const memory =
      memoryBefore === undefined || memoryAfter === undefined
        ? null
        : {
            before: memoryBefore,
            after: memoryAfter,
            perConnection: Math.round((memoryAfter - memoryBefore) / options.connections),
          }
    isDone = true
    return { ...fleet.report(results, cpu), startedAt, memory }
  } finally {
    // What failed has no closing handshakes to wait for.
    await fleet.end(isDone)
  }
}

class Fleet {
  readonly #options: LoadOptions
  readonly #hooks: RunHooks
  readonly #crews: readonly Crew[]
  readonly #latency = new LatencyHistogram()
  readonly #lastReceiver = new LatencyHistogram()
  readonly #sendLag = new LatencyHistogram()
  readonly #counters: Counters = createCounters()
  readonly #timeline: Interval[] = []

  constructor(options: LoadOptions, hooks: RunHooks) {
    this.#options = options
    this.#hooks = hooks
    let shared: SharedArrayBuffer | undefined
    if (options.scenario === 'fanout') {
      shared = new SharedArrayBuffer(BroadcastBoard.bytesFor(options.senders))
      new BroadcastBoard(shared, options.senders).reset(options.connections)
    }
    this.#crews = Array.from(
      { length: options.workers },
      (_, index) => new Crew(hooks.worker, { options, share: { index, count: options.workers }, shared }),
    )
  }

  /** Resolves when all workers can start. */
  async open(): Promise<void> {
    const { signal } = this.#hooks
    const aborted = new Promise<never>((_resolve, reject) => {
      const stop = (): void => reject(new SidewireError('ERR_LOAD', 'stopped before anything was measured'))
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })
    })
    const ready = await Promise.race([aborted, Promise.all(this.#crews.map((crew) => crew.ready))])
    aborted.catch(() => {}) // a later abort is the measurement's
    const opened = ready.reduce((sum, { connections }) => sum + connections.opened, 0)
    if (opened > 0 || this.#options.scenario === 'connect') return
    const [reason = 'it is not known why'] = ready.flatMap(({ connections }) => [
      ...connections.reasons.keys(),
    ])
    throw new SidewireError('ERR_LOAD', `no connection was accepted: ${reason}`)
  }

  async measure(): Promise<{ results: WorkerResult[]; cpu: number }> {
    const { warmup, duration } = this.#options
    const { signal, onProgress } = this.#hooks
    const every = Math.max(MIN_INTERVAL_MS, duration / MAX_INTERVALS)
    const measureFrom = now() + HEAD_START_MS + warmup
    const intervals = new Intervals(this.#crews.length, (at, snapshot) => {
      const interval = this.#add(at - measureFrom, every, snapshot)
      const left = Math.max(0, (measureFrom + duration - now()) / 1000)
      if (interval) onProgress({ phase: 'measuring', left, interval })
    })
    onProgress({ phase: 'warm-up', left: duration / 1000, interval: undefined })
    const results = this.#crews.map((crew) => crew.measure(intervals))
    for (const crew of this.#crews)
      crew.say({ type: 'go', measureFrom, measureUntil: measureFrom + duration, snapshotEvery: every })
    const stop = (): void => this.#crews.forEach((crew) => crew.say({ type: 'stop' }))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })

    let cpu = 0
    const usage = process.cpuUsage()
    const from = now()
    const all = await Promise.all(results).finally(() => signal.removeEventListener('abort', stop))
    const { user, system } = process.cpuUsage(usage)
    cpu = (user + system) / 1000 / (now() - from)
    intervals.flush()
    return { results: all, cpu }
  }

  report(results: readonly WorkerResult[], cpu: number): Omit<Report, 'startedAt' | 'memory'> {
    const options = this.#options
    const { target, ...rest } = options
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
    const problems = problemsOf(faults, reasons)
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
        options.scenario === 'connect' ? { completed: handshakes, perSecond: handshakes / seconds } : null,
      generator: judgeGenerator({
        utilizations: results.map(({ utilization }) => utilization),
        cpu,
        workers: options.workers,
        isOpenLoop: options.rate !== undefined,
        sendLag: this.#sendLag.summary(),
        latency,
      }),
      timeline: this.#timeline,
      ok: problems.length === 0,
      problems,
    }
  }

  async end(isDone: boolean): Promise<void> {
    await Promise.all(this.#crews.map((crew) => crew.end(isDone)))
  }

  /** Adds up one interval of all workers; the last one, after the measurement, is no point of the timeline. */
  #add(endsAt: number, every: number, snapshots: readonly Snapshot[]): Interval | undefined {
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
}

/** A time of the monotonic clock as a date. */
function wallClock(time: number): string {
  return new Date(Date.now() - (now() - time)).toISOString()
}

/** The n-th snapshots of all workers, put together. */
class Intervals {
  readonly #workers: number
  readonly #onInterval: (at: number, snapshots: readonly Snapshot[]) => void
  readonly #open = new Map<number, { at: number; snapshots: Snapshot[] }>()

  constructor(workers: number, onInterval: (at: number, snapshots: readonly Snapshot[]) => void) {
    this.#workers = workers
    this.#onInterval = onInterval
  }

  add(index: number, at: number, snapshot: Snapshot): void {
    const entry = this.#open.get(index) ?? { at, snapshots: [] }
    this.#open.set(index, entry)
    entry.snapshots.push(snapshot)
    if (entry.snapshots.length < this.#workers) return
    this.#open.delete(index)
    this.#onInterval(at, entry.snapshots)
  }

  /** Workers may have made different numbers of them. */
  flush(): void {
    for (const { at, snapshots } of this.#open.values()) this.#onInterval(at, snapshots)
    this.#open.clear()
  }
}

/** A worker thread, from here. */
class Crew {
  readonly ready: Promise<Extract<FromWorker, { type: 'ready' }>>
  readonly #worker: Worker
  readonly #exited: Promise<void>
  #onMessage: (message: FromWorker) => void = () => {}
  #onFailure: (error: Error) => void = () => {}

  constructor(module: URL, input: WorkerInput) {
    this.#worker = new Worker(module, { workerData: input })
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    this.#worker.on('message', (message: FromWorker) => {
      if (message.type === 'failed') this.#onFailure(new SidewireError('ERR_LOAD', message.message))
      else this.#onMessage(message)
    })
    this.#worker.on('error', (error) => this.#onFailure(error))
    this.ready = new Promise((resolve, reject) => {
      this.#onFailure = reject
      this.#onMessage = (message) => {
        if (message.type === 'ready') resolve(message)
      }
    })
  }

  say(message: ToWorker): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    this.#worker.postMessage(message)
  }

  measure(intervals: Intervals): Promise<WorkerResult> {
    let index = 0
    return new Promise((resolve, reject) => {
      this.#onFailure = reject
      this.#onMessage = (message) => {
        if (message.type === 'snapshot') intervals.add(index++, message.at, message.snapshot)
        else if (message.type === 'done') resolve(message.result)
      }
    })
  }

  /** Waits for it, or ends it. */
  async end(isDone: boolean): Promise<void> {
    const late = setTimeout(() => void this.#worker.terminate(), isDone ? MAX_CLOSING_MS : 0)
    await this.#exited
    clearTimeout(late)
  }
}

function problemsOf(
  faults: Readonly<Record<'lost' | 'duplicated' | 'outOfOrder' | 'unexpected', number>>,
  reasons: ReadonlyMap<string, number>,
): string[] {
  const problems: string[] = []
  const say = (count: number, what: string): void => {
    if (count > 0) problems.push(`${count} ${count === 1 ? 'message' : 'messages'} ${what}`)
  }
  say(faults.lost, 'lost')
  say(faults.duplicated, 'duplicated')
  say(faults.outOfOrder, 'out of order')
  say(faults.unexpected, 'that were never sent like this')
  for (const [why, count] of reasons)
    problems.push(`${count} ${count === 1 ? 'connection' : 'connections'}: ${why}`)
  return problems
}
