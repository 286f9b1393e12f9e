import { Worker } from 'node:worker_threads'
import { SidewireError } from '../engine/errors.ts'
import { BroadcastBoard } from './broadcast-board.ts'
import { indicesOf, type LoadOptions, type Share } from './options.ts'
import type { Snapshot } from './recorder.ts'
import type { FromWorker, ToWorker, WorkerInput, WorkerResult } from './worker.ts'

/** Longer than a worker waits for closing handshakes. */
const MAX_CLOSING_MS = 2000

/** A worker, as whoever measures with it sees it: a thread of this machine, or one of another. */
export interface LoadWorker {
  readonly ready: Promise<Extract<FromWorker, { type: 'ready' }>>
  say(message: ToWorker): void
  /** @param onSnapshot - with the number of the interval, and when it was over */
  measure(onSnapshot: (number: number, at: number, snapshot: Snapshot) => void): Promise<WorkerResult>
  /** Waits for it, or ends it. */
  end(isDone: boolean): Promise<void>
}

/** A worker, as the thread that has started it sees it. */
export class WorkerThread implements LoadWorker {
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

  measure(onSnapshot: (number: number, at: number, snapshot: Snapshot) => void): Promise<WorkerResult> {
    return new Promise((resolve, reject) => {
      this.#onFailure = reject
      this.#onMessage = (message) => {
        if (message.type === 'snapshot') onSnapshot(message.number, message.at, message.snapshot)
        else if (message.type === 'done') resolve(message.result)
      }
    })
  }

  async end(isDone: boolean): Promise<void> {
    const late = setTimeout(() => void this.#worker.terminate(), isDone ? MAX_CLOSING_MS : 0)
    await this.#exited
    clearTimeout(late)
  }
}

/** Starts the threads of a machine, one for each of the shares. */
export function startThreads(
  module: URL,
  options: LoadOptions,
  shares: readonly Share[],
  secrets: readonly string[] | undefined,
): WorkerThread[] {
  let shared: SharedArrayBuffer | undefined
  if (options.scenario === 'fanout') {
    const here = (total: number): number =>
      shares.reduce((sum, share) => sum + indicesOf(share, total).length, 0)
    shared = new SharedArrayBuffer(BroadcastBoard.bytesFor(options.senders))
    new BroadcastBoard(shared, options.senders).reset(here(options.connections), here(options.senders))
  }
  return shares.map((share) => new WorkerThread(module, { options, share, shared, secrets }))
}
