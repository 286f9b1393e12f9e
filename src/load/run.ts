import { SidewireError } from '../engine/errors.ts'
import { now } from './clock.ts'
import { Intervals } from './intervals.ts'
import { residentMemory } from './memory.ts'
import type { LoadOptions } from './options.ts'
import type { AgentHealth, Interval, Report } from './report.ts'
import { Tally, type Ending } from './tally.ts'
import type { WorkerResult } from './worker.ts'
import { startThreads, type LoadWorker } from './worker-thread.ts'

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
  /** The workers of a run, where they are not threads of this process. */
  readonly crew?: (options: LoadOptions) => readonly LoadWorker[]
  /** Where they are; asked at the end. */
  readonly agents?: () => readonly AgentHealth[]
  /** What no sentence shows; `undefined`: all is shown. */
  readonly secrets: readonly string[] | undefined
  readonly onProgress: (progress: Progress) => void
  /** Ends the measurement early; the report is about what was measured until then. */
  readonly signal: AbortSignal
}

/** Of a short run every tenth of a second is seen, of a longer one every second, of one of many hours 3,600 points. */
const FINE_MS = 100
const MAX_FINE_MS = 12_000
const MAX_INTERVALS = 3600
/** Room for all threads to get the message to start. */
const HEAD_START_MS = 50
const REMOTE_HEAD_START_MS = 500

/**
 * Runs a load and reports what it found out.
 * @throws `ERR_LOAD` if it cannot be run, `ERR_OPTION`
 */
export async function runLoad(options: LoadOptions, hooks: RunHooks): Promise<Report> {
  const startedAt = new Date().toISOString()
  const memoryBefore = options.pid === undefined ? undefined : await residentMemory(options.pid)
  const fleet = new Fleet(options, hooks)
  const every = intervalOf(options.duration)
  const tally = new Tally(options, every)
  let isDone = false
  try {
    hooks.onProgress({ phase: 'opening', left: options.duration / 1000, interval: undefined })
    await fleet.open()
    const { results, ...facts } = await fleet.measure(tally, every)
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
    return { ...tally.report(results, { ...facts, agents: hooks.agents?.() ?? [] }), startedAt, memory }
  } finally {
    // What failed has no closing handshakes to wait for.
    await fleet.end(isDone)
  }
}

interface Measured {
  readonly results: readonly WorkerResult[]
  /** Of the wall clock. */
  readonly measureFrom: number
  /** Seconds of CPU time a second. */
  readonly cpu: number
  readonly ended: Ending
}

function intervalOf(duration: number): number {
  return duration <= MAX_FINE_MS ? FINE_MS : 1000 * Math.ceil(duration / 1000 / MAX_INTERVALS)
}

/** No connection is there before the load. */
function isGrowing({ stages }: LoadOptions): boolean {
  return stages[0]?.of === 'connections'
}

function noneAccepted(connections: readonly WorkerResult['connections'][]): SidewireError {
  const [reason] = connections.flatMap(({ reasons }) => reasons)
  return new SidewireError('ERR_LOAD', `no connection was accepted: ${reason?.why ?? 'it is not known why'}`)
}

/** The worker threads of a run. */
class Fleet {
  readonly #options: LoadOptions
  readonly #hooks: RunHooks
  readonly #threads: readonly LoadWorker[]
  readonly #headStart: number

  constructor(options: LoadOptions, hooks: RunHooks) {
    this.#options = options
    this.#hooks = hooks
    const { crew } = hooks
    this.#headStart = crew ? REMOTE_HEAD_START_MS : HEAD_START_MS
    this.#threads = crew
      ? crew(options)
      : startThreads(
          hooks.worker,
          options,
          Array.from({ length: options.workers }, (_, index) => ({ index, count: options.workers })),
          hooks.secrets,
        )
  }

  /** Resolves when all workers can start. */
  async open(): Promise<void> {
    const { signal } = this.#hooks
    const { promise: aborted, reject } = deferred()
    const stop = (): void => reject(stoppedEarly())
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    const opening = Promise.all(this.#threads.map((thread) => thread.ready))
    // A later abort is the measurement's.
    const ready = await Promise.race([aborted, opening]).finally(() =>
      signal.removeEventListener('abort', stop),
    )
    const opened = ready.reduce((sum, { connections }) => sum + connections.opened, 0)
    if (opened > 0 || this.#options.scenario === 'connect' || isGrowing(this.#options)) return
    throw noneAccepted(ready.map(({ connections }) => connections))
  }

  /** Fills the tally; resolves with what is known at the end. */
  async measure(tally: Tally, every: number): Promise<Measured> {
    const { warmup, duration } = this.#options
    const { signal, onProgress } = this.#hooks
    const startAt = now() + this.#headStart
    const measureFrom = startAt + warmup
    const wallClock = Date.now() + measureFrom - now()
    let ended: Ending = 'whole'
    const intervals = new Intervals(this.#threads.length, (number, seen) => {
      const interval = tally.add(number, seen)
      if (tally.broken && ended === 'whole') {
        ended = 'aborted'
        for (const thread of this.#threads) thread.say({ type: 'stop' })
      }
      const left = Math.max(0, (measureFrom + duration - now()) / 1000)
      if (interval) onProgress({ phase: 'measuring', left, interval })
    })
    onProgress({ phase: 'warm-up', left: duration / 1000, interval: undefined })
    const results = this.#threads.map((thread, worker) =>
      thread.measure((number, at, snapshot) => intervals.add(worker, number, at, snapshot)),
    )
    const measureUntil = measureFrom + duration
    for (const thread of this.#threads)
      thread.say({ type: 'go', startAt, measureFrom, measureUntil, snapshotEvery: every })
    let isEarly = false
    const stop = (): void => {
      isEarly = now() < measureFrom
      ended = 'interrupted'
      for (const thread of this.#threads) thread.say({ type: 'stop' })
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })

    const usage = process.cpuUsage()
    const from = now()
    const all = await Promise.all(results).finally(() => signal.removeEventListener('abort', stop))
    if (isEarly) throw stoppedEarly()
    const { user, system } = process.cpuUsage(usage)
    intervals.flush()
    const connections = all.map((result) => result.connections)
    if (isGrowing(this.#options) && connections.every(({ opened }) => opened === 0))
      throw noneAccepted(connections)
    return { results: all, measureFrom: wallClock, cpu: (user + system) / 1000 / (now() - from), ended }
  }

  async end(isDone: boolean): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end(isDone)))
  }
}

function deferred(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<never>((_resolve, fail) => {
    reject = fail
  })
  return { promise, reject }
}

function stoppedEarly(): SidewireError {
  return new SidewireError('ERR_LOAD', 'stopped before anything was measured')
}
