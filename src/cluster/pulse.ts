import { systemClock, type Timer } from '../engine/clock.ts'

const INTERVAL_MS = 1000
/** So many intervals without a byte: a server that is stuck keeps its connections, and says nothing. */
const MOST_SILENT = 3

/** Asks the other side every second whether it is there, and notices when it has said nothing for three. */
export class Pulse {
  readonly #timer: Timer
  #silent = 0

  constructor(ping: () => void, silent: () => void) {
    this.#timer = systemClock.every(INTERVAL_MS, (isLate) => {
      // This process was held up itself, and may not have asked.
      if (!isLate && ++this.#silent > MOST_SILENT) silent()
      else ping()
    })
  }

  /** Whatever has come is a sign of life. */
  heard(): void {
    this.#silent = 0
  }

  stop(): void {
    this.#timer.cancel()
  }
}
