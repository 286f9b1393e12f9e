// The form of a recording, `recording/1`: JSON Lines, one event a line. It imports nothing, because the inspector's page is
// built from it, too.

export const FORMAT = 'recording/1'

/** The first line. */
export interface RecordingHead {
  readonly sidewire: typeof FORMAT
  /** When it began, ISO 8601. */
  readonly at: string
  /** Of the server that was recorded, without the paths. */
  readonly url?: string
  /** What has written it. */
  readonly tool?: string
  readonly redacted?: boolean
}

/** What each other line begins with. */
interface Timed {
  /** Milliseconds since the first line, with one decimal; they only go forward. */
  readonly t: number
  /** The number of the connection, from 1; a refused one has its own. */
  readonly conn: number
}

export interface OpenEvent {
  readonly type: 'open'
  /** Path and query. */
  readonly path: string
  /** The subprotocols that the client offered, and the one that was chosen. */
  readonly offered?: readonly string[]
  readonly protocol?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Exactly one of them. `json` is JSON whose text is what `JSON.stringify` makes of it; any other text is `text`. */
export type Content = { readonly json: unknown } | { readonly text: string } | { readonly base64: string }

export type Side = 'client' | 'server'

export type MessageEvent = { readonly type?: undefined; readonly from: Side } & Content & {
    /** Only the beginning of it is there. */
    readonly isCut?: boolean
  }

export interface CloseEvent {
  readonly type: 'close'
  /** Whose close frame came first; `'network'` if there was none (1006). */
  readonly from: Side | 'network'
  readonly code: number
  readonly reason?: string
}

/** A handshake without a 101. */
export interface RefusedEvent {
  readonly type: 'refused'
  readonly path: string
  /** HTTP; absent if there was no answer. */
  readonly status?: number
  readonly body?: string
}

export type RecordedEvent = OpenEvent | MessageEvent | CloseEvent | RefusedEvent
export type RecordingEvent = Timed & RecordedEvent

/** One decimal: more than any clock of a network is good for. */
export function toTime(ms: number): number {
  return Math.round(ms * 10) / 10
}

/** `json` where it comes out of it letter by letter as it went in: a number above 2^53 does not. */
export function contentOf(text: string): { readonly json: unknown } | { readonly text: string } {
  try {
    const json: unknown = JSON.parse(text)
    if (JSON.stringify(json) === text) return { json }
  } catch {
    // It is text, then.
  }
  return { text }
}

/** A message as it was sent, if it was text. */
export function textOf(content: Content): string | undefined {
  if ('text' in content) return content.text
  return 'json' in content ? JSON.stringify(content.json) : undefined
}
