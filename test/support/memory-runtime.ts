import type {
  HttpAnswer,
  Payload,
  RawRequest,
  Runtime,
  RuntimeCapabilities,
  RuntimeEvents,
  RuntimeName,
  RuntimeServer,
  RuntimeSocket,
  SendStatus,
} from '../../src/engine/runtime.ts'
import { byteLength } from '../../src/engine/connection/message.ts'

export interface MemoryClientEvents {
  message(payload: Payload, compress: boolean): void
  ping?(payload: Payload): void
  pong?(payload: Payload): void
  close?(code: number, reason: string): void
}

/** The runtime contract without any network: for unit tests with fake timers, and as its smallest example. */
export class MemoryRuntime implements Runtime {
  readonly name: RuntimeName = 'memory'
  readonly description: string = 'memory'
  readonly capabilities: RuntimeCapabilities = {
    unsolicitedPong: true,
    closeFrameOnParserError: true,
    everyCloseCode: true,
    remotePort: true,
    headerCase: true,
    pathAsSent: true,
    bytesInTarget: true,
    headerBytes: true,
    refusesHttp10: true,
    handshakeTimeout: true,
    hangsUp: false,
    serverWindowBits: [8, 9, 10, 11, 12, 13, 14, 15],
    smallWindowWithoutTakeover: true,
    closeWithoutCode: true,
    pausesReading: true,
    sharesPort: false,
  }
  #events: RuntimeEvents<any> | undefined
  readonly topics: Map<string, Set<MemorySocket>> = new Map()
  readonly sockets: Set<MemorySocket> = new Set()
  publishes = 0
  /** Calls of `subscribe`, on all sockets. */
  subscribes = 0
  isShortOfFiles = false

  async listen<D>(events: RuntimeEvents<D>): Promise<RuntimeServer> {
    this.#events = events
    return {
      port: 1,
      publish: (topic, payload, compress) => this.publish(topic, payload, compress),
      subscribers: (topic) => this.topics.get(topic)?.size ?? 0,
      isShortOfFiles: () => this.isShortOfFiles,
      stopListening: () => {
        this.#events = undefined
      },
      close: async () => {
        for (const socket of this.sockets) socket.terminate()
      },
    }
  }

  publish(topic: string, payload: Payload, compress: boolean, except?: MemorySocket): void {
    this.publishes++
    for (const socket of this.topics.get(topic) ?? []) if (socket !== except) socket.send(payload, compress)
  }

  /** Plain HTTP. */
  async request(raw: RawRequest, body: string = ''): Promise<HttpAnswer> {
    if (!this.#events) throw new Error('the memory runtime does not listen')
    const bytes = Buffer.from(body)
    return this.#events.request(raw, async (maxBytes) => (bytes.length > maxBytes ? undefined : bytes))
  }

  /** Opening handshake; the answer if it is refused. */
  async connect(raw: RawRequest, client: MemoryClientEvents): Promise<MemorySocket | HttpAnswer> {
    const events = this.#events
    if (!events) throw new Error('the memory runtime does not listen')
    const decision = await events.upgrade(raw)
    if (!decision.accept) return decision.answer ?? { status: 0, headers: {}, body: '' }
    const socket = new MemorySocket(
      this,
      events,
      decision.data,
      client,
      decision.protocol,
      decision.extensions,
    )
    this.sockets.add(socket)
    events.open(socket)
    return socket
  }
}

export class MemorySocket implements RuntimeSocket<any> {
  readonly #runtime: MemoryRuntime
  readonly #events: RuntimeEvents<any>
  readonly #client: MemoryClientEvents
  readonly #topics = new Set<string>()
  readonly #backlog: [Payload, boolean][] = []
  readonly data: any
  readonly protocol: string
  readonly extensions: string
  /** Of the client; what is sent waits while it is false. */
  reads = true
  /** What the client does while the server does not read. */
  readonly #held: (() => void)[] = []
  #isPaused = false
  #state: 'open' | 'closing' | 'closed' = 'open'
  /** A client that never answers a close frame. */
  deaf = false

  constructor(
    runtime: MemoryRuntime,
    events: RuntimeEvents<any>,
    data: unknown,
    client: MemoryClientEvents,
    protocol: string,
    extensions: string,
  ) {
    this.#runtime = runtime
    this.#events = events
    this.data = data
    this.#client = client
    this.protocol = protocol
    this.extensions = extensions
  }

  get bufferedAmount(): number {
    return this.#backlog.reduce((sum, [payload]) => sum + byteLength(payload), 0)
  }

  send(payload: Payload, compress: boolean): SendStatus {
    if (this.#state !== 'open') return 'closed'
    if (!this.reads) {
      this.#backlog.push([payload, compress])
      return 'queued'
    }
    this.#client.message(payload, compress)
    return 'sent'
  }

  /** The client reads what waits. */
  readOn(): void {
    this.reads = true
    for (const [payload, compress] of this.#backlog.splice(0)) this.#client.message(payload, compress)
    this.#events.drain(this)
  }

  publish(topic: string, payload: Payload, compress: boolean): void {
    this.#runtime.publish(topic, payload, compress, this)
  }

  subscribe(topic: string): void {
    this.#runtime.subscribes++
    if (this.#state !== 'open') return
    this.#topics.add(topic)
    const subscribers = this.#runtime.topics.get(topic) ?? new Set()
    this.#runtime.topics.set(topic, subscribers.add(this))
  }

  unsubscribe(topic: string): void {
    this.#topics.delete(topic)
    const subscribers = this.#runtime.topics.get(topic)
    subscribers?.delete(this)
    if (subscribers?.size === 0) this.#runtime.topics.delete(topic)
  }

  ping(payload: Payload): void {
    if (this.#state === 'open') this.#client.ping?.(payload)
  }

  pong(payload: Payload): void {
    if (this.#state === 'open') this.#client.pong?.(payload)
  }

  pause(): boolean {
    this.#isPaused = true
    return true
  }

  resume(): void {
    this.#isPaused = false
    for (const act of this.#held.splice(0)) this.#act(act)
  }

  close(code: number, reason: string): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#client.close?.(code, reason)
    if (!this.deaf) this.#end(code, reason, true)
  }

  terminate(): void {
    this.#client.close?.(1006, '')
    this.#end(1006, '', false)
  }

  // The client's side

  receive(payload: Payload): void {
    this.#act(() => this.#events.message(this, payload, byteLength(payload)))
  }

  receivePing(payload: string): void {
    this.#act(() => this.#events.ping(this, Buffer.from(payload)))
  }

  receivePong(payload: string): void {
    this.#act(() => this.#events.pong(this, Buffer.from(payload)))
  }

  receiveClose(code: number, reason: string): void {
    this.#client.close?.(code, reason)
    if (this.#isPaused) this.#held.push(() => this.#end(code, reason, true))
    else this.#end(code, reason, true)
  }

  vanish(): void {
    this.#end(1006, '', false)
  }

  /** The parser ends the connection, for what the client sent. */
  fail(code: number): void {
    this.#client.close?.(code, '')
    this.#end(code, '', false)
  }

  /** Does it when the server reads. */
  #act(act: () => void): void {
    if (this.#isPaused) this.#held.push(() => this.#act(act))
    else if (this.#state === 'open') act()
  }

  #end(code: number, reason: string, closeFrame: boolean): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    for (const topic of this.#topics) this.unsubscribe(topic)
    this.#runtime.sockets.delete(this)
    this.#events.closed(this, code, reason, closeFrame)
  }
}
