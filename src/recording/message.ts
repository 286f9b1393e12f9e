import { replaceLeaves } from '../engine/members.ts'
import type { MessageEvent } from './format.ts'

/** A message in the two forms in which it is needed; the one that it has not got is made when it is asked for. */
export interface Message {
  /** As it is sent. */
  readonly payload: string | Buffer
  /** As hooks see it: JSON parsed, other text as it is, binary as a `Buffer`. */
  readonly data: unknown
}

/** What is in a recording is in memory once. */
export function messageOf(event: MessageEvent): Message {
  if ('json' in event)
    return {
      get payload() {
        return JSON.stringify(event.json)
      },
      data: event.json,
    }
  const payload = 'text' in event ? event.text : Buffer.from(event.base64, 'base64')
  return {
    payload,
    get data() {
      return dataOf(payload)
    },
  }
}

export function dataOf(payload: string | Buffer): unknown {
  if (typeof payload !== 'string') return payload
  try {
    return JSON.parse(payload) as unknown
  } catch {
    return payload
  }
}

/** What stands for recorded ids: those of the client that is here now. */
export class LiveIds {
  /** Both as JSON. */
  readonly #live = new Map<string, string>()

  constructor(before?: LiveIds) {
    if (before) this.#live = new Map(before.#live)
  }

  set(recorded: unknown, live: unknown): void {
    this.#live.set(JSON.stringify(recorded), JSON.stringify(live))
  }

  /** Wherever a recorded id is a whole value; all else stays letter by letter. */
  in(message: Message): Message {
    if (this.#live.size === 0) return message
    const { payload, data } = message
    // Text that is no JSON is its own data.
    if (typeof payload !== 'string' || data === payload) return message
    const text = replaceLeaves(payload, (leaf) => this.#live.get(leaf) ?? leaf)
    return text === payload ? message : { payload: text, data: dataOf(text) }
  }
}
