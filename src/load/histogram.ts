import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js'

// Latencies go into HDR histograms: 3 significant digits from a microsecond to an hour, whatever their number.

const UNIT_PER_MS = 1000
const MAX_MS = 3_600_000

export class LatencyHistogram {
  #values: Histogram = create()

  get count(): number {
    return this.#values.totalCount
  }

  /** @param count - of messages that took as long */
  record(ms: number, count = 1): void {
    const units = Math.round(Math.min(Math.max(ms, 0), MAX_MS) * UNIT_PER_MS)
    this.#values.recordValueWithCount(units, count)
  }

  add(encoded: string): void {
    const other = decodeFromCompressedBase64(encoded, 64)
    this.#values.add(other)
  }

  merge(other: LatencyHistogram): void {
    this.#values.add(other.#values)
  }

  /** HDR V2, compressed, in base64: any HDR library reads it. Values are microseconds. */
  encode(): string {
    return encodeIntoCompressedBase64(this.#values)
  }

  clear(): void {
    this.#values.reset()
  }

  get mean(): number {
    return Math.round(this.#values.mean) / UNIT_PER_MS
  }

  percentile(percent: number): number {
    return this.#values.getValueAtPercentile(percent) / UNIT_PER_MS
  }

  summary(): Latency | null {
    if (this.count === 0) return null
    return {
      min: this.percentile(0),
      mean: this.mean,
      p50: this.percentile(50),
      p90: this.percentile(90),
      p99: this.percentile(99),
      p999: this.percentile(99.9),
      max: this.percentile(100),
    }
  }

  /** Percentile and milliseconds, closer and closer to 100: the curve of a report. */
  curve(): [percentile: number, ms: number][] {
    if (this.count === 0) return []
    const points: [number, number][] = []
    for (let above = 100; above > 50 / this.count && above > 0.0001; above *= 0.8) {
      const percent = 100 - above
      points.push([percent, this.percentile(percent)])
    }
    return points
  }
}

/** In milliseconds. */
export interface Latency {
  readonly min: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

function create(): Histogram {
  return build({
    bitBucketSize: 64,
    highestTrackableValue: MAX_MS * UNIT_PER_MS,
    numberOfSignificantValueDigits: 3,
  })
}
