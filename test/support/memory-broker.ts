import type { Broker, BrokerEvents } from '../../src/engine/broker.ts'

/** What all nodes of a test are on. Frames arrive in the next turn, in order, as over a socket. */
export class MemoryExchange {
  readonly #brokers = new Set<MemoryBroker>()
  /** Every frame that was published. */
  published = 0
  maxFrame: number | undefined

  broker(name = 'memory'): MemoryBroker {
    const broker = new MemoryBroker(this, name)
    this.#brokers.add(broker)
    return broker
  }

  /** All lose it; what is under way is lost. */
  goDown(): void {
    for (const broker of this.#brokers) broker.goDown()
  }

  comeUp(): void {
    for (const broker of this.#brokers) broker.comeUp()
  }

  publish(frame: Uint8Array): void {
    this.published++
    for (const broker of this.#brokers) broker.arrive(frame)
  }
}

export class MemoryBroker implements Broker {
  readonly name: string
  readonly #exchange: MemoryExchange
  #events: BrokerEvents | undefined
  #isUp = false
  /** How many of the next frames that come get lost. */
  #drops = 0
  #isDeaf = false
  /** Of what it was asked to publish. */
  refuses = false

  constructor(exchange: MemoryExchange, name: string) {
    this.#exchange = exchange
    this.name = name
  }

  get maxFrame(): number | undefined {
    return this.#exchange.maxFrame
  }

  async open(events: BrokerEvents): Promise<void> {
    this.#events = events
    this.#isUp = true
    this.#isDeaf = false
    events.up()
  }

  publish(frame: Uint8Array): boolean {
    if (!this.#isUp || this.refuses) return false
    this.#exchange.publish(frame)
    return true
  }

  async close(): Promise<void> {
    this.#isUp = false
    this.#events = undefined
  }

  arrive(frame: Uint8Array): void {
    if (this.#drops > 0) this.#drops--
    else if (this.#isUp && !this.#isDeaf) {
      // Like a socket's buffer: used again when the call returns.
      const memory = Buffer.from(frame)
      queueMicrotask(() => {
        if (!this.#isUp) return
        this.#events?.frame(memory)
        memory.fill(0xff)
      })
    }
  }

  drop(frames: number): void {
    this.#drops = frames
  }

  /** Publishes, and hears nothing. */
  goDeaf(): void {
    this.#isDeaf = true
  }

  goDown(): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#events?.down(new Error('memory is lost'))
  }

  comeUp(): void {
    if (this.#isUp || !this.#events) return
    this.#isUp = true
    this.#events.up()
  }
}
