import { didYouMean } from '../edit-distance.ts'
import { describe, SidewireError } from '../errors.ts'

// What is wrong with an option that is looked at by hand, because no schema could name what was meant.

export type Members = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws `ERR_OPTION`, naming the place, its value, and what is accepted */
export function wrong(path: string, value: unknown, accepted: string): never {
  const found = value === undefined ? 'missing' : describe(value)
  throw new SidewireError('ERR_OPTION', `option "${path}" is ${found}; it has to be ${accepted}`)
}

/** @throws `ERR_OPTION` for a name that is not among them, with the nearest */
export function checkNames(value: Members, known: readonly string[], path: string): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name))
  if (unknown === undefined) return
  throw new SidewireError(
    'ERR_OPTION',
    `unknown option "${path}.${unknown}";${didYouMean(unknown, known)} known are ${known.join(', ')}`,
  )
}
