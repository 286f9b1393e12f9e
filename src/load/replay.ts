import { differences } from '../recording/comparison.ts'
import { dataOf } from '../recording/message.ts'
import { ClientSocket, type ClientSocketOptions, type End } from '../wire/client-socket.ts'
import { clientsOf, recordEnd } from './client.ts'
import { now } from './clock.ts'
import { shown } from './mask.ts'
import { indicesOf } from './options.ts'
import type { Playback, PlaybackStep } from './playback.ts'
import { atRate, OPENING, REFUSED_PAUSE_MS, settle, SWEEP_MS, type Job, type Scenario } from './scenario.ts'

/** How far ahead the message is looked for that has come in the place of the one that is due. */
const LOOK_AHEAD = 16
/** Characters of a value in a sentence. */
const MAX_SHOWN = 80

/**
 * The client's side of a recording, on each connection: a message is sent when all has come that came before it, and the
 * recorded pause is over; when all of it has come, the connection is opened anew. The latency is that of the first message
 * behind each that was sent.
 */
export function createReplay(job: Job): Scenario {
  const { options } = job
  const clientOf = clientsOf(options)
  const players = indicesOf(job.share, options.connections).map(
    (index) => new Player(job, clientOf, options.playbacks[index % options.playbacks.length] as Playback), // there is one
  )
  let sweep: NodeJS.Timeout | undefined
  return {
    async open() {
      if (options.connectRate !== undefined)
        return atRate(job, options.connectRate, players.length, async (n, due) => players[n]?.open(due))
      for (let i = 0; i < players.length; i += OPENING)
        await Promise.all(players.slice(i, i + OPENING).map((player) => player.open()))
      return undefined
    },
    start() {
      for (const player of players) player.start()
      sweep = setInterval(() => players.forEach((player) => player.giveUpOverdue()), SWEEP_MS)
    },
    async finish() {
      for (const player of players) player.stop()
      await settle(options.timeout, () => players.every(({ isSettled }) => isSettled))
      clearInterval(sweep)
      for (const player of players) player.end()
    },
    close: () => players.forEach((player) => player.close()),
  }
}

/** A step, as it is compared. */
interface Step extends PlaybackStep {
  readonly data: unknown
}

/** What the server has to say next. */
interface Awaited {
  readonly step: Step
  /** When it was asked for; `undefined`: it is no answer. */
  readonly asked: number | undefined
}

class Player {
  readonly #job: Job
  readonly #clientOf: () => ClientSocketOptions
  readonly #steps: readonly Step[]
  readonly #leftOut: ReadonlySet<string>
  #socket: ClientSocket | undefined
  /** The next step that nobody waits for. */
  #at = 0
  #awaited: Awaited[] = []
  /** When the step before it was. */
  #last = 0
  #isPlaying = false
  #timer: NodeJS.Timeout | undefined

  constructor(job: Job, clientOf: () => ClientSocketOptions, { steps }: Playback) {
    this.#job = job
    this.#clientOf = clientOf
    this.#steps = steps.map((step) => ({ ...step, data: dataOf(asBuffer(step.payload)) }))
    this.#leftOut = new Set(job.options.leftOut)
  }

  get isSettled(): boolean {
    return this.#awaited.length === 0
  }

