import { clearInterval, clearTimeout, date, now, setImmediate, setInterval, setTimeout } from './timers.ts'

/** The one place that the engine's time comes from, so that a test can bring its own. */
export interface Clock {
  /** Milliseconds that only go forward, whatever happens to the date. */
  now(): number
  /** Milliseconds since the epoch. */
  date(): number
  after(ms: number, run: () => void): Timer
  /** @param run - is told whether it comes late: more than half an interval */
  every(ms: number, run: (isLate: boolean) => void): Timer
}

export interface Timer {
  cancel(): void
}

/**
 * The platform's time. After a handler blocked the event loop, or the machine slept, a timer comes before what has arrived
 * meanwhile is read. So nothing that is due runs before that: whoever looks for a sign of life, say, finds all there are.
 */
export const systemClock: Clock = {
  now,
  date,
  after: (ms, run) => start(setTimeout, clearTimeout, ms, run),
  every: (ms, run) => start(setInterval, clearInterval, ms, noticingDelays(systemClock, ms, run)),
}

/** What an interval runs, from now on. */
export function noticingDelays(
  clock: Pick<Clock, 'now'>,
  ms: number,
  run: (isLate: boolean) => void,
): () => void {
  let due = clock.now() + ms
  return () => {
    const at = clock.now()
    const isLate = at - due > ms / 2
    due = at + ms
    run(isLate)
  }
}

/** Runs every so often, and is told how many milliseconds late it comes: that late is the event loop. */
export function everyLate(
  clock: Pick<Clock, 'now' | 'every'>,
  ms: number,
  run: (late: number) => void,
): Timer {
  let due = clock.now() + ms
  return clock.every(ms, () => {
    const at = clock.now()
    const late = at - due
    due = at + ms
    run(late)
  })
}

function start(
  set: (run: () => void, ms: number) => NodeJS.Timeout,
  clear: (timer: NodeJS.Timeout) => void,
  ms: number,
  run: () => void,
): Timer {
  let cancelled = false
  const timer = set(() => afterReading(() => cancelled || run()), ms)
  return {
    cancel() {
      cancelled = true
      clear(timer)
    },
  }
}

/** When what has arrived is read. Measured: Node has read what was there at the first turn, Bun at the second. */
export function afterReading(run: () => void): void {
  setImmediate(() => setImmediate(run))
}
