import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { now } from '../engine/timers.ts'
import { LiveIds } from './message.ts'
import { Player, wordsOf, type Play } from './player.ts'
import type { Part, Script } from './script.ts'

/** Plays one conversation from its beginning to its end: in step with the client, or by the clock. */
export class ScriptPlayer extends Player {
  readonly #script: Script
  readonly #ids = new LiveIds()
  readonly #isLockstep: boolean
  /** Which part is played, or was played last. */
  #part = 0
  /** Before it nothing is due: what comes later in the recording comes later. */
  #lastDue = 0
  /** Messages of the client in earlier rounds. */
  #before = 0
  #hasToldOfMore = false
  #isOver = false

  constructor(conn: WebSocketConnection, play: Play, script: Script) {
    super(conn, play)
    this.#script = script
    this.#isLockstep = play.settings.mode === 'lockstep'
  }

  start(): void {
    this.#begin(now())
    this.schedule.run()
  }

  #begin(at: number): void {
    this.#part = 0
    this.#lastDue = at
    const { parts, length } = this.#script
    if (this.#isLockstep) return this.#plan(parts[0], at)
    for (const { cues } of parts)
      for (const cue of cues) this.schedule.add(at + cue.at, () => this.perform(cue, this.#ids))
    this.schedule.add(at + length, () => this.#ended())
  }

  /** What follows a message of the client, from when it came. */
  #plan(part: Part | undefined, arrival: number): void {
    for (const cue of part?.cues ?? []) {
      this.#lastDue = Math.max(this.#lastDue, arrival + cue.at - (part?.at ?? 0))
      this.schedule.add(this.#lastDue, () => this.perform(cue, this.#ids))
    }
    if (this.#part === this.#script.parts.length - 1) this.schedule.add(this.#lastDue, () => this.#ended())
  }

  protected take(data: unknown, index: number): void {
    const part = this.#script.parts[index - this.#before]
    if (part?.question === undefined) return this.#tellOfMore(index)
    const { question } = part
    const [difference] = this.compare(question.data, data)
    this.learn(this.#ids, question.data, data)
    if (difference)
      this.mismatch(
        `message ${index} of the client is not as recorded in connection ${this.#script.conversation.number}, ${wordsOf(difference)}`,
        `message ${index} is not as recorded, at ${difference.path}`,
      )
    this.#part = index - this.#before
    if (this.#isLockstep) this.#plan(part, now())
  }

  #tellOfMore(index: number): void {
    if (this.#hasToldOfMore) return
    this.#hasToldOfMore = true
    const { conversation, parts } = this.#script
    this.mismatch(
      `message ${index} of the client is one more than the ${parts.length - 1} that were recorded in connection ${conversation.number}`,
      `message ${index} is not recorded`,
    )
  }

  #ended(): void {
    if (this.#isOver || this.#script.hasClose) return
    const { onEnd } = this.play.settings
    if (onEnd === 'close') {
      this.#isOver = true
      this.conn.close(1000)
    }
    if (onEnd !== 'loop' || this.#script.parts.every(({ cues }) => cues.length === 0)) return
    this.#before += this.#part
    // A round without a message of the client and without a pause would never let anybody else run.
    this.#begin(Math.max(now(), this.#lastDue) + (this.#part === 0 && this.#script.length === 0 ? 1 : 0))
  }
}
