import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { CloseCode } from '../../engine/close.ts'
import type { Payload, RuntimeEvents, RuntimeSocket, SendStatus } from '../../engine/runtime.ts'
import { frame } from './frame.ts'
import { heldBack } from './ws-turns.ts'

/** The native runtimes have topics; here they are sets of sockets. */
export class Topics<D> {
  readonly #subscribers = new Map<string, Set<WsSocket<D>>>()

  subscribe(topic: string, socket: WsSocket<D>): void {
    const subscribers = this.#subscribers.get(topic)
    if (subscribers) subscribers.add(socket)
    else this.#subscribers.set(topic, new Set([socket]))
  }

  unsubscribe(topic: string, socket: WsSocket<D>): void {
    const subscribers = this.#subscribers.get(topic)
    if (subscribers?.delete(socket) && subscribers.size === 0) this.#subscribers.delete(topic)
  }

  subscribers(topic: string): number {
    return this.#subscribers.get(topic)?.size ?? 0
  }

  /** Framed, and compressed, once for all. */
  publish(topic: string, payload: Payload, compress: boolean, except?: WsSocket<D>): void {
    const subscribers = this.#subscribers.get(topic)
    if (!subscribers) return
    const frames = new Map<number, Buffer>()
    for (const socket of subscribers) {
      if (socket === except) continue
      const bits = compress ? socket.deflateBits : 0
      let bytes = frames.get(bits)
      if (!bytes) frames.set(bits, (bytes = frame(payload, bits)))
      socket.write(bytes)
    }
  }
}

export class WsSocket<D> implements RuntimeSocket<D> {
  readonly data: D
  readonly ws: WebSocket
  /** 0 where compression was not negotiated. */
  readonly deflateBits: number
  readonly #tcp: Socket
  readonly #topics: Topics<D>
  readonly events: RuntimeEvents<D>
  /** What `ws` found wrong. */
  failure: (Error & { readonly code?: string }) | undefined = undefined
  /** Made with the first one: most idle connections have none. */
  #subscriptions: Set<string> | undefined
  #waitsForDrain = false

  constructor(
    data: D,
    ws: WebSocket,
    tcp: Socket,
    deflateBits: number,
    topics: Topics<D>,
    events: RuntimeEvents<D>,
  ) {
    this.data = data
    this.ws = ws
    this.deflateBits = deflateBits
    this.#tcp = tcp
    this.#topics = topics
    this.events = events
  }

  get bufferedAmount(): number {
    return this.#tcp.destroyed ? 0 : this.#tcp.writableLength
  }

  send(payload: Payload, compress: boolean): SendStatus {
    if (this.ws.readyState !== this.ws.OPEN) return 'closed'
    this.write(frame(payload, compress ? this.deflateBits : 0))
    return this.#tcp.writableLength === 0 ? 'sent' : 'queued'
  }

  /** Writes past `ws`, which frames for each receiver; it has nothing of its own in flight but control frames. */
  write(bytes: Buffer): void {
    if (this.ws.readyState !== this.ws.OPEN || this.#tcp.destroyed) return
    this.#tcp.write(bytes)
    this.watchDrain()
  }

  publish(topic: string, payload: Payload, compress: boolean): void {
    this.#topics.publish(topic, payload, compress, this)
  }

  subscribe(topic: string): void {
    if (this.ws.readyState !== this.ws.OPEN) return
    this.#subscriptions ??= new Set()
    this.#subscriptions.add(topic)
    this.#topics.subscribe(topic, this)
  }

  unsubscribe(topic: string): void {
    if (this.#subscriptions?.delete(topic)) this.#topics.unsubscribe(topic, this)
  }

  unsubscribeAll(): void {
    for (const topic of this.#subscriptions ?? []) this.#topics.unsubscribe(topic, this)
    this.#subscriptions = undefined
  }

  ping(payload: Payload): void {
    if (this.ws.readyState !== this.ws.OPEN) return
    this.ws.ping(payload)
    this.watchDrain()
  }

  pong(payload: Payload): void {
    if (this.ws.readyState !== this.ws.OPEN) return
    this.ws.pong(payload)
    this.watchDrain()
  }

  pause(): boolean {
    heldBack.add(this.#tcp)
    this.ws.pause()
    return this.ws.isPaused
  }

  resume(): void {
    heldBack.delete(this.#tcp)
    this.ws.resume()
  }

  close(code: number, reason: string): void {
    if (this.ws.readyState !== this.ws.OPEN) return
    if (code === CloseCode.NoStatusReceived) this.ws.close()
    else this.ws.close(code, reason)
  }

  terminate(): void {
    this.ws.terminate()
  }

  /** The stream's own `drain` event does not come for a backlog below its high-water mark; an empty write behind it does. */
  watchDrain(): void {
    if (this.#waitsForDrain || this.bufferedAmount === 0) return
    this.#waitsForDrain = true
    this.#tcp.write(Buffer.alloc(0), () => {
      this.#waitsForDrain = false
      if (this.#tcp.destroyed) return
      this.watchDrain()
      this.events.drain(this)
    })
  }
}
