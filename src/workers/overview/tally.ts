import { merge, remainsOf } from '../../metrics/merge.ts'
import type { Sample } from '../../metrics/sample.ts'
import { workerSamples } from '../../metrics/workers.ts'
import { clearTimeout, setTimeout } from '../../engine/timers.ts'

/** Who scrapes waits for so long at most, well below a second; who has not answered by then is named. */
const PATIENCE_MS = 500

interface Counted {
  readonly worker: number
  /** What it has said last. */
  samples: readonly Sample[]
  isUp: boolean
  /** It has been asked, and says nothing. */
  asked: Promise<void> | undefined
}

/** What all workers have counted, in sum. It never falls: neither when one is busy, nor when one has died. */
export class Tally<Peer extends object> {
  readonly #workers: number
  readonly #ask: (peer: Peer) => Promise<readonly Sample[] | undefined>
  readonly #peers = new Map<Peer, Counted>()
  /** Of those that are gone. */
  #remains: readonly Sample[] = []
  #gathering: Promise<readonly Sample[]> | undefined

  /** @param ask - answers as late as it likes; `undefined` if it is gone */
  constructor(workers: number, ask: (peer: Peer) => Promise<readonly Sample[] | undefined>) {
    this.#workers = workers
    this.#ask = ask
  }

  joined(peer: Peer, worker: number): void {
    this.#peers.set(peer, { worker, samples: [], isUp: true, asked: undefined })
  }

  /** Unasked, because it is about to go. */
  told(peer: Peer, samples: readonly Sample[]): void {
    const counted = this.#peers.get(peer)
    if (counted && samples.length > 0) counted.samples = samples
  }

  left(peer: Peer): void {
    const counted = this.#peers.get(peer)
    this.#peers.delete(peer)
    if (counted) this.#remains = merge([this.#remains, remainsOf(counted.samples)])
  }

  /** Who asks while it is being gathered gets the same. */
  gather(): Promise<readonly Sample[]> {
    this.#gathering ??= this.#gather().finally(() => (this.#gathering = undefined))
    return this.#gathering
  }

  async #gather(): Promise<readonly Sample[]> {
    let timer: NodeJS.Timeout | undefined
    const timeUp = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)))
    const late = new Set(this.#peers.values())
    const answers = Array.from(this.#peers, async ([peer, counted]) => {
      await (counted.asked ??= this.#hear(peer, counted))
      late.delete(counted)
    })
    await Promise.race([timeUp, Promise.all(answers)])
    clearTimeout(timer)
    for (const counted of this.#peers.values()) counted.isUp = !late.has(counted)
    const all = [...this.#peers.values()]
    return merge([this.#remains, ...all.map(({ samples }) => samples), workerSamples(this.#states(all))])
  }

  async #hear(peer: Peer, counted: Counted): Promise<void> {
    const samples = await this.#ask(peer)
    counted.asked = undefined
    if (samples) counted.samples = samples
  }

  #states(all: readonly Counted[]): Parameters<typeof workerSamples>[0] {
    return Array.from({ length: this.#workers }, (_, index) => {
      const worker = index + 1
      // While one takes the place of another there are two.
      const its = all.filter((counted) => counted.worker === worker)
      return {
        worker,
        isUp: its.some(({ isUp }) => isUp),
        connections: its.reduce((sum, { samples }) => sum + connectionsIn(samples), 0),
      }
    })
  }
}

function connectionsIn(samples: readonly Sample[]): number {
  return samples.reduce(
    (sum, sample) =>
      sample.name === 'sidewire_connections' && sample.type === 'gauge' ? sum + sample.value : sum,
    0,
  )
}
