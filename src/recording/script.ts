import type { Conversation } from './conversation.ts'
import type { CloseEvent } from './format.ts'
import { messageOf, type Message } from './message.ts'
import type { Settings } from './replay-options.ts'

/** What the server does: a message, or the end. */
export interface Cue {
  /** Milliseconds after the open, by `speed` and `maxGap`. */
  readonly at: number
  readonly message: Message | undefined
  readonly close: CloseEvent | undefined
  /** Which of the server's messages it is, from 1. */
  readonly index: number
}

/** A message of the client, and what the server did until the next one. */
export interface Part {
  /** `undefined`: before any message of the client. */
  readonly question: Message | undefined
  readonly at: number
  readonly cues: readonly Cue[]
}

/** A conversation, as it is played: without what is skipped, and in the time of now. */
export interface Script {
  readonly conversation: Conversation
  /** At least one: what was before any message of the client. */
  readonly parts: readonly Part[]
  /** Milliseconds from the open to the last that happened. */
  readonly length: number
  readonly hasClose: boolean
  /** Bytes of the largest message of the client. */
  readonly largest: number
}

export function scriptOf(conversation: Conversation, { speed, maxGap, skip }: Settings): Script {
  const { open, steps } = conversation
  const parts: (Part & { cues: Cue[] })[] = [{ question: undefined, at: 0, cues: [] }]
  let at = 0
  let before = open?.t ?? steps[0]?.t ?? 0
  let index = 0
  let hasClose = false
  let largest = 0
  for (const step of steps) {
    const message = step.type === undefined ? messageOf(step) : undefined
    if (step.type === undefined && skip(message?.data, step.from)) continue
    // Who has edited a file may have put lines into another order.
    at += Math.min(Math.max(0, step.t - before) / speed, maxGap)
    before = Math.max(before, step.t)
    if (step.type === 'close') {
      hasClose = true
      // When the client closes, it will do so again.
      if (step.from !== 'client')
        parts.at(-1)?.cues.push({ at, message: undefined, close: step, index: index + 1 })
    } else if (step.from === 'client') {
      parts.push({ question: message, at, cues: [] })
      largest = Math.max(largest, Buffer.byteLength(message?.payload ?? ''))
    } else parts.at(-1)?.cues.push({ at, message, close: undefined, index: ++index })
  }
  return { conversation, parts, length: at, hasClose, largest }
}
