import type { LinkFaults, MessageChoice } from '../engine/handler/faults.ts'
import { within, type Stream } from './chance.ts'
import { choose, onesOf } from './which.ts'

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
  readonly #drop: Selector | undefined
  readonly #duplicate: Selector | undefined
  readonly #corrupt: Selector | undefined
  readonly #reorder: Selector | undefined
  readonly #latency: () => number

  /** @param streamOf - the stream of a kind; each is made once */
  constructor(faults: LinkFaults, streamOf: (kind: string) => Stream) {
    const selector = (kind: 'drop' | 'duplicate' | 'corrupt' | 'reorder'): Selector | undefined =>
      faults[kind] === undefined ? undefined : new Selector(faults[kind], streamOf(kind))
    this.#drop = selector('drop')
    this.#duplicate = selector('duplicate')
    this.#corrupt = selector('corrupt')
    this.#reorder = selector('reorder')
    const { latency = 0 } = faults
    const stream = streamOf('latency')
    this.#latency = () => within(latency, stream)
  }

  /** Each kind draws for each message, whether it is used or not: what one decides moves none of the others. */
  next(matches: Matches): Fate {
    return {
      isDropped: this.#drop?.next(matches) !== undefined,
      isDoubled: this.#duplicate?.next(matches) !== undefined,
      damage: this.#corrupt?.next(matches),
      isMoved: this.#reorder?.next(matches) !== undefined,
      latency: this.#latency(),
    }
  }
}

/** Which messages of a direction. */
class Selector {
  readonly #ones: Exclude<MessageChoice, number>
  readonly #stream: Stream
  #n = 0

  constructor(which: MessageChoice, stream: Stream) {
    this.#ones = onesOf(which)
    this.#stream = stream
  }

  next(matches: Matches): number | undefined {
    const draw = this.#stream()
    const { match } = this.#ones
    if (match && !matches(match)) return undefined
    return choose(this.#ones, ++this.#n, draw)
  }
}
