import type { Notes } from './notes.ts'

/** A pattern as an address, which has names in braces and nothing else. */
export interface Address {
  readonly address: string
  /** What is known of each name. */
  readonly parameters: Readonly<Record<string, { readonly enum?: readonly string[] }>>
}

const LITERALS = /^[\w.~-]+(?:\|[\w.~-]+)*$/

export function addressOf(pattern: string, notes: Notes): Address {
  const parameters: Record<string, { enum?: readonly string[] }> = {}
  let wildcards = 0
  const address = pattern.replaceAll(
    /\{([\w-]+)(?::((?:[^{}]|\{[^{}]*\})*))?\}|\*\*|\*|\?/g,
    (whole, name: string | undefined, expression: string | undefined) => {
      const key = name ?? `any${++wildcards}`
      const isList = expression !== undefined && LITERALS.test(expression)
      parameters[key] = isList ? { enum: expression.split('|') } : {}
      if (!isList && (name === undefined || expression !== undefined))
        notes.warn(`${pattern}: "${whole}" becomes {${key}}, because an address has no such thing`)
      return `{${key}}`
    },
  )
  return { address, parameters }
}
