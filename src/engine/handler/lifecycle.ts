import type { UniversalApiWsHandler } from './handler.ts'
import type { HandlerService } from './handler-service.ts'
import type { Hooks } from './hooks.ts'
import { isPromiseLike } from '../promise.ts'

/** Why a handler goes out of service, for good. */
type End = 'closed' | 'removed'

/** One version of a handler, which has been told that it is in service. */
interface Term {
  readonly source: UniversalApiWsHandler
  readonly service: HandlerService
  isOver: boolean
}

/**
 * Tells the versions of one handler that they go into service and out of it, each both or neither. One hook at a time: an
 * async one is waited for, and a version that comes and goes meanwhile never hears of it.
 */
export class Lifecycle {
  readonly #hooks: Hooks
  readonly #serviceFor: (isOver: () => boolean) => HandlerService
  #current: Term | undefined
  #wanted: UniversalApiWsHandler | undefined
  #end: End = 'closed'
  /** What the last version has left to the next. */
  #handedOver: unknown
  #running: 'onStart' | 'onStop' | undefined
  #settled: Promise<void> | undefined

  /** @param serviceFor - makes what a version is told of, for as long as it is not over */
  constructor(hooks: Hooks, serviceFor: (isOver: () => boolean) => HandlerService) {
    this.#hooks = hooks
    this.#serviceFor = serviceFor
  }

  /** The hook that has not settled. */
  get running(): 'onStart' | 'onStop' | undefined {
    return this.#running
  }

  /** This version is in service from now on. The same object stays in it. */
  serve(source: UniversalApiWsHandler): void {
    this.#wanted = source
    this.#advance()
  }

  /** None is. Resolves when the last has been told. */
  async end(why: End): Promise<void> {
    if (this.#wanted) this.#end = why
    this.#wanted = undefined
    this.#advance()
    while (this.#settled) await this.#settled
  }

  #advance(): void {
    while (!this.#running && this.#current?.source !== this.#wanted) {
      const pending = this.#current ? this.#stop(this.#current) : this.#wanted && this.#start(this.#wanted)
      if (!pending) {
        this.#running = undefined
        continue
      }
      this.#settled = pending.then(() => {
        this.#running = undefined
        this.#settled = undefined
        this.#advance()
      })
    }
  }

  #start(source: UniversalApiWsHandler): Promise<void> | undefined {
    const term: Term = { source, service: this.#serviceFor(() => term.isOver), isOver: false }
    const handedOver = this.#handedOver
    this.#handedOver = undefined
    this.#current = term
    return this.#call('onStart', () => source.onStart?.(term.service, handedOver), noop)
  }

  #stop(term: Term): Promise<void> | undefined {
    const reason = this.#wanted ? 'replaced' : this.#end
    return this.#call(
      'onStop',
      () => term.source.onStop?.(term.service, { reason }),
      (left) => {
        term.isOver = true
        this.#current = undefined
        this.#handedOver = left
      },
    )
  }

  #call(
    hook: 'onStart' | 'onStop',
    run: () => unknown,
    done: (result?: unknown) => void,
  ): Promise<void> | undefined {
    this.#running = hook
    const failed = (thrown: unknown): void => {
      this.#hooks.failAlone(hook, thrown)
      done()
    }
    try {
      const result = run()
      if (isPromiseLike(result)) return Promise.resolve(result).then(done, failed)
      done(result)
    } catch (thrown) {
      failed(thrown)
    }
    return undefined
  }
}

function noop(): void {}
