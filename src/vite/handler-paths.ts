import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { Router } from '../engine/handshake/router.ts'
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

/** The enabled handlers, by the paths that clients ask for. */
export class HandlerPaths {
  readonly all: readonly HandlerPath[]
  readonly #prefixes: readonly string[]
  readonly #router: Router<Pattern>
  readonly #patterns: ReadonlyMap<string, { readonly index: number; readonly pattern: Pattern }>
  /** Of those that have `onRequest`. */
  readonly #answering: ReadonlySet<string>

  constructor(handlers: readonly UniversalApiWsHandler[], prefixes: readonly string[]) {
    const enabled = handlers.filter(({ disabled }) => !disabled)
    const patterns = enabled.map(({ pattern }) => compilePattern(pattern))
    this.all = prefixes.flatMap((prefix) => patterns.map(({ source }) => ({ prefix, pattern: source })))
    this.#prefixes = prefixes.toSorted((a, b) => b.length - a.length)
    this.#router = new Router(patterns, (pattern) => pattern)
    this.#patterns = new Map(patterns.map((pattern, index) => [pattern.source, { index, pattern }]))
    this.#answering = new Set(
      enabled.flatMap((handler, index) => (handler.onRequest ? (patterns[index]?.source ?? []) : [])),
    )
  }

  /** The handler that takes this path; as in the engine, only the longest prefix counts. */
  find(path: string): HandlerPath | undefined {
    const prefix = this.#prefixes.find((each) => isUnder(path, each))
    const found = prefix === undefined ? undefined : this.#router.find(path.slice(prefix.length) || '/')
    return prefix === undefined || !found ? undefined : { prefix, pattern: found.target.source }
  }

  /** Whether the handler that takes this path answers plain HTTP. */
  answers(path: string): boolean {
    if (this.#answering.size === 0) return false
    const found = this.find(path)
    return found !== undefined && this.#answering.has(found.pattern)
  }

  /** Some paths that the handler matches; some that look alike if its expressions match none of them. */
  samples(handler: HandlerPath): readonly Sample[] {
    const own = this.#patterns.get(handler.pattern)?.pattern
    const paths = samplesOf(handler.pattern)
    const matched = paths.filter((path) => own?.match(path) !== undefined)
    return (matched.length > 0 ? matched : paths).map((rest) => {
      const path = handler.prefix + rest
      const first = this.find(path)
      return { path, taker: first && this.#isBefore(first, handler) ? first : handler }
    })
  }

  #isBefore(one: HandlerPath, other: HandlerPath): boolean {
    const indexOf = ({ pattern }: HandlerPath): number => this.#patterns.get(pattern)?.index ?? 0
    return indexOf(one) < indexOf(other)
  }
}

/** Whole segments: `/apix` is not under `/api`. */
export function isUnder(path: string, prefix: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`)
}
