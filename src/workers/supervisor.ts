import cluster, { type Worker } from 'node:cluster'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Hub } from '../cluster/hub.ts'
import { SidewireError } from '../engine/errors.ts'
import {
  resolveServerOptions,
  type ResolvedServerOptions,
  type ServerOptions,
} from '../engine/handler/options.ts'
import { now, setTimeout } from '../engine/timers.ts'
import { errorOf, textOf } from './calls.ts'
import { freePort } from './free-port.ts'
import type { FromWorker, Served, ToWorker } from './messages.ts'
import { Overview } from './overview/overview.ts'
import type { Peer } from './overview/peer.ts'

/** Until a worker that has died is started again, for each time in a row. */
const BACKOFF_MS = [1000, 2000, 4000, 8000, 16_000, 30_000]
/** One that was there for so long begins anew with the first of them. */
const HEALTHY_MS = 60_000
/** Somebody else may take a port that was free a moment ago. */
const PORT_ATTEMPTS = 5

export interface Plan {
  /** The module that a worker runs. */
  readonly exec: string
  /** What it is told to load. */
  readonly job: unknown
  readonly workers: number
  /** What is served, as it is at the start. */
  readonly options: ResolvedServerOptions
  /** A line for people. */
  readonly say: (line: string) => void
}

/** A place that is always taken by a worker, or will be in a moment. */
interface Seat {
  readonly worker: number
  /** One that listens. */
  process: Worker | undefined
  /** How often in a row it died young. */
  deaths: number
  startedAt: number
  timer: NodeJS.Timeout | undefined
}

/**
 * Starts processes that serve at one port together, starts one again that dies, and swaps what they serve in all of them or in
 * none. Processes and not threads: an uncaught exception in a thread that uses uWebSockets.js ends all of them.
 */
export class Supervisor {
  readonly #plan: Plan
  readonly #seats: Seat[]
  readonly #hub = new Hub()
  readonly #overview: Overview
  readonly #faultSeed = Math.floor(Math.random() * 2 ** 31)
  #folder: string | undefined
  #hubPath: string | undefined
  #port = 0
  #generation = 0
  #isStopping = false
  /** Those that wait for what a worker says. */
  readonly #listeners = new Set<(worker: Worker, message: FromWorker | undefined) => void>()

