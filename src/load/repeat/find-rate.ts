import type { Found, FindStep } from '../report.ts'

/** How near the rate that holds is to one that does not. */
const WITHIN = 1.05
/** Where nothing says where to begin. */
export const FIRST_RATE = 500
const MAX_RATE = 1e8
const MIN_RATE = 1

/**
 * Doubles the rate until it does not hold any more, and then halves what lies between, until the two are near each other.
 * @param step - runs at a rate; `undefined`: interrupted
 */
export async function findRate(
  first: number,
  step: (rate: number) => Promise<Omit<FindStep, 'rate'> | undefined>,
): Promise<Omit<Found, 'threshold'>> {
  const steps: FindStep[] = []
  let [good, bad]: [FindStep | undefined, FindStep | undefined] = [undefined, undefined]
  for (let rate: number | undefined = first; rate !== undefined; rate = nextRate(good?.rate, bad?.rate)) {
    const made = await step(rate)
    if (!made) break
    const taken = { rate, ...made }
    steps.push(taken)
    if (taken.holds) good = taken
    else bad = taken
  }
  return { rate: good?.rate ?? null, limited: bad?.limited ?? false, steps }
}

/** `undefined`: it is found. */
function nextRate(good: number | undefined, bad: number | undefined): number | undefined {
  if (bad === undefined)
    return good !== undefined && good < MAX_RATE ? Math.min(good * 2, MAX_RATE) : undefined
  if (good === undefined) return bad > MIN_RATE ? Math.max(bad / 2, MIN_RATE) : undefined
  if (bad / good <= WITHIN) return undefined
  // In the middle of the ratio, a whole number where there is one between them.
  const middle = Math.sqrt(good * bad)
  const whole = Math.round(middle)
  return whole > good && whole < bad ? whole : middle
}
