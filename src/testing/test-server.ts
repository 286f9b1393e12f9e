import { systemClock } from '../engine/clock.ts'
import { CloseCode } from '../engine/close.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { PublishOptions } from '../engine/rooms/broadcast-options.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { ServerOptions } from '../engine/handler/options.ts'
import { textAnswer } from '../engine/handshake/handshake.ts'
import { pathOf } from '../engine/handshake/request.ts'
import { compilePattern, type Pattern as PathPattern } from '../engine/handshake/routing.ts'
import { INSIDE, type WithInside } from '../engine/inside.ts'
import type { Stats } from '../engine/stats.ts'
import { setImmediate } from '../engine/timers.ts'
import type { TapEvent } from '../engine/tap.ts'
import { startServer, type Server } from '../server/server.ts'
import { Barrier } from './barrier.ts'
import { describeEntry, ExpectationError, show, tail } from './failure.ts'
import { Journal, type Closed, type Entry } from './journal.ts'
import { Wait, type Expecting } from './messages.ts'
import {
  inWordsOfTheKit,
  resolveRefusal,
  resolveTestServerOptions,
  type Refusal,
  type TestServerOptions,
} from './options.ts'
import { ServerSide, type TestConnection } from './test-connection.ts'
import { VirtualClock, type TestClock } from './virtual-clock.ts'

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
  /** Resolves when what was sent, in both directions, has arrived, and what was answered to it, too. */
  settled(): Promise<void>
  /** @throws if a hook has failed; with `strict`, if nothing took a message */
  verify(): void
  /** As new: connections are closed, the journal and what `use` and `refuse` did is gone; the port stays. */
  reset(): Promise<void>
  /** Closes all. `await using` does it, and `verify()` then. Idempotent. */
  close(): Promise<void>
}

/** A message that is on its way through the hooks; `matched` is known later. */
type OpenEntry = { -readonly [Key in keyof Entry]: Entry[Key] }

interface Refusing {
  readonly pattern: PathPattern
  readonly status: number
  readonly delay: number
  left: number
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
  readonly #strict: boolean
  readonly #journal = new Journal()
  readonly #barrier: Barrier
  readonly #start: number
  #used: readonly UniversalApiWsHandler[] = []
  #refusing: Refusing[] = []
  #connections: ServerSide[] = []
  readonly #byConn = new Map<WebSocketConnection, ServerSide>()
  /** Given out by `connection()`. */
  readonly #known = new Set<ServerSide>()
  readonly #unhandled = new Map<number, OpenEntry>()
  #failures: Error[] = []
  /** Of before a `reset`: a hook of theirs that ends late is no business of the next test. */
  readonly #past = new WeakSet<WebSocketConnection>()
  readonly #waiting = new Set<() => void>()
  /** Ends of refusals whose `delay` is not over. */
  readonly #held = new Set<() => void>()
  #closing: Promise<void> | undefined

  static async start(given: readonly UniversalApiWsHandler[] | TestServerOptions): Promise<LocalTestServer> {
    const { handlers, clock, timeout, strict, serverOptions } = resolveTestServerOptions(given)
    let started: LocalTestServer | undefined
    const virtual = clock === 'virtual' ? new VirtualClock(async () => started?.settled()) : undefined
    const server = await startServer({ ...serverOptions, wsHandlers: [...handlers] }, virtual).catch(
      (error: unknown) => {
        throw inWordsOfTheKit(error)
      },
    )
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
    this.#strict = strict
    this.#start = (virtual ?? systemClock).now()
    this.clock = virtual ?? new RealClock(this.#start)
    this.#barrier = new Barrier(timeout)
    server[INSIDE].listen((event) => this.#happened(event))
    server[INSIDE].isOwnPong = (payload) => Barrier.isAnswer(payload)
    server[INSIDE].gate = (req) => this.#gate(pathOf(req.url))
  }

  get origin(): string {
    return this.#server.url
  }

  get port(): number {
    return this.#server.port
  }

  get journal(): readonly Entry[] {
    return this.#journal.entries
  }

  get connections(): readonly TestConnection[] {
    return [...this.#connections]
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
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            this.#waiting.delete(wake)
            resolve()
          }
          this.#waiting.add(wake)
          wait.whenOver(wake)
        })
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
    const { times, status, delay } = resolveRefusal(pattern, refusal)
    this.#refusing.push({ pattern: compilePattern(pattern), status, delay, left: times })
  }

