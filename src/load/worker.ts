import { performance } from 'node:perf_hooks'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { SidewireError } from '../engine/errors.ts'
import { now } from './clock.ts'
import { createConnect } from './connect.ts'
import { createEcho } from './echo.ts'
import { createFanout } from './fanout.ts'
import { createIdle } from './idle.ts'
import { hideSecrets, shown } from './mask.ts'
import type { LoadOptions, ScenarioName, Share } from './options.ts'
import { Recorder, type Snapshot } from './recorder.ts'
import type { Job, Scenario } from './scenario.ts'
import { createScript } from './script.ts'
import { createReplay } from './replay.ts'
import type { LoadScript } from './load-script.ts'
import type { Faults } from './sequence.ts'

/** What a worker thread is started with. */
export interface WorkerInput {
  readonly options: LoadOptions
  readonly share: Share
  readonly shared: SharedArrayBuffer | undefined
  /** What no sentence shows; `undefined`: all is shown. */
  readonly secrets: readonly string[] | undefined
}

/** From the coordinator. Times are of the clock, which all threads of a machine share. */
export type ToWorker =
  | {
      readonly type: 'go'
      /** From then on messages are due. */
      readonly startAt: number
      readonly measureFrom: number
      readonly measureUntil: number
      readonly snapshotEvery: number
    }
  /** Measure no longer than now. */
  | { readonly type: 'stop' }

export type FromWorker =
  | { readonly type: 'ready'; readonly connections: ConnectionCounts }
  /** `at` is in milliseconds from the start of the measurement; `number` counts intervals, see {@link Intervals}. */
  | {
      readonly type: 'snapshot'
      readonly number: number
      readonly at: number
      readonly snapshot: Snapshot
    }
  | { readonly type: 'done'; readonly result: WorkerResult }
  | { readonly type: 'failed'; readonly message: string }

interface ConnectionCounts {
  readonly opened: number
  readonly refused: number
  readonly dropped: number
  /** Why connections were refused or dropped, with how often. */
  readonly reasons: readonly Reason[]
}

export interface Reason {
  readonly how: 'refused' | 'dropped'
  readonly why: string
  readonly count: number
}

export interface WorkerResult {
  readonly connections: ConnectionCounts
  readonly faults: Faults
  /** The first message that was other than recorded. */
  readonly mismatch: string | undefined
  /** When it was really measured, in milliseconds from when it was to be. */
  readonly measuredFrom: number
  readonly measuredUntil: number
  /** Share of the measured time in which the event loop was busy; `undefined` where the platform does not tell. */
  readonly utilization: number | undefined
}

const SCENARIOS: Record<Exclude<ScenarioName, 'script'>, (job: Job) => Scenario> = {
  echo: createEcho,
  fanout: createFanout,
  connect: createConnect,
  idle: createIdle,
  replay: createReplay,
}

/** The life of a worker thread. `loadScript` reads the file of a script; it is called for that scenario only. */
export async function runWorker(loadScript: (file: string) => Promise<LoadScript>): Promise<void> {
  const port = parentPort as MessagePort // only ever started as a worker thread
  const { options, share, shared, secrets } = workerData as WorkerInput
  hideSecrets(secrets)
  const say = (message: FromWorker): void => port.postMessage(message)
  const recorder = new Recorder()
  const counts = (): ConnectionCounts => {
    const { opened, refused, dropped } = recorder
    const reasons = (['refused', 'dropped'] as const).flatMap((how) =>
      [...recorder.reasons[how]].map(([why, count]) => ({ how, why, count })),
    )
    return { opened, refused, dropped, reasons }
  }
  try {
    const job: Job = { options, share, recorder, shared }
    const scenario = await scenarioOf(job, loadScript)
    await scenario.open()
    const measurement = new Measurement(scenario, recorder, say)
    port.on('message', (message: ToWorker) => {
      if (message.type === 'stop') return measurement.stop()
      measurement.start(message).then(
        (measured) => {
          say({
            type: 'done',
            result: {
              connections: counts(),
              faults: recorder.faults,
              mismatch: recorder.mismatch,
              ...measured,
            },
          })
          scenario.close()
          // What a server leaves unanswered must not keep the run from ending.
          setTimeout(() => process.exit(), CLOSE_MS).unref()
          port.close()
        },
        (error: unknown) => say({ type: 'failed', message: messageOf(error) }),
      )
    })
    say({ type: 'ready', connections: counts() })
  } catch (error) {
    say({ type: 'failed', message: messageOf(error) })
  }
}

