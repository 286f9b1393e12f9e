import type { Context } from '../context.ts'
import type { LiveHandler } from '../handler/live-handler.ts'
import type { LiveHandlers } from '../handler/live-handlers.ts'
import type { ResolvedEngineOptions } from '../handler/options.ts'
import { isPromiseLike } from '../promise.ts'
import type { HttpAnswer, RawRequest } from '../runtime.ts'
import { GOING_AWAY } from './admission.ts'
import { MALFORMED_PATH, textAnswer } from './handshake.ts'
import { toHttpAnswer } from './request-answer.ts'
import { createHandshakeRequest, pathOf, readHeaders } from './request.ts'
import { Waiting } from './waiting.ts'

type RequestOptions = Pick<ResolvedEngineOptions, 'authenticateTimeout'>

const WEBSOCKET_ONLY = textAnswer(426, 'This path speaks WebSocket only', { Upgrade: 'websocket' })
const FAILED = textAnswer(500, 'The request failed')
const LATE = textAnswer(503, 'The answer took too long')

/** Plain HTTP on the paths of handlers: `onRequest`, and what is answered in its place. */
export class PlainRequests {
  readonly #context: Context
  readonly #handlers: LiveHandlers
  readonly #waiting: Waiting
  #options: RequestOptions
  #isStopped = false

  constructor(context: Context, handlers: LiveHandlers, options: RequestOptions) {
    this.#context = context
    this.#handlers = handlers
    this.#options = options
    this.#waiting = new Waiting(context.clock)
  }

  update(options: RequestOptions): void {
    this.#options = options
  }

  /** Refuses those that wait, and those that come. */
  stop(): void {
    this.#isStopped = true
    this.#waiting.stop()
  }

  /** `undefined` where no handler matches. The promise never rejects. */
  answer(raw: RawRequest): HttpAnswer | Promise<HttpAnswer> | undefined {
    const found = this.#handlers.find(pathOf(raw.url))
    if (!found) return undefined
    const { target: live, params } = found
    const { source } = live.handler
    if (!source.onRequest) return WEBSOCKET_ONLY
    if (this.#isStopped) return GOING_AWAY.answer
    if (params === 'malformed') return MALFORMED_PATH
    try {
      const result: unknown = source.onRequest(
        createHandshakeRequest(raw, params, readHeaders(raw.rawHeaders)),
      )
      return isPromiseLike(result) ? this.#answerInTime(live, result) : made(result)
    } catch (thrown) {
      return this.#fail(live, thrown)
    }
  }

  #answerInTime(live: LiveHandler, result: PromiseLike<unknown>): Promise<HttpAnswer> {
    const { authenticateTimeout } = this.#options
    return this.#waiting.settle<HttpAnswer, HttpAnswer>(
      Promise.resolve(result).then(made),
      {
        settled: (answer) => answer,
        failed: (thrown) => this.#fail(live, thrown),
        stopped: () => GOING_AWAY.answer,
        failedLate: (thrown) => live.hooks.failAlone('onRequest', thrown),
      },
      {
        limit: {
          ms: authenticateTimeout,
          late: () => {
            this.#context.logger.warn(
              `${live.handler.pattern.source}: onRequest did not answer within ${authenticateTimeout} ms (authenticateTimeout)`,
            )
            return LATE
          },
        },
      },
    )
  }

  #fail(live: LiveHandler, thrown: unknown): HttpAnswer {
    live.hooks.failAlone('onRequest', thrown)
    return FAILED
  }
}

function made(result: unknown): HttpAnswer {
  return result === undefined ? WEBSOCKET_ONLY : toHttpAnswer(result)
}
