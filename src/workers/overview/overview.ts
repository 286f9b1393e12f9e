import type { Sample } from '../../metrics/sample.ts'
import { answerTo, Calls, type Ask } from '../calls.ts'
import type { FromWorker, ToWorker } from '../messages.ts'
import { Tally } from './tally.ts'

/** A process that serves. */
export interface Peer {
  send(message: ToWorker): void
}

/** What the supervisor knows of all workers, and tells each of them that asks. */
export class Overview {
  readonly #calls = new Calls()
  readonly #peers = new Set<Peer>()
  readonly #tally: Tally<Peer>

  constructor(workers: number) {
    this.#tally = new Tally(workers, async (peer) => {
      const outcome = await this.#calls.ask<readonly Sample[]>(peer, 'samples', undefined)
      return outcome && 'value' in outcome ? outcome.value : undefined
    })
  }

  /** It serves. */
  joined(peer: Peer, worker: number): void {
    this.#peers.add(peer)
    this.#tally.joined(peer, worker)
    this.#tellCount()
  }

  told(peer: Peer, message: FromWorker): void {
    if (message.type === 'answer') this.#calls.answered(message)
    if (message.type === 'ask') void this.#answer(peer, message)
    if (message.type === 'samples') this.#tally.told(peer, message.samples)
  }

  left(peer: Peer): void {
    this.#calls.lost(peer)
    this.#tally.left(peer)
    if (this.#peers.delete(peer)) this.#tellCount()
  }

  async #answer(peer: Peer, ask: Ask): Promise<void> {
    peer.send(await answerTo(ask, () => this.#tally.gather()))
  }

  #tellCount(): void {
    for (const peer of this.#peers) peer.send({ type: 'workers', up: this.#peers.size })
  }
}
