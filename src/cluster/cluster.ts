import type { Broker } from '../engine/broker.ts'
import type { Clock, Timer } from '../engine/clock.ts'
import type { Logger } from '../engine/logger.ts'
import type { Nodes, RemoteBroadcast } from '../engine/nodes.ts'
import type { BrokerStats } from '../engine/stats.ts'
import {
  decodeFrame,
  distance,
  encodeAgain,
  encodeBye,
  encodeHello,
  encodeMessage,
  isMarkedAgain,
  markAgain,
  nameOfNode,
  newNodeId,
  readMessage,
  type Frame,
  type NodeId,
} from './frame.ts'
import { Inflow } from './inflow.ts'
import { helloOf, type Hello, type NodeInfo } from './node-info.ts'
import { Outbox } from './outbox.ts'
import { Questions, type Answers, type Question } from './questions.ts'
import { Trouble } from './trouble.ts'

/** Between two signs of life. */
const HELLO_MS = 2000
/** A broker whose frames came back to us once is taken for stuck when they do not for this long. */
const STUCK_MS = 3000
/** What was just sent again for one is heard by all who ask for it now. */
const REPEAT_MS = 100
/** How long it is remembered where a silent node had stopped. */
const FORGET_MS = 600_000

export interface ClusterOptions {
  readonly buffer: number
  readonly bufferTime: number
  readonly nodeTimeout: number
}

/** What it needs of the server that it stands in. */
export interface ClusterHost {
  readonly clock: Clock
  readonly logger: Logger
  readonly stats: { readonly connections: number; readonly broker: BrokerStats }
  readonly about: Pick<NodeInfo, 'host' | 'pid' | 'worker' | 'runtime' | 'version' | 'since'>
  /** @returns whether there is such a handler */
  deliver(message: RemoteBroadcast): boolean
  /** Bytes of the largest payload of a handler. */
  maxPayload(pattern: string): number
  answer(question: Question): unknown
}

interface Peer {
  readonly inflow: Inflow
  /** `undefined`: it has gone, or has not introduced itself. */
  info: NodeInfo | undefined
  heardAt: number
}

/**
 * This node among the others. A broker keeps nothing, and none of them, nor any client of one, says what was lost while it was
 * away; so messages are numbered here, the last ones are kept, and who notices a gap asks for it.
 */
export class Cluster implements Nodes {
  readonly #broker: Broker
  readonly #options: ClusterOptions
  readonly #host: ClusterHost
  readonly #stats: BrokerStats
  readonly #id = newNodeId()
  readonly #outbox: Outbox
  readonly #peers = new Map<NodeId, Peer>()
  readonly #questions: Questions
  readonly #trouble: Trouble
  #timer: Timer | undefined
  /** When our own last frame came back; `undefined`: they never did. */
  #echoAt: number | undefined
  #repeated = { from: 0, to: 0, until: 0 }
  #greeting: Timer | undefined
  #isClosing = false

