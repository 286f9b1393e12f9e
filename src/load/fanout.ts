import { BroadcastBoard, FIRST_NUMBER } from './broadcast-board.ts'
import { now } from './clock.ts'
import { SidewireError } from '../engine/errors.ts'
import { Messages } from './messages.ts'
import { indicesOf, isHere, type LoadOptions, type Share } from './options.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { isOpenLoop, paceOfSenders } from './pace.ts'
import { Pacer } from './pacer.ts'
import type { Recorder } from './recorder.ts'
import { openAll, settle, type Job, type Scenario } from './scenario.ts'
import { Sequence } from './sequence.ts'
import type { ClientSocket, ClientSocketEvents } from '../wire/client-socket.ts'
import { TokenReader } from './token.ts'

/** How often senders try whether all receivers listen, and for how long. */
const PROBE_EVERY_MS = 20
const PROBE_FOR_MS = 5000
/** How often senders look whether receivers in other workers have got their messages. */
const LOOK_EVERY_MS = 1
/** Machines do not begin at the same time. */
const PROBE_FOR_MACHINES_MS = 20_000
/** What other machines have sent is all here, when nothing has come for as long. */
const QUIET_MS = 300

/**
 * Broadcasts: `senders` connections send, `connections` others receive. Senders may hear themselves or not; their own
 * copies are not counted.
 */
export function createFanout(job: Job): Scenario {
  const { options, share } = job
  const board = new BroadcastBoard(job.shared as SharedArrayBuffer, options.senders) // the coordinator made it
  const messages = new Messages(options)
  const senders = indicesOf(share, options.senders).map((index) => new Sender(job, index, messages, board))
  let isLooping = false
  const pump = (): void => {
    if (isLooping) for (const sender of senders) sender.fillWindow()
  }
  const receivers = indicesOf(share, options.connections).map(() => new Receiver(job, board, pump))
  let probing: NodeJS.Timeout | undefined
  const pace = paceOfSenders(options, indicesOf(share, options.senders))
  const pacer =
    pace &&
    new Pacer(
      pace,
      (index, due) => senders[index % senders.length]?.send(due),
      () => {},
    )
  let timer: NodeJS.Timeout | undefined
  return {
    async open() {
      await openAll(
        job,
        [...receivers, ...senders].map((events) => () => events),
      )
      if (!senders.every((sender) => sender.isOpen)) return
      await probe(senders, receivers, board, share.here ? PROBE_FOR_MACHINES_MS : PROBE_FOR_MS)
      // Receivers on other machines may not have heard it yet.
      if (share.here) probing = setInterval(() => senders.forEach((sender) => sender.probe()), PROBE_EVERY_MS)
    },
    start(at) {
      clearInterval(probing)
      for (const sender of senders) sender.start()
      if (pacer) return pacer.start(at)
      if (isOpenLoop(options)) return undefined // the senders are other workers'
      isLooping = true
      pump()
      timer = setInterval(pump, LOOK_EVERY_MS)
      return undefined
    },
    async finish() {
      pacer?.stop((due, late) => job.recorder.sendLag(due, late, 1))
      isLooping = false
      clearInterval(timer)
      board.removeSending(senders.length)
      const isSettled = (): boolean =>
        board.sending === 0 && receivers.every((receiver) => receiver.isSettled)
      await settle(options.timeout, isSettled)
      const from = now()
      const isQuiet = (): boolean =>
        receivers.every(({ lastFromAfar }) => now() - Math.max(from, lastFromAfar) > QUIET_MS)
      if (share.here) await settle(options.timeout, isQuiet)
      for (const receiver of receivers) receiver.end()
    },
    close() {
      for (const client of [...receivers, ...senders]) client.close()
    },
  }
}

/** Sends until all receivers of this worker have heard all senders, and the other workers have said the same. */
async function probe(
  senders: readonly Sender[],
  receivers: readonly Receiver[],
  board: BroadcastBoard,
  ms: number,
): Promise<void> {
  const end = now() + ms
  while (board.deaf > 0) {
    for (const sender of senders) sender.probe()
    await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS))
    if (now() < end) continue
    const deaf = receivers.filter((receiver) => receiver.isDeaf).length
    if (deaf === 0) return
    throw new SidewireError(
      'ERR_LOAD',
      `${deaf} of ${receivers.length} receivers got no message in the ${ms / 1000} s before the load; does the server broadcast ` +
        'what it gets, with the {id} in it? Where receivers have to join a room first, say how with --join',
    )
  }
}

class Sender implements ClientSocketEvents {
  readonly #options: LoadOptions
  readonly #recorder: Recorder
  readonly #board: BroadcastBoard
  readonly #index: number
  readonly #outbox: Outbox
  #socket: ClientSocket | undefined
  /** The first message that not all receivers have. */
  #oldest = 0

  constructor({ options, recorder }: Job, index: number, messages: Messages, board: BroadcastBoard) {
    this.#options = options
    this.#recorder = recorder
    this.#board = board
    this.#index = index
    this.#outbox = createOutbox(messages, index, options.window, options.compress)
  }

  get isOpen(): boolean {
    return this.#socket !== undefined
  }

  open(socket: ClientSocket): void {
    this.#socket = socket
  }

  message(): void {
    // Its own broadcasts, and those of other senders.
  }

  turn(): void {}

  ended(): void {
    this.#socket = undefined
  }

  close(): void {
    this.#socket?.close()
  }

