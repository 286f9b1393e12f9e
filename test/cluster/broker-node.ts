import type { Broker, BrokerEvents } from '../../src/engine/broker.ts'
import { within } from '../support/client.ts'

/** A node on a broker, and all that it has heard. */
export class BrokerNode implements BrokerEvents {
  readonly broker: Broker
  readonly frames: Buffer[] = []
  readonly downs: Error[] = []
  /** `up` and `down`, in their order. */
  readonly states: string[] = []
  readonly #waiting = new Set<() => void>()

  /** Is up, or was not within 2 s. */
  static async open(broker: Broker): Promise<BrokerNode> {
    const node = new BrokerNode(broker)
    await node.broker.open(node)
    return node
  }

  constructor(broker: Broker) {
    this.broker = broker
  }

  get texts(): string[] {
    return this.frames.map(String)
  }

  say(text: string): boolean {
    return this.broker.publish(Buffer.from(text))
  }

  /** Resolves when it is so, which is looked at with each event. */
  async until(isSo: () => boolean, what: string): Promise<void> {
    const happens = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!isSo()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
    await within(happens, `${this.broker.name}: not ${what}, but ${this.states.join(', ')}`, 20_000)
  }

  async heard(text: string): Promise<void> {
    await this.until(() => this.frames.some((frame) => frame.equals(Buffer.from(text))), `heard "${text}"`)
  }

  async was(...states: readonly string[]): Promise<void> {
    await this.until(() => this.states.length >= states.length, states.join(', '))
  }

  frame(frame: Uint8Array): void {
    // The memory is the broker's.
    this.frames.push(Buffer.from(frame))
    this.#look()
  }

  up(): void {
    this.states.push('up')
    this.#look()
  }

  down(error: Error): void {
    this.states.push('down')
    this.downs.push(error)
    this.#look()
  }

  #look(): void {
    for (const look of this.#waiting) look()
  }
}