  /** Resolves when it is open, or has ended. */
  open(due = now()): Promise<void> {
    return new Promise((resolve) => {
      const { recorder } = this.#job
      const socket = new ClientSocket(this.#clientOf(), {
        open: () => {
          recorder.connected(now() - due)
          if (recorder.isMeasuring) recorder.counters.handshakes++
          this.#socket = socket
          this.#begin()
          resolve()
        },
        message: (bytes, start, end, isText) =>
          this.#message(
            isText ? bytes.toString('utf8', start, end) : Buffer.from(bytes.subarray(start, end)),
            end - start,
          ),
        ended: (end) => {
          recordEnd(recorder, end)
          this.#ended(end)
          resolve()
        },
      })
    })
  }

  start(): void {
    this.#isPlaying = true
    this.#go()
  }

  stop(): void {
    this.#isPlaying = false
    clearTimeout(this.#timer)
  }

  giveUpOverdue(): void {
    const [first] = this.#awaited
    const { timeout, speed } = this.#job.options
    if (!first || now() < this.#last + first.step.after / speed + timeout) return
    this.#lose(1)
    this.#go()
  }

  /** Waits for nothing more. */
  end(): void {
    this.#lose(this.#awaited.length)
  }

  close(): void {
    this.#socket?.close()
  }

  #begin(): void {
    this.#at = 0
    this.#last = now()
    this.#await(undefined)
    this.#go()
  }

  #ended({ how }: End): void {
    this.#socket = undefined
    clearTimeout(this.#timer)
    this.#lose(this.#awaited.length)
    if (!this.#isPlaying) return
    if (how === 'closed') void this.open()
    else this.#timer = setTimeout(() => void this.open(), REFUSED_PAUSE_MS)
  }

  /** What the server says before the next message of the client. */
  #await(asked: number | undefined): void {
    let isFirst = true
    for (let step = this.#steps[this.#at]; step?.from === 'server'; step = this.#steps[this.#at]) {
      this.#awaited.push({ step, asked: isFirst ? asked : undefined })
      isFirst = false
      this.#at++
    }
  }

  /** Sends what is due. */
  #go(): void {
    const { options, recorder } = this.#job
    clearTimeout(this.#timer)
    while (this.#isPlaying && this.#socket && this.#awaited.length === 0) {
      const step = this.#steps[this.#at]
      // Its end opens the next one.
      if (!step) return this.#socket.close()
      const due = this.#last + step.after / options.speed
      const wait = due - now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#go(), Math.ceil(wait))
        return
      }
      recorder.sendLag(due, -wait, 1)
      recorder.counters.sent++
      this.#socket.send(step.payload)
      this.#last = now()
      this.#at++
      this.#await(due)
    }
  }

  #message(payload: string | Buffer, bytes: number): void {
    const { recorder } = this.#job
    const time = now()
    const place = this.#placeOf(payload)
    const found = this.#awaited[place]
    if (!found) {
      recorder.faults.unexpected++
      return
    }
    this.#lose(place)
    this.#awaited.shift()
    this.#last = time
    recorder.counters.received++
    if (recorder.isMeasuring) {
      recorder.counters.measured++
      recorder.counters.measuredBytes += bytes
    }
    if (found.asked !== undefined) recorder.latency(found.asked, time - found.asked)
    this.#go()
  }

  /** Which of those that are due it is; the first, if it is none of them. */
  #placeOf(payload: string | Buffer): number {
    const received = dataOf(payload)
    const place = this.#awaited
      .slice(0, LOOK_AHEAD)
      .findIndex(({ step }) => differences(step.data, received, (key) => this.#leftOut.has(key)).length === 0)
    if (place !== -1) return place
    const [first] = this.#awaited
    if (!first) return 0
    const { recorder } = this.#job
    recorder.faults.mismatched++
    recorder.mismatch ??= this.#describe(first, received)
    return 0
  }

  /** Which message of the recorded connection it is, and where it differs first. */
  #describe({ step }: Awaited, received: unknown): string {
    const [found] = differences(step.data, received, (key) => this.#leftOut.has(key))
    const text = (value: unknown): string => shown(JSON.stringify(value) ?? 'nothing').slice(0, MAX_SHOWN)
    const where = `message ${this.#steps.indexOf(step) + 1} of the connection`
    return found
      ? `${where}, at ${shown(found.path)}: ${text(found.received)} in the place of ${text(found.recorded)}`
      : where
  }

  #lose(count: number): void {
    this.#job.recorder.faults.lost += count
    this.#awaited.splice(0, count)
  }
}

/** A thread gets bytes without the class. */
function asBuffer(payload: string | Uint8Array): string | Buffer {
  return typeof payload === 'string'
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
}