  constructor(broker: Broker, options: ClusterOptions, host: ClusterHost) {
    this.#broker = broker
    this.#options = options
    this.#host = host
    this.#stats = host.stats.broker
    this.#stats.state = 'connecting'
    this.#stats.nodes = 1
    this.#outbox = new Outbox(options.buffer, options.bufferTime)
    this.#trouble = new Trouble(host.clock, host.logger, broker.name)
    this.#questions = new Questions(
      host.clock,
      this.#id,
      (frame) => this.#publish(frame),
      (question) => host.answer(question),
    )
  }

  /** Resolves when the broker is up, or after 2 s; it goes on trying then. */
  async open(): Promise<void> {
    this.#timer = this.#host.clock.every(HELLO_MS, (isLate) => this.#live(isLate))
    await this.#dial()
  }

  get id(): string {
    return nameOfNode(this.#id)
  }

  /** Those that are there, this one first. */
  get nodes(): NodeInfo[] {
    const { about, stats } = this.#host
    const self = { id: this.id, self: true, ...about, connections: stats.connections }
    return [self, ...[...this.#peers.values()].flatMap(({ info }) => info ?? [])]
  }

  broadcast(message: RemoteBroadcast): void {
    const { clock } = this.#host
    const frame = encodeMessage(this.#id, this.#outbox.last + 1, message)
    const { payload, pattern } = message
    const limit = this.#broker.maxFrame ?? Infinity
    const most = this.#host.maxPayload(pattern)
    if (frame.length > limit || (payload.length > most / 3 && Buffer.byteLength(payload) > most)) {
      this.#stats.refused++
      return this.#trouble.refused(pattern, frame.length, Math.min(limit, most), frame.length > limit)
    }
    this.#outbox.number()
    this.#outbox.keep(frame, clock.now())
    this.#stats.sent++
    this.#publish(frame)
  }

  /** Asks all others; never rejects. */
  ask<T>(question: Question, timeout: number): Promise<Answers<T>> {
    const there = [...this.#peers].flatMap(([id, { info }]) => (info ? id : []))
    return this.#questions.ask(question, there, timeout)
  }

  /** Tells the others, and hangs up. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#timer?.cancel()
    this.#greeting?.cancel()
    for (const { inflow } of this.#peers.values()) inflow.pause()
    this.#trouble.stop()
    this.#publish(encodeBye(this.#id, this.#outbox.last))
    await this.#broker.close()
    this.#stats.state = 'off'
  }

  #dial(): Promise<void> {
    return this.#broker.open({
      frame: (frame) => this.#receive(frame),
      up: () => this.#up(),
      down: (error) => this.#down(error),
    })
  }

  #up(): void {
    if (this.#isClosing) return
    this.#stats.state = 'up'
    if (this.#echoAt !== undefined) this.#echoAt = this.#host.clock.now()
    this.#trouble.up()
    this.#hello(true)
    for (const { inflow } of this.#peers.values()) inflow.resume()
  }

  #down(error: Error): void {
    if (this.#isClosing) return
    // What was never up is being tried.
    this.#stats.state = this.#stats.state === 'connecting' ? 'connecting' : 'down'
    for (const { inflow } of this.#peers.values()) inflow.pause()
    this.#trouble.down(error)
  }

  #publish(frame: Uint8Array): boolean {
    return this.#stats.state === 'up' && this.#broker.publish(frame)
  }

  #hello(asks: boolean): void {
    const { about, stats, clock } = this.#host
    const { last } = this.#outbox
    const hello: Hello = {
      ...about,
      connections: stats.connections,
      first: this.#outbox.first(clock.now()),
      asks,
    }
    this.#publish(encodeHello(this.#id, last, hello))
  }

  /** @param isLate - we were stopped, or busy: what the others have said is still to be read */
  #live(isLate: boolean): void {
    const now = this.#host.clock.now()
    if (this.#stats.state !== 'up') return
    if (!isLate && this.#echoAt !== undefined && now - this.#echoAt > STUCK_MS) return this.#redial()
    this.#hello(false)
    if (isLate) return
    for (const [id, peer] of this.#peers) {
      if (now - peer.heardAt > FORGET_MS) this.#peers.delete(id)
      else if (peer.info && now - peer.heardAt > this.#options.nodeTimeout) this.#gone(id, peer)
    }
  }

  #redial(): void {
    this.#echoAt = undefined
    this.#down(new Error(`nothing of what we publish has come back for ${STUCK_MS / 1000} s`))
    void this.#broker.close().then(() => (this.#isClosing ? undefined : this.#dial()))
  }

  #gone(id: NodeId, peer: Peer): void {
    peer.info = undefined
    peer.inflow.giveUp()
    this.#count()
    this.#questions.forget(id)
  }

  #count(): void {
    this.#stats.nodes = this.nodes.length
  }

  #receive(bytes: Uint8Array): void {
    // A broker may have to publish nothing, to see whether it may publish.
    if (this.#isClosing || bytes.length === 0) return
    const frame = decodeFrame(bytes)
    if (!frame) return this.#trouble.unreadable()
    if (frame.sender === this.#id) {
      this.#echoAt = this.#host.clock.now()
      return
    }
    const peer = this.#peerOf(frame.sender)
    peer.heardAt = this.#host.clock.now()
    switch (frame.kind) {
      case 'message':
        return peer.inflow.message(frame.seq, bytes)
      case 'hello':
        return this.#greeted(frame, peer)
      case 'again':
        return frame.whose === this.#id ? this.#repeat(frame) : this.#othersAsked(frame)
      case 'bye':
        peer.inflow.bye(frame.seq)
        this.#gone(frame.sender, peer)
        return void this.#peers.delete(frame.sender)
      case 'ask':
        return void this.#questions.asked(frame)
      case 'answer':
        return this.#questions.answered(frame)
    }
  }

  #peerOf(id: NodeId): Peer {
    let peer = this.#peers.get(id)
    if (!peer) {
      const inflow = new Inflow(this.#host.clock, this.#options.buffer, {
        deliver: (frame) => this.#deliver(frame),
        ask: (from, to) => void this.#publish(encodeAgain(this.#id, id, from, to)),
        lost: (count) => {
          this.#stats.lost += count
          this.#trouble.lost(count)
        },
      })
      peer = { inflow, info: undefined, heardAt: 0 }
      this.#peers.set(id, peer)
    }
    return peer
  }

  #deliver(frame: Uint8Array): void {
    const message = readMessage(frame)
    this.#stats.received++
    if (isMarkedAgain(frame)) this.#stats.recovered++
    if (!message) return this.#trouble.unreadable()
    if (!this.#host.deliver(message)) this.#stats.unserved++
  }

  #greeted({ sender, seq, about }: Extract<Frame, { kind: 'hello' }>, peer: Peer): void {
    const hello = helloOf(about)
    if (!hello) return this.#trouble.unreadable()
    const { first, asks, ...info } = hello
    const isNew = peer.info === undefined
    peer.info = { id: nameOfNode(sender), self: false, ...info }
    if (isNew) this.#count()
    peer.inflow.hello(seq, first)
    // Many may have been asked at once.
    if (asks) this.#greeting ??= this.#host.clock.after(Math.random() * 50, () => this.#greet())
  }

  #greet(): void {
    this.#greeting = undefined
    this.#hello(false)
  }

  #repeat({ from, to }: Extract<Frame, { kind: 'again' }>): void {
    const now = this.#host.clock.now()
    const { from: start, to: end, until } = this.#repeated
    if (now < until && distance(from, start) >= 0 && distance(to, end) <= 0) return
    this.#repeated = { from, to, until: now + REPEAT_MS }
    for (const frame of this.#outbox.range(from, to, now)) {
      if (!this.#publish(markAgain(frame))) return
      this.#stats.resent++
    }
    // Says which of them are gone for good.
    this.#hello(false)
  }

  #othersAsked({ whose, from, to }: Extract<Frame, { kind: 'again' }>): void {
    this.#peers.get(whose)?.inflow.othersAsked(from, to)
  }
}
