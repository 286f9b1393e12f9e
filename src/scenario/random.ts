import type { Random } from '../engine/handler/scenario.ts'
import { SidewireError } from '../engine/errors.ts'
import { streamOf, type Origin } from '../faults/chance.ts'

/** Chance for one place of a scenario and one connection: what happens elsewhere moves nothing here. */
export function randomOf(origin: Omit<Origin, 'direction'>): Random {
  const draw = streamOf({ ...origin, direction: 'out' })
  const int = (min: number, max: number): number => {
    if (!Number.isInteger(min) || !Number.isInteger(max) || max < min)
      throw new SidewireError(
        'ERR_OPTION',
        `random.int(${min}, ${max}): it has to be two whole numbers, the smaller first`,
      )
    return min + Math.floor(draw() * (max - min + 1))
  }
  return Object.assign(() => draw(), {
    int,
    pick<T>(list: readonly T[]): T {
      if (list.length === 0)
        throw new SidewireError('ERR_OPTION', 'random.pick([]): there is nothing to choose from')
      return list[int(0, list.length - 1)] as T
    },
    chance: (probability: number) => draw() < probability,
    uuid(): string {
      const digits = Array.from({ length: 32 }, () => int(0, 15).toString(16))
      // RFC 9562 5.4: the version, and the two bits of the variant.
      digits[12] = '4'
      digits[16] = int(8, 11).toString(16)
      return digits.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    },
  })
}
