import cluster from 'node:cluster'
import { dialHub } from '../cluster/hub-link.ts'
import { RedialingBroker } from '../cluster/redialing-broker.ts'
import { resolveServerOptions, type ServerOptions } from '../engine/handler/options.ts'
import type { Logger } from '../engine/logger.ts'
import { setImmediate } from '../engine/timers.ts'
import { systemClock } from '../engine/clock.ts'
import { INSIDE, type WithInside } from '../engine/inside.ts'
import type { Sample } from '../metrics/sample.ts'
import { SAMPLES, type Answering } from '../server/behind.ts'
import { startServer, type Partners, type Server } from '../server/server.ts'
import { answerTo, Calls, toTell, type Ask } from './calls.ts'
import type { FromWorker, ToWorker } from './messages.ts'
import { Forwarding } from './overview/forwarding.ts'
import { Outlook, type Question } from './overview/outlook.ts'

/**
 * One of the processes that serve at one port. It is told what to do by its supervisor; signals that a terminal sends to all of
 * them are the supervisor's.
 * @param load - reads the configuration afresh
 */
export function runWorker(load: (job: unknown) => Promise<ServerOptions>): void {
  const worker = new Worker(load)
  // Node would end the process at once when the supervisor dies: our clients are to get their close frames.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
  process.on('message', (message: ToWorker) => void worker.told(message))
  process.on('disconnect', () => void worker.drain())
  process.on('SIGTERM', () => void worker.drain())
  process.on('SIGINT', () => {})
  tell({ type: 'ready' })
}

class Worker {
  readonly #load: (job: unknown) => Promise<ServerOptions>
  #start: Extract<ToWorker, { type: 'start' }> | undefined
  #server: (Server & Answering) | undefined
  #outlook: Outlook | undefined
  #forwarding: Forwarding | undefined
  readonly #calls = new Calls()
  /** As the supervisor has it: this one counts itself until it is told. */
  #up = 1
  #hub: RedialingBroker | undefined
  #prepared: { readonly generation: number; readonly options: ServerOptions } | undefined
  /** What the first of them says of the configuration is not said again by the others. */
  #isMute = false
  #draining: Promise<void> | undefined

  constructor(load: (job: unknown) => Promise<ServerOptions>) {
    this.#load = load
  }

  async told(message: ToWorker): Promise<void> {
    switch (message.type) {
      case 'start':
        this.#start = message
        return this.#listen()
      case 'prepare':
        return this.#prepare(message.generation)
      case 'commit':
        return this.#commit(message.generation)
      case 'drain':
        return this.drain()
      case 'taken':
        return this.#outlook?.taken(message.size)
      case 'workers':
        this.#up = message.up
        return
      case 'ask':
        return tell(await answerTo(message, () => this.#answer(message)))
      case 'answer':
        return this.#calls.answered(message)
    }
  }

  /** Closes in order, and ends the process. */
  async drain(): Promise<void> {
    this.#draining ??= (async () => {
      // Connections that the kernel has given to us, and nobody has read yet, would be reset.
      for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => void setImmediate(resolve))
      await this.#server?.close()
      this.#outlook?.close()
      // What has happened since it was asked last would be forgotten.
      await told({ type: 'samples', samples: (await this.#server?.[SAMPLES]()) ?? [] })
      process.exit(0)
    })()
    await this.#draining
  }

  async #listen(): Promise<void> {
    try {
      const server = await this.#saying(async () => {
        const options = this.#ownShare(await this.#load(this.#start?.job))
        return startServer(options, this.#partners())
      })
      this.#server = server as Server & Answering
      const inside = (server as Server & WithInside)[INSIDE]
      this.#outlook = new Outlook(inside, () => server.stats(), systemClock, tell)
      const { url, urls, port, runtime, runtimeDescription } = server
      tell({ type: 'listening', url, urls, port, runtime, runtimeDescription })
    } catch (error) {
      tell({ type: 'failed', error: toTell(error) })
      process.exit(1)
    }
  }

  #partners(): Partners {
    const supervisor = { send: tell }
    const forwarding =
      this.#start &&
      new Forwarding(this.#start.forwarded, (request) => this.#calls.ask(supervisor, 'page', request))
    this.#forwarding = forwarding
    return {
      worker: this.#start?.worker,
      faultSeed: this.#start?.faultSeed,
      pages: (raw, body) => forwarding?.answer(raw, body),
      workers: () => ({ shown: this.#up, verdict: 'ready' }),
      gather: async (own) => {
        const outcome = await this.#calls.ask<readonly Sample[]>(supervisor, 'samples', undefined)
        return [outcome && 'value' in outcome ? outcome.value : await own()]
      },
    }
  }

  #answer({ what, given }: Ask): unknown {
    if (what === 'samples') return this.#server?.[SAMPLES]()
    if (what === 'body') return this.#forwarding?.bodyOf(given as number)
    return this.#outlook?.answer({ what, given } as Question)
  }

  async #prepare(generation: number): Promise<void> {
    try {
      const options = this.#ownShare(await this.#load(this.#start?.job))
      resolveServerOptions(options)
      this.#prepared = { generation, options }
      tell({ type: 'prepared', generation })
    } catch (error) {
      tell({ type: 'prepared', generation, error: toTell(error) })
    }
  }

  #commit(generation: number): void {
    const prepared = this.#prepared
    this.#prepared = undefined
    if (prepared?.generation !== generation) return
    void this.#saying(async () => this.#server?.reload(prepared.options))
    tell({ type: 'committed', generation })
  }

  /** What is its own of options that are for all of them. */
  #ownShare(options: ServerOptions): ServerOptions {
    const { worker = 1, workers = 1, port = 0, hub } = this.#start ?? {}
    const share = (limit: number | undefined): number => Math.ceil((limit ?? 0) / workers)
    return {
      ...options,
      port,
      sharePort: true,
      maxConnections: share(options.maxConnections),
      maxConnectionsPerAddress: share(options.maxConnectionsPerAddress),
      logger: this.#loggerOf(worker, options.logger ?? console),
      // The same at each reload: another one would be a change.
      ...(hub !== undefined && {
        broker: (this.#hub ??= new RedialingBroker('between the workers', dialHub(hub))),
      }),
    }
  }

  async #saying<T>(run: () => Promise<T>): Promise<T> {
    this.#isMute = this.#start?.worker !== 1
    try {
      return await run()
    } finally {
      this.#isMute = false
    }
  }

  #loggerOf(worker: number, sink: Logger): Logger {
    const at = (level: keyof Logger) => (line: string) => {
      if (!this.#isMute) sink[level](line.replace('[sidewire] ', `[sidewire] worker ${worker}: `))
    }
    return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
  }
}

function tell(message: FromWorker): void {
  void told(message)
}

/** Resolves when it is written. Without a channel the supervisor is dead, and so are we in a moment. */
async function told(message: FromWorker): Promise<void> {
  if (!process.connected) return
  // With somebody to tell of it, a channel that has just ended is no uncaught error.
  await new Promise<void>((resolve) => process.send?.(message, undefined, undefined, () => resolve()))
}
