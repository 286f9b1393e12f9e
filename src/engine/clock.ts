import { clearInterval, clearTimeout, date, now, setInterval, setTimeout } from './timers.ts'

/** The one place that the engine's time comes from, so that a test can bring its own. */
export interface Clock {
  /** Milliseconds that only go forward, whatever happens to the date. */
  now(): number
  /** Milliseconds since the epoch. */
  date(): number
  after(ms: number, run: () => void): Timer
  every(ms: number, run: () => void): Timer
}

export interface Timer {
  cancel(): void
}

export const systemClock: Clock = {
  now,
  date,
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return { cancel: () => clearTimeout(timer) }
  },
  every(ms, run) {
    const timer = setInterval(run, ms)
    return { cancel: () => clearInterval(timer) }
  },
}
