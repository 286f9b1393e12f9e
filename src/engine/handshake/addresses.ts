import { Router, type Route } from './router.ts'
import { longestPrefix, type Pattern } from './routing.ts'

/** What an address is made of. */
interface Addressed {
  readonly pattern: Pattern
  /** Whether its paths stand behind a prefix. */
  readonly prefix: boolean
}

/** A route, and the prefix that led there, `''` for none. */
export interface Address<T> extends Route<T> {
  readonly prefix: string
}

/** Which of a list a path is meant for: of those that match behind its prefix, and those that match all of it, the first. */
export class Addresses<T> {
  readonly #all: readonly T[]
  readonly #prefixes: readonly string[]
  readonly #behind: Router<T>
  /** `undefined` where there are none, which is nearly everywhere. */
  readonly #bare: Router<T> | undefined

  constructor(all: readonly T[], prefixes: readonly string[], of: (target: T) => Addressed) {
    const patternOf = (target: T): Pattern => of(target).pattern
    const bare = all.filter((target) => !of(target).prefix)
    this.#all = all
    this.#prefixes = prefixes
    this.#behind = new Router(bare.length === 0 ? all : all.filter((target) => of(target).prefix), patternOf)
    this.#bare = bare.length === 0 ? undefined : new Router(bare, patternOf)
  }

  find(path: string): Address<T> | undefined {
    const behind = this.#findBehind(path)
    const bare = this.#bare?.find(path)
    if (!bare || (behind && this.#all.indexOf(behind.target) < this.#all.indexOf(bare.target))) return behind
    return { ...bare, prefix: '' }
  }

  /** Only the longest prefix counts. */
  #findBehind(path: string): Address<T> | undefined {
    const prefix = longestPrefix(path, this.#prefixes)
    if (prefix === undefined) return undefined
    const found = this.#behind.find(path.slice(prefix.length) || '/')
    return found && { ...found, prefix }
  }
}
