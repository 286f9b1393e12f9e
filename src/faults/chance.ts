import type { Span } from '../engine/handler/faults.ts'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { hashOf } from './hash.ts'

// Where chance comes from. Each connection, direction and kind of fault has a stream of its own, so that neither another fault
// nor another client moves what happens to it. Seeds that are alike would give streams whose first draws are alike
// (`xoroshiro128plus(seed + n)`: all of 10,000 first draws in one tenth), so the seed is hashed first.

/** What a stream hangs on, in this order. */
export interface Origin {
  readonly seed: number | string
  readonly pattern: string
  /** What `key` says, or the number of the connection. */
  readonly key: number | string
  readonly direction: 'in' | 'out'
  readonly kind: string
}

/** Numbers from 0 to below 1, one for each call. */
export type Stream = () => number

/** @returns the same numbers for the same origin, on every runtime */
export function streamOf({ seed, pattern, key, direction, kind }: Origin): Stream {
  const random = xoroshiro128plus(hashOf(seed, pattern, key, direction, kind) | 0)
  return () => (random.next() >>> 0) / 2 ** 32
}

/** A value of the span. */
export function within(span: Span, stream: Stream): number {
  if (typeof span === 'number') return span
  const [min, max] = span
  return min + stream() * (max - min)
}
