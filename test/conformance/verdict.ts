import { describeExpected, describeSeen, isAsExpected } from './compare.ts'
import { EXCEPTIONS, NOTES, type Exception, type Place } from './exceptions.ts'
import type { Case, Expected, SentFrame } from './notation.ts'
import type { Seen } from './wire-client.ts'

type Verdict = 'ok' | 'informational' | 'native' | 'failed'

export interface Result {
  readonly id: string
  readonly verdict: Verdict
  /** The name of the exception's note. */
  readonly note?: string
  /** What failed. */
  readonly problem?: string
}

/** What the table, with its exceptions, says of a case in a place. */
export interface Anticipation {
  readonly verdict: Exclude<Verdict, 'failed'>
  readonly outcome: readonly (Expected | SentFrame)[]
  readonly note?: string
}

export function anticipate(place: Place, theCase: Case): Anticipation {
  const [id, , , expected] = theCase
  const exception = EXCEPTIONS.find(
    ({ cases, where }) => cases.some((name) => covers(name, id)) && where(place),
  )
  if (!exception) return { verdict: 'ok', outcome: expected }
  return {
    verdict: noteOf(exception).verdict,
    outcome:
      typeof exception.outcome === 'function' ? exception.outcome(expected, theCase) : exception.outcome,
    note: exception.note,
  }
}

/** `1.3` covers `1.3.2`, but not `1.30`. */
export function covers(name: string, id: string): boolean {
  return id === name || id.startsWith(`${name}.`)
}

function noteOf({ note }: Pick<Exception, 'note'>): (typeof NOTES)[string] {
  const found = NOTES[note]
  if (!found) throw new Error(`there is no note ${note}`)
  return found
}

/** An exception that a case does not need is as wrong as a case that is not as expected. */
export function judge(
  [id, title, , expected]: Case,
  anticipated: Anticipation,
  seen: readonly Seen[],
): Result {
  const { verdict, note, outcome } = anticipated
  if (note !== undefined && isAsExpected(seen, expected))
    return {
      id,
      verdict: 'failed',
      problem: `${id} ${title}: is ok, so the exception ${note} is not needed any more`,
    }
  if (isAsExpected(seen, outcome)) return { id, verdict, ...(note !== undefined && { note }) }
  const wanted =
    describeExpected(expected) +
    (note === undefined ? '' : `, or by the exception ${note}: ${describeExpected(outcome)}`)
  return { id, verdict: 'failed', problem: `${id} ${title}: expected ${wanted}; came ${describeSeen(seen)}` }
}
