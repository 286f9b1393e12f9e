import { createLogUpdate } from 'log-update'
import pc from 'picocolors'
import type { Progress } from '../load/run.ts'
import { duration, rate } from '../load/units.ts'

const EVERY_MS = 100

/** One line on a terminal that says how it goes; nothing where nobody watches. */
export class ProgressLine {
  readonly #update = process.stderr.isTTY ? createLogUpdate(process.stderr) : undefined
  #last = 0

  show({ phase, left, interval }: Progress): void {
    if (!this.#update) return
    const time = performance.now()
    if (interval && time - this.#last < EVERY_MS) return
    this.#last = time
    if (!interval) return this.#update(pc.dim(phase === 'opening' ? 'opening connections' : 'warming up'))
    const latency = interval.p99 === null ? '' : `  p99 ${pc.bold(duration(interval.p99))}`
    this.#update(
      `${pc.bold(rate(interval.perSecond))}${latency}  ${pc.dim(`${Math.ceil(left)} s left, Ctrl-C reports now`)}`,
    )
  }

  clear(): void {
    this.#update?.clear()
  }
}
