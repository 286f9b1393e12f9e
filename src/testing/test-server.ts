import { systemClock } from '../engine/clock.ts'
import { CloseCode } from '../engine/close.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { PublishOptions } from '../engine/rooms/broadcast-options.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { ServerOptions } from '../engine/handler/options.ts'
import { INSIDE, type WithInside } from '../engine/inside.ts'
import type { Stats } from '../engine/stats.ts'
import type { FaultsOf } from '../engine/handler/faults.ts'
import {
  startServer,
  type DisconnectOptions,
  type FaultHandle,
  type FaultOptions,
  type Server,
} from '../server/server.ts'
import { Barrier } from './barrier.ts'
import { ExpectationError, show, tail } from './failure.ts'
import type { Entry } from './journal.ts'
import { inWordsOfTheKit, resolveTestServerOptions, type Refusal, type TestServerOptions } from './options.ts'
import { Refusals } from './refusals.ts'
import { ServerSide, type TestConnection } from './test-connection.ts'
import { RealClock, VirtualClock, type TestClock } from './virtual-clock.ts'
import { Wait, Waiting, type Expecting } from './wait.ts'
import { Witness } from './witness.ts'

/** Which connection is waited for. */
export interface Which extends Expecting {
  /** Without the query. */
  path?: string
  /** The n-th on that path, from 1. Without it, the next that was not given out yet. */
  n?: number
}

/** A real server, in the hands of a test. */
export interface TestServer extends AsyncDisposable {
  /** `ws://127.0.0.1:<port>` */
  readonly origin: string
  readonly port: number
  /** The origin and a path, for the client. */
  url(path?: string): string
  readonly clock: TestClock
  /** What happened, the latest last: the last 10,000. */
  readonly journal: readonly Entry[]
  /** In the order of accept; those that are gone stay until `reset()`. */
  readonly connections: readonly TestConnection[]
  /** The connection that a client has opened, or opens in time. @throws if none does */
  connection(which?: Which): Promise<TestConnection>
  /** As `Server.publish`. */
  publish(pattern: string, data: unknown, options?: PublishOptions): void
  stats(): Stats
  /**
   * Handlers in front of the others, until `reset()`; one with the pattern of another stands in its place.
   * @throws as `createServer` does; nothing is changed then
   */
  use(...handlers: UniversalApiWsHandler[]): void
  /** Refuses handshakes whose whole path matches, until `reset()`. @throws `ERR_OPTION`, `ERR_PATTERN` */
  refuse(pattern: string, refusal?: Refusal): void
  /** As `Server.setFaults`, until `reset()` at the latest. @throws `ERR_OPTION`, `ERR_UNKNOWN_HANDLER` */
  setFaults(pattern: string, faults: FaultsOf, options?: FaultOptions): FaultHandle
  /** As `Server.disconnect`. @returns how many @throws `ERR_UNKNOWN_HANDLER`, `ERR_CLOSE_CODE` */
  disconnect(pattern: string, options?: DisconnectOptions): number
  /** Resolves when what was sent, in both directions, has arrived, and what was answered to it, too. */
  settled(): Promise<void>
  /** @throws if a hook has failed; with `strict`, if nothing took a message */
  verify(): void
  /** As new: connections are closed, the journal, what scenarios share, and what `use`, `refuse` and `setFaults` did is gone; the port stays. */
  reset(): Promise<void>
  /** Closes all. `await using` does it, and `verify()` then. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts a server on a free port, in this process: `await using server = await createTestServer([{ pattern: '/chat' }])`.
 * @throws as `createServer` does; nothing is left half-started
 */
export async function createTestServer(
  handlers: readonly UniversalApiWsHandler[] | TestServerOptions = [],
): Promise<TestServer> {
  return LocalTestServer.start(handlers)
}

class LocalTestServer implements TestServer {
  readonly clock: TestClock
  readonly #server: Server & WithInside
  readonly #virtual: VirtualClock | undefined
  readonly #options: ServerOptions
  readonly #handlers: readonly UniversalApiWsHandler[]
  readonly #timeout: number
  readonly #witness: Witness
  readonly #barrier: Barrier
  readonly #refusals: Refusals
  #used: readonly UniversalApiWsHandler[] = []
  /** Given out by `connection()`. */
  readonly #known = new Set<ServerSide>()
  readonly #waiting = new Waiting()
  #closing: Promise<void> | undefined

