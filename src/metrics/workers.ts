import type { Sample } from './sample.ts'

/** A process among several that serve one port. */
export interface WorkerState {
  /** From 1; the next process in its place has it, too. */
  readonly worker: number
  readonly isUp: boolean
  readonly connections: number
}

/** What whoever starts the workers knows of them, beside what they say themselves. */
export function workerSamples(workers: readonly WorkerState[]): Sample[] {
  return workers.flatMap(({ worker, isUp, connections }): Sample[] => {
    const labels = { worker: String(worker) }
    return [
      {
        name: 'sidewire_worker_up',
        help: 'Whether a worker serves (1) or not (0).',
        type: 'gauge',
        labels,
        value: isUp ? 1 : 0,
      },
      {
        name: 'sidewire_worker_connections',
        help: 'Open connections of a worker.',
        type: 'gauge',
        labels,
        value: connections,
      },
    ]
  })
}
