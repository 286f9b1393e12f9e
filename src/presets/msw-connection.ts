import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'

// The two ends of a connection as MSW shows them to its handlers: `client`, and `server` for the real one behind it.

export interface MswConnection {
  readonly client: MswClient
  readonly server: MswServer
  readonly info: { readonly protocols: readonly string[] }
}

type Listener = (event: Event) => unknown

/** An `EventTarget` whose listeners may fail: Node ends the process for one that does, and the engine does not. */
class Target extends EventTarget {
  readonly #attempts = new Map<Listener, Listener>()
  #made: Promise<unknown>[] = []

  override addEventListener(
    type: string,
    listener: Listener,
    options?: AddEventListenerOptions | boolean,
  ): void {
    const attempt = (event: Event): void => {
      this.#made.push(new Promise((resolve) => resolve(listener.call(this, event))))
    }
    const known = this.#attempts.get(listener) ?? attempt
    this.#attempts.set(listener, known)
    super.addEventListener(type, known, options)
  }

  override removeEventListener(
    type: string,
    listener: Listener,
    options?: EventListenerOptions | boolean,
  ): void {
    super.removeEventListener(type, this.#attempts.get(listener) ?? listener, options)
  }

  /** Resolves when all listeners have settled, rejects with what the first that fails has thrown. */
  protected async tell(event: Event): Promise<void> {
    this.#made = []
    this.dispatchEvent(event)
    await Promise.all(this.#made)
  }

  /** @returns whether nobody has prevented that it is passed on */
  async receive(data: string | Buffer): Promise<boolean> {
    const event = new Message(asInBrowsers(data))
    await this.tell(event)
    return !event.defaultPrevented
  }
}

/** One that can be prevented, which Node's own cannot (nodejs/node#51767). */
class Message extends MessageEvent<string | ArrayBuffer> {
  #isPrevented = false

  constructor(data: string | ArrayBuffer) {
    super('message', { data, cancelable: true })
  }

  override get defaultPrevented(): boolean {
    return this.#isPrevented
  }

  override preventDefault(): void {
    this.#isPrevented = true
  }
}

/** What `binaryType = 'arraybuffer'` gives. */
function asInBrowsers(data: string | Buffer): string | ArrayBuffer {
  return typeof data === 'string' ? data : new Uint8Array(data).buffer
}

/** Not every platform has `CloseEvent`. */
function closeEvent(code: number, reason: string): Event {
  const wasClean = code !== 1006
  return Object.assign(new Event('close', { cancelable: true }), { code, reason, wasClean })
}

/** What MSW's handlers may send. */
type MswData = string | Blob | ArrayBuffer | ArrayBufferView

/** The same without what has to be read first. @throws `TypeError` for all else, as MSW does */
function payloadOf(data: Exclude<MswData, Blob>): string | Uint8Array {
  if (typeof data === 'string') return data
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  throw new TypeError('send() takes a string, a Blob, an ArrayBuffer, or a view of one')
}

/** The client that is connected. */
export class MswClient extends Target {
  readonly id: string
  readonly url: URL
  /** What a link of MSW sets that has some. */
  extension: unknown
  /** `undefined` when it has gone: MSW 3 keeps all clients that it has ever seen. */
  #conn: WebSocketConnection | undefined
  #failure: { readonly error: unknown } | undefined
  /** A `Blob` is being read: what is sent behind it waits. */
  #reading: Promise<void> | undefined

  readonly #fail: (error: unknown) => void

  constructor(conn: WebSocketConnection, url: URL, fail: (error: unknown) => void) {
    super()
    this.#fail = fail
    this.id = conn.id
    this.url = url
    this.#conn = conn
  }

  send(data: MswData): void {
    if (!(data instanceof Blob) && this.#reading === undefined) return void this.#conn?.send(payloadOf(data))
    const before = this.#reading
    const read = data instanceof Blob ? data.arrayBuffer().then(payloadOf) : payloadOf(data)
    const reading = (async () => {
      await before
      this.#conn?.send(await read)
    })()
    this.#reading = reading
    void reading.then(() => {
      if (this.#reading === reading) this.#reading = undefined
    })
  }

  close(code?: number, reason?: string): void {
    this.#conn?.close(code, reason)
  }

  /**
   * What a listener of 'connection' has returned. It is not waited for: it may go on as long as the client is there. What it rejects
   * with ends the client, and is what `end` rejects with, so that the engine hears of it.
   */
  watch(made: unknown): void {
    if (!(made instanceof Promise)) return
    made.catch((error: unknown) => {
      if (this.#conn === undefined) return this.#fail(error)
      this.#failure ??= { error }
      this.#conn.close(1011)
    })
  }

  open(): Promise<void> {
    return this.tell(new Event('open'))
  }

  async end(code: number, reason: string): Promise<void> {
    this.#conn = undefined
    await this.tell(closeEvent(code, reason))
    if (this.#failure) throw this.#failure.error
  }
}

/** The real server, which the engine has dialled already: `connect()` begins to listen to it. */
export class MswServer extends Target {
  readonly connected: Promise<void>
  readonly #conn: WebSocketConnection
  readonly #fail: (error: unknown) => void
  #begin: () => void = () => {}
  #state: 'idle' | 'connected' | 'closed' = 'idle'

  constructor(conn: WebSocketConnection, fail: (error: unknown) => void) {
    super()
    this.#conn = conn
    this.#fail = fail
    this.connected = new Promise((resolve) => {
      this.#begin = resolve
    })
  }

  get isConnected(): boolean {
    return this.#state === 'connected'
  }

  connect(): void {
    if (this.#conn.upstream === undefined)
      throw new Error(
        "server.connect() needs the real server: fromMsw(handlers, { baseUrl: 'wss://...', upstream: true })",
      )
    if (this.#state !== 'idle') throw new Error(`server.connect(): the connection is ${this.#state} already`)
    this.#state = 'connected'
    // Behind the listeners that are added after this call.
    queueMicrotask(() => {
      this.tell(new Event('open')).then(this.#begin, (error: unknown) => {
        this.#fail(error)
        this.#conn.close(1011)
      })
    })
  }

  send(data: MswData): void {
    if (this.#state === 'idle') throw new Error('server.send(): call server.connect() before')
    if (data instanceof Blob) throw new TypeError('server.send(): read the Blob before')
    if (this.#state === 'connected') this.#conn.upstream?.send(payloadOf(data))
  }

  /** The client stays, and the backend does as long as the client: only nobody hears of it any more. */
  close(): void {
    if (this.#state === 'idle') throw new Error('server.close(): call server.connect() before')
    if (this.#state === 'closed') return
    void this.end(1000, '').catch(this.#fail)
  }

  async end(code: number, reason: string): Promise<void> {
    this.#state = 'closed'
    await this.tell(closeEvent(code, reason))
  }
}
