import { clearTimeout, setTimeout } from '../engine/timers.ts'
import { checkTime } from './options.ts'

/** How long something is waited for. */
export interface Expecting {
  /** In milliseconds, of real time. @defaultValue the server's `timeout`, 1000 */
  timeout?: number
  /** Ends the waiting at once, with its reason. */
  signal?: AbortSignal
}

/** A time to wait, or less. */
export class Wait {
  readonly timeout: number
  readonly #signal: AbortSignal | undefined
  readonly #timer: NodeJS.Timeout | undefined
  #isOver = false
  #wake: () => void = () => {}
  readonly #stop = (): void => {
    this.#isOver = true
    this.#wake()
  }

  /** @param name - of the option, for its error */
  constructor(timeout: number, signal: AbortSignal | undefined, name: string) {
    checkTime(name, timeout)
    this.timeout = timeout
    this.#signal = signal
    this.#timer = timeout === Infinity ? undefined : setTimeout(this.#stop, timeout)
    signal?.addEventListener('abort', this.#stop)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get aborted(): AbortSignal | undefined {
    return this.#signal?.aborted ? this.#signal : undefined
  }

  whenOver(wake: () => void): void {
    this.#wake = wake
    if (this.#isOver || this.aborted) wake()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#signal?.removeEventListener('abort', this.#stop)
  }
}

/** Those who wait for something that changes. */
export class Waiting {
  readonly #all = new Set<() => void>()

  /** Until something has changed, or the time is over. */
  until(wait: Wait): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#all.delete(wake)
        resolve()
      }
      this.#all.add(wake)
      wait.whenOver(wake)
    })
  }

  wake(): void {
    for (const wake of [...this.#all]) wake()
  }
}

/** What a promise resolves to, or `undefined` if that takes longer. @param fallback - how long, if `options` do not say */
export async function inTime<T>(
  promise: Promise<T>,
  fallback: number,
  options: Expecting,
): Promise<T | undefined> {
  const wait = new Wait(options.timeout ?? fallback, options.signal, 'timeout')
  try {
    const found = await Promise.race([
      promise,
      new Promise<undefined>((resolve) => wait.whenOver(() => resolve(undefined))),
    ])
    if (found === undefined && wait.aborted) throw wait.aborted.reason
    return found
  } finally {
    wait.end()
  }
}
