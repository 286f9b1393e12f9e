import type { RawRequest } from '../runtime.ts'

/** Whether a client has left before it had an answer: who asks late is told as well. */
export class Departure {
  #isGone = false
  #run: (() => void) | undefined

  /** To be made before the runtime has its answer to the handshake. */
  constructor(onGone: RawRequest['onGone']) {
    onGone?.(() => {
      this.#isGone = true
      this.#run?.()
    })
  }

  /** In the place of who asked before: a handshake waits for one thing at a time. */
  onGone(run: () => void): void {
    this.#run = run
    if (this.#isGone) run()
  }
}
