import { clientsOf } from '../client.ts'
import { now } from '../clock.ts'
import type { LoadOptions } from '../options.ts'
import { Pacer } from '../pacer.ts'
import { openSocket, type Job } from '../scenario.ts'
import type { ClientSocketEvents, ClientSocketOptions } from '../../wire/client-socket.ts'
import { connectionPlan, openingsIn, type ConnectionEvent } from './connection-plan.ts'

/** A client whose connection is opened, and perhaps closed, while the load runs. */
export interface GrowingClient extends ClientSocketEvents {
  readonly isSettled: boolean
  /** Its connection is there: it may begin. */
  startLoop(): void
  /** Sends nothing more. */
  stop(): void
  /** Waits for nothing more. */
  end(): void
  close(): void
}

/** Connections of a worker that come and go, as the stages say. */
export class Growth<Client extends GrowingClient> {
  /** Those that are open. */
  readonly active: Client[] = []
  readonly #leaving = new Map<Client, number>()
  readonly #job: Job
  readonly #create: (index: number) => Client
  readonly #clientOf: () => ClientSocketOptions
  readonly #events: readonly ConnectionEvent[]
  readonly #clients = new Map<number, Client>()
  readonly #pacer: Pacer
  /** Of the events. */
  #next = 0
  #opening = 0
  readonly #timeout: number

  /** @param create - the client of a connection, by its number */
  constructor(job: Job, create: (index: number) => Client) {
    const { options, share } = job
    this.#timeout = options.timeout
    this.#job = job
    this.#create = create
    this.#clientOf = clientsOf(options)
    this.#events = connectionPlan(options.stages, options.connectRate).filter(
      ({ index }) => index % share.count === share.index,
    )
    this.#pacer = new Pacer(
      (n) => this.#events[n]?.at ?? Infinity,
      (n, due) => this.#handle(n, due),
      () => {},
    )
  }

  start(at: number): void {
    this.#pacer.start(at)
  }

  #handle(n: number, due: number): void {
    this.#next = n + 1
    const event = this.#events[n]
    if (event?.type === 'close') {
      const client = this.#clients.get(event.index)
      this.#clients.delete(event.index)
      if (client) this.#leave(client)
    } else if (event) void this.#open(event.index, due)
  }

  async #open(index: number, due: number): Promise<void> {
    const client = this.#create(index)
    this.#clients.set(index, client)
    this.#opening++
    const socket = await openSocket(this.#job, this.#clientOf(), client, due)
    this.#opening--
    // Its time may be over, before the server has answered.
    if (!socket || this.#leaving.has(client)) return
    this.active.push(client)
    client.startLoop()
  }

  /** Closes those whose time is over, and which have their replies. */
  sweep(): void {
    for (const [client, deadline] of this.#leaving) {
      if (!client.isSettled && now() < deadline) continue
      this.#leaving.delete(client)
      client.end()
      client.close()
    }
  }

  /** Opens nothing more; what is being opened still may be, see {@link isSettled}. */
  stop(): void {
    // The last ones are due at the very end.
    this.#pacer.stop((due) => this.#handle(this.#next, due))
  }

  get isSettled(): boolean {
    return this.#opening === 0
  }

  /** All that wait for something. */
  get waiting(): readonly Client[] {
    return [...this.active, ...this.#leaving.keys()]
  }

  #leave(client: Client): void {
    const at = this.active.indexOf(client)
    if (at !== -1) this.active.splice(at, 1)
    client.stop()
    this.#leaving.set(client, now() + this.#timeout)
  }
}

/** Whether connections come and go while the load runs, and how many there are in all. */
export function growthOf({
  stages,
  connectRate,
}: Pick<LoadOptions, 'stages' | 'connectRate'>): number | undefined {
  return stages[0]?.of === 'connections' ? openingsIn(connectionPlan(stages, connectRate)) : undefined
}
