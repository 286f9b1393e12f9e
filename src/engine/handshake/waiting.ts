import type { Clock, Timer } from '../clock.ts'
import type { Departure } from './departure.ts'

/** What comes of something that a client waits for. */
interface Outcomes<Value, Result> {
  settled(value: Value): Result
  failed(thrown: unknown): Result
  /** The server stops. */
  stopped(): Result
  /** It has failed when nobody waited for it any more. */
  failedLate(thrown: unknown): void
}

/** How long that is at most. */
interface Limit<Result> {
  readonly ms: number
  late(): Result
}

/** Where the client's leaving ends it. */
interface Leaving<Result> {
  readonly client: Departure
  gone(): Result
}

/** What clients wait for: each until it has settled, or its time is up, or the server stops. */
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
    pending: PromiseLike<Value>,
    outcomes: Outcomes<Value, Result | Promise<Result>>,
    { limit, leaving }: { limit?: Limit<Result>; leaving?: Leaving<Result> } = {},
  ): Promise<Result> {
    return new Promise((resolve) => {
      let isOver = false
      let timer: Timer | undefined
      const end = (make: () => Result | Promise<Result>): void => {
        if (isOver) return
        isOver = true
        timer?.cancel()
        this.#stops.delete(stop)
        resolve(make())
      }
      const stop = (): void => end(() => outcomes.stopped())
      if (limit) timer = this.#clock.after(limit.ms, () => end(() => limit.late()))
      this.#stops.add(stop)
      leaving?.client.onGone(() => end(() => leaving.gone()))
      pending.then(
        (value) => end(() => outcomes.settled(value)),
        (thrown: unknown) => {
          if (isOver) outcomes.failedLate(thrown)
          else end(() => outcomes.failed(thrown))
        },
      )
    })
  }
}
