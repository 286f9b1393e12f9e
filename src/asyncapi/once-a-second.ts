import type { Logger } from '../engine/logger.ts'
import { now } from '../engine/timers.ts'

/** Of a client that sends the same mistake again and again. */
const EVERY_MS = 1000

/** Warns of one thing a second, and leaves the others out. */
export function onceASecond(logger: Logger): (text: string) => void {
  let saidAt = -Infinity
  return (text) => {
    const time = now()
    if (time - saidAt < EVERY_MS) return
    saidAt = time
    logger.warn(text)
  }
}
