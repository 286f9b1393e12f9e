/** What of JSON tells something: strings with the colon of a key, and numbers. */
const TOKENS = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d[\d.eE+-]*/g

/** `undefined`: it is no JSON. */
export function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

/** Whether what JavaScript reads is all that stands there: it rounds large numbers, and takes the last of two equal keys. */
export function isExact(text: string, value: unknown): boolean {
  let keys = 0
  for (const [token, string, colon] of text.matchAll(TOKENS)) {
    if (colon !== undefined) keys++
    else if (string === undefined && String(Number(token)) !== token) return false
  }
  return keys === keysOf(value)
}

function keysOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce<number>((sum, each) => sum + keysOf(each), own)
}
