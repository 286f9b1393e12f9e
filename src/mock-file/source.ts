import type { Document, Place } from '../documents/document.ts'
import { SidewireError, type ErrorCode } from '../engine/errors.ts'

/** The file that is read, for those who find a mistake in it. */
export class Source {
  readonly #document: Document
  /** The file itself, for what is looked for beside it. */
  readonly path: string
  /** The names in the pattern of the handler that is read. */
  readonly params: readonly string[]

  /** Of what would pass the engine, and is meant otherwise: what it refuses comes first. */
  readonly mistakes: SidewireError[]

  constructor(
    document: Document,
    path: string,
    params: readonly string[] = [],
    mistakes: SidewireError[] = [],
  ) {
    this.#document = document
    this.path = path
    this.params = params
    this.mistakes = mistakes
  }

  /** The same file, for one of its handlers. */
  of(pattern: unknown): Source {
    const names = [...String(pattern).matchAll(/\{(\w+)/g)].map(([, name = '']) => name)
    return new Source(this.#document, this.path, names, this.mistakes)
  }

  /** An error in one line: file, line, and what is wrong. */
  error(code: ErrorCode, place: Place, text: string, cause?: unknown): SidewireError {
    return new SidewireError(code, `${this.#document.name}:${this.#document.lineOf(place)}: ${text}`, {
      cause,
    })
  }
}

/** The place that such a path names. */
export function placeOf(path: string): Place {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name = '']) =>
    index === undefined ? name : Number(index),
  )
}
