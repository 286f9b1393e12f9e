/** Where what came is not what was recorded. */
export interface Difference {
  /** `$` is the message itself. */
  readonly path: string
  readonly recorded: unknown
  readonly received: unknown
}

/** Which keys are left out at any depth. */
type IsLeftOut = (key: string) => boolean

/** Deeper than anybody writes, and no hostile message ends the stack. */
const MAX_DEPTH = 500
const PLACEHOLDER = /\[redacted:\d+\]/

/** The first places where two messages differ, up to `most`; what was redacted equals anything. */
export function differences(
  recorded: unknown,
  received: unknown,
  isLeftOut: IsLeftOut,
  most = 1,
): readonly Difference[] {
  const found: Difference[] = []
  compare(recorded, received, '$', 0)
  return found

  function compare(one: unknown, other: unknown, path: string, depth: number): void {
    if (found.length >= most || one === other || depth > MAX_DEPTH) return
    if (typeof one === 'string' && PLACEHOLDER.test(one) && isRedactedOf(one, other)) return
    const differ = (): void => void found.push({ path, recorded: one, received: other })
    if (Buffer.isBuffer(one) || Buffer.isBuffer(other)) {
      if (!Buffer.isBuffer(one) || !Buffer.isBuffer(other) || !one.equals(other)) differ()
      return
    }
    if (Array.isArray(one) && Array.isArray(other)) {
      for (let i = 0; i < Math.max(one.length, other.length); i++)
        compare(one[i], other[i], `${path}[${i}]`, depth + 1)
    } else if (isObject(one) && isObject(other)) {
      for (const key of new Set([...Object.keys(one), ...Object.keys(other)]))
        if (!isLeftOut(key)) compare(one[key], other[key], `${path}${member(key)}`, depth + 1)
    } else differ()
  }
}

/** All that stands under keys which name a request, in both: the recorded value and the live one. */
export function pairsOf(
  recorded: unknown,
  received: unknown,
  isId: (key: string) => boolean,
  depth = 0,
): readonly (readonly [recorded: unknown, live: unknown])[] {
  if (depth > MAX_DEPTH) return []
  if (Array.isArray(recorded) && Array.isArray(received))
    return recorded.flatMap((each: unknown, index) => pairsOf(each, received[index], isId, depth + 1))
  if (!isObject(recorded) || !isObject(received)) return []
  return Object.keys(recorded).flatMap((key) => {
    const [one, other] = [recorded[key], received[key]]
    return isId(key) && isName(one) && isName(other)
      ? [[one, other] as const]
      : pairsOf(one, other, isId, depth + 1)
  })
}

function isName(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number'
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A whole value stands for anything; in a text, for any part of it. */
function isRedactedOf(recorded: string, received: unknown): boolean {
  const parts = recorded.split(PLACEHOLDER)
  if (parts.every((part) => part === '')) return received !== undefined
  if (typeof received !== 'string') return false
  const [first = '', ...others] = parts
  const last = others.pop() ?? ''
  if (!received.startsWith(first)) return false
  let at = first.length
  for (const part of others) {
    const found = received.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return received.length - last.length >= at && received.endsWith(last)
}

function member(key: string): string {
  return /^[\w$]+$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}
