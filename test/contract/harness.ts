import { expect } from 'vitest'
import type { ServerOptions, UniversalApiWsHandler } from '../../src/index.ts'
import { resolveServerOptions } from '../../src/engine/handler/options.ts'
import type { Logger } from '../../src/engine/logger.ts'
import type { HttpAnswer, Runtime, RuntimeCapabilities } from '../../src/engine/runtime.ts'
import { serveOn, type Server } from '../../src/server/server.ts'
import { Backend, type BackendOptions } from '../support/backend.ts'
import { Stalls } from '../support/stalls.ts'
import { connectWs, parse, Queue, within, type ConnectOptions, type TestClient } from '../support/client.ts'
import { MemoryRuntime, type MemorySocket } from '../support/memory-runtime.ts'
import { HANDSHAKE, RawClient, type HttpResponse } from '../support/raw-client.ts'

/** One promise of behaviour.md, as seen from outside. */
export interface Case {
  readonly name: string
  run(t: Contract): Promise<void>
  /** Needs a TCP socket, so that it means nothing on the memory runtime. */
  readonly network?: true
  /** Only where the runtime can, by capability and never by name. */
  readonly when?: (capabilities: RuntimeCapabilities) => boolean
  /** Why it means nothing if the engine runs behind another server, such as Vite's. */
  readonly standalone?: string
  /** Why it means nothing if its clients are on two nodes. */
  readonly oneProcess?: string
}

export interface PlainRequest {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** Of a server of several nodes: resolves when each has what the others have said so far. */
export const QUIET: unique symbol = Symbol('quiet')

/** Starts the engine behind another server. What comes back has that server's URL and port. */
export type Front = (options: ServerOptions) => Promise<Server>

/** What a case has at hand; everything that it opens is closed behind it. */
export class Contract {
  readonly runtime: Runtime
  readonly log: string[] = []
  readonly #servers: Server[] = []
  readonly #raw: RawClient[] = []
  readonly #backends: Backend[] = []
  readonly #front: Front | undefined
  readonly #stalls = new Stalls()

  constructor(runtime: Runtime, front?: Front) {
    this.runtime = runtime
    this.#front = front
  }

  async start(
    handlers: UniversalApiWsHandler | UniversalApiWsHandler[],
    options: ServerOptions = {},
  ): Promise<Server> {
    const push = (level: string) => (message: string) => void this.log.push(`${level} ${message}`)
    const logger: Logger = {
      error: push('error'),
      warn: push('warn'),
      info: push('info'),
      debug: push('debug'),
    }
    const wsHandlers = Array.isArray(handlers) ? handlers : [handlers]
    const all: ServerOptions = { wsHandlers, logger, logLevel: 'info', ...options }
    const server = this.#front
      ? await this.#front(all)
      : await serveOn(this.runtime, resolveServerOptions({ port: 0, ...all }))
    this.#servers.push(server)
    return server
  }

