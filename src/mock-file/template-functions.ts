import type { Random } from '../engine/handler/scenario.ts'
import { fakerOf } from './faker.ts'
import type { Asked, Call, Made } from './made.ts'

/** `int 1 9`, `float 0 1 2`, `pick a b c`, `faker person.fullName`: what chance makes, the same by the same seed. */
export const FUNCTIONS: Readonly<Record<string, (call: Call) => Made>> = {
  int({ values, text }) {
    const [min, max, ...more] = values
    if (!isInteger(min) || !isInteger(max) || min > max || more.length > 0)
      throw new Error(`${text}: it has to be two whole numbers, the smaller first, such as {{int 1 9}}`)
    return drawn((random) => random.int(min, max))
  },
  float({ values, text }) {
    const [min, max, digits = 2, ...more] = values
    const isRange = typeof min === 'number' && typeof max === 'number' && min <= max
    if (!isRange || !isInteger(digits) || digits < 0 || digits > 15 || more.length > 0)
      throw new Error(
        `${text}: it has to be two numbers, the smaller first, and how many digits follow the point, such as {{float 0 1 2}}`,
      )
    return drawn((random) => Number((min + random() * (max - min)).toFixed(digits)))
  },
  pick({ values, text }) {
    if (values.length === 0)
      throw new Error(`${text}: there is nothing to choose from; write {{pick red green blue}}`)
    return drawn((random) => random.pick(values))
  },
  faker: (call) => drawn(fakerOf(call)),
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value)
}

function drawn(draw: (random: Random, now: number) => unknown): Made {
  return ({ random, now }: Asked) => (random ? draw(random, now?.() ?? 0) : undefined)
}
