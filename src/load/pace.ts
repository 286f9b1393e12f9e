import type { LoadOptions, Share } from './options.ts'
import { constantRate, stagedRate, type DueCurve } from './stages/due-curve.ts'

/** When the messages of an open loop are due, all of them; `undefined`: the loop is closed. */
function curveOf({ rate, stages }: LoadOptions): DueCurve | undefined {
  if (stages[0]?.of === 'rate') return stagedRate(stages)
  return rate === undefined ? undefined : constantRate(rate)
}

/** Those of one worker: workers take turns, so that all messages together are due at even distances. */
export function paceOf(options: LoadOptions, { index, count }: Share): DueCurve | undefined {
  const curve = curveOf(options)
  return curve && ((n) => curve(n * count + index))
}

/** Those of the senders of one worker, who take turns with all others. */
export function paceOfSenders(options: LoadOptions, senders: readonly number[]): DueCurve | undefined {
  const curve = curveOf(options)
  const { length } = senders
  if (!curve || length === 0) return undefined
  return (n) => curve(Math.floor(n / length) * options.senders + (senders[n % length] as number)) // in range
}

export function isOpenLoop({ rate, stages }: Pick<LoadOptions, 'rate' | 'stages'>): boolean {
  return rate !== undefined || stages[0]?.of === 'rate'
}
