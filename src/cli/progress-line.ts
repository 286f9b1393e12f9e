import { createLogUpdate } from 'log-update'
import pc from 'picocolors'
import type { Progress } from '../load/run.ts'
import { duration, rate } from '../load/units.ts'
import { sparkline } from './sparkline.ts'

const EVERY_MS = 100
/** Characters of a sparkline; there are two in a line. */
const WIDTH = 16

/** One line on a terminal that says how it goes; nothing where nobody watches. */
export class ProgressLine {
  readonly #update = process.stderr.isTTY ? createLogUpdate(process.stderr) : undefined
  #what = ''
  readonly #rates: number[] = []
  readonly #latencies: number[] = []
  #last = 0

  /** Which of several runs it is. */
  begin(what = ''): void {
    this.#what = what
    this.#rates.length = 0
    this.#latencies.length = 0
  }

  show({ phase, left, interval }: Progress): void {
    if (!this.#update) return
    if (interval) {
      this.#rates.push(interval.perSecond)
      if (interval.p99 !== null) this.#latencies.push(interval.p99)
    }
    const time = performance.now()
    if (interval && time - this.#last < EVERY_MS) return
    this.#last = time
    const what = this.#what && pc.dim(`${this.#what}  `)
    if (!interval)
      return this.#update(what + pc.dim(phase === 'opening' ? 'opening connections' : 'warming up'))
    const latency =
      interval.p99 === null
        ? ''
        : `  p99 ${pc.bold(duration(interval.p99))} ${pc.dim(sparkline(this.#latencies, WIDTH))}`
    this.#update(
      `${what}${pc.dim(sparkline(this.#rates, WIDTH))} ${pc.bold(rate(interval.perSecond))}${latency}  ${pc.dim(`${Math.ceil(left)} s left, Ctrl-C reports now`)}`,
    )
  }

  clear(): void {
    this.#update?.clear()
  }
}