  settled(): Promise<void> {
    return this.#barrier.settled(
      () => this.#connections.filter((each) => each.isOpen).map(({ conn }) => conn),
      () => this.#journal.count,
    )
  }

  verify(): void {
    const [first] = this.#failures
    if (first === undefined) return
    const more = this.#failures.length - 1
    const lines = [first.message, ...(more > 0 ? [`  and ${more} more`] : []), ...tail(this.#journal)]
    throw new ExpectationError(lines.join('\n'), undefined, undefined, { cause: first.cause })
  }

  async reset(): Promise<void> {
    this.#refusing = []
    this.#serve([])
    await this.#refuseHeld()
    await this.#endAll()
    for (const { conn } of this.#connections) this.#past.add(conn)
    this.#connections = []
    this.#byConn.clear()
    this.#known.clear()
    this.#unhandled.clear()
    this.#failures = []
    this.#journal.clear()
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
    this.verify()
  }

  async #close(): Promise<void> {
    this.#refusing = []
    await this.#refuseHeld()
    this.#virtual?.goReal()
    await this.#endAll()
    await this.#server.close()
  }

  /** What a client has not answered after a moment is cut: a test that is over waits for nobody. */
  async #endAll(): Promise<void> {
    const open = this.#connections.filter((each) => each.isOpen)
    if (open.length === 0) return
    for (const { conn } of open) conn.close(CloseCode.GoingAway, 'The test is over')
    const gone = Promise.all(open.map(({ closed }) => closed))
    const timer = systemClock.after(PATIENCE_MS, () => {
      for (const each of open) if (each.isOpen) each.drop()
    })
    await gone
    timer.cancel()
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

  async #gate(path: string): Promise<ReturnType<typeof textAnswer> | undefined> {
    const refusing = this.#refusing.find(({ pattern, left }) => left > 0 && pattern.match(path) !== undefined)
    if (!refusing) return undefined
    refusing.left--
    const { status, delay } = refusing
    if (delay > 0) await this.#hold(delay)
    return textAnswer(status, 'Refused by the test')
  }

  #hold(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel()
        this.#held.delete(done)
        resolve()
      }
      const timer = (this.#virtual ?? systemClock).after(delay, done)
      this.#held.add(done)
    })
  }

  /** A test that is over waits for no refusal: they are given now. */
  async #refuseHeld(): Promise<void> {
    if (this.#held.size === 0) return
    for (const done of [...this.#held]) done()
    await new Promise(setImmediate)
  }

  #find(path: string | undefined, n: number | undefined): ServerSide | undefined {
    const onPath = this.#connections.filter((each) => path === undefined || each.path === path)
    return n === undefined ? onPath.find((each) => !this.#known.has(each)) : onPath[n - 1]
  }

  #noConnection(path: string | undefined, n: number | undefined, timeout: number): ExpectationError {
    const which = n === undefined ? 'no further connection' : `no connection ${n}`
    const where = path === undefined ? '' : ` on ${show(path)}`
    const paths = this.#connections.map((each) => each.path)
    const others = paths.length > 0 ? [`  there were: ${paths.join(', ')}`] : []
    const text = `${which}${where} within ${timeout} ms`
    return new ExpectationError([text, ...others, ...tail(this.#journal)].join('\n'))
  }

  #happened(event: TapEvent): void {
    if ('conn' in event && event.conn && this.#past.has(event.conn)) return
    const at = event.at - this.#start
    switch (event.type) {
      case 'open': {
        const context = { timeout: this.#timeout, journal: this.#journal, settled: () => this.settled() }
        const side = new ServerSide(this.#connections.length + 1, event.conn, context)
        this.#connections.push(side)
        this.#byConn.set(event.conn, side)
        this.#journal.add({ at, kind: 'connect', connection: side.n, path: side.path })
        return this.#wake()
      }
      case 'refused': {
        const path = pathOf(event.url ?? '')
        const { answer, close } = event
        this.#journal.add({
          at,
          kind: 'refused',
          connection: 0,
          path,
          ...(answer && { status: answer.status }),
          ...(close && { close: closedWith(close.code, close.reason) }),
        })
        return undefined
      }
      case 'message': {
        const [data, raw] = [this.#read(event.pattern, event.payload), event.payload]
        const side = this.#byConn.get(event.conn)
        const entry: OpenEntry = {
          at,
          kind: 'in',
          connection: side?.n ?? 0,
          path: event.conn.path,
          data,
          raw,
        }
        this.#journal.add(entry)
        this.#unhandled.set(event.n, entry)
        side?.received.push(data)
        return undefined
      }
      case 'handled': {
        const entry = this.#unhandled.get(event.message)
        this.#unhandled.delete(event.message)
        if (event.by !== undefined && entry) entry.matched = event.by
        if (event.by === undefined && this.#strict && entry)
          this.#failures.push(new Error(`nothing took a message: ${describeEntry(entry)}`))
        return undefined
      }
      case 'sent': {
        const [data, raw] = [this.#read(event.pattern, event.payload), event.payload]
        const side = this.#byConn.get(event.conn)
        this.#journal.add({ at, kind: 'out', connection: side?.n ?? 0, path: event.conn.path, data, raw })
        side?.sent.push(data)
        return undefined
      }
      case 'broadcast': {
        const [data, raw] = [this.#read(event.pattern, event.payload), event.payload]
        const sides = [...event.audience()].flatMap((conn) => this.#byConn.get(conn) ?? [])
        for (const side of sides) side.sent.push(data)
        const connection = (event.from && this.#byConn.get(event.from)?.n) ?? 0
        const receivers = sides.map(({ n }) => n)
        this.#journal.add({ at, kind: 'broadcast', connection, path: event.pattern, data, raw, receivers })
        return undefined
      }
      case 'close': {
        const side = this.#byConn.get(event.conn)
        const close = closedWith(event.code, event.reason)
        this.#journal.add({ at, kind: 'close', connection: side?.n ?? 0, path: event.conn.path, close })
        side?.ended(close)
        return undefined
      }
      case 'error': {
        const { conn, error, hook, pattern } = event
        const connection = (conn && this.#byConn.get(conn)?.n) ?? 0
        this.#journal.add({ at, kind: 'error', connection, path: conn?.path ?? pattern, error })
        if (hook !== undefined)
          this.#failures.push(new Error(`${pattern}: ${hook} failed: ${error.message}`, { cause: error }))
        return undefined
      }
      case 'pong':
        return this.#barrier.answered(event.conn, event.payload)
      case 'ping':
      case 'join':
      case 'leave':
      default:
        return undefined
    }
  }

  #read(pattern: string, payload: string | Uint8Array): unknown {
    try {
      return this.#server[INSIDE].decode(pattern, payload)
    } catch {
      return payload
    }
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake()
  }
}

/** How long a client may take to answer a close frame at the end of a test. */
const PATIENCE_MS = 250

class RealClock implements TestClock {
  readonly #start: number

  constructor(start: number) {
    this.#start = start
  }

  now(): number {
    return systemClock.now() - this.#start
  }

  async advance(): Promise<void> {
    throw new Error(
      `advance(): this server's clock is real; createTestServer({ clock: 'virtual' }) makes one that goes by itself`,
    )
  }

  async runAll(): Promise<void> {
    throw new Error(
      `runAll(): this server's clock is real; createTestServer({ clock: 'virtual' }) makes one that goes by itself`,
    )
  }
}

/** As handlers are compared; what is no handler is refused by the server, which says so. */
function patternOf(handler: UniversalApiWsHandler): unknown {
  const pattern: unknown = (handler as UniversalApiWsHandler | undefined)?.pattern
  return typeof pattern === 'string' ? `/${pattern.replace(/^\//, '')}` : undefined
}

function closedWith(code: number, reason: string): Closed {
  return { code, reason, wasClean: code !== CloseCode.AbnormalClosure }
}
