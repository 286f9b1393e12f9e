import type { Totals } from './recorder.ts'
import type { Faults } from './sequence.ts'
import type { Reason } from './worker.ts'

const NO_ECHO =
  'not one came back; does the server send back what it gets, with the {id} in it? Where it expects another message, say which with --message'

/**
 * What is wrong whatever was asked for, each in a line.
 * @param isMute - an echo got nothing back, neither its own messages nor others, on connections that stayed open
 * @param expected - what a threshold says how much of may be: no problem by itself
 */
export function problemsOf(
  faults: Readonly<Faults>,
  reasons: readonly Reason[],
  isMute: boolean,
  expected: ReadonlySet<keyof Totals>,
  mismatch?: string,
): string[] {
  const problems: string[] = []
  const say = (name: keyof Faults, what: string): void => {
    const count = faults[name]
    if (count > 0 && !expected.has(name))
      problems.push(`${count} ${count === 1 ? 'message' : 'messages'} ${what}`)
  }
  say('lost', isMute ? `lost: ${NO_ECHO}` : 'lost')
  say('duplicated', 'duplicated')
  say('outOfOrder', 'out of order')
  say('late', 'late: answered, but later than --timeout')
  say(
    'misdirected',
    'of other connections of this run: the server broadcasts what it gets (measure that with the scenario fanout), or mixes connections up',
  )
  say('unexpected', 'of a connection or with a number that this run has never had')
  const first = mismatch === undefined ? '' : `; the first: ${mismatch}`
  say('mismatched', `other than what was recorded in their place${first}`)
  const counts = new Map<string, number>()
  for (const { how, why, count } of reasons)
    if (!expected.has(how)) counts.set(why, (counts.get(why) ?? 0) + count)
  for (const [why, count] of counts)
    problems.push(`${count} ${count === 1 ? 'connection' : 'connections'}: ${why}`)
  return problems
}
