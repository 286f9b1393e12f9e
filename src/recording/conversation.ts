import type { CloseEvent, MessageEvent, OpenEvent, RefusedEvent } from './format.ts'
import type { Recording } from './recording.ts'

/** What happens on a connection that is open. */
type Step = { readonly t: number } & (MessageEvent | CloseEvent)

/** All that a recording says of one connection. */
export interface Conversation {
  /** Of the file. */
  readonly number: number
  /** When it began. */
  readonly t: number
  /** Path and query; `undefined` where the file begins after it was opened. */
  readonly path: string | undefined
  readonly open: (OpenEvent & { readonly t: number }) | undefined
  readonly refused: RefusedEvent | undefined
  readonly steps: readonly Step[]
}

/** In the order in which they were opened, or refused. */
export function conversationsOf({ events }: Recording): Conversation[] {
  const found = new Map<
    number,
    { -readonly [Key in keyof Conversation]: Conversation[Key] } & { steps: Step[] }
  >()
  for (const event of events) {
    const { conn: number } = event
    let entry = found.get(number)
    if (!entry) {
      entry = { number, t: event.t, path: undefined, open: undefined, refused: undefined, steps: [] }
      found.set(number, entry)
    }
    if (event.type === 'open') {
      entry.open = event
      entry.path = event.path
    } else if (event.type === 'refused') {
      entry.refused = event
      entry.path = event.path
    } else entry.steps.push(event)
  }
  return [...found.values()]
}
