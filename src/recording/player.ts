import { isSendableCloseCode } from '../engine/close.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { describe } from '../engine/errors.ts'
import type { Logger } from '../engine/logger.ts'
import { setImmediate } from '../engine/timers.ts'
import { differences, pairsOf, type Difference } from './comparison.ts'
import type { CloseEvent } from './format.ts'
import { dataOf, type LiveIds, type Message } from './message.ts'
import type { Settings } from './replay-options.ts'
import { Schedule } from './schedule.ts'
import type { Cue } from './script.ts'

/** What all players of a recording share. */
export interface Play {
  /** The file, as it is named to people. */
  readonly name: string
  readonly settings: Settings
  readonly logger: Logger
  /** Whether a key names a request, and whether its value need not be as recorded. */
  isId(key: string): boolean
  isLeftOut(key: string): boolean
}

/** What may wait for a slow client; then the rest waits here, where it takes no memory. */
const MAX_BUFFERED = 1024 * 1024

/** Plays a recording to one connection. */
export abstract class Player {
  protected readonly conn: WebSocketConnection
  protected readonly play: Play
  protected readonly schedule: Schedule
  /** Messages of the client, without those that are skipped. */
  #received = 0
  #cutsWhenDrained = false

  constructor(conn: WebSocketConnection, play: Play) {
    this.conn = conn
    this.play = play
    this.schedule = new Schedule(() => conn.bufferedAmount <= MAX_BUFFERED)
  }

  /** The connection is open. */
  abstract start(): void

  /** @param index - of the client's messages, from 1 */
  protected abstract take(data: unknown, index: number): void

  received(payload: string | Buffer): void {
    const data = dataOf(payload)
    if (this.play.settings.skip(data, 'client')) return
    this.take(data, ++this.#received)
    this.schedule.run()
  }

  drained(): void {
    if (this.#cutsWhenDrained) return this.#cut()
    this.schedule.run()
  }

  stop(): void {
    this.schedule.stop()
  }

  /** @returns where a message differs from a recorded one, by the user's own comparison where there is one */
  protected compare(recorded: unknown, received: unknown, most = 1): readonly Difference[] {
    const { compare } = this.play.settings
    if (compare) return compare(recorded, received) ? [] : [{ path: '$', recorded, received }]
    return differences(recorded, received, (key) => this.play.isLeftOut(key), most)
  }

  protected learn(ids: LiveIds, recorded: unknown, received: unknown): void {
    for (const [one, other] of pairsOf(recorded, received, (key) => this.play.isId(key))) ids.set(one, other)
  }

  protected perform({ message, close, index }: Cue, ids: LiveIds): void {
    if (message) this.#send(ids.in(message), index)
    if (close) this.#end(close)
  }

  protected mismatch(what: string, reason: string): void {
    const { onMismatch } = this.play.settings
    if (onMismatch === 'ignore' || this.conn.closed) return
    this.play.logger.warn(`replay of ${this.play.name}, ${this.conn.path}: ${what}`)
    if (onMismatch !== 'close') return
    this.stop()
    this.conn.close(1008, reason)
  }

  #send(message: Message, index: number): void {
    const { rewrite } = this.play.settings
    if (rewrite) {
      // Out of a timer it would end the process.
      try {
        const made = rewrite(message.data, { conn: this.conn, index })
        if (made !== undefined) return void this.conn.send(made)
      } catch (error) {
        const { message: why } = error as Error
        this.play.logger.error(
          `replay of ${this.play.name}: rewrite failed for message ${index} of the server, which goes as it was recorded: ${why}`,
        )
      }
    }
    this.conn.send(message.payload)
  }

  #end({ code, reason = '' }: CloseEvent): void {
    this.stop()
    if (isSendableCloseCode(code)) return this.conn.close(code, reason)
    // A frame without a code; all others cannot be sent, and mean that there was no frame.
    if (code === 1005) return this.conn.close()
    setImmediate(() => this.#cut())
  }

  /** Behind what was sent before. */
  #cut(): void {
    this.#cutsWhenDrained = this.conn.bufferedAmount > 0
    if (!this.#cutsWhenDrained) this.conn.forceClose()
  }
}

/** In words that follow "message 2 of the client". */
export function wordsOf({ path, recorded, received }: Difference): string {
  return `at ${path}: recorded is ${describe(recorded)}, and ${describe(received)} came`
}
