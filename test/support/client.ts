import { WebSocket } from 'ws'

/** What every kind of client can do, so that a contract case need not know which one it has. */
export interface TestClient {
  readonly protocol: string
  readonly extensions: string
  send(data: string | Uint8Array): void
  /** Sends a value as JSON text. */
  json(value: unknown): void
  /** The next message: JSON parsed, other text as string, binary as Buffer. */
  next(): Promise<any>
  nextPing(): Promise<Buffer>
  nextPong(): Promise<Buffer>
  ping(payload?: string): void
  close(code?: number, reason?: string): void
  /** Ends the TCP connection without a close frame. */
  terminate(): void
  readonly closed: Promise<{ code: number; reason: string }>
}

/** For what hangs: longer than anything takes on a busy machine. */
const TIMEOUT_MS = 30_000

/** Values that arrive, for whoever waits for them. */
export class Queue<T> {
  readonly #values: T[] = []
  readonly #waiting: ((value: T) => void)[] = []
  readonly #what: string

  constructor(what: string) {
    this.#what = what
  }

  push(value: T): void {
    const waiter = this.#waiting.shift()
    if (waiter) waiter(value)
    else this.#values.push(value)
  }

  get size(): number {
    return this.#values.length
  }

  next(): Promise<T> {
    if (this.#values.length > 0) return Promise.resolve(this.#values.shift() as T)
    return within(new Promise<T>((resolve) => this.#waiting.push(resolve)), `no ${this.#what}`)
  }
}

/** Fails with a name instead of hanging. */
export function within<T>(promise: Promise<T>, what: string, ms: number = TIMEOUT_MS): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} within ${ms} ms`)), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

export function parse(data: Buffer, isBinary: boolean): unknown {
  if (isBinary) return data
  const text = data.toString()
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export interface ConnectOptions {
  readonly protocols?: string[]
  readonly headers?: Record<string, string>
  readonly deflate?: boolean | { readonly serverMaxWindowBits: number }
}

/** Waits until each client got so many pings more. */
export async function nextPings(clients: readonly TestClient[], amount: number): Promise<void> {
  const receive = async (client: TestClient): Promise<void> => {
    for (let i = 0; i < amount; i++) await client.nextPing()
  }
  await Promise.all(clients.map(receive))
}

/** A client of the `ws` package (inside Bun: Bun's own, under that name). */
export function connectWs(url: string, options: ConnectOptions = {}): Promise<TestClient> {
  const socket = new WebSocket(url, options.protocols ?? [], {
    headers: options.headers ?? {},
    perMessageDeflate: options.deflate ?? false,
    rejectUnauthorized: false,
  })
  const messages = new Queue<unknown>('message')
  const pings = new Queue<Buffer>('ping')
  const pongs = new Queue<Buffer>('pong')
  socket.on('message', (data, isBinary) => messages.push(parse(data as Buffer, isBinary)))
  socket.on('ping', (data) => pings.push(Buffer.from(data ?? '')))
  socket.on('pong', (data) => pongs.push(Buffer.from(data ?? '')))
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  const opened = new Promise<TestClient>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () =>
      resolve({
        protocol: socket.protocol,
        extensions: socket.extensions,
        send: (data) => socket.send(data),
        json: (value) => socket.send(JSON.stringify(value)),
        next: () => messages.next(),
        nextPing: () => pings.next(),
        nextPong: () => pongs.next(),
        ping: (payload = '') => socket.ping(payload),
        close: (code, reason) => socket.close(code, reason),
        terminate: () => socket.terminate(),
        get closed() {
          return within(closed, 'no close')
        },
      }),
    )
  })
  return within(opened, `no open of ${url}`)
}

/** A client of the platform's own `WebSocket` (WHATWG): Node's, or Bun's. */
export function connectNative(url: string, protocols: string[] = []): Promise<TestClient> {
  const socket = new globalThis.WebSocket(url, protocols)
  socket.binaryType = 'arraybuffer'
  const messages = new Queue<unknown>('message')
  socket.addEventListener('message', ({ data }) => {
    const binary = data instanceof ArrayBuffer
    messages.push(parse(Buffer.from(data as ArrayBuffer), binary))
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }))
  })
  const unsupported = (): never => {
    throw new Error('the WHATWG WebSocket has no such call')
  }
  const opened = new Promise<TestClient>((resolve, reject) => {
    socket.addEventListener('error', () => reject(new Error('the connection failed')))
    socket.addEventListener('open', () =>
      resolve({
        protocol: socket.protocol,
        extensions: socket.extensions,
        send: (data) => socket.send(data as string),
        json: (value) => socket.send(JSON.stringify(value)),
        next: () => messages.next(),
        nextPing: unsupported,
        nextPong: unsupported,
        ping: unsupported,
        close: (code, reason) => socket.close(code, reason),
        terminate: unsupported,
        get closed() {
          return within(closed, 'no close')
        },
      }),
    )
  })
  return within(opened, `no open of ${url}`)
}
