import { GOING_AWAY, type Refusal } from './admission.ts'
import type { Context } from '../context.ts'
import type { Departure } from './departure.ts'
import type { LiveHandler } from '../handler/live-handler.ts'
import type { UpstreamOption } from '../handler/options.ts'
import { isPromiseLike } from '../promise.ts'
import type { Backend, DialOutcome } from '../upstream/backend.ts'
import { urlToShow, type ResolvedUpstream } from '../upstream/upstream.ts'
import { textAnswer } from './handshake.ts'
import type { HandshakeRequest } from './request.ts'
import { Waiting } from './waiting.ts'

/** What becomes of it: a backend, an answer that refuses the client, or neither, for a handler that answers itself. */
type Dialled =
  | { readonly backend: Backend | undefined; readonly refusal?: undefined }
  | { readonly refusal: Refusal }

const MOCKED: Dialled = { backend: undefined }
const STOPPED: Dialled = { refusal: GOING_AWAY }
/** Nobody reads it. */
const GONE: Dialled = refused(503, 'The client has left')

/** Handshakes whose handler asks a backend, before their own answer. */
export class Dials {
  readonly #context: Context
  readonly #waiting: Waiting
  /** The last failure of each handler, so that a client that tries again and again does not fill the log. */
  readonly #complaints = new WeakMap<LiveHandler, string>()
  #isStopped = false

  constructor(context: Context) {
    this.#context = context
    this.#waiting = new Waiting(context.clock)
  }

  get waiting(): number {
    return this.#waiting.size
  }

  stop(): void {
    this.#isStopped = true
    this.#waiting.stop()
  }

  /** @param timeout - milliseconds that a function which says where may take */
  async dial(
    live: LiveHandler,
    req: HandshakeRequest,
    client: Departure | undefined,
    timeout: number,
  ): Promise<Dialled> {
    const upstream = await this.#upstreamOf(live, req, timeout)
    if (upstream === undefined) return MOCKED
    if ('refusal' in upstream) return upstream
    try {
      const dial = await this.#context.loadDialler()
      if (this.#isStopped) return STOPPED
      const dialling = dial({
        upstream,
        req,
        pattern: live.handler.pattern.source,
        maxPayload: live.handler.maxPayload,
      })
      const cancel = (instead: Dialled): Dialled => {
        dialling.cancel()
        return instead
      }
      const late = (): Dialled => {
        const why = `no answer within ${upstream.connectTimeout} ms (connectTimeout)`
        this.#complain(live, `${urlToShow(upstream.url)}: ${why}`)
        return cancel(refused(504, `The backend did not answer: ${why}`))
      }
      return await this.#waiting.settle<DialOutcome, Dialled>(
        dialling.outcome,
        {
          settled: (made) => this.#settled(live, made),
          failed: (thrown) => this.#failed(live, thrown),
          stopped: () => cancel(STOPPED),
          failedLate: () => {},
        },
        {
          limit: { ms: upstream.connectTimeout, late },
          ...(client && { leaving: { client, gone: () => cancel(GONE) } }),
        },
      )
    } catch (thrown) {
      return this.#failed(live, thrown)
    }
  }

  /** What the option says, or the function that it is. */
  async #upstreamOf(
    live: LiveHandler,
    req: HandshakeRequest,
    timeout: number,
  ): Promise<ResolvedUpstream | undefined | { readonly refusal: Refusal }> {
    const { upstream } = live.handler
    if (typeof upstream !== 'function') return upstream
    try {
      const chosen = upstream(req)
      if (!isPromiseLike(chosen)) return chosen
      const late = (): Chosen => {
        this.#complain(
          live,
          `the function "upstream" did not answer within ${timeout} ms (authenticateTimeout)`,
        )
        return refused(503, 'Where to connect to took too long to find out')
      }
      return await this.#waiting.settle<Awaited<ReturnType<UpstreamFunction>>, Chosen>(
        chosen,
        {
          settled: (value) => value,
          failed: (thrown) => this.#failed(live, thrown),
          stopped: () => STOPPED as { readonly refusal: Refusal },
          failedLate: (thrown) => live.hooks.failAlone('upstream', thrown),
        },
        { limit: { ms: timeout, late } },
      )
    } catch (thrown) {
      return this.#failed(live, thrown)
    }
  }

  #settled(live: LiveHandler, outcome: DialOutcome): Dialled {
    if (outcome.backend) {
      this.#complaints.delete(live)
      return outcome
    }
    if (outcome.why !== undefined) this.#complain(live, outcome.why)
    return { refusal: { reason: 'upstream', answer: outcome.answer } }
  }

  /** The handler's own failure. */
  #failed(live: LiveHandler, thrown: unknown): { readonly refusal: Refusal } {
    live.hooks.failAlone('upstream', thrown)
    return refused(500, 'Where to connect to could not be found out')
  }

  #complain(live: LiveHandler, why: string): void {
    if (this.#complaints.get(live) === why) return
    this.#complaints.set(live, why)
    this.#context.logger.warn(`${live.handler.pattern.source}: no connection to the backend: ${why}`)
  }
}

type UpstreamFunction = Extract<UpstreamOption, (...args: never) => unknown>
type Chosen = ResolvedUpstream | undefined | { readonly refusal: Refusal }

function refused(status: number, body: string): { readonly refusal: Refusal } {
  return { refusal: { reason: 'upstream', answer: textAnswer(status, body) } }
}