  static async start(given: readonly UniversalApiWsHandler[] | TestServerOptions): Promise<LocalTestServer> {
    const { handlers, clock, timeout, strict, serverOptions } = resolveTestServerOptions(given)
    let started: LocalTestServer | undefined
    const virtual = clock === 'virtual' ? new VirtualClock(async () => started?.settled()) : undefined
    const server = await startServer(
      { ...serverOptions, wsHandlers: [...handlers] },
      { clock: virtual },
    ).catch((error: unknown) => {
      throw inWordsOfTheKit(error)
    })
    started = new LocalTestServer(
      server as Server & WithInside,
      serverOptions,
      handlers,
      virtual,
      timeout,
      strict,
    )
    return started
  }

  private constructor(
    server: Server & WithInside,
    options: ServerOptions,
    handlers: readonly UniversalApiWsHandler[],
    virtual: VirtualClock | undefined,
    timeout: number,
    strict: boolean,
  ) {
    this.#server = server
    this.#options = options
    this.#handlers = handlers
    this.#virtual = virtual
    this.#timeout = timeout
    const clockOfEngine = virtual ?? systemClock
    const start = clockOfEngine.now()
    this.clock = virtual ?? new RealClock(start)
    this.#barrier = new Barrier(timeout)
    this.#refusals = new Refusals(server)
    const inside = server[INSIDE]
    this.#witness = new Witness(
      {
        opened: (n, conn) => this.#opened(n, conn),
        listed: () => this.#waiting.wake(),
        pong: (conn, payload) => this.#barrier.answered(conn, payload),
      },
      inside,
      start,
      strict,
    )
    inside.listen(this.#witness.listen)
    inside.isOwnPong = (payload) => Barrier.isAnswer(payload)
  }

  get origin(): string {
    return this.#server.url
  }

  get port(): number {
    return this.#server.port
  }

  get journal(): readonly Entry[] {
    return this.#witness.journal.entries
  }

  get connections(): readonly TestConnection[] {
    return [...this.#witness.connections]
  }

  url(path = ''): string {
    return this.origin + (path === '' || path.startsWith('/') ? path : `/${path}`)
  }

  publish(pattern: string, data: unknown, options?: PublishOptions): void {
    this.#server.publish(pattern, data, options)
  }

  stats(): Stats {
    return this.#server.stats()
  }

  async connection({ path, n, timeout = this.#timeout, signal }: Which = {}): Promise<TestConnection> {
    const wait = new Wait(timeout, signal, 'timeout')
    try {
      for (;;) {
        const found = this.#find(path, n)
        if (found) {
          this.#known.add(found)
          return found
        }
        if (wait.aborted) throw wait.aborted.reason
        if (wait.isOver) throw this.#noConnection(path, n, timeout)
        await this.#waiting.until(wait)
      }
    } finally {
      wait.end()
    }
  }

  use(...handlers: UniversalApiWsHandler[]): void {
    const patterns = handlers.map(patternOf)
    this.#serve([...handlers, ...this.#used.filter((each) => !patterns.includes(patternOf(each)))])
  }

  refuse(pattern: string, refusal: Refusal = {}): void {
    this.#refusals.add(pattern, refusal)
  }

  setFaults(pattern: string, faults: FaultsOf, options?: FaultOptions): FaultHandle {
    return this.#server.setFaults(pattern, faults, options)
  }

  disconnect(pattern: string, options?: DisconnectOptions): number {
    return this.#server.disconnect(pattern, options)
  }

  settled(): Promise<void> {
    return this.#barrier.settled(
      () => this.#witness.open.map(({ conn }) => conn),
      () => this.#witness.journal.count,
    )
  }

  verify(): void {
    const { failures, journal } = this.#witness
    const [first] = failures
    if (first === undefined) return
    const more = failures.length - 1
    const lines = [first.message, ...(more > 0 ? [`  and ${more} more`] : []), ...tail(journal)]
    throw new ExpectationError(lines.join('\n'), undefined, undefined, { cause: first.cause })
  }

  async reset(): Promise<void> {
    // Before the handlers of `use` go: nothing holds up the end of their connections.
    await this.#refusals.clear()
    this.#server.resetFaults()
    this.#serve([])
    await this.#endAll()
    this.#forgetScenarios()
    this.#witness.forget()
    this.#known.clear()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
    this.verify()
  }

  async #close(): Promise<void> {
    await this.#refusals.clear()
    this.#server.resetFaults()
    this.#virtual?.goReal()
    await this.#endAll()
    await this.#server.close()
  }

