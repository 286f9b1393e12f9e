import * as fc from 'fast-check'
import { expect } from 'vitest'

/** How long one property is tried. `npm run fuzz` gives more. */
const SECONDS = Number(process.env['SIDEWIRE_FUZZ_SECONDS'] ?? 1.6)
/** What a failure prints, to see it again. */
const SEED = process.env['SIDEWIRE_FUZZ_SEED']
const PATH = process.env['SIDEWIRE_FUZZ_PATH']
/** For sequences of commands: `replayPath` of `fc.commands`. */
export const REPLAY: string | undefined = process.env['SIDEWIRE_FUZZ_REPLAY']

/** A batch runs to its end, its failure shrinks without a look at the clock; what is left of the time goes to the next. */
const RUNS_A_BATCH = 20
/** A failure that is a wait for nothing shrinks slowly. */
const SHRINK_MS = 120_000

/** For vitest: the time of the property, and enough to shrink a failure. */
export const FUZZ_TIMEOUT_MS: number = SECONDS * 1000 + SHRINK_MS + 30_000

/** What happened in the process while cases ran: there is nobody to blame it on but the server. */
const crashes: unknown[] = []
process.on('unhandledRejection', (reason) => crashes.push(reason))
process.on('uncaughtException', (error) => crashes.push(error))

export function throwCrashes(): void {
  const [crash] = crashes.splice(0)
  if (crash !== undefined) throw new Error('the process would have crashed', { cause: crash })
}

/** What became of the cases of a property, to see that it tries what it should. */
const outcomes = new Map<string, number>()

export function count(outcome: string): void {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
}

/** Tries cases until the time is up, or one fails. */
export async function fuzz<T>(name: string, property: fc.IAsyncProperty<T>): Promise<void> {
  const end = performance.now() + (PATH === undefined ? SECONDS * 1000 : 0)
  const first = SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(SEED)
  let seed = first
  let runs = 0
  outcomes.clear()
  do {
    const details = await fc.check(property, {
      seed,
      ...(PATH !== undefined && { path: PATH }),
      numRuns: RUNS_A_BATCH,
      plugins: [fc.interruptAfterTimeLimit(SHRINK_MS)],
    })
    runs += details.numRuns
    if (details.failed) throw new Error(await explain(name, details), { cause: details.errorInstance })
    seed = (seed + 1) % 2 ** 31
  } while (performance.now() < end)
  const counted = [...outcomes]
    .toSorted(([, a], [, b]) => b - a)
    .map(([outcome, times]) => `${outcome}: ${times}`)
  console.log([`${name}: ${runs} cases, seeds from ${first}`, ...counted].join(', '))
}

async function explain<T>(name: string, details: fc.RunDetails<T>): Promise<string> {
  const report = (await fc.asyncDefaultReportMessage(details)) ?? ''
  const replay = /replayPath="([^"]*)"/.exec(report)?.[1]
  const again = [
    `SIDEWIRE_FUZZ_SEED=${details.seed}`,
    ...(details.counterexamplePath === null ? [] : [`SIDEWIRE_FUZZ_PATH=${details.counterexamplePath}`]),
    ...(replay === undefined ? [] : [`SIDEWIRE_FUZZ_REPLAY=${replay}`]),
  ]
  const test = expect.getState().currentTestName?.replaceAll(' > ', ' ')
  return `${name}\nAgain: ${again.join(' ')} npm run fuzz -- -t '${test}'\n${report}`
}
