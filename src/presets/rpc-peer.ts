import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { isObject, wrong } from '../engine/handler/option-error.ts'

/** One client, as the methods of `jsonRpc` know it. */
export interface RpcClient {
  readonly conn: WebSocketConnection
  /** Tells the client something that it does not answer. */
  notify(method: string, params?: object): void
  /**
   * Asks the client. Rejects with an {@link RpcError} if that is the answer, with the reason of `signal`
   * (`AbortSignal.timeout(5000)`), or when the client goes.
   */
  request(method: string, params?: object, options?: RequestOptions): Promise<unknown>
}

interface RequestOptions {
  /** Ends the waiting; the client is not told. @defaultValue none */
  readonly signal?: AbortSignal
}

/** Written as a method, so that one with parameters of its own types fits. */
export type RpcMethod = {
  method(params: unknown, client: RpcClient): unknown
}['method']

export type RpcMethods = Readonly<Record<string, RpcMethod>>

/** @returns the method of that name, of the object or of its class; what every object has is none */
function methodOf(methods: RpcMethods, name: string): RpcMethod | undefined {
  for (
    let of: object | null = methods;
    of && of !== Object.prototype;
    of = Object.getPrototypeOf(of) as object
  ) {
    const { value } = Object.getOwnPropertyDescriptor(of, name) ?? {}
    if (value !== undefined && (of === methods || name !== 'constructor'))
      return typeof value === 'function' ? (value as RpcMethod) : undefined
  }
  return undefined
}

/** What the other side is told: thrown by a method here, or the answer to a request of ours. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number
  readonly data: unknown

  /**
   * @param code - -32768 to -32000 are the protocol's, the others yours
   * @throws `ERR_OPTION`
   */
  constructor(code: number, message: string, data?: unknown) {
    if (!Number.isInteger(code)) wrong('new RpcError() code', code, 'a whole number, such as -32602')
    if (typeof (message as unknown) !== 'string') wrong('new RpcError() message', message, 'a string')
    super(message)
    this.code = code
    this.data = data
  }
}

// JSON-RPC 2.0, section 5.1.
const PARSE_ERROR = new RpcError(-32_700, 'Parse error')
const INVALID_REQUEST = new RpcError(-32_600, 'Invalid Request')
const METHOD_NOT_FOUND = new RpcError(-32_601, 'Method not found')
const INTERNAL_ERROR = new RpcError(-32_603, 'Internal error')

type Id = string | number | null
type Message = Readonly<Record<string, unknown>>

interface Pending {
  resolve(result: unknown): void
  reject(reason: unknown): void
}

/** What has become of one message. */
interface Handled {
  /** JSON; `undefined` where nothing is answered. */
  readonly answer?: string
  /** A failure that is none of the client's business. */
  readonly fault?: unknown
}

/** What has been asked of one client, and has not been answered. */
interface Asked {
  lastId: number
  readonly pending: Map<unknown, Pending>
}

/**
 * By client, and not by peer: a client stays over a reload, so that ids have to go on, and what the version before has asked is
 * still answered.
 */
const askedOf = new WeakMap<WebSocketConnection, Asked>()

/** One end of a connection that speaks JSON-RPC 2.0, with the other. */
export class RpcPeer implements RpcClient {
  readonly conn: WebSocketConnection
  readonly #methods: RpcMethods
  readonly #asked: Asked