  /** What a client has not answered after a moment is cut: a test that is over waits for nobody. */
  async #endAll(): Promise<void> {
    const { open } = this.#witness
    if (open.length === 0) return
    for (const { conn } of open) conn.close(CloseCode.GoingAway, 'The test is over')
    const gone = Promise.all(open.map(({ closed }) => closed))
    const timer = systemClock.after(PATIENCE_MS, () => {
      for (const each of open) if (each.isOpen) each.drop()
    })
    await gone
    timer.cancel()
  }

  /** A reload keeps what a scenario shares and counts, so that one leaves, and comes back. */
  #forgetScenarios(): void {
    const others = this.#handlers.filter(({ scenario }) => scenario === undefined)
    if (others.length === this.#handlers.length) return
    this.#server.reload({ ...this.#options, wsHandlers: others })
    this.#serve([])
  }

  #serve(used: readonly UniversalApiWsHandler[]): void {
    const patterns = used.map(patternOf)
    const wsHandlers = [...used, ...this.#handlers.filter((each) => !patterns.includes(patternOf(each)))]
    try {
      this.#server.reload({ ...this.#options, wsHandlers })
    } catch (error) {
      throw inWordsOfTheKit(error)
    }
    this.#used = used
  }

  #find(path: string | undefined, n: number | undefined): ServerSide | undefined {
    const onPath = this.#witness.connections.filter((each) => path === undefined || each.path === path)
    return n === undefined ? onPath.find((each) => !this.#known.has(each)) : onPath[n - 1]
  }

  #noConnection(path: string | undefined, n: number | undefined, timeout: number): ExpectationError {
    const which = n === undefined ? 'no further connection' : `no connection ${n}`
    const where = path === undefined ? '' : ` on ${show(path)}`
    const { connections, journal } = this.#witness
    const paths = connections.map((each) => each.path)
    const others = paths.length > 0 ? [`  there were: ${paths.join(', ')}`] : []
    const text = `${which}${where} within ${timeout} ms`
    return new ExpectationError([text, ...others, ...tail(journal)].join('\n'))
  }

  #opened(n: number, conn: WebSocketConnection): ServerSide {
    const { journal } = this.#witness
    return new ServerSide(n, conn, { timeout: this.#timeout, journal, settled: () => this.settled() })
  }
}

/** How long a client may take to answer a close frame at the end of a test. */
const PATIENCE_MS = 250

/** As handlers are compared; what is no handler is refused by the server, which says so. */
function patternOf(handler: UniversalApiWsHandler): unknown {
  const pattern: unknown = (handler as UniversalApiWsHandler | undefined)?.pattern
  return typeof pattern === 'string' ? `/${pattern.replace(/^\//, '')}` : undefined
}
