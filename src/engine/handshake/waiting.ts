import type { Clock } from '../clock.ts'

/** What comes of a hook that a client waits for. */
interface Outcomes<Value, Result> {
  settled(value: Value): Result | Promise<Result>
  failed(thrown: unknown): Result
  /** Its time is up. */
  late(): Result
  /** The server stops. */
  stopped(): Result
  /** It has failed when nobody waited for it any more. */
  failedLate(thrown: unknown): void
}

/** Hooks that clients wait for: each until it has settled, or its time is up, or the server stops. */
export class Waiting {
  readonly #clock: Clock
  readonly #stops = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#stops.size
  }

  /** Nobody waits any more. */
  stop(): void {
    for (const stop of [...this.#stops]) stop()
  }

  /** Never rejects. The outcome is made when it is known, and before it is handed on. */
  settle<Value, Result>(
    hook: PromiseLike<Value>,
    ms: number,
    outcomes: Outcomes<Value, Result>,
  ): Promise<Result> {
    return new Promise((resolve) => {
      let isOver = false
      const end = (make: () => Result | Promise<Result>): void => {
        isOver = true
        timer.cancel()
        this.#stops.delete(stop)
        resolve(make())
      }
      const stop = (): void => end(() => outcomes.stopped())
      const timer = this.#clock.after(ms, () => end(() => outcomes.late()))
      this.#stops.add(stop)
      hook.then(
        (value) => {
          if (!isOver) end(() => outcomes.settled(value))
        },
        (thrown: unknown) => {
          if (isOver) outcomes.failedLate(thrown)
          else end(() => outcomes.failed(thrown))
        },
      )
    })
  }
}