  start(): void {
    this.#board.startMeasuring(this.#index)
    this.#oldest = this.#board.sent(this.#index)
  }

  probe(): void {
    this.#write([now()])
  }

  /** Open loop. */
  send(due: number): void {
    this.#advance()
    // The board would forget when older ones were due. A server that is as far behind is overloaded, and the report says by how much.
    if (!this.#socket || this.#board.isFull(this.#index, this.#oldest)) return
    this.#recorder.sendLag(due, now() - due, 1)
    this.#write([due])
    this.#recorder.counters.sent++
  }

  fillWindow(): void {
    this.#advance()
    const room = this.#options.window - (this.#board.sent(this.#index) - this.#oldest)
    if (room <= 0 || !this.#socket) return
    this.#write(Array.from({ length: room }, () => now()))
    this.#recorder.counters.sent += room
  }

  /** Passes over what all receivers have, what was overtaken, and what took too long. */
  #advance(): void {
    const board = this.#board
    const sent = board.sent(this.#index)
    while (this.#oldest < sent) {
      const isDone =
        board.hasArrived(this.#index, this.#oldest) ||
        this.#isOvertaken(sent) ||
        now() - board.due(this.#index, this.#oldest) > this.#options.timeout
      if (!isDone) return
      this.#oldest++
    }
  }

  #isOvertaken(sent: number): boolean {
    for (let later = this.#oldest + 1; later < sent; later++)
      if (this.#board.hasArrived(this.#index, later)) return true
    return false
  }

  #write(dues: readonly number[]): void {
    if (!this.#socket) return
    for (let at = 0; at < dues.length; at += this.#outbox.capacity) {
      const some = dues.slice(at, at + this.#outbox.capacity)
      const bytes = this.#outbox.take(this.#board.sent(this.#index), some.length)
      for (const due of some) this.#board.send(this.#index, due)
      if (!this.#socket.write(bytes)) this.#outbox.leave()
    }
  }
}

class Receiver implements ClientSocketEvents {
  readonly #options: LoadOptions
  readonly #recorder: Recorder
  readonly #board: BroadcastBoard
  readonly #pump: () => void
  readonly #token = new TokenReader()
  /** By sender; there from the first message of it on that is measured. */
  readonly #sequences: (Sequence | undefined)[]
  readonly #share: Share
  /** Senders of which it has heard nothing. */
  readonly #unheard = new Set<number>()
  /** When a message of another machine came last. */
  lastFromAfar = 0
  #socket: ClientSocket | undefined
  #time = 0
  #hasCompleted = false

  constructor({ options, recorder, share }: Job, board: BroadcastBoard, pump: () => void) {
    this.#options = options
    this.#share = share
    this.#recorder = recorder
    this.#board = board
    this.#pump = pump
    this.#sequences = Array.from({ length: options.senders })
    for (let sender = 0; sender < options.senders; sender++) this.#unheard.add(sender)
  }

  get isDeaf(): boolean {
    return this.#unheard.size > 0
  }

  get isSettled(): boolean {
    return this.#sequences.every(
      (sequence, sender) =>
        !isHere(this.#share, sender) || (sequence?.next ?? FIRST_NUMBER) >= this.#board.sent(sender),
    )
  }

  open(socket: ClientSocket): void {
    this.#socket = socket
    this.#board.addReceivers(1)
  }

  message(bytes: Buffer, start: number, end: number): void {
    if (!this.#token.read(bytes, start, end)) return
    const { connection: sender, number } = this.#token
    const recorder = this.#recorder
    if (sender >= this.#options.senders) {
      recorder.faults.unexpected++
      return
    }
    if (this.#unheard.size > 0 && this.#unheard.delete(sender) && this.#unheard.size === 0)
      this.#board.removeDeaf()
    if (number < FIRST_NUMBER) return
    const sequence = (this.#sequences[sender] ??= new Sequence(recorder.faults, FIRST_NUMBER))
    const board = this.#board
    this.#time ||= now()
    const isOwn = isHere(this.#share, sender)
    // When those of another machine were due, and how many there are, only that one knows.
    const due = isOwn ? board.due(sender, number) : this.#time
    const isLate = this.#time - due > this.#options.timeout
    if (!sequence.accept(number, isOwn ? board.sent(sender) : Infinity, isLate)) return
    recorder.counters.received++
    if (recorder.isMeasuring) {
      recorder.counters.measured++
      recorder.counters.measuredBytes += end - start
    }
    if (!isOwn) {
      this.lastFromAfar = this.#time
      return
    }
    const isLast = board.arrive(sender, number)
    recorder.latency(due, this.#time - due)
    if (!isLast) return
    recorder.lastReceiver(due, this.#time - due)
    this.#hasCompleted = true
  }

  turn(): void {
    this.#time = 0
    if (!this.#hasCompleted) return
    this.#hasCompleted = false
    this.#pump()
  }

  ended(): void {
    if (this.#socket) this.#board.addReceivers(-1)
    this.#socket = undefined
    if (this.#unheard.size > 0) this.#board.removeDeaf()
    this.#unheard.clear()
    this.end()
  }

  /** What has not come by now never does. */
  end(): void {
    for (let sender = 0; sender < this.#options.senders; sender++) {
      if (!isHere(this.#share, sender)) continue
      const sequence = (this.#sequences[sender] ??= new Sequence(this.#recorder.faults, FIRST_NUMBER))
      sequence.end(this.#board.sent(sender))
    }
  }

  close(): void {
    this.#socket?.close()
  }
}
