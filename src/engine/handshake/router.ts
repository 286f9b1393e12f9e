import { NO_PARAMS, splitPath, type Params, type Pattern } from './routing.ts'

export interface Route<T> {
  readonly target: T
  readonly params: Params | 'malformed'
}

interface Entry<T> {
  readonly index: number
  readonly pattern: Pattern
  readonly target: T
}

/** Finds the first pattern of a list that matches. How many of them are plain text makes no difference to the time. */
export class Router<T> {
  readonly #entries: readonly Entry<T>[]
  /** By the one path that they match. */
  readonly #plain = new Map<string, Entry<T>>()
  readonly #others: readonly Entry<T>[]

  constructor(targets: Iterable<T>, patternOf: (target: T) => Pattern) {
    this.#entries = Array.from(targets, (target, index) => ({ index, pattern: patternOf(target), target }))
    for (const entry of this.#entries) {
      const { plainPath } = entry.pattern
      if (plainPath !== undefined && !this.#plain.has(plainPath)) this.#plain.set(plainPath, entry)
    }
    this.#others = this.#entries.filter((entry) => entry.pattern.plainPath === undefined)
  }

  find(path: string): Route<T> | undefined {
    // Escapes make paths equal that look different, so these are compared one by one.
    if (path.includes('%')) return firstMatch(this.#entries, path)
    const known = this.#plain.get(path) ?? this.#plain.get(`/${splitPath(path).join('/')}`)
    return (
      firstMatch(this.#others, path, known?.index) ?? (known && { target: known.target, params: NO_PARAMS })
    )
  }
}

function firstMatch<T>(
  entries: readonly Entry<T>[],
  path: string,
  end: number = Infinity,
): Route<T> | undefined {
  for (const { index, pattern, target } of entries) {
    if (index > end) return undefined
    const params = pattern.match(path)
    if (params !== undefined) return { target, params }
  }
  return undefined
}
