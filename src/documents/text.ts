import { stringify } from 'yaml'

/** A document as a file has it: JSON where its name says so, YAML otherwise. */
export function textOf(value: unknown, name: string): string {
  if (name.endsWith('.json')) return `${JSON.stringify(value, null, 2)}\n`
  // What stands in two places is written twice: an alias says that the two are the same.
  return stringify(value, { aliasDuplicateObjects: false })
}
