import type { LinkFaults, MessageChoice } from '../engine/handler/faults.ts'
import type { Stream } from './chance.ts'
import { choose, onesOf, within } from './which.ts'

/** What is to happen to a message. */
export interface Fate {
  readonly isDropped: boolean
  readonly isDoubled: boolean
  /** Where it is damaged: from 0, its beginning, to below 1. */
  readonly damage: number | undefined
  readonly isMoved: boolean
  /** Milliseconds. */
  readonly latency: number
}

/** Whether a predicate of the user's takes the message. */
type Matches = (match: NonNullable<Exclude<MessageChoice, number>['match']>) => boolean

/** Decides for one message after the other of one direction: by number, by predicate, and by chance. */
export class Chooser {
  readonly #faults: LinkFaults
  readonly #drop: Selector
  readonly #duplicate: Selector
  readonly #corrupt: Selector
  readonly #reorder: Selector
  readonly #latency: Stream

  /** @param streamOf - the stream of a kind; each is made once */
  constructor(faults: LinkFaults, streamOf: (kind: string) => Stream) {
    this.#faults = faults
    this.#drop = new Selector(faults.drop, streamOf('drop'))
    this.#duplicate = new Selector(faults.duplicate, streamOf('duplicate'))
    this.#corrupt = new Selector(faults.corrupt, streamOf('corrupt'))
    this.#reorder = new Selector(faults.reorder, streamOf('reorder'))
    this.#latency = streamOf('latency')
  }

  /** Each kind draws for each message, whether it is used or not: what one decides moves none of the others. */
  next(matches: Matches): Fate {
    return {
      isDropped: this.#drop.next(matches) !== undefined,
      isDoubled: this.#duplicate.next(matches) !== undefined,
      damage: this.#corrupt.next(matches),
      isMoved: this.#reorder.next(matches) !== undefined,
      latency: within(this.#faults.latency ?? 0, this.#latency),
    }
  }
}

/** Which messages of a direction. */
class Selector {
  readonly #ones: Exclude<MessageChoice, number>
  readonly #isOff: boolean
  readonly #stream: Stream
  #n = 0

  constructor(which: MessageChoice | undefined, stream: Stream) {
    this.#ones = onesOf(which)
    this.#isOff = which === undefined
    this.#stream = stream
  }

  next(matches: Matches): number | undefined {
    if (this.#isOff) return undefined
    const draw = this.#stream()
    const { match } = this.#ones
    if (match && !matches(match)) return undefined
    return choose(this.#ones, ++this.#n, draw)
  }
}
