import type { Latency } from './histogram.ts'
import type { GeneratorHealth } from './report.ts'

/** An event loop that is busy for longer than this has no time to spare: the server may be faster than was measured. */
const BUSY = 0.95
/** Messages that leave later than they are due make latencies longer by as much. */
const LATE_MS = 1
const LATE_SHARE = 0.1

/** Whether the generator can be believed, or was itself the bottleneck. */
export function judgeGenerator(measured: {
  readonly utilizations: readonly (number | undefined)[]
  readonly cpu: number
  readonly workers: number
  readonly isOpenLoop: boolean
  readonly sendLag: Latency | null
  readonly latency: Latency | null
}): GeneratorHealth {
  const { utilizations, cpu, workers, isOpenLoop, sendLag, latency } = measured
  // Bun does not tell how busy its loop is; the CPU time of its thread says nearly the same.
  const utilization = Math.max(...utilizations.map((value) => value ?? Math.min(1, cpu / workers)))
  const reasons: string[] = []
  // An open loop waits in turns of the event loop, so being busy says nothing there: being late does.
  if (!isOpenLoop && utilization > BUSY)
    reasons.push(
      `its event loop was busy ${Math.round(utilization * 100)} % of the time; try more --workers on cores of their own`,
    )
  if (sendLag && sendLag.p99 > LATE_MS && sendLag.p99 > (latency?.p99 ?? 0) * LATE_SHARE)
    reasons.push(
      `it sent late (p99 ${sendLag.p99.toFixed(2)} ms after a message was due); lower --rate, add --workers, or give it a core that nothing else uses`,
    )
  return { utilization, cpu, workers, sendLag, limited: reasons.length > 0, reasons }
}
