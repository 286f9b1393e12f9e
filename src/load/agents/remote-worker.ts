import { SidewireError } from '../../engine/errors.ts'
import type { Snapshot } from '../recorder.ts'
import type { FromWorker, ToWorker, WorkerResult } from '../worker.ts'
import type { LoadWorker } from '../worker-thread.ts'

type Ready = Extract<FromWorker, { type: 'ready' }>

/** A thread of an agent, as if it were one of this process. */
export class RemoteWorker implements LoadWorker {
  readonly ready: Promise<Ready>
  readonly #done: Promise<WorkerResult>
  readonly #tell: (message: ToWorker | { type: 'end'; isDone: boolean }) => void
  #onReady: (message: Ready) => void = () => {}
  #onDone: (result: WorkerResult) => void = () => {}
  #onSnapshot: (number: number, at: number, snapshot: Snapshot) => void = () => {}
  readonly #onFailure: (error: Error) => void

  constructor(tell: (message: ToWorker | { type: 'end'; isDone: boolean }) => void) {
    this.#tell = tell
    let failReady: (error: Error) => void = () => {}
    let failDone: (error: Error) => void = () => {}
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = resolve
      failReady = reject
    })
    this.#done = new Promise((resolve, reject) => {
      this.#onDone = resolve
      failDone = reject
    })
    // Whoever waits is told; who does not wait yet, or any more, need not be.
    for (const each of [this.ready, this.#done]) each.catch(() => {})
    this.#onFailure = (error) => {
      failReady(error)
      failDone(error)
    }
  }

  say(message: ToWorker): void {
    this.#tell(message)
  }

  measure(onSnapshot: (number: number, at: number, snapshot: Snapshot) => void): Promise<WorkerResult> {
    this.#onSnapshot = onSnapshot
    return this.#done
  }

  async end(isDone: boolean): Promise<void> {
    this.#tell({ type: 'end', isDone })
  }

  heard(message: FromWorker): void {
    if (message.type === 'ready') this.#onReady(message)
    else if (message.type === 'snapshot') this.#onSnapshot(message.number, message.at, message.snapshot)
    else if (message.type === 'done') this.#onDone(message.result)
    else this.fail(new SidewireError('ERR_LOAD', message.message))
  }

  fail(error: Error): void {
    this.#onFailure(error)
  }
}
