import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { now } from '../engine/timers.ts'
import { LiveIds, type Message } from './message.ts'
import { Player, wordsOf, type Play } from './player.ts'
import type { Part, Script } from './script.ts'

/** Of the recorded messages that differ, the one with the fewest differences is shown. */
const MAX_DIFFERENCES = 50

interface Answer extends Part {
  readonly question: Message
  /** Of the recording. */
  readonly connection: number
  isUsed: boolean
}

/** Answers each message of the client with what followed the recorded one that is like it. */
export class LookupPlayer extends Player {
  readonly #prologue: Part | undefined
  /** Those of this conversation first. */
  readonly #answers: readonly Answer[]
  readonly #ids = new LiveIds()

  /** @param scripts - all of the path */
  constructor(conn: WebSocketConnection, play: Play, script: Script, scripts: readonly Script[]) {
    super(conn, play)
    this.#prologue = script.parts[0]
    this.#answers = [script, ...scripts.filter((each) => each !== script)].flatMap(
      ({ parts, conversation }) =>
        parts.flatMap(({ question, ...part }) =>
          question ? [{ ...part, question, connection: conversation.number, isUsed: false }] : [],
        ),
    )
  }

  start(): void {
    this.#plan(this.#prologue, this.#ids)
    this.schedule.run()
  }

  protected take(data: unknown, index: number): void {
    const alike = this.#answers.filter(({ question }) => this.compare(question.data, data).length === 0)
    const answer = alike.find(({ isUsed }) => !isUsed) ?? alike.at(-1)
    if (!answer) return this.#tellOfNone(data, index)
    answer.isUsed = true
    this.learn(this.#ids, answer.question.data, data)
    // Two questions may be under way that had the same id in the recording.
    const ids = new LiveIds(this.#ids)
    this.#plan(answer, ids)
  }

  #plan(part: Part | undefined, ids: LiveIds): void {
    const arrival = now()
    for (const cue of part?.cues ?? [])
      this.schedule.add(arrival + cue.at - (part?.at ?? 0), () => this.perform(cue, ids))
  }

  #tellOfNone(data: unknown, index: number): void {
    const [nearest] = this.#answers
      .map((answer) => ({ answer, found: this.compare(answer.question.data, data, MAX_DIFFERENCES) }))
      .toSorted((one, other) => one.found.length - other.found.length)
    const difference = nearest?.found[0]
    const hint =
      nearest && difference
        ? `; the nearest, of connection ${nearest.answer.connection}, differs ${wordsOf(difference)}`
        : ''
    this.mismatch(
      `no recorded message is like message ${index} of the client${hint}`,
      `no recorded message is like message ${index}`,
    )
  }
}
