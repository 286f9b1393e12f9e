import { now } from './clock.ts'
import { Exchange } from './exchange.ts'
import { Messages } from './messages.ts'
import type { LoadOptions } from './options.ts'
import { isOpenLoop } from './pace.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import type { Recorder } from './recorder.ts'
import { createRequestReply, type RequestReplyClient } from './request-reply.ts'
import type { Job, Scenario } from './scenario.ts'
import type { ClientSocket } from '../wire/client-socket.ts'
import { TokenReader } from './token.ts'

/** Request and reply: each message comes back, with its token in it, on the connection that sent it. */
export function createEcho(job: Job): Scenario {
  const { options } = job
  const messages = new Messages(options)
  return createRequestReply(job, (index) => new EchoClient(job, index, messages))
}

class EchoClient implements RequestReplyClient {
  readonly #index: number
  readonly #options: LoadOptions
  readonly #recorder: Recorder
  readonly #outbox: Outbox
  readonly #token = new TokenReader()
  readonly #exchange: Exchange
  #socket: ClientSocket | undefined
  /** Messages that have their due time, but are not written yet. */
  #queued = 0
  /** Messages are due at fixed times. */
  readonly #isOpen: boolean
  #isLooping = false
  /** Of this turn; 0 when it has not been asked for yet. */
  #time = 0

  constructor(job: Job, index: number, messages: Messages) {
    const { options, recorder } = job
    this.#isOpen = isOpenLoop(options)
    this.#index = index
    this.#options = options
    this.#recorder = recorder
    this.#outbox = createOutbox(messages, index, this.#isOpen ? 16 : options.window, options.compress)
    this.#exchange = new Exchange(job, this.#isOpen ? 64 : options.window)
  }

  get isSettled(): boolean {
    return this.#exchange.isSettled
  }

  open(socket: ClientSocket): void {
    this.#socket = socket
  }

  message(bytes: Buffer, start: number, end: number): void {
    if (!this.#token.read(bytes, start, end)) return // a welcome, or whatever else is no reply
    const { faults } = this.#recorder
    const { connection, number } = this.#token
    if (connection !== this.#index) {
      if (connection < this.#options.connections) faults.misdirected++
      else faults.unexpected++
      return
    }
    this.#time ||= now()
    this.#exchange.answered(number, this.#time, end - start)
  }

  turn(): void {
    this.#time = 0
    if (this.#isLooping) this.#fillWindow()
  }

  ended(): void {
    this.#socket = undefined
    this.stop()
    this.end()
  }

  startLoop(): void {
    if (this.#isOpen) return
    this.#isLooping = true
    this.#fillWindow()
  }

  /** It is written with the others of this turn. */
  due(time: number): void {
    if (!this.#socket) return
    this.#exchange.setDue(this.#exchange.sent + this.#queued, time)
    this.#queued++
  }

  flush(): void {
    if (this.#queued === 0) return
    const time = now()
    const first = this.#exchange.sent
    for (let number = first; number < first + this.#queued; number++) {
      const due = this.#exchange.dueOf(number) ?? time
      this.#recorder.sendLag(due, time - due, 1)
    }
    this.#write(this.#queued)
    this.#queued = 0
  }

  giveUpOverdue(): void {
    if (!this.#isLooping) return
    this.#exchange.giveUpOverdue()
    this.#fillWindow()
  }

  stop(): void {
    this.#isLooping = false
    this.#queued = 0
  }

  end(): void {
    this.#exchange.end()
  }

  close(): void {
    this.#socket?.close()
  }

  #fillWindow(): void {
    const exchange = this.#exchange
    const room = this.#options.window - exchange.underWay
    if (room <= 0 || !this.#socket) return
    const due = now()
    for (let number = exchange.sent; number < exchange.sent + room; number++) exchange.setDue(number, due)
    this.#write(room)
  }

  #write(count: number): void {
    for (let left = count; left > 0;) {
      const some = Math.min(left, this.#outbox.capacity)
      const bytes = this.#outbox.take(this.#exchange.sent, some)
      this.#exchange.sent += some
      left -= some
      if (this.#socket?.write(bytes) === false) this.#outbox.leave()
    }
    this.#recorder.counters.sent += count
  }
}
