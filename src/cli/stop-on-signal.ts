import { reportAndExit } from './report.ts'

/** The first SIGINT or SIGTERM ends in order, the second at once. */
export function stopOnSignal(end: () => Promise<unknown>): void {
  let stopping = false
  const stop = (): void => {
    if (stopping) process.exit(1)
    stopping = true
    end().then(() => process.exit(0), reportAndExit)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}
