import type { Place } from '../documents/document.ts'
import type { Made } from './made.ts'
import type { Source } from './source.ts'
import { compileTemplate, type Scope } from './template.ts'

/** What has a template in it becomes a function; all else stays what it is, and is serialised once. */
export function compileValue(value: unknown, place: Place, scope: Scope, source: Source): unknown {
  return madeOf(value, place, scope, source) ?? value
}

function madeOf(value: unknown, place: Place, scope: Scope, source: Source): Made | undefined {
  if (typeof value === 'string')
    try {
      return compileTemplate(value, { ...scope, from: source.path, params: source.params })
    } catch (cause) {
      throw source.error('ERR_SCENARIO', place, (cause as Error).message, cause)
    }
  if (typeof value !== 'object' || value === null) return undefined
  const entries = Object.entries(value).map(([key, member]) => {
    if (key.includes('{{'))
      throw source.error(
        'ERR_SCENARIO',
        [...place, key],
        `"${key}" is a key, and in keys nothing is filled in; a value may be a template`,
      )
    const made = madeOf(member, [...place, Array.isArray(value) ? Number(key) : key], scope, source)
    return { key, make: made ?? (() => member as unknown), isStatic: made === undefined }
  })
  if (entries.every(({ isStatic }) => isStatic)) return undefined
  // A place in a list stays: the others would move up.
  if (Array.isArray(value)) return (asked) => entries.map(({ make }) => make(asked) ?? null)
  return (asked) =>
    Object.fromEntries(
      entries.flatMap(({ key, make }) => {
        const made = make(asked)
        return made === undefined ? [] : [[key, made]]
      }),
    )
}

/** Where nothing fills a template in, it would be sent, or compared, as it stands. */
export function refuseTemplates(value: unknown, place: Place, what: string, source: Source): void {
  if (typeof value === 'string' && value.includes('{{'))
    source.mistakes.push(
      source.error(
        'ERR_SCENARIO',
        place,
        `${JSON.stringify(value)}: nothing is filled in in ${what}; templates stand in send, set, join, leave, room, state and key`,
      ),
    )
  if (typeof value === 'object' && value !== null)
    for (const [key, member] of Object.entries(value))
      refuseTemplates(member, [...place, Array.isArray(value) ? Number(key) : key], what, source)
}
