/** What may stand for a wildcard, and for one that takes several segments. */
const STAND_INS = [
  ['x', 'x'],
  ['1', '1/1'],
  ['a-b', 'a-b/a-b/a-b'],
] as const

/** Some paths such as clients ask for under a pattern. An expression of the user's may match none of them. */
export function samplesOf(pattern: string): string[] {
  return STAND_INS.map(([one, several]) => encodeURI(fill(pattern, one, several).toWellFormed()))
}

function fill(pattern: string, one: string, several: string): string {
  return pattern.replace(/\{(?:[^{}]|\{[^{}]*\})*\}|\*+|\?/g, (wildcard) =>
    wildcard === '?' ? one.slice(0, 1) : wildcard.startsWith('**') ? several : one,
  )
}
