import type { Place } from '../documents/document.ts'
import { keysOf, pointerOf } from '../documents/pointer.ts'
import { asyncApiError } from './error.ts'
import { whereOf, type File } from './file.ts'
import type { Files } from './files.ts'

/** A value of a document, which knows where it stands. Its members are found through a `$ref`. */
export class Node {
  readonly #files: Files
  readonly #file: File
  readonly #place: Place
  readonly value: unknown

  constructor(files: Files, file: File = files.main, place: Place = [], value: unknown = file.value) {
    this.#files = files
    this.#file = file
    this.#place = place
    this.value = value
  }

  /** What others refer to it by. */
  get uri(): string {
    return `${this.#file.uri}#${pointerOf(this.#place)}`
  }

  /** Where it stands in its own file, whatever folder that is in. */
  get pointer(): string {
    return pointerOf(this.#place)
  }

  /** `api.yaml:12 (#/channels/a)` */
  get where(): string {
    return whereOf(this.#file, this.#place)
  }

  /** The last of the keys that lead to it. */
  get key(): string {
    return String(this.#place.at(-1) ?? '')
  }

  /** The node that its `$ref` leads to in the end; itself without one. */
  get target(): Node {
    return this.#followed(new Set())
  }

  /** A member of its own, or else one of what it refers to. */
  get(key: string): Node | undefined {
    return this.#own(key) ?? this.target.#own(key)
  }

  text(key: string): string | undefined {
    const value = this.get(key)?.value
    return typeof value === 'string' ? value : undefined
  }

  /** The members of an object, those that it refers to included; none of anything else. */
  entries(): readonly (readonly [key: string, node: Node])[] {
    const { value } = this.target
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
    return Object.keys(value).map((key) => [key, this.target.#child(key)])
  }

  /** The elements of a list; none of anything else. */
  items(): readonly Node[] {
    const { value } = this.target
    return Array.isArray(value) ? value.map((_, index) => this.target.#child(index)) : []
  }

  #followed(seen: Set<string>): Node {
    const next = this.#referred()
    if (!next) return this
    if (seen.has(next.uri)) throw asyncApiError(`${this.where}: the $ref leads to itself`)
    return next.#followed(seen.add(next.uri))
  }

  #own(key: string): Node | undefined {
    const { value } = this
    return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, key)
      ? this.#child(key)
      : undefined
  }

  #child(key: string | number): Node {
    return new Node(
      this.#files,
      this.#file,
      [...this.#place, key],
      (this.value as Record<string | number, unknown>)[key],
    )
  }

  #referred(): Node | undefined {
    const ref = this.#own('$ref')?.value
    if (typeof ref !== 'string') return undefined
    const at = ref.indexOf('#')
    const file = this.#files.byUri.get(ref.slice(0, at))
    if (!file) return undefined
    let node = new Node(this.#files, file)
    for (const key of keysOf(ref.slice(at + 1))) node = node.#child(key)
    return node
  }
}
