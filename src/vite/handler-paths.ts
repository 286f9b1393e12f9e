import type { UniversalApiWsHandler } from '../engine/handler.ts'
import { Router } from '../engine/router.ts'
import { compilePattern, type Pattern } from '../engine/routing.ts'

/** Where a handler is reached. */
export interface HandlerPath {
  /** Without a trailing slash. */
  readonly prefix: string
  /** With a leading slash. */
  readonly pattern: string
}

/** The enabled handlers, by the paths that clients ask for. */
export class HandlerPaths {
  readonly all: readonly HandlerPath[]
  readonly #prefixes: readonly string[]
  readonly #router: Router<Pattern>

  constructor(handlers: readonly UniversalApiWsHandler[], prefixes: readonly string[]) {
    const patterns = handlers
      .filter(({ disabled }) => !disabled)
      .map(({ pattern }) => compilePattern(pattern))
    this.all = prefixes.flatMap((prefix) => patterns.map(({ source }) => ({ prefix, pattern: source })))
    this.#prefixes = prefixes.toSorted((a, b) => b.length - a.length)
    this.#router = new Router(patterns, (pattern) => pattern)
  }

  /** The handler that takes this path; as in the engine, only the longest prefix counts. */
  find(path: string): HandlerPath | undefined {
    const prefix = this.#prefixes.find((each) => isUnder(path, each))
    const found = prefix === undefined ? undefined : this.#router.find(path.slice(prefix.length) || '/')
    return prefix === undefined || !found ? undefined : { prefix, pattern: found.target.source }
  }
}

/** Whole segments: `/apix` is not under `/api`. */
export function isUnder(path: string, prefix: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`)
}
