import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { Addresses } from '../engine/handshake/addresses.ts'
import { compilePattern, type Pattern } from '../engine/handshake/routing.ts'
import { samplesOf } from '../engine/handshake/samples.ts'

/** Where a handler is reached. */
export interface HandlerPath {
  /** Without a trailing slash. */
  readonly prefix: string
  /** With a leading slash. */
  readonly pattern: string
}

/** A path as a client writes it, and the handler that takes it: the first one that matches. */
export interface Sample {
  readonly path: string
  readonly taker: HandlerPath
}

interface Entry {
  readonly index: number
  readonly pattern: Pattern
  /** Whether its paths stand behind a prefix. */
  readonly prefix: boolean
  /** Whether it has `onRequest`. */
  readonly answers: boolean
}

/** The enabled handlers, by the paths that clients ask for. */
export class HandlerPaths {
  readonly all: readonly HandlerPath[]
  readonly #addresses: Addresses<Entry>
  /** By their patterns. */
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #answersAny: boolean

  constructor(handlers: readonly UniversalApiWsHandler[], prefixes: readonly string[]) {
    const entries = handlers
      .filter(({ disabled }) => !disabled)
      .map((handler, index): Entry => ({
        index,
        pattern: compilePattern(handler.pattern),
        prefix: handler.prefix ?? true,
        answers: handler.onRequest !== undefined,
      }))
    const placedAt =
      (prefix: string) =>
      ({ pattern }: Entry): HandlerPath => ({ prefix, pattern: pattern.source })
    const behind = entries.filter((entry) => entry.prefix)
    const bare = entries.filter((entry) => !entry.prefix)
    this.all = [...prefixes.flatMap((prefix) => behind.map(placedAt(prefix))), ...bare.map(placedAt(''))]
    this.#addresses = new Addresses(entries, prefixes, (entry) => entry)
    this.#entries = new Map(entries.map((entry) => [entry.pattern.source, entry]))
    this.#answersAny = entries.some(({ answers }) => answers)
  }

  /** The handler that takes this path, as in the engine. */
  find(path: string): HandlerPath | undefined {
    const found = this.#addresses.find(path)
    return found && { prefix: found.prefix, pattern: found.target.pattern.source }
  }

  /** Whether the handler that takes this path answers plain HTTP. */
  answers(path: string): boolean {
    return this.#answersAny && (this.#addresses.find(path)?.target.answers ?? false)
  }

  /** Some paths that the handler matches; some that look alike if its expressions match none of them. */
  samples(handler: HandlerPath): readonly Sample[] {
    const own = this.#entries.get(handler.pattern)?.pattern
    const paths = samplesOf(handler.pattern)
    const matched = paths.filter((path) => own?.match(path) !== undefined)
    return (matched.length > 0 ? matched : paths).map((rest) => {
      const path = handler.prefix + rest
      const first = this.find(path)
      return { path, taker: first && this.#isBefore(first, handler) ? first : handler }
    })
  }

  #isBefore(one: HandlerPath, other: HandlerPath): boolean {
    const indexOf = ({ pattern }: HandlerPath): number => this.#entries.get(pattern)?.index ?? 0
    return indexOf(one) < indexOf(other)
  }
}

/** Whole segments: `/apix` is not under `/api`. */
export function isUnder(path: string, prefix: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`)
}
