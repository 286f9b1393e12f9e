// The arithmetic of interleaved runs.

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** `combine(a, b)` of two entries, run by run: what else went on at the time is in both. */
export function pairwise(ofRuns, byRuns, figure, combine) {
  const values = ofRuns.flatMap((run, index) => {
    const other = byRuns[index]
    return run && other ? [combine(run[figure], other[figure])] : []
  })
  return values.length === 0 ? undefined : spread(values)
}
