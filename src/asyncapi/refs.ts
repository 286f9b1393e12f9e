import type { Place } from '../documents/document.ts'
import { keysOf, pointerOf } from '../documents/pointer.ts'
import { didYouMean } from '../engine/edit-distance.ts'
import { asyncApiError } from './error.ts'
import { whereOf, type File } from './file.ts'

/** Reads a file that is referred to; told who does. */
type Fetch = (uri: string, from: string) => File

/** A reference to a reference to a reference: nobody means more than this. */
const MAX_HOPS = 100

/**
 * A file and all that it refers to, in which each `$ref` is absolute, so that what validates and what generates find their way without
 * knowing where they are. Nothing is put in the place of a reference: a schema may contain itself.
 */
export function absoluteRefs(main: File, fetch: Fetch): ReadonlyMap<string, File> {
  const targets = new Targets(main, fetch)
  const rewritten = new Map<string, File>()
  // Those that are referred to join the set while it is gone through.
  for (const file of targets.files) {
    const value = copy(file.value, (ref, place) => targets.of(ref, file, place), file.name)
    rewritten.set(file.uri, { ...file, value, lineOf: (place) => file.lineOf(place) })
  }
  return rewritten
}

/** Where references lead. */
class Targets {
  readonly files: Set<File>
  readonly #byUri: Map<string, File>
  readonly #fetch: Fetch

  constructor(main: File, fetch: Fetch) {
    this.files = new Set([main])
    this.#byUri = new Map([[main.uri, main]])
    this.#fetch = fetch
  }

  of(ref: string, file: File, place: Place): string {
    const target = this.#locate(ref, file, whereOf(file, place), 0)
    return `${target.file.uri}#${pointerOf(target.place)}`
  }

  /**
   * The keys of a pointer may lead through references. Some generators write the slash of a key as it is: it is found all the same,
   * by as many keys as it takes.
   */
  #locate(
    ref: string,
    file: File,
    from: string,
    hops: number,
  ): { readonly file: File; readonly place: Place } {
    if (hops > MAX_HOPS) throw asyncApiError(`${from}: the $ref "${ref}" leads to itself`)
    const at = ref.indexOf('#')
    const [path, pointer] = at < 0 ? [ref, ''] : [ref.slice(0, at), ref.slice(at + 1)]
    if (pointer !== '' && !pointer.startsWith('/'))
      throw asyncApiError(
        `${from}: the $ref "${ref}" has to be a JSON pointer behind its #, such as #/components/messages/a`,
      )
    let target = path === '' ? file : this.#file(path, file, from)
    let value = target.value
    let place: Place = []
    let keys = keysOf(pointer)
    while (keys.length > 0) {
      const count = keys.findIndex((_, index) => has(value, keys.slice(0, index + 1).join('/'))) + 1
      if (count > 0) {
        const key = keys.slice(0, count).join('/')
        value = (value as Record<string, unknown>)[key]
        place = [...place, key]
        keys = keys.slice(count)
        continue
      }
      const next = has(value, '$ref') ? (value as { $ref: unknown }).$ref : undefined
      if (typeof next !== 'string') throw missing(ref, keys[0] ?? '', value, from)
      const through = this.#locate(next, target, from, hops + 1)
      target = through.file
      place = through.place
      value = place.reduce<unknown>((inside, key) => (inside as Record<string, unknown>)[key], target.value)
    }
    return { file: target, place }
  }

  #file(path: string, file: File, from: string): File {
    let uri: string
    try {
      uri = new URL(path, file.uri).href
    } catch (cause) {
      throw asyncApiError(`${from}: the $ref "${path}" is no path of a file`, cause)
    }
    const known = this.#byUri.get(uri)
    if (known) return known
    const fetched = this.#fetch(uri, from)
    this.#byUri.set(uri, fetched)
    this.files.add(fetched)
    return fetched
  }
}

function has(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
}

function missing(ref: string, key: string, value: unknown, from: string): Error {
  const meant = typeof value === 'object' && value !== null ? didYouMean(key, Object.keys(value)) : ''
  const hint = meant === '' ? '' : `;${meant}`
  return asyncApiError(`${from}: the $ref "${ref}" leads to nothing: there is no "${key}"${hint}`)
}

/** OpenAPI's word for one of them, which many write; what makes samples knows the other. */
function isSchemaWithExample(value: Record<string, unknown>): boolean {
  return (
    typeof value['type'] === 'string' && Object.hasOwn(value, 'example') && !Object.hasOwn(value, 'examples')
  )
}

/** What YAML has once and refers to by an alias stays one. */
function copy(root: unknown, target: (ref: string, place: Place) => string, name: string): unknown {
  const known = new Map<object, unknown>()
  const open = new Set<object>()
  /** Where it is, as it goes. */
  const place: (string | number)[] = []
  const within = <T>(key: string | number, work: () => T): T => {
    place.push(key)
    const result = work()
    place.pop()
    return result
  }
  const copyOf = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (open.has(value))
      throw asyncApiError(`${name} (#${pointerOf(place)}): an alias leads to what it is in; use a $ref`)
    const before = known.get(value)
    if (before !== undefined) return before
    open.add(value)
    const copied = Array.isArray(value)
      ? value.map((each: unknown, index) => within(index, () => copyOf(each)))
      : membersOf(value)
    open.delete(value)
    known.set(value, copied)
    return copied
  }
  const membersOf = (value: object): Record<string, unknown> => {
    const members: Record<string, unknown> = {}
    for (const [key, each] of Object.entries(value)) {
      // An identifier would change what the references below it are relative to; ours are absolute.
      if (key === '$id' && typeof each === 'string') continue
      const copied = within(key, () =>
        key === '$ref' && typeof each === 'string'
          ? target(each, place)
          : // Examples are what goes over the wire, whatever its keys are.
            key === 'examples' && Array.isArray(each)
            ? each
            : copyOf(each),
      )
      if (key === '__proto__') Object.defineProperty(members, key, { value: copied, enumerable: true })
      else members[key] = copied
    }
    if (isSchemaWithExample(members)) members['examples'] = [members['example']]
    return members
  }
  try {
    return copyOf(root)
  } catch (cause) {
    if (cause instanceof RangeError) throw asyncApiError(`${name} is nested too deeply`, cause)
    throw cause
  }
}
