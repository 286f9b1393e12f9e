import { hasToken } from '../control/access.ts'
import type { Clock } from '../engine/clock.ts'
import { textAnswer } from '../engine/handshake/handshake.ts'
import { pathOf, readHeaders } from '../engine/handshake/request.ts'
import type { ResolvedHandler } from '../engine/handler/options.ts'
import type { Inside } from '../engine/inside.ts'
import type { Logger } from '../engine/logger.ts'
import type { HttpAnswer, RawRequest } from '../engine/runtime.ts'
import type { BrokerStats, Stats } from '../engine/stats.ts'
import { collect, type HandlerFacts, type Parts } from './collect.ts'
import { EventLoop } from './event-loop.ts'
import { HandlerCounts } from './handler-counts.ts'
import { merge } from './merge.ts'
import { readProcess } from './process-facts.ts'
import type { Sample } from './sample.ts'
import { CONTENT_TYPE, toText } from './text.ts'

export interface MetricsOptions {
  readonly path: string
  /** `undefined`: whoever asks is answered. */
  readonly token: string | undefined
  /** Whether it keeps how long hooks take. */
  readonly hooks: boolean
}

/** What the server says of itself. */
export interface Served {
  /** Of this package. */
  version(): string
  readonly runtime: string
  readonly stats: Stats
  readonly logger: Logger
  handlers(): readonly ResolvedHandler[]
  /** Of the handler that is at a path, prefix included. */
  patternAt(path: string): string | undefined
  /** Of a server that shares its rooms with others. */
  broker?(): BrokerStats | undefined
}

/**
 * Whose samples an answer has: its own, and those of the processes that it serves with, which is for whoever starts them to
 * ask. What is gathered is merged.
 */
export type Gather = (own: () => Promise<Sample[]>) => Promise<readonly (readonly Sample[])[]>

/** Those whose failures count: an error in `onError` is only logged. */
const HOOKS = [
  'authenticate',
  'onStart',
  'onStop',
  'onConnect',
  'onMessage',
  'onUpstreamMessage',
  'onClose',
  'onRequest',
  'onPing',
  'onPong',
  'onDrain',
  'onFault',
] as const

const ONLY_OWN: Gather = async (own) => [await own()]

/** What a server tells Prometheus: see docs/guide/metrics.md. */
export class Metrics {
  readonly #inside: Inside
  readonly #served: Served
  readonly #options: MetricsOptions
  readonly #gather: Gather
  readonly #build: Parts['build']
  readonly #counts: HandlerCounts
  readonly #eventLoop: EventLoop
  readonly #stop: () => void

  constructor(
    inside: Inside,
    clock: Clock,
    served: Served,
    options: MetricsOptions,
    gather: Gather = ONLY_OWN,
  ) {
    this.#inside = inside
    this.#served = served
    this.#options = options
    this.#gather = gather
    const runtimeVersion = process.versions['bun'] ?? process.versions.node
    this.#build = { version: served.version(), runtime: served.runtime, runtimeVersion }
    this.#counts = new HandlerCounts(options.hooks)
    this.#eventLoop = new EventLoop(clock)
    this.#stop = inside.listen(this.#counts.listen)
  }

  close(): void {
    this.#stop()
    this.#eventLoop.stop()
  }

  /** Handlers go first: to be told at the start, and at each reload. */
  tellWhatHidesIt(): void {
    const { path } = this.#options
    const pattern = this.#served.patternAt(path)
    if (pattern !== undefined)
      this.#served.logger.warn(
        `the handler "${pattern}" has the path ${path}, so there are no metrics at it: set metrics: { path }; see docs/guide/metrics.md`,
      )
  }

  /** Its own. */
  async samples(): Promise<Sample[]> {
    // First: what is behind it happens in one turn, and so the numbers agree with each other.
    const facts = await readProcess()
    const { stats } = this.#served
    return collect({
      build: this.#build,
      handlers: this.#served.handlers().map(factsOf),
      stats,
      counts: this.#counts,
      rooms: this.#inside.holdings().rooms,
      backlogBytes: this.#inside.openConnections().reduce((sum, conn) => sum + conn.bufferedAmount, 0),
      eventLoop: this.#eventLoop,
      process: facts,
      broker: this.#served.broker?.(),
    })
  }

  /** `undefined`: the path is none of its. */
  answer(raw: RawRequest): HttpAnswer | Promise<HttpAnswer> | undefined {
    const { path, token } = this.#options
    if (pathOf(raw.url) !== path) return undefined
    if (raw.method !== 'GET' && raw.method !== 'HEAD')
      return textAnswer(405, `${path} takes GET and HEAD, not ${raw.method}`, { Allow: 'GET, HEAD' })
    if (token !== undefined && !hasToken(readHeaders(raw.rawHeaders).headers, token))
      return textAnswer(401, 'The token is missing or wrong: Authorization: Bearer <token>', {
        'WWW-Authenticate': 'Bearer',
      })
    return this.#answer()
  }

  async #answer(): Promise<HttpAnswer> {
    const body = toText(merge(await this.#gather(() => this.samples())))
    return { status: 200, headers: { 'Content-Type': CONTENT_TYPE, 'Cache-Control': 'no-store' }, body }
  }
}

function factsOf({ source, pattern }: ResolvedHandler): HandlerFacts {
  return { pattern: pattern.source, hooks: HOOKS.filter((hook) => typeof source[hook] === 'function') }
}
