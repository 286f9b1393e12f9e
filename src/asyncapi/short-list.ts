/** What a line has room for. */
const MAX_NAMES = 10

/** `a, b, c`; of many the first ones, and how many there are besides. */
export function shortList(names: readonly string[]): string {
  const more = names.length > MAX_NAMES ? `, and ${names.length - MAX_NAMES} more` : ''
  return names.slice(0, MAX_NAMES).join(', ') + more
}
