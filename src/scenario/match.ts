import { Condition } from './condition.ts'

/** Where a message is other than an object wants it: `message.a.b`; `undefined` where it is not. */
export function differenceAt(wanted: unknown, got: unknown, path = 'message'): string | undefined {
  if (wanted instanceof RegExp) return typeof got === 'string' && test(wanted, got) ? undefined : path
  if (wanted instanceof Condition) {
    const isThere = got !== MISSING
    return wanted.takes(isThere ? got : undefined, isThere) ? undefined : path
  }
  if (typeof wanted !== 'object' || wanted === null) return Object.is(wanted, got) ? undefined : path
  if (Array.isArray(wanted)) {
    if (!Array.isArray(got) || got.length !== wanted.length) return path
    return firstOf(wanted.map((each, index) => [`${path}[${index}]`, each, got[index] as unknown]))
  }
  if (typeof got !== 'object' || got === null || Array.isArray(got)) return path
  return firstOf(
    Object.entries(wanted).map(([key, value]) => [
      `${path}.${key}`,
      value,
      Object.hasOwn(got, key) ? (got as Record<string, unknown>)[key] : MISSING,
    ]),
  )
}

/** Equal to nothing that a message can have. */
const MISSING = Symbol('missing')

function firstOf(
  pairs: readonly (readonly [path: string, wanted: unknown, got: unknown])[],
): string | undefined {
  for (const [path, wanted, got] of pairs) {
    const difference = differenceAt(wanted, got, path)
    if (difference !== undefined) return difference
  }
  return undefined
}

/** An expression with `g` or `y` remembers where it was. */
function test(expression: RegExp, text: string): boolean {
  expression.lastIndex = 0
  return expression.test(text)
}