  /** Nothing that was said before is still on its way between nodes. */
  async quiet(): Promise<void> {
    for (const server of this.#servers)
      await (server as Partial<Record<typeof QUIET, () => Promise<void>>>)[QUIET]?.()
  }

  /** What a handler with `upstream` asks. */
  async backend(options?: BackendOptions): Promise<Backend> {
    const backend = await Backend.start(options)
    this.#backends.push(backend)
    return backend
  }

  /** A client that has to get in. The path is behind `/api`. */
  connect(server: Server, path: string, options: ConnectOptions = {}): Promise<TestClient> {
    return this.connectAt(server, `/api${path}`, options)
  }

  /** The same by the whole path. */
  async connectAt(server: Server, path: string, options: ConnectOptions = {}): Promise<TestClient> {
    if (this.runtime instanceof MemoryRuntime) return connectMemory(this.runtime, path, options)
    return connectWs(`${server.url}${path}`, options)
  }

  /** The answer to a handshake that has to be refused, or the 101. */
  async handshake(
    server: Server,
    path: string,
    headers: Record<string, string | undefined> = {},
    start?: string,
    extraLines?: string[],
  ): Promise<HttpResponse> {
    if (this.runtime instanceof MemoryRuntime) {
      const method = start?.split(' ')[0] ?? 'GET'
      const version = start?.split('HTTP/')[1] ?? '1.1'
      const raw = { ...HANDSHAKE, Host: '127.0.0.1', ...headers }
      const answer = await this.runtime.connect(memoryRequest(`/api${path}`, raw, method, version), {
        message: () => {},
      })
      if (!('status' in answer)) return { status: 101, headers: {}, body: '' }
      return asResponse(answer)
    }
    return this.raw(server).request(
      `/api${path}`,
      { ...HANDSHAKE, ...headers },
      start ?? `GET /api${path} HTTP/1.1`,
      extraLines,
    )
  }

  /** The answer to plain HTTP. The path is behind `/api`. */
  async request(server: Server, path: string, request: PlainRequest = {}): Promise<HttpResponse> {
    const { method = 'GET', headers = {}, body = '' } = request
    if (this.runtime instanceof MemoryRuntime)
      return asResponse(
        await this.runtime.request(
          memoryRequest(`/api${path}`, { Host: '127.0.0.1', ...headers }, method),
          body,
        ),
      )
    const length = body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
    const client = this.raw(server)
    const answer = client.request(`/api${path}`, { ...headers, ...length }, `${method} /api${path} HTTP/1.1`)
    client.tcp.write(body)
    return answer
  }

  raw(server: Server): RawClient {
    const client = new RawClient(server.port)
    this.#raw.push(client)
    return client
  }

  queue<T>(what: string): Queue<T> {
    return new Queue<T>(what)
  }

  /** Milliseconds that the case has waited for a busy machine: what an upper bound allows besides. */
  get stalled(): number {
    return this.#stalls.ms
  }

  /** Waits until the value, asked again and again, is what is expected. */
  async until<T>(read: () => T, expected: T): Promise<void> {
    await expect.poll(read, { interval: 10 }).toEqual(expected)
  }

  async end(): Promise<void> {
    this.#stalls.stop()
    for (const client of this.#raw) client.tcp.destroy()
    for (const backend of this.#backends) backend.close()
    await within(Promise.all(this.#servers.map((server) => server.close())), 'servers did not close')
  }
}

function asResponse({ status, headers, body }: HttpAnswer): HttpResponse {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return { status, headers: Object.fromEntries(lower), body: String(body) }
}

function memoryRequest(
  url: string,
  headers: Record<string, string | undefined>,
  method = 'GET',
  httpVersion = '1.1',
) {
  const rawHeaders = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [name, value],
  )
  return {
    method,
    url,
    httpVersion,
    rawHeaders,
    remoteAddress: '127.0.0.1',
    remotePort: 50_000,
    encrypted: false,
  }
}

async function connectMemory(
  runtime: MemoryRuntime,
  path: string,
  options: ConnectOptions,
): Promise<TestClient> {
  const messages = new Queue<unknown>('message')
  const pings = new Queue<Buffer>('ping')
  const pongs = new Queue<Buffer>('pong')
  let end: (value: { code: number; reason: string }) => void = () => {}
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    end = resolve
  })
  const headers = {
    ...HANDSHAKE,
    Host: '127.0.0.1',
    ...(options.protocols?.length && { 'Sec-WebSocket-Protocol': options.protocols.join(', ') }),
    ...(options.deflate && { 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
    ...options.headers,
  }
  const socket = (await runtime.connect(memoryRequest(path, headers), {
    message: (payload) => messages.push(parse(Buffer.from(payload as string), typeof payload !== 'string')),
    ping: (payload) => {
      pings.push(Buffer.from(payload as string))
      queueMicrotask(() => socket.receivePong(String(payload)))
    },
    pong: (payload) => pongs.push(Buffer.from(payload as string)),
    close: (code, reason) => end({ code, reason }),
  })) as MemorySocket
  if (!('receive' in socket)) throw new Error(`Unexpected server response: ${(socket as HttpAnswer).status}`)
  return {
    protocol: socket.protocol,
    extensions: socket.extensions,
    send: (data) => socket.receive(data),
    json: (value) => socket.receive(JSON.stringify(value)),
    next: () => messages.next(),
    nextPing: () => pings.next(),
    nextPong: () => pongs.next(),
    ping: (payload = '') => {
      socket.receivePing(payload)
      pongs.push(Buffer.from(payload))
    },
    close: (code = 1005, reason = '') => socket.receiveClose(code, reason),
    terminate: () => socket.vanish(),
    get closed() {
      return within(closed, 'no close')
    },
  }
}
