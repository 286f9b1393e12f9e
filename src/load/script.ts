import { now } from './clock.ts'
import { SidewireError } from '../engine/errors.ts'
import { Exchange } from './exchange.ts'
import { shown } from './mask.ts'
import type { LoadOptions } from './options.ts'
import { isOpenLoop } from './pace.ts'
import type { Recorder } from './recorder.ts'
import { createRequestReply, type RequestReplyClient } from './request-reply.ts'
import { settle, type Job, type Scenario } from './scenario.ts'
import type { LoadScript, ScriptClient } from './load-script.ts'
import type { ClientSocket } from '../wire/client-socket.ts'

/** A protocol of the user's: the script says what to send, and which message a reply answers. */
export function createScript(
  job: Job,
  script: LoadScript,
  greeting?: { readonly what: string; readonly isReady: (client: ScriptClient) => boolean },
): Scenario {
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  failed.catch(() => {}) // whoever waits is told
  const clients: Client[] = []
  const scenario = createRequestReply(job, (index) => {
    const client = new Client(job, index, script, (error) => fail(error), greeting?.what)
    if (greeting) clients.push(client)
    return client
  })
  const open = async (): Promise<void> => {
    await scenario.open()
    if (!greeting) return
    const deaf = (): number => clients.filter((client) => client.isOpen && !greeting.isReady(client)).length
    await settle(job.options.timeout, () => deaf() === 0)
    if (deaf() > 0)
      throw new SidewireError(
        'ERR_LOAD',
        `${deaf()} of ${clients.length} connections were not greeted within ${job.options.timeout / 1000} s; does the server speak ${greeting.what} there?`,
      )
  }
  return {
    ...scenario,
    open: () => Promise.race([failed, open()]),
    finish: () => Promise.race([failed, scenario.finish()]),
  }
}

class Client implements RequestReplyClient, ScriptClient {
  readonly index: number
  data: unknown = undefined
  readonly #options: LoadOptions
  readonly #recorder: Recorder
  readonly #script: LoadScript
  readonly #fail: (error: Error) => void
  readonly #protocol: string | undefined
  readonly #exchange: Exchange
  #socket: ClientSocket | undefined
  #isLooping = false
  #time = 0

  constructor(job: Job, index: number, script: LoadScript, fail: (error: Error) => void, protocol?: string) {
    this.#protocol = protocol
    this.index = index
    this.#options = job.options
    this.#recorder = job.recorder
    this.#script = script
    this.#fail = fail
    this.#exchange = new Exchange(job, job.options.window)
  }

  get isSettled(): boolean {
    return this.#exchange.isSettled
  }

  get isOpen(): boolean {
    return this.#socket !== undefined
  }

  // For the script

  send(data: unknown): void {
    this.#socket?.send(typeof data === 'string' || data instanceof Uint8Array ? data : JSON.stringify(data))
  }

  close(): void {
    this.#socket?.close()
  }

  // For the socket

  open(socket: ClientSocket): void {
    this.#socket = socket
    this.#call('onOpen', () => this.#script.onOpen?.(this))
  }

  message(bytes: Buffer, start: number, end: number, isText: boolean): void {
    this.#time ||= now()
    const answered = this.#call('onMessage', () =>
      this.#script.onMessage
        ? this.#script.onMessage(
            this,
            isText ? bytes.toString('utf8', start, end) : Buffer.from(bytes.subarray(start, end)),
          )
        : this.#exchange.next,
    )
    if (typeof answered === 'number') this.#exchange.answered(answered, this.#time, end - start)
  }

  turn(): void {
    this.#time = 0
    this.#fillWindow()
  }

  ended(): void {
    this.#socket = undefined
    this.stop()
    this.end()
  }

  // For the scenario

  startLoop(): void {
    this.#isLooping = !isOpenLoop(this.#options)
    this.#fillWindow()
  }

  due(time: number): void {
    this.#sendNext(time)
  }

  flush(): void {} // each is written when it is due

  giveUpOverdue(): void {
    this.#exchange.giveUpOverdue()
    this.#fillWindow()
  }

  stop(): void {
    this.#isLooping = false
  }

  end(): void {
    this.#exchange.end()
  }

  #fillWindow(): void {
    while (this.#isLooping && this.#exchange.underWay < this.#options.window)
      if (!this.#sendNext(now())) return
  }

  /** Returns whether the script had something to send. */
  #sendNext(due: number): boolean {
    if (!this.#socket) return false
    const exchange = this.#exchange
    const data = this.#call('next', () => this.#script.next(this, exchange.sent))
    if (data === undefined) return false
    this.#recorder.sendLag(due, now() - due, 1)
    exchange.setDue(exchange.sent++, due)
    this.#recorder.counters.sent++
    this.send(data)
    return true
  }

  #call<T>(what: string, run: () => T): T | undefined {
    try {
      const result = run()
      if (!(result instanceof Promise)) return result
      throw new TypeError('it is async, and has to answer at once')
    } catch (thrown) {
      this.stop()
      const { message } = thrown instanceof Error ? thrown : { message: String(thrown) }
      this.#fail(
        new SidewireError(
          'ERR_LOAD',
          this.#protocol === undefined || what === 'next'
            ? `the script's ${what} failed: ${shown(message)}`
            : `${this.#protocol}: ${shown(message)}`,
        ),
      )
      return undefined
    }
  }
}
