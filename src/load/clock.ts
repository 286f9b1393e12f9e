/** Milliseconds of the system's monotonic clock: the same in every thread, and never set back. */
const offset: number = Number(process.hrtime.bigint()) / 1e6 - performance.now()

export function now(): number {
  return performance.now() + offset
}
