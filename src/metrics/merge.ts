import type { Sample } from './sample.ts'

/**
 * What several processes have, as if it were one: counters and histograms are added up, and so are gauges that do not say
 * otherwise. A series that only some of them have counts as it is.
 */
export function merge(all: readonly (readonly Sample[])[]): Sample[] {
  const merged = new Map<string, Sample>()
  for (const sample of all.flat()) {
    const series = seriesOf(sample)
    const before = merged.get(series)
    merged.set(series, before === undefined ? sample : together(before, sample))
  }
  return [...merged.values()]
}

/** What counts on when a process has ended: without it the sums would fall, and a rate would take that for a new start. */
export function remainsOf(samples: readonly Sample[]): Sample[] {
  return samples.filter(({ type }) => type !== 'gauge')
}

function seriesOf({ name, labels = {} }: Sample): string {
  return JSON.stringify([name, ...Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))])
}

function together(one: Sample, other: Sample): Sample {
  if (one.type === 'histogram' && other.type === 'histogram') {
    const counts = one.counts.map((count, bucket) => count + (other.counts[bucket] ?? 0))
    return { ...one, counts, sum: one.sum + other.sum }
  }
  // A name has one type, in all processes.
  if (one.type === 'histogram' || other.type === 'histogram') return one
  const { across } = one
  const value = across ? Math[across](one.value, other.value) : one.value + other.value
  return { ...one, value }
}
