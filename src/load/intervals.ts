import type { Snapshot } from './recorder.ts'

/** The n-th snapshots of all workers, put together. */
export class Intervals {
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