  constructor(plan: Plan) {
    this.#plan = plan
    this.#overview = new Overview(plan.options, plan.workers)
    this.#seats = Array.from({ length: plan.workers }, (_, index) => ({
      worker: index + 1,
      process: undefined,
      deaths: 0,
      startedAt: 0,
      timer: undefined,
    }))
  }

  /**
   * Resolves when all listen.
   * @throws what the first of them could not start for; nothing is left then
   */
  async start(): Promise<Served> {
    const { exec, options } = this.#plan
    const { hosts, port, broker } = options
    // By default Windows leaves it to the system, which gives all to one.
    cluster.schedulingPolicy = cluster.SCHED_RR
    cluster.setupPrimary({ exec, args: [] })
    if (!broker) await this.#openHub()
    await this.#overview.open()
    try {
      const [first, ...others] = this.#seats
      for (let attempt = 1; ; attempt++) {
        // With a shared port "in use" is no error: another program's clients would be divided between the two.
        this.#port = await freePort(hosts, port)
        const served = first && (await this.#seat(first))
        if (!served) throw new SidewireError('ERR_OPTION', 'there have to be workers')
        if ('port' in served) {
          await Promise.all(others.map((seat) => this.#seat(seat)))
          return served
        }
        if (port !== 0 || served.error.code !== 'ERR_LISTEN' || attempt === PORT_ATTEMPTS)
          throw errorOf(served.error)
      }
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /**
   * Lets all load the configuration again: all serve the new one, or none does.
   * @param options - what there is to see of it from here
   * @returns why none does
   */
  async reload(options: ServerOptions): Promise<string | undefined> {
    const generation = ++this.#generation
    const there = this.#seats.filter((seat) => seat.process)
    const answers = await Promise.all(
      there.map((seat) => this.#ask(seat, { type: 'prepare', generation }, 'prepared')),
    )
    const error = answers.map((answer) => answer?.error).find((text) => text !== undefined)
    if (error !== undefined) return textOf(error)
    if (generation !== this.#generation) return undefined
    await Promise.all(there.map((seat) => this.#ask(seat, { type: 'commit', generation }, 'committed')))
    this.#overview.update(resolveServerOptions(options))
    return undefined
  }

  /** One after the other is replaced by a new process; the port is served all the time. */
  async restart(): Promise<void> {
    for (const seat of this.#seats) {
      if (this.#isStopping) return
      const { process: before } = seat
      const served = await this.#seat(seat)
      if (!('port' in served)) {
        this.#plan.say(`worker ${seat.worker} was not restarted, the old one stays: ${textOf(served.error)}`)
        continue
      }
      this.#overview.leaving()
      if (before) await drain(before)
    }
  }

  /** Closes all in order. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const all = Object.values(cluster.workers ?? {}).flatMap((worker) => worker ?? [])
    for (const { timer } of this.#seats) clearTimeout(timer)
    await this.#overview.close()
    await Promise.all(all.map((worker) => drain(worker)))
    if (this.#hubPath !== undefined) await this.#hub.close()
    this.#hubPath = undefined
    this.#removeFolder()
  }

  /** Ends all at once. */
  kill(): void {
    this.#isStopping = true
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGKILL')
    this.#removeFolder()
  }

  #removeFolder(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
    this.#folder = undefined
  }

  async #openHub(): Promise<void> {
    if (process.platform === 'win32') this.#hubPath = `\\\\.\\pipe\\sidewire-${randomUUID()}`
    else {
      // Nobody else can enter it, and so nobody else publishes.
      this.#folder = mkdtempSync(join(tmpdir(), 'sidewire-'))
      this.#hubPath = join(this.#folder, 'hub')
    }
    await this.#hub.listen(this.#hubPath)
  }

  /** Starts a worker for it. */
  async #seat(seat: Seat): Promise<Served | Extract<FromWorker, { type: 'failed' }>> {
    const worker = cluster.fork()
    const peer: Peer = { send: (message) => void (worker.isConnected() && worker.send(message)) }
    // It may have died a moment before it is written to.
    worker.on('error', () => {})
    let failure: Extract<FromWorker, { type: 'failed' }> | undefined
    const started = now()
    return new Promise((resolve) => {
      worker.on('message', (message: FromWorker) => {
        for (const listener of this.#listeners) listener(worker, message)
        this.#overview.told(peer, message)
        if (message.type === 'ready') worker.send(this.#startOf(seat))
        if (message.type === 'failed') failure = message
        if (message.type !== 'listening') return
        Object.assign(seat, { process: worker, startedAt: started })
        this.#overview.joined(peer, seat.worker, message.runtimeDescription)
        resolve(message)
      })
      worker.on('exit', (code, signal) => {
        for (const listener of this.#listeners) listener(worker, undefined)
        this.#overview.left(peer)
        const message = `it ended with ${signal ? `the signal ${signal}` : `the code ${code}`}`
        resolve(failure ?? { type: 'failed', error: { message } })
        if (seat.process === worker) this.#died(seat, message)
      })
    })
  }

  #startOf({ worker }: Seat): ToWorker {
    const { job, workers } = this.#plan
    const [{ forwarded }, faultSeed] = [this.#overview, this.#faultSeed]
    return { type: 'start', job, worker, workers, port: this.#port, hub: this.#hubPath, forwarded, faultSeed }
  }

  #died(seat: Seat, why: string): void {
    seat.process = undefined
    if (this.#isStopping) return
    if (now() - seat.startedAt > HEALTHY_MS) seat.deaths = 0
    this.#again(seat, `worker ${seat.worker} is gone (${why})`)
  }

  #again(seat: Seat, what: string): void {
    const wait = BACKOFF_MS[Math.min(seat.deaths, BACKOFF_MS.length - 1)] ?? 0
    seat.deaths++
    this.#plan.say(`${what}; another one starts in ${wait / 1000} s`)
    seat.timer = setTimeout(() => void this.#reseat(seat), wait)
  }

  async #reseat(seat: Seat): Promise<void> {
    const served = await this.#seat(seat)
    if (!('port' in served) && !this.#isStopping)
      this.#again(seat, `worker ${seat.worker} did not start: ${textOf(served.error)}`)
  }

  /** @returns its answer; `undefined` if it died before */
  async #ask<T extends 'prepared' | 'committed'>(
    seat: Seat,
    message: Extract<ToWorker, { generation: number }>,
    type: T,
  ): Promise<Extract<FromWorker, { type: T }> | undefined> {
    const { process: asked } = seat
    if (!asked?.isConnected()) return undefined
    return new Promise((resolve) => {
      const listener = (worker: Worker, answer: FromWorker | undefined): void => {
        const isAnswer = answer?.type === type && answer.generation === message.generation
        if (worker !== asked || (answer && !isAnswer)) return
        this.#listeners.delete(listener)
        resolve(answer as Extract<FromWorker, { type: T }> | undefined)
      }
      this.#listeners.add(listener)
      asked.send(message)
    })
  }
}

async function drain(worker: Worker): Promise<void> {
  if (worker.isDead()) return
  const gone = new Promise<void>((resolve) => void worker.once('exit', () => resolve()))
  if (worker.isConnected()) worker.send({ type: 'drain' } satisfies ToWorker)
  await gone
}
