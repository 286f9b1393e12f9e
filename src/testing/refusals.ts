import type { HandshakeRequest } from '../engine/handshake/request.ts'
import { pathOf } from '../engine/handshake/request.ts'
import { compilePattern, type Pattern } from '../engine/handshake/routing.ts'
import type { Faults } from '../engine/handler/faults.ts'
import { setImmediate } from '../engine/timers.ts'
import type { FaultHandle, Server } from '../server/server.ts'
import { resolveRefusal, type Refusal } from './options.ts'

interface Refusing {
  readonly pattern: Pattern
  readonly faults: Faults
  left: number
}

/** The handshakes that a test has refused: faults of all handlers, by path. */
export class Refusals {
  readonly #server: Pick<Server, 'setFaults'>
  #refusing: Refusing[] = []
  #handle: FaultHandle | undefined

  constructor(server: Pick<Server, 'setFaults'>) {
    this.#server = server
  }

  add(pattern: string, refusal: Refusal): void {
    const { times, status, delay } = resolveRefusal(pattern, refusal)
    const faults: Faults = { handshake: { delay, refuse: 1, with: status } }
    this.#refusing.push({ pattern: compilePattern(pattern), faults, left: times })
    this.#handle ??= this.#server.setFaults('*', (req) => this.#faultsOf(req))
  }

  /** Ends all. A test that is over waits for no refusal: those that wait are given now. */
  async clear(): Promise<void> {
    this.#refusing = []
    if (!this.#handle) return
    this.#handle.stop()
    this.#handle = undefined
    await new Promise(setImmediate)
  }

  #faultsOf(req: HandshakeRequest): Faults | undefined {
    const path = pathOf(req.url)
    const refusing = this.#refusing.find(({ pattern, left }) => left > 0 && pattern.match(path) !== undefined)
    if (!refusing) return undefined
    refusing.left--
    return refusing.faults
  }
}
