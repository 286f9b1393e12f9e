import { GROUPS } from './cases.ts'
import type { Place } from './exceptions.ts'
import type { Case, Group } from './notation.ts'
import { runCase } from './run-case.ts'
import { anticipate, judge, type Result } from './verdict.ts'

/** How many connections are open at a time. */
const AT_A_TIME = 24

export interface Entry {
  readonly group: Group
  readonly theCase: Case
}

export const CASES: readonly Entry[] = GROUPS.flatMap((group) =>
  group.cases.map((theCase) => ({ group, theCase })),
)

/** Plays the cases against the server on this port, many at a time. The results are in the order of the table. */
export async function runCases(
  port: number,
  place: Place,
  only: readonly Entry[] = CASES,
): Promise<Result[]> {
  const results: Result[] = []
  const rest = [...only.entries()]
  const work = async (): Promise<void> => {
    for (let next = rest.shift(); next; next = rest.shift()) {
      const [index, { group, theCase }] = next
      const anticipated = anticipate(place, theCase)
      results[index] = judge(theCase, anticipated, await runCase(port, group, theCase, anticipated.outcome))
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  return results
}
