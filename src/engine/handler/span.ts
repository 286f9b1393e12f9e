import { MAX_TIMER_MS } from '../timers.ts'

/** Whether it is a `Span`: a number, or two of which the second is no smaller. */
export function isSpan(value: unknown, min: number): boolean {
  const one = (each: unknown): each is number =>
    typeof each === 'number' && each >= min && each <= MAX_TIMER_MS
  const [least, most, ...more]: unknown[] = Array.isArray(value) ? value : [value, value]
  return one(least) && one(most) && least <= most && more.length === 0
}
