import type { Connection, Service } from '../connection/connection.ts'
import type { Context } from '../context.ts'
import { LiveHandler } from './live-handler.ts'
import { Addresses } from '../handshake/addresses.ts'
import { nearestHandler } from '../handshake/nearest-handler.ts'
import type { ResolvedEngineOptions, ResolvedHandler } from './options.ts'
import { prefixTwice } from '../handshake/pattern-mistakes.ts'
import type { Route } from '../handshake/router.ts'
import { canonicalPath, prefixesOf, stripPrefix } from '../handshake/routing.ts'
import { samplesOf } from '../handshake/samples.ts'

/** `{name:expression}` */
const EXPRESSION = /\{[^{}]*:/

type HandlerOptions = Pick<ResolvedEngineOptions, 'handlers' | 'prefixes'>

/** The handlers in service, by pattern, in the order in which they are tried. */
export class LiveHandlers {
  readonly #context: Context
  #prefixes: readonly string[] = []
  #byPattern: ReadonlyMap<string, LiveHandler> = new Map()
  #addresses!: Addresses<LiveHandler>
  /** Those that a reload has removed, until they have been told. */
  readonly #retiring = new Set<LiveHandler>()
  #isRunning = false

  constructor(context: Context, options: HandlerOptions) {
    this.#context = context
    this.update(options)
  }

  /** Puts new versions into service. Connections of handlers that are gone are closed with 1001. */
  update({ handlers, prefixes }: HandlerOptions): void {
    const gone = new Map(this.#byPattern)
    const live = handlers.map((handler) => {
      const twice = handler.prefix ? prefixTwice(handler.pattern.source, prefixes) : undefined
      if (twice !== undefined) this.#context.logger.warn(twice)
      const before = gone.get(handler.pattern.source)
      if (!before) return new LiveHandler(this.#context, handler, this.#placeOf)
      gone.delete(handler.pattern.source)
      before.replace(handler)
      return before
    })
    this.#prefixes = prefixes
    this.#byPattern = new Map(live.map((each) => [each.handler.pattern.source, each]))
    this.#addresses = new Addresses(live, prefixes, handlerOf)
    for (const line of this.#hidden(live)) this.#context.logger.warn(line)
    for (const removed of gone.values()) void this.#retire(removed)
    // A hook may reload, too.
    for (const each of live) if (this.#isRunning && this.serves(each)) each.start()
  }

  /** The server listens: tells them, and from now on what a reload brings. */
  start(): void {
    this.#isRunning = true
    for (const live of this) live.start()
  }

  /** Resolves when none has a connection any more. */
  async empty(): Promise<void> {
    await Promise.all([...this, ...this.#retiring].map((live) => live.empty()))
  }

  /** The server closes. Resolves when all have been told. */
  async stop(): Promise<void> {
    this.#isRunning = false
    await Promise.all([
      ...Array.from(this, (live) => live.lifecycle.end('closed')),
      ...Array.from(this.#retiring, (live) => live.lifecycle.end('removed')),
    ])
  }

  /** The hooks that `stop` still waits for, as the log calls them. */
  get unsettled(): string[] {
    return [...this, ...this.#retiring].flatMap(({ handler, lifecycle }) =>
      lifecycle.running ? `${handler.pattern.source}: ${lifecycle.running}` : [],
    )
  }

  async #retire(live: LiveHandler): Promise<void> {
    this.#retiring.add(live)
    await live.retire()
    this.#retiring.delete(live)
  }

  /** Handlers that no client reaches. An expression in the one before may take the samples, and not all else. */
  *#hidden(live: readonly LiveHandler[]): Generator<string> {
    for (const { handler } of live) {
      const { source } = handler.pattern
      const samples = samplesOf(source).filter((path) => handler.pattern.match(path) !== undefined)
      const paths = prefixesOf(handler, this.#prefixes).flatMap((prefix) =>
        samples.map((path) => prefix + path),
      )
      const takers = paths.map((path) => this.find(path)?.target.handler.pattern.source)
      const taker = takers.find((pattern) => pattern !== source && !EXPRESSION.test(pattern ?? ''))
      if (taker === undefined || takers.includes(source)) continue
      yield `the handler "${source}" is never reached: "${taker}" stands before it, and takes its paths; put "${source}" first`
    }
  }

  get patterns(): string[] {
    return [...this.#byPattern.keys()]
  }

  get(pattern: string): LiveHandler | undefined {
    return this.#byPattern.get(pattern)
  }

  /** The handler for a path, prefix included, and what its pattern found there. */
  find(path: string): Route<LiveHandler> | undefined {
    return this.#addresses.find(path)
  }

  /**
   * One for all prefixes; a connection of before may have come by a prefix that is gone. Made here: a function that `update` makes
   * would keep all that it knows, the handlers that are gone among it.
   */
  readonly #placeOf = (path: string, { prefix }: ResolvedHandler): string =>
    canonicalPath((prefix ? stripPrefix(path, this.#prefixes) : undefined) ?? path)

  /** For a hint where there is none: see {@link nearestHandler}. */
  nearest(path: string): string | undefined {
    const handlers = Array.from(this, ({ handler }) => ({
      pattern: handler.pattern.source,
      prefixes: prefixesOf(handler, this.#prefixes),
    }))
    return nearestHandler(path, handlers)
  }

  /** Whether no reload has removed it. */
  serves(live: Service): boolean {
    return this.#byPattern.get(live.handler.pattern.source) === live
  }

  [Symbol.iterator](): Iterator<LiveHandler> {
    return this.#byPattern.values()
  }

  *connections(): Generator<Connection> {
    for (const live of this.#byPattern.values()) yield* live.connections()
  }
}

function handlerOf({ handler }: LiveHandler): ResolvedHandler {
  return handler
}
