import type { Message } from './api.ts'
import type { Node } from './node.ts'

/** A member whose value says which message it is, and the message of each value. */
export interface Discriminator {
  readonly key: string
  /** `undefined` for a value that several of them have, from which nothing follows. */
  readonly byValue: ReadonlyMap<unknown, Message | undefined>
}

/** Deeper than this nobody says what kind a message is. */
const MAX_DEPTH = 8

/** The member that tells the most messages apart; `undefined` where none does. */
export function discriminatorOf(messages: readonly Message[]): Discriminator | undefined {
  const members = new Map<string, Map<unknown, Message[]>>()
  for (const message of messages)
    for (const [key, values] of constantsOf(message.payload)) {
      const byValue = members.get(key) ?? new Map<unknown, Message[]>()
      members.set(key, byValue)
      for (const value of values) byValue.set(value, [...(byValue.get(value) ?? []), message])
    }
  const candidates = [...members].map(([key, byValue]) => ({
    key,
    byValue: new Map(
      [...byValue].map(([value, all]) => [value, all.length === 1 ? all[0] : calledBy(value, all)]),
    ),
  }))
  const told = ({ byValue }: Discriminator): number =>
    new Set([...byValue.values()].filter((message) => message !== undefined)).size
  const [best] = candidates.toSorted((one, other) => told(other) - told(one))
  return best && told(best) > 0 ? best : undefined
}

/** Some generators give each message the values of all of them; then it is the name that says: "ListenV1CloseStream". */
function calledBy(value: unknown, messages: readonly Message[]): Message | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z\d]/g, '')
  if (typeof value !== 'string' || plain(value) === '') return undefined
  const called = messages.filter(({ names }) => names.some((name) => plain(name).endsWith(plain(value))))
  return called.length === 1 ? called[0] : undefined
}

type Constants = ReadonlyMap<string, ReadonlySet<unknown>>

/** The members that can have certain values only. */
function constantsOf(schema: Node | undefined, depth = 0): Constants {
  const constants = new Map<string, ReadonlySet<unknown>>()
  if (!schema || depth > MAX_DEPTH) return constants
  for (const [key, property] of schema.get('properties')?.entries() ?? []) {
    const values = valuesOf(property)
    if (values) constants.set(key, values)
  }
  for (const part of schema.get('allOf')?.items() ?? [])
    for (const [key, values] of constantsOf(part, depth + 1)) constants.set(key, values)
  for (const word of ['oneOf', 'anyOf']) {
    const [first, ...others] = (schema.get(word)?.items() ?? []).map((each) => constantsOf(each, depth + 1))
    // What only one of the forms has may be anything in the others.
    for (const [key, values] of first ?? [])
      if (others.every((other) => other.has(key)))
        constants.set(key, new Set([...values, ...others.flatMap((other) => [...(other.get(key) ?? [])])]))
  }
  return constants
}

function valuesOf(property: Node): ReadonlySet<unknown> | undefined {
  const only = property.get('const')
  if (only) return new Set([only.value])
  const list = property.get('enum')?.items()
  if (list) return new Set(list.map(({ value }) => value))
  // Before there was `const`: a pattern that one text has.
  const [, text] = /^\^([\w ./:-]+)\$$/.exec(property.text('pattern') ?? '') ?? []
  return text === undefined ? undefined : new Set([text])
}
