import { reportAndExit } from './report.ts'

/**
 * The first SIGINT or SIGTERM ends in order, the second at once.
 * @param kill - what would outlive this process
 */
export function stopOnSignal(end: () => Promise<unknown>, kill: () => void = () => {}): void {
  let stopping = false
  const stop = (): void => {
    if (stopping) {
      kill()
      process.exit(1)
    }
    stopping = true
    end().then(() => process.exit(0), reportAndExit)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}
