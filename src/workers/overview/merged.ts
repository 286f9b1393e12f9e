import type { FaultCounts } from '../../engine/handler/faults.ts'
import type { FaultRow } from '../../engine/network.ts'
import { createStats, sumStats, type Stats } from '../../engine/stats.ts'
import { MAX_ROOMS, type ConnectionPage, type ConnectionQuery } from '../../inspector/connections.ts'

// What several workers say, as if one had said it.

/** The same faults in several of them are one row, with what they have done in all. */
export function mergeRows<Row extends FaultRow>(all: readonly (readonly Row[])[]): Row[] {
  const merged = new Map<string, Row>()
  for (const row of all.flat()) {
    const { pattern, connection, faults, seed, by, until } = row
    const key = JSON.stringify([pattern, connection, faults, seed, by])
    const before = merged.get(key)
    const last = Math.max(until ?? 0, before?.until ?? 0)
    merged.set(
      key,
      before ? { ...row, counts: sum(before.counts, row.counts), ...(last > 0 && { until: last }) } : row,
    )
  }
  // Of the server first, as one of them has it; what only some have, of a connection, is behind it.
  return [...merged.values()]
}

function sum(one: FaultCounts, other: FaultCounts): FaultCounts {
  const names = Object.keys(one) as (keyof FaultCounts)[]
  return Object.fromEntries(names.map((name) => [name, one[name] + other[name]])) as unknown as FaultCounts
}

/** @param pages - of each, from its first row on, and no shorter than what is asked for */
export function mergePages(
  pages: readonly ConnectionPage[],
  patterns: readonly string[],
  { skip, limit }: ConnectionQuery,
): ConnectionPage {
  const rooms = new Map<string, { pattern: string; room: string; size: number }>()
  for (const { pattern, room, size } of pages.flatMap((page) => page.rooms)) {
    const key = `${pattern}\n${room}`
    const known = rooms.get(key)
    if (known) known.size += size
    else rooms.set(key, { pattern, room, size })
  }
  const order = new Map(patterns.map((pattern, index) => [pattern, index]))
  const placeOf = (pattern: string): number => order.get(pattern) ?? patterns.length
  return {
    found: pages.reduce((total, { found }) => total + found, 0),
    rows: pages
      .flatMap((page) => page.rows)
      .toSorted((one, other) => placeOf(one.pattern) - placeOf(other.pattern) || one.conn - other.conn)
      .slice(skip, skip + limit),
    rooms: [...rooms.values()].toSorted((one, other) => other.size - one.size).slice(0, MAX_ROOMS),
  }
}

/** Of those that are there, and of those that are gone. */
export function mergeStats(into: Stats, all: Iterable<Stats>): void {
  const merged = createStats()
  for (const stats of all) sumStats(merged, stats)
  Object.assign(into, merged)
}
