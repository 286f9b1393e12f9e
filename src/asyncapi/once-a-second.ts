import type { Logger } from '../engine/logger.ts'
import { setTimeout } from '../engine/timers.ts'

/** Of a client that sends the same mistake again and again. */
const EVERY_MS = 1000

/** Warns at once, and then once a second, of the last thing and of how many there were: nothing is left out in silence. */
export function onceASecond(logger: Logger): (text: string) => void {
  let isQuiet = false
  let count = 0
  let last = ''
  const wait = (): void => {
    isQuiet = true
    // Nothing waits for a line of a log.
    setTimeout(tell, EVERY_MS).unref()
  }
  const tell = (): void => {
    isQuiet = false
    if (count === 0) return
    logger.warn(count === 1 ? last : `${last} (and ${count - 1} more since the last line)`)
    count = 0
    wait()
  }
  return (text) => {
    if (isQuiet) {
      count++
      last = text
      return
    }
    logger.warn(text)
    wait()
  }
}