  constructor(conn: WebSocketConnection, methods: RpcMethods) {
    this.conn = conn
    this.#methods = methods
    this.#asked = askedOf.get(conn) ?? { lastId: 0, pending: new Map() }
    askedOf.set(conn, this.#asked)
  }

  notify(method: string, params?: object): void {
    this.conn.send({ jsonrpc: '2.0', method, params })
  }

  async request(method: string, params?: object, options: RequestOptions = {}): Promise<unknown> {
    const { signal } = options
    signal?.throwIfAborted()
    if (this.conn.closed) throw gone()
    const id = ++this.#asked.lastId
    const abort = (): void => this.#take(id)?.reject(signal?.reason)
    signal?.addEventListener('abort', abort)
    try {
      return await new Promise((resolve, reject) => {
        this.#asked.pending.set(id, { resolve, reject })
        this.conn.send({ jsonrpc: '2.0', id, method, params })
      })
    } finally {
      this.#asked.pending.delete(id)
      signal?.removeEventListener('abort', abort)
    }
  }

  /** The client has gone. */
  end(): void {
    for (const id of [...this.#asked.pending.keys()]) this.#take(id)?.reject(gone())
  }

  /** Rejects with the first failure that is none of the client's business, when all has been answered. */
  async receive(text: string): Promise<void> {
    let message: unknown
    try {
      message = JSON.parse(text)
    } catch {
      return void this.conn.send(failure(null, PARSE_ERROR))
    }
    const isBatch = Array.isArray(message) && message.length > 0
    const all = isBatch ? (message as unknown[]) : [message]
    const handled = await Promise.all(all.map((each) => this.#handle(each)))
    const answers = handled.flatMap(({ answer }) => answer ?? [])
    if (answers.length > 0) this.conn.send(isBatch ? `[${answers.join(',')}]` : answers.join(''))
    const failed = handled.find((each) => 'fault' in each)
    if (failed) throw failed.fault
  }

  async #handle(message: unknown): Promise<Handled> {
    if (!isObject(message) || message['jsonrpc'] !== '2.0') return { answer: failure(null, INVALID_REQUEST) }
    if (!('method' in message) && ('result' in message || 'error' in message)) {
      this.#settle(message)
      return {}
    }
    const { method, params, id } = message
    if (!isId(id)) return { answer: failure(null, INVALID_REQUEST) }
    if (typeof method !== 'string' || !isParams(params))
      return { answer: failure(id ?? null, INVALID_REQUEST) }
    const made = await this.#call(method, params, id ?? null)
    // Without an id it is a notification, and those are never answered (section 4.1).
    return id === undefined && made.answer !== undefined ? withoutAnswer(made) : made
  }

  async #call(method: string, params: unknown, id: Id): Promise<Handled> {
    const call = methodOf(this.#methods, method)
    if (!call) return { answer: failure(id, METHOD_NOT_FOUND) }
    try {
      const result: unknown = await call.call(this.#methods, params, this)
      const json = JSON.stringify(result === undefined ? null : result) as string | undefined
      if (json === undefined) throw new TypeError(`${method}() returned what JSON has no form for`)
      return { answer: `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${json}}` }
    } catch (error) {
      return isForClient(error)
        ? { answer: failure(id, error) }
        : { answer: failure(id, INTERNAL_ERROR), fault: error }
    }
  }

  /** An answer to a request of ours; one that nobody waits for may be late. */
  #settle({ id, result, error }: Message): void {
    const pending = this.#take(id)
    if (!isObject(error)) return pending?.resolve(result)
    // What the client says may have any form.
    const { code, message, data } = error
    pending?.reject(
      new RpcError(Number.isInteger(code) ? (code as number) : INTERNAL_ERROR.code, String(message), data),
    )
  }

  #take(id: unknown): Pending | undefined {
    const pending = this.#asked.pending.get(id)
    this.#asked.pending.delete(id)
    return pending
  }
}

function isId(id: unknown): id is Id | undefined {
  return id === undefined || id === null || typeof id === 'string' || typeof id === 'number'
}

function isParams(params: unknown): boolean {
  return params === undefined || (typeof params === 'object' && params !== null)
}

/** Others have codes, too, which mean something else: those of the system, of a `DOMException`, of an answer to `fetch`. */
function isForClient(error: unknown): error is RpcError {
  return error instanceof RpcError
}

function failure(id: Id, { code, message, data }: RpcError): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, data } })
}

function withoutAnswer(handled: Handled): Handled {
  return 'fault' in handled ? { fault: handled.fault } : {}
}

function gone(): Error {
  return new Error('the client has gone, and has not answered')
}
