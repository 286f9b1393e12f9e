import type { Context } from '../context.ts'
import { toError, type SidewireError } from '../errors.ts'
import type { FaultInfo } from './faults.ts'
import type { UniversalApiWsHandler } from './handler.ts'
import type { ResolvedHandler } from './options.ts'
import { isPromiseLike } from '../promise.ts'
import type { WebSocketConnection } from '../connection/websocket-connection.ts'

/** The hooks of a handler, isolated: what they throw, or reject with, ends neither their caller nor the process. */
export class Hooks {
  readonly #context: Context
  readonly #current: () => ResolvedHandler

  /** @param current - the handler, in the version that is in service */
  constructor(context: Context, current: () => ResolvedHandler) {
    this.#context = context
    this.#current = current
  }

  control(conn: WebSocketConnection, name: 'onPing' | 'onPong', payload: Buffer): void {
    this.start(conn, name, (source) => source[name]?.(conn, payload))
  }

  drained(conn: WebSocketConnection): void {
    this.start(conn, 'onDrain', (source) => source.onDrain?.(conn))
  }

  faulted(conn: WebSocketConnection, fault: FaultInfo): void {
    this.start(conn, 'onFault', (source) => source.onFault?.(conn, fault))
  }

  /** Waits for an async hook; a rejection is a failure of the hook. Never rejects. */
  watch(conn: WebSocketConnection, hook: string, result: PromiseLike<unknown>): Promise<void> {
    return Promise.resolve(result).then(noop, (thrown: unknown) => this.fail(conn, hook, thrown))
  }

  /** A hook threw or rejected. */
  fail(conn: WebSocketConnection, hook: string, thrown: unknown): void {
    this.#context.stats.handlerErrors++
    const error = toError(thrown)
    this.#tell(conn, hook, error)
    if (this.#current().source.onError) return this.#callOnError(conn, error)
    this.#context.logger.error(`${this.nameOf(conn)}: ${hook} failed: ${error.stack ?? error.message}`)
  }

  /** A hook that belongs to no connection threw or rejected. */
  failAlone(hook: string, thrown: unknown): void {
    this.#context.stats.handlerErrors++
    const error = toError(thrown)
    const { stack, message } = error
    this.#tell(undefined, hook, error)
    this.#context.logger.error(`${this.#current().pattern.source}: ${hook} failed: ${stack ?? message}`)
  }

  /**
   * Something happened to the connection that `onError` should know, and that no hook is to blame for.
   * @param warn - what is said where nobody wants to know
   */
  report(conn: WebSocketConnection, error: SidewireError, warn: (text: string) => void = this.#warn): void {
    this.#tell(conn, undefined, error)
    if (this.#current().source.onError) this.#callOnError(conn, error)
    else warn(`${this.nameOf(conn)}: ${error.message}`)
  }

  readonly #warn = (text: string): void => this.#context.logger.warn(text)

  #tell(conn: WebSocketConnection | undefined, hook: string | undefined, error: Error): void {
    this.#context.tap?.tell({ type: 'error', pattern: this.#current().pattern.source, conn, hook, error })
  }

  /** What the log calls a connection. */
  nameOf(conn: WebSocketConnection): string {
    return `${this.#current().pattern.source} (connection ${conn.id})`
  }

  /** Calls a hook that nothing waits for. */
  start(conn: WebSocketConnection, hook: string, call: (source: UniversalApiWsHandler) => unknown): void {
    try {
      const result = call(this.#current().source)
      if (isPromiseLike(result)) void this.watch(conn, hook, result)
    } catch (thrown) {
      this.fail(conn, hook, thrown)
    }
  }

  #callOnError(conn: WebSocketConnection, error: Error): void {
    const log = (thrown: unknown): void => {
      const failure = toError(thrown)
      const { stack, message } = failure
      this.#tell(conn, 'onError', failure)
      this.#context.logger.error(`${this.nameOf(conn)}: onError failed: ${stack ?? message}`)
    }
    try {
      const result = this.#current().source.onError?.(conn, error)
      if (isPromiseLike(result)) Promise.resolve(result).catch(log)
    } catch (thrown) {
      log(thrown)
    }
  }
}

function noop(): void {}
