import { now } from './clock.ts'
import { DueTimes } from './due-times.ts'
import { MessageTemplate } from './message-template.ts'
import { indicesOf, type LoadOptions } from './options.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { Pacer } from './pacer.ts'
import type { Recorder } from './recorder.ts'
import { openAll, settle, type Job, type Scenario } from './scenario.ts'
import { Sequence } from './sequence.ts'
import type { LoadSocket, SocketEvents } from './socket.ts'
import { TokenReader } from './token.ts'

/** Request and reply: each message comes back, with its token in it, on the connection that sent it. */
export function createEcho(job: Job): Scenario {
  const { options, share } = job
  const template = new MessageTemplate(options.message, options.size)
  const clients = indicesOf(share, options.connections).map((index) => new EchoClient(job, index, template))
  const pacer =
    options.rate === undefined
      ? undefined
      : new Pacer(
          options.rate / share.count,
          (index, due) => clients[index % clients.length]?.queue(due),
          () => clients.forEach((client) => client.flush()),
        )
  let sweep: NodeJS.Timeout | undefined
  return {
    open: async () =>
      void (await openAll(
        job,
        clients.map((client) => () => client),
      )),
    start() {
      // Workers take turns, so that all messages together are due at even distances.
      if (pacer && options.rate !== undefined) pacer.start(now() + (share.index * 1000) / options.rate)
      else for (const client of clients) client.startLoop()
      sweep = setInterval(() => clients.forEach((client) => client.giveUpOverdue()), SWEEP_MS)
    },
    async finish() {
      pacer?.stop((due, late) => job.recorder.sendLag(due, late, 1))
      for (const client of clients) client.stop()
      await settle(options.timeout, () => clients.every((client) => client.isSettled))
      clearInterval(sweep)
      for (const client of clients) client.end()
    },
    close: () => clients.forEach((client) => client.close()),
  }
}

const SWEEP_MS = 50

class EchoClient implements SocketEvents {
  readonly #index: number
  readonly #options: LoadOptions
  readonly #recorder: Recorder
  readonly #outbox: Outbox
  readonly #token = new TokenReader()
  readonly #sequence: Sequence
  readonly #dues: DueTimes
  #socket: LoadSocket | undefined
  #sent = 0
  /** Messages that are in the ring of due times, but not written yet. */
  #queued = 0
  #isLooping = false
  /** Of this turn; 0 when it has not been asked for yet. */
  #time = 0

  constructor({ options, recorder }: Job, index: number, template: MessageTemplate) {
    const isOpenLoop = options.rate !== undefined
    this.#index = index
    this.#options = options
    this.#recorder = recorder
    this.#outbox = createOutbox(template, index, isOpenLoop ? 16 : options.window, options.compress)
    this.#sequence = new Sequence(recorder.faults)
    this.#dues = new DueTimes(isOpenLoop ? 64 : options.window)
  }

  get isSettled(): boolean {
    return this.#sequence.next >= this.#sent
  }

  open(socket: LoadSocket): void {
    this.#socket = socket
  }

  message(bytes: Buffer, start: number, end: number): void {
    if (!this.#token.read(bytes, start, end)) return // a welcome, or whatever else is no reply
    const recorder = this.#recorder
    const { connection, number } = this.#token
    if (connection !== this.#index) {
      if (connection < this.#options.connections) recorder.faults.misdirected++
      else recorder.faults.unexpected++
      return
    }
    this.#time ||= now()
    const due = this.#dues.get(number, this.#sent)
    const isLate = due !== undefined && this.#time - due > this.#options.timeout
    if (!this.#sequence.accept(number, this.#sent, isLate)) return
    recorder.counters.received++
    if (recorder.isMeasuring) {
      recorder.counters.measured++
      recorder.counters.measuredBytes += end - start
    }
    if (due !== undefined) recorder.latency(due, this.#time - due)
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
    this.#isLooping = true
    this.#fillWindow()
  }

  /** Open loop: a message is due; it is written with the others of this turn. */
  queue(due: number): void {
    if (!this.#socket) return
    const number = this.#sent + this.#queued
    this.#dues.set(number, due, number - this.#sequence.next)
    this.#queued++
  }

  flush(): void {
    if (this.#queued === 0) return
    const time = now()
    for (let number = this.#sent; number < this.#sent + this.#queued; number++) {
      const due = this.#dues.get(number, number) ?? time
      this.#recorder.sendLag(due, time - due, 1)
    }
    this.#write(this.#queued)
    this.#queued = 0
  }

  /** In a closed loop a message that is lost would hold its place in the window for ever. */
  giveUpOverdue(): void {
    if (!this.#isLooping) return
    const limit = now() - this.#options.timeout
    while (!this.isSettled && (this.#dues.get(this.#sequence.next, this.#sent) ?? 0) < limit)
      this.#sequence.giveUp()
    this.#fillWindow()
  }

  stop(): void {
    this.#isLooping = false
    this.#queued = 0
  }

  end(): void {
    this.#sequence.end(this.#sent)
  }

  close(): void {
    this.#socket?.close()
  }

  /** A reply that was overtaken counts as answered here, so that a lost one does not stop its connection. */
  #fillWindow(): void {
    const room = this.#options.window - (this.#sent - this.#sequence.next)
    if (room <= 0 || !this.#socket) return
    const due = now()
    for (let number = this.#sent; number < this.#sent + room; number++)
      this.#dues.set(number, due, number - this.#sequence.next)
    this.#write(room)
  }

  #write(count: number): void {
    for (let left = count; left > 0;) {
      const some = Math.min(left, this.#outbox.capacity)
      const bytes = this.#outbox.take(this.#sent, some)
      this.#sent += some
      left -= some
      if (this.#socket?.write(bytes) === false) this.#outbox.leave()
    }
    this.#recorder.counters.sent += count
  }
}