async function scenarioOf(job: Job, loadScript: (file: string) => Promise<LoadScript>): Promise<Scenario> {
  const { scenario, script: file, protocol } = job.options
  const script = scenario === 'script' ? await loadScript(file ?? '') : undefined
  if (protocol !== undefined) {
    const { loadProtocol } = await import('./protocols/protocol.ts')
    const { protocolScript } = await import('./protocols/protocol-script.ts')
    const spoken = protocolScript(await loadProtocol(protocol), job.options, script)
    return createScript(job, spoken, { what: protocol, isReady: (client) => spoken.isReady(client) })
  }
  return script || scenario === 'script' ? createScript(job, script as LoadScript) : SCENARIOS[scenario](job) // it is loaded
}

const CLOSE_MS = 1000

class Measurement {
  readonly #scenario: Scenario
  readonly #recorder: Recorder
  readonly #say: (message: FromWorker) => void
  #end: (() => void) | undefined

  constructor(scenario: Scenario, recorder: Recorder, say: (message: FromWorker) => void) {
    this.#scenario = scenario
    this.#recorder = recorder
    this.#say = say
  }

  async start({
    startAt,
    measureFrom: from,
    measureUntil: until,
    snapshotEvery: every,
  }: Extract<ToWorker, { type: 'go' }>): Promise<
    Pick<WorkerResult, 'measuredFrom' | 'measuredUntil' | 'utilization'>
  > {
    const recorder = this.#recorder
    this.#from = from
    this.#scenario.start(startAt)
    await this.#sleepUntil(from)
    recorder.isMeasuring = true
    recorder.measureFrom = now()
    const idle = performance.eventLoopUtilization()
    this.#snapshot(0)
    let last = 0
    let timer: NodeJS.Timeout | undefined
    // On a grid, so that those of all workers are of the same times; one that is held up leaves some out.
    const snapshotNext = (): void => {
      const due = from + (last + 1) * every
      if (due > until - every / 2) return
      timer = setTimeout(() => {
        last = Math.max(last + 1, Math.round((now() - from) / every))
        this.#snapshot(last)
        snapshotNext()
      }, due - now())
    }
    snapshotNext()
    await this.#sleepUntil(until)
    clearTimeout(timer)
    recorder.isMeasuring = false
    recorder.measureUntil = now()
    const busy = performance.eventLoopUtilization(idle)
    this.#snapshot(Math.max(last + 1, Math.round((now() - from) / every)))
    await this.#scenario.finish()
    this.#snapshot(Infinity)
    return {
      measuredFrom: recorder.measureFrom - from,
      measuredUntil: recorder.measureUntil - from,
      utilization: busy.active > 0 ? busy.utilization : undefined,
    }
  }

  stop(): void {
    this.#end?.()
    this.#end = undefined
    this.#stopped = true
  }

  #stopped = false
  #from = 0

  #snapshot(number: number): void {
    this.#say({ type: 'snapshot', number, at: now() - this.#from, snapshot: this.#recorder.snapshot() })
  }

  #sleepUntil(time: number): Promise<void> {
    if (this.#stopped) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(0, time - now()))
      this.#end = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function messageOf(error: unknown): string {
  if (error instanceof SidewireError) return error.message
  return shown(error instanceof Error ? error.message : String(error))
}
