import { SidewireError } from '../../engine/errors.ts'
import { now } from '../clock.ts'
import type { LoadOptions, Share } from '../options.ts'
import type { AgentHealth } from '../report.ts'
import type { LoadWorker } from '../worker-thread.ts'
import { encode, PING_EVERY_MS, SILENCE_MS, type FromAgent, type ToAgent } from './messages.ts'
import { RemoteWorker } from './remote-worker.ts'

/** An agent, as the coordinator sees it. */
export class RemoteAgent {
  readonly name: string
  readonly #runtime: string
  readonly #send: (text: string) => void
  readonly #watch: NodeJS.Timeout
  #heard = now()
  /** The shortest way there and back: what else it took was waiting. */
  #roundTrip = Infinity
  #workers: RemoteWorker[] = []
  #run = 0
  #gone: SidewireError | undefined

  constructor(name: string, runtime: string, send: (text: string) => void) {
    this.name = name
    this.#runtime = runtime
    this.#send = send
    this.#watch = setInterval(() => {
      if (now() - this.#heard > SILENCE_MS) this.lost(`was silent for ${SILENCE_MS / 1000} s`)
      else this.say({ type: 'ping', at: now() })
    }, PING_EVERY_MS)
    this.say({ type: 'ping', at: now() })
  }

  get isGone(): boolean {
    return this.#gone !== undefined
  }

  get health(): AgentHealth {
    return {
      name: this.name,
      runtime: this.#runtime,
      workers: this.#workers.length,
      roundTrip: this.#roundTrip,
    }
  }

  say(message: ToAgent): void {
    if (!this.#gone) this.#send(encode(message))
  }

  /** Its part of a run. */
  prepare(
    options: LoadOptions,
    shares: readonly Share[],
    script: string | null,
    showSecrets: boolean,
  ): LoadWorker[] {
    const run = ++this.#run
    this.#workers = shares.map((_, index) => new RemoteWorker((message) => this.#tell(run, index, message)))
    if (this.#gone) for (const worker of this.#workers) worker.fail(this.#gone)
    this.say({ type: 'prepare', run, options, shares, script, showSecrets })
    return this.#workers
  }

  heard(message: FromAgent): void {
    this.#heard = now()
    if (message.type === 'pong') this.#roundTrip = Math.min(this.#roundTrip, now() - message.at)
    if (message.type === 'worker' && message.run === this.#run)
      this.#workers[message.worker]?.heard(message.message)
    if (message.type === 'failed' && message.run === this.#run)
      this.#fail(new SidewireError('ERR_LOAD', `agent ${this.name}: ${message.message}`))
  }

  /** It is not there any more. */
  lost(how: string): void {
    if (this.#gone) return
    clearInterval(this.#watch)
    this.#gone = new SidewireError(
      'ERR_LOAD',
      `agent ${this.name} ${how}, and its part of the load is missing`,
    )
    this.#fail(this.#gone)
  }

  close(): void {
    clearInterval(this.#watch)
  }

  /** All workers of an agent are told at once, by the first of them. */
  #tell(
    run: number,
    index: number,
    message: Parameters<LoadWorker['say']>[0] | { type: 'end'; isDone: boolean },
  ): void {
    if (index !== 0) return
    if (message.type !== 'go') return this.say({ ...message, run })
    const { startAt, measureFrom, measureUntil, snapshotEvery } = message
    const away = this.#roundTrip === Infinity ? 0 : this.#roundTrip / 2
    return this.say({
      type: 'go',
      run,
      startIn: startAt - now() - away,
      warmup: measureFrom - startAt,
      duration: measureUntil - measureFrom,
      snapshotEvery,
    })
  }

  #fail(error: SidewireError): void {
    for (const worker of this.#workers) worker.fail(error)
  }
}
