import type { Place } from '../documents/document.ts'
import { describe } from '../engine/errors.ts'
import { Condition } from '../scenario/condition.ts'
import { differenceAt } from '../scenario/match.ts'
import { didYouMean } from '../engine/edit-distance.ts'
import type { Source } from './source.ts'
import { refuseTemplates } from './value.ts'

type Check = (value: unknown, isThere: boolean) => boolean

/** What a file says of a message where a value would say too little. */
const OPERATORS: Readonly<
  Record<string, { readonly accepted: string; make: (operand: unknown) => Check | undefined }>
> = {
  $regex: {
    accepted: 'an expression that JavaScript knows, as text',
    make: (operand) => {
      if (typeof operand !== 'string') return undefined
      try {
        const expression = new RegExp(operand, 'u')
        return (value) => typeof value === 'string' && expression.test(value)
      } catch {
        return undefined
      }
    },
  },
  $in: {
    accepted: 'a list of what it may be',
    make: (operand) =>
      Array.isArray(operand)
        ? (value) => operand.some((each) => differenceAt(each, value) === undefined)
        : undefined,
  },
  $exists: {
    accepted: 'true or false',
    make: (operand) => (typeof operand === 'boolean' ? (_value, isThere) => isThere === operand : undefined),
  },
  $gt: { accepted: 'a number', make: (operand) => compared(operand, (value, other) => value > other) },
  $gte: { accepted: 'a number', make: (operand) => compared(operand, (value, other) => value >= other) },
  $lt: { accepted: 'a number', make: (operand) => compared(operand, (value, other) => value < other) },
  $lte: { accepted: 'a number', make: (operand) => compared(operand, (value, other) => value <= other) },
  $ne: {
    accepted: 'a value',
    make: (operand) => (value, isThere) => !isThere || differenceAt(operand, value) !== undefined,
  },
}
const NAMES = Object.keys(OPERATORS)

function compared(operand: unknown, holds: (value: number, operand: number) => boolean): Check | undefined {
  if (typeof operand !== 'number') return undefined
  return (value) => typeof value === 'number' && holds(value, operand)
}

/** `when` and `expect`: a value, with operators such as `{ $gt: 5 }` at any depth. */
export function compilePattern(wanted: unknown, place: Place, source: Source): unknown {
  refuseTemplates(wanted, place, 'what a message is compared with', source)
  return patternOf(wanted, place, source)
}

function patternOf(wanted: unknown, place: Place, source: Source): unknown {
  if (typeof wanted !== 'object' || wanted === null) return wanted
  if (Array.isArray(wanted)) return wanted.map((each, index) => patternOf(each, [...place, index], source))
  const entries = Object.entries(wanted)
  const operators = entries.filter(([key]) => Object.hasOwn(OPERATORS, key))
  if (operators.length === 0) {
    for (const [key] of entries) refuseMisspelled(key, [...place, key], source)
    return Object.fromEntries(entries.map(([key, value]) => [key, patternOf(value, [...place, key], source)]))
  }
  if (operators.length < entries.length) {
    const [other] = entries.find(([key]) => !Object.hasOwn(OPERATORS, key)) ?? ['']
    throw source.error(
      'ERR_SCENARIO',
      [...place, other],
      `"${other}" stands beside ${operators[0]?.[0]}: what has operators has nothing else in it; known are ${NAMES.join(', ')}`,
    )
  }
  const checks = operators.map(([key, operand]) => {
    const { accepted, make } = OPERATORS[key] ?? { accepted: '', make: () => undefined }
    const check = make(operand)
    if (check) return check
    throw source.error(
      'ERR_SCENARIO',
      [...place, key],
      `${key} is ${describe(operand)}; it has to be ${accepted}`,
    )
  })
  return new Condition((value, isThere) => checks.every((check) => check(value, isThere)))
}

/** Of others that have operators, for somebody who comes from there. */
const ELSEWHERE = new Set([
  '$eq',
  '$or',
  '$and',
  '$not',
  '$nor',
  '$nin',
  '$all',
  '$size',
  '$elemMatch',
  '$match',
])

/** A message may have keys with a dollar; one that is nearly an operator is a mistake. */
function refuseMisspelled(key: string, place: Place, source: Source): void {
  const meant = key.startsWith('$') && !ELSEWHERE.has(key) ? didYouMean(key, NAMES) : ''
  if (meant !== '' || ELSEWHERE.has(key))
    throw source.error(
      'ERR_SCENARIO',
      place,
      `there is no operator "${key}";${meant} known are ${NAMES.join(', ')}`,
    )
}
