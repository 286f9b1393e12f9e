import type { FaultRow } from '../engine/network.ts'
import type { FaultSet } from './set.ts'

/** Faults that are on, as they are shown outside of the process. */
export function rowOf(pattern: string, set: FaultSet, by: FaultRow['by'], until?: number): FaultRow {
  const { shown: faults, seed, counts } = set
  return { pattern, faults, seed, counts: { ...counts }, by, ...(until !== undefined && { until }) }
}
