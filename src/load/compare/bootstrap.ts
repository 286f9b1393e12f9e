import { draw } from '../draw.ts'

/** Resamples: with more, the ends of the interval hardly move. */
const RESAMPLES = 2000
const LOW = 0.025
const HIGH = 0.975

export interface Ratio {
  readonly ratio: number
  /** The interval of 95 % around it. */
  readonly low: number
  readonly high: number
}

/**
 * The ratio of the medians of `next` and `base`, and how sure it is: a bootstrap, the same twice.
 * @param block - values that stand beside each other go together: what one second does, the next ones do as well
 */
export function ratioOfMedians(base: readonly number[], next: readonly number[], block = 1): Ratio {
  let drawn = 0
  const random = (): number => draw(++drawn) / 2 ** 32
  const ratios = Array.from(
    { length: RESAMPLES },
    () => median(resample(next, block, random)) / median(resample(base, block, random)),
  ).toSorted((a, b) => a - b)
  const at = (share: number): number => ratios[Math.round(share * (RESAMPLES - 1))] as number // inside
  return { ratio: median(next) / median(base), low: at(LOW), high: at(HIGH) }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [upper = NaN, lower = NaN] = [sorted[middle], sorted[middle - 1]]
  return sorted.length % 2 === 1 ? upper : (lower + upper) / 2
}

/** As many as there are, in blocks that may go round the end. */
function resample(values: readonly number[], block: number, random: () => number): number[] {
  const { length } = values
  const size = Math.min(block, length)
  const drawn: number[] = []
  while (drawn.length < length) {
    const start = Math.floor(random() * length)
    for (let i = 0; i < size && drawn.length < length; i++) drawn.push(values[(start + i) % length] as number) // inside
  }
  return drawn
}
