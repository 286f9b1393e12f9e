import { createRequire } from 'node:module'
import type { Random } from '../engine/handler/scenario.ts'
import { didYouMean } from '../engine/edit-distance.ts'
import { literalOf } from './literal.ts'
import type { Call } from './made.ts'

/** As much of @faker-js/faker as is needed here: it is the user's own, of any version that has it. */
interface Faker {
  setDefaultRefDate(date: number): void
}
interface Package {
  readonly Faker: new (options: {
    locale: readonly unknown[]
    randomizer: { next(): number; seed(): void }
  }) => Faker
  readonly en: unknown
}
type Members = Readonly<Record<string, unknown>>

/** One for each place and connection that draws, so that nobody moves what another gets. */
const fakers = new WeakMap<Random, Faker>()

/** `faker person.fullName`, `faker number.int min=1 max=9`. Faker is looked for from the file that says it, and then from here. */
export function fakerOf({ words, values, text, from }: Call): (random: Random, now: number) => unknown {
  const [path = ''] = words
  const { Faker, en } = packageFor(text, from)
  const make = (random: () => number): Faker =>
    new Faker({ locale: [en], randomizer: { next: random, seed: () => {} } })
  const [group = '', method = '', ...more] = path.split('.')
  const known = make(() => 0) as unknown as Members
  const inGroup = (Object.hasOwn(known, group) ? known[group] : undefined) as Members | undefined
  if (typeof inGroup !== 'object' || typeof inGroup[method] !== 'function' || more.length > 0) {
    const names = inGroup ? methodsOf(inGroup).map((name) => `${group}.${name}`) : groupsOf(known)
    throw new Error(
      `${text}: faker has no "${path}";${didYouMean(inGroup ? path : group, names)} write a name such as person.fullName`,
    )
  }
  const given = argumentsOf(words.slice(1), values.slice(1))
  try {
    ;(inGroup[method] as (...args: unknown[]) => unknown).call(inGroup, ...given)
  } catch (cause) {
    throw new Error(`${text}: faker says: ${(cause as Error).message}`, { cause })
  }
  return (random, now) => {
    const faker = fakers.get(random) ?? make(random)
    fakers.set(random, faker)
    faker.setDefaultRefDate(now)
    const own = (
      faker as unknown as Readonly<Record<string, Record<string, (...args: unknown[]) => unknown>>>
    )[group]
    return own?.[method]?.(...given)
  }
}

function packageFor(text: string, from: string): Package {
  for (const near of [from, import.meta.url])
    try {
      return createRequire(near)('@faker-js/faker') as Package
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  throw new Error(`${text}: for this there has to be @faker-js/faker: npm install --save-dev @faker-js/faker`)
}

/** Those with a name become an object, which comes last. */
function argumentsOf(args: readonly string[], values: readonly unknown[]): unknown[] {
  const named: Record<string, unknown> = {}
  const given: unknown[] = []
  for (const [index, arg] of args.entries()) {
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(arg) ?? []
    if (name === undefined) given.push(values[index])
    else named[name] = literalOf(value) ?? value
  }
  return Object.keys(named).length > 0 ? [...given, named] : given
}

function groupsOf(faker: Members): string[] {
  return Object.keys(faker).filter((name) => !name.startsWith('_') && typeof faker[name] === 'object')
}

function methodsOf(group: Members): string[] {
  return [...Object.keys(group), ...Object.getOwnPropertyNames(Object.getPrototypeOf(group))].filter(
    (name) => name !== 'constructor' && typeof group[name] === 'function',
  )
}
