import { now } from './clock.ts'
import { SidewireError } from '../index.ts'
import { DueTimes } from './due-times.ts'
import { indicesOf, type LoadOptions } from './options.ts'
import { Pacer } from './pacer.ts'
import type { Recorder } from './recorder.ts'
import { openAll, settle, type Job, type Scenario } from './scenario.ts'
import { Sequence } from './sequence.ts'
import type { LoadScript, ScriptClient } from './load-script.ts'
import type { LoadSocket, SocketEvents } from './socket.ts'

/** A protocol of the user's: the script says what to send, and which message a reply answers. */
export function createScript(job: Job, script: LoadScript): Scenario {
  const { options, share } = job
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  failed.catch(() => {}) // whoever waits is told
  const clients = indicesOf(share, options.connections).map(
    (index) => new Client(job, index, script, (error) => fail(error)),
  )
  const pacer =
    options.rate === undefined
      ? undefined
      : new Pacer(
          options.rate / share.count,
          (index, due) => clients[index % clients.length]?.sendNext(due),
          () => {},
        )
  let sweep: NodeJS.Timeout | undefined
  return {
    open: async () =>
      void (await Promise.race([
        failed,
        openAll(
          job,
          clients.map((client) => () => client),
        ),
      ])),
    start() {
      if (pacer && options.rate !== undefined) pacer.start(now() + (share.index * 1000) / options.rate)
      else for (const client of clients) client.startLoop()
      sweep = setInterval(() => clients.forEach((client) => client.giveUpOverdue()), SWEEP_MS)
    },
    async finish() {
      pacer?.stop((due, late) => job.recorder.sendLag(due, late, 1))
      for (const client of clients) client.stop()
      await Promise.race([failed, settle(options.timeout, () => clients.every((client) => client.isSettled))])
      clearInterval(sweep)
      for (const client of clients) client.end()
    },
    close: () => clients.forEach((client) => client.close()),
  }
}

const SWEEP_MS = 50

class Client implements SocketEvents, ScriptClient {
  readonly index: number
  data: unknown = undefined
  readonly #options: LoadOptions
  readonly #recorder: Recorder
  readonly #script: LoadScript
  readonly #fail: (error: Error) => void
  readonly #sequence: Sequence
  readonly #dues: DueTimes
  #socket: LoadSocket | undefined
  #sent = 0
  #isLooping = false
  #time = 0

  constructor({ options, recorder }: Job, index: number, script: LoadScript, fail: (error: Error) => void) {
    this.index = index
    this.#options = options
    this.#recorder = recorder
    this.#script = script
    this.#fail = fail
    this.#sequence = new Sequence(recorder.faults)
    this.#dues = new DueTimes(options.window)
  }

  get isSettled(): boolean {
    return this.#sequence.next >= this.#sent
  }

  // For the script

  send(data: unknown): void {
    this.#socket?.send(typeof data === 'string' || data instanceof Uint8Array ? data : JSON.stringify(data))
  }

  close(): void {
    this.#socket?.close()
  }

  // For the socket

  open(socket: LoadSocket): void {
    this.#socket = socket
    this.#call('onOpen', () => this.#script.onOpen?.(this))
  }

  message(bytes: Buffer, start: number, end: number, isText: boolean): void {
    const recorder = this.#recorder
    this.#time ||= now()
    const answered = this.#call('onMessage', () =>
      this.#script.onMessage
        ? this.#script.onMessage(
            this,
            isText ? bytes.toString('utf8', start, end) : Buffer.from(bytes.subarray(start, end)),
          )
        : this.#sequence.next,
    )
    if (typeof answered !== 'number') return
    const due = this.#dues.get(answered, this.#sent)
    const isLate = due !== undefined && this.#time - due > this.#options.timeout
    if (!this.#sequence.accept(answered, this.#sent, isLate)) return
    recorder.counters.received++
    if (recorder.isMeasuring) {
      recorder.counters.measured++
      recorder.counters.measuredBytes += end - start
    }
    if (due !== undefined) recorder.latency(due, this.#time - due)
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
    this.#isLooping = true
    this.#fillWindow()
  }

  /** Returns whether the script had something to send. */
  sendNext(due: number): boolean {
    if (!this.#socket) return false
    const number = this.#sent
    const data = this.#call('next', () => this.#script.next(this, number))
    if (data === undefined) return false
    this.#recorder.sendLag(due, now() - due, 1)
    this.#dues.set(number, due, number - this.#sequence.next)
    this.#sent++
    this.#recorder.counters.sent++
    this.send(data)
    return true
  }

  giveUpOverdue(): void {
    const limit = now() - this.#options.timeout
    while (!this.isSettled && (this.#dues.get(this.#sequence.next, this.#sent) ?? 0) < limit)
      this.#sequence.giveUp()
    this.#fillWindow()
  }

  stop(): void {
    this.#isLooping = false
  }

  end(): void {
    this.#sequence.end(this.#sent)
  }

  #fillWindow(): void {
    while (this.#isLooping && this.#sent - this.#sequence.next < this.#options.window)
      if (!this.sendNext(now())) return
  }

  #call<T>(what: string, run: () => T): T | undefined {
    try {
      const result = run()
      if (!(result instanceof Promise)) return result
      throw new TypeError('it is async, and has to answer at once')
    } catch (thrown) {
      this.stop()
      const { message } = thrown instanceof Error ? thrown : { message: String(thrown) }
      this.#fail(new SidewireError('ERR_LOAD', `the script's ${what} failed: ${message}`))
      return undefined
    }
  }
}
