import { Aggregate } from './aggregate.ts'
import type { Snapshot } from './recorder.ts'

/** The snapshots that all workers have made for the same times, put together, in order. */
export class Intervals {
  readonly #onInterval: (number: number, interval: Aggregate) => void
  readonly #pending = new Map<number, { at: number; snapshots: Snapshot[] }>()
  /** The last one of each worker: one that was held up leaves some out. */
  readonly #reached: number[]
  #end = 0

  constructor(workers: number, onInterval: (number: number, interval: Aggregate) => void) {
    this.#onInterval = onInterval
    this.#reached = Array.from({ length: workers }, () => -1)
  }

  /** @param number - of the interval; 0 is the warm-up, `Infinity` what came after the measurement */
  add(worker: number, number: number, at: number, snapshot: Snapshot): void {
    const entry = this.#pending.get(number) ?? { at, snapshots: [] }
    this.#pending.set(number, entry)
    entry.snapshots.push(snapshot)
    this.#reached[worker] = number
    this.#emit(Math.min(...this.#reached))
  }

  /** A worker may have made none at the end. */
  flush(): void {
    this.#emit(Infinity)
  }

  #emit(reached: number): void {
    const ready = [...this.#pending].filter(([number]) => number <= reached).toSorted(([a], [b]) => a - b)
    for (const [number, { at, snapshots }] of ready) {
      this.#pending.delete(number)
      const interval = new Aggregate(this.#end, Math.max(this.#end, at))
      this.#end = interval.to
      for (const snapshot of snapshots) interval.addSnapshot(snapshot)
      this.#onInterval(number, interval)
    }
  }
}
