import type { ResolvedServerOptions } from '../../engine/handler/options.ts'
import { handlerRows } from '../../inspector/handler-row.ts'
import type { Sample } from '../../metrics/sample.ts'
import { answerTo, Calls, type Ask } from '../calls.ts'
import type { FromWorker } from '../messages.ts'
import type { Forwarded, PageRequest } from './forwarding.ts'
import type { Pages } from './pages.ts'
import type { Peer } from './peer.ts'
import { Tally } from './tally.ts'

/** What the supervisor knows of all workers, and tells each of them that asks. */
export class Overview {
  readonly #calls = new Calls()
  readonly #peers = new Set<Peer>()
  readonly #tally: Tally<Peer>
  readonly #workers: number
  #options: ResolvedServerOptions
  #pages: Pages | undefined
  #runtime = ''

  constructor(options: ResolvedServerOptions, workers: number) {
    this.#options = options
    this.#workers = workers
    this.#tally = new Tally(workers, async (peer) => {
      const outcome = await this.#calls.ask<readonly Sample[]>(peer, 'samples', undefined)
      return outcome && 'value' in outcome ? outcome.value : undefined
    })
  }

  /** What workers do not answer themselves. */
  get forwarded(): Forwarded {
    const { inspector, control } = this.#options
    const tokens = [inspector && inspector.token, control && control.token]
    return {
      inspector: Boolean(inspector),
      control: Boolean(control),
      tokens: tokens.flatMap((token) => (typeof token === 'string' ? token : [])),
    }
  }

  /** Before anybody serves. */
  async open(): Promise<void> {
    const { inspector, control } = this.#options
    if (!inspector && !control) return
    // Loaded where it is asked for.
    const { Pages: Made } = await import('./pages.ts')
    this.#pages = new Made((peer, { what, given }, ms) => this.#calls.ask(peer, what, given, ms), {
      resolved: this.#options,
      workers: this.#workers,
      runtime: () => this.#runtime,
      handlers: () => handlerRows(this.#options),
    })
  }

  /** They serve these now. */
  update(options: ResolvedServerOptions): void {
    // Who may look is settled at the start, as where it listens.
    const { inspector, control, hosts } = this.#options
    this.#options = { ...options, inspector, control, hosts }
  }

  /** It serves. */
  joined(peer: Peer, worker: number, runtime: string): void {
    this.#runtime = runtime
    this.#peers.add(peer)
    this.#tally.joined(peer, worker)
    this.#pages?.all.joined(peer, worker)
    this.#tellCount()
  }

  told(peer: Peer, message: FromWorker): void {
    switch (message.type) {
      case 'answer':
        this.#calls.answered(message)
        return
      case 'ask':
        void this.#answer(peer, message)
        return
      case 'samples':
        this.#tally.told(peer, message.samples)
        return
      case 'seen':
        this.#pages?.all.seen(peer, message)
        peer.send({ type: 'taken', size: message.size })
        return
      case 'pulse':
        this.#pages?.all.pulsed(peer, message)
        return
      // The supervisor's own.
      case 'ready':
      case 'listening':
      case 'failed':
      case 'prepared':
      case 'committed':
    }
  }

  /** One of them is about to go. */
  leaving(): void {
    this.#pages?.wake()
  }

  left(peer: Peer): void {
    this.#calls.lost(peer)
    this.#tally.left(peer)
    this.#pages?.all.left(peer)
    if (this.#peers.delete(peer)) this.#tellCount()
  }

  async close(): Promise<void> {
    await this.#pages?.close()
  }

  async #answer(peer: Peer, ask: Ask): Promise<void> {
    peer.send(
      await answerTo(ask, () =>
        ask.what === 'samples' ? this.#tally.gather() : this.#page(peer, ask.given as PageRequest),
      ),
    )
  }

  async #page(peer: Peer, { raw, body }: PageRequest): Promise<unknown> {
    return this.#pages?.answer(raw, async (maxBytes) => {
      const outcome = await this.#calls.ask<string | null>(peer, 'body', body)
      if (!outcome || 'error' in outcome || outcome.value === null) return undefined
      const bytes = Buffer.from(outcome.value, 'base64')
      return bytes.length > maxBytes ? undefined : bytes
    })
  }

  #tellCount(): void {
    for (const peer of this.#peers) peer.send({ type: 'workers', up: this.#peers.size })
  }
}
