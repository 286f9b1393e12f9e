import type { Span } from '../engine/handler/faults.ts'
import type { Random } from '../engine/handler/scenario.ts'

/** Milliseconds; of two some in between. */
export function spanOf(span: Span, random: Random): number {
  if (typeof span === 'number') return span
  const [min, max] = span
  return min + random() * (max - min)
}
