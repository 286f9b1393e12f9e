/**
 * What a message has to be like. An object needs the properties that are named, each like its own pattern; a list all its
 * elements; a `RegExp` text; bytes the same bytes, whatever holds them; a function says by itself. Asymmetric matchers of
 * a test framework (`expect.any(Number)`) fit anywhere.
 */
export type Pattern<T = any> = T | Partial<T> | RegExp | ((message: T) => boolean)

interface AsymmetricMatcher {
  asymmetricMatch(value: unknown): boolean
}

/** Where a message differs from a pattern. */
export interface Difference {
  /** `''` for the whole message, else as in JavaScript: `user.roles[0]`. */
  readonly path: string
  readonly expected: unknown
  readonly received: unknown
}

/** What a message lacks. */
export const MISSING: unique symbol = Symbol('missing')

export function matches(pattern: unknown, message: unknown): boolean {
  return differences(pattern, message).next().done === true
}

export function* differences(pattern: unknown, message: unknown, path = ''): Generator<Difference> {
  if (isMatcher(pattern)) {
    if (!pattern.asymmetricMatch(message)) yield { path, expected: pattern, received: message }
  } else if (pattern instanceof RegExp) {
    // Not `test`: with the flag g it would go on from where it stopped.
    if (typeof message !== 'string' || message.search(pattern) === -1)
      yield { path, expected: pattern, received: message }
  } else if (typeof pattern === 'function') {
    if (!(pattern as (value: unknown) => unknown)(message))
      yield { path, expected: pattern, received: message }
  } else if (isBytes(pattern)) {
    if (!isBytes(message) || Buffer.compare(bytesOf(pattern), bytesOf(message)) !== 0)
      yield { path, expected: pattern, received: message }
  } else if (Array.isArray(pattern)) {
    if (Array.isArray(message)) yield* elements(pattern, message, path)
    else yield { path, expected: pattern, received: message }
  } else if (typeof pattern === 'object' && pattern !== null) {
    if (isObject(message)) yield* properties(pattern, message, path)
    else yield { path, expected: pattern, received: message }
  } else if (!Object.is(pattern, message)) yield { path, expected: pattern, received: message }
}

function* elements(
  pattern: readonly unknown[],
  message: readonly unknown[],
  path: string,
): Generator<Difference> {
  for (let index = 0; index < Math.max(pattern.length, message.length); index++)
    yield* member(pattern, message, index, `${path}[${index}]`)
}

function* properties(pattern: object, message: object, path: string): Generator<Difference> {
  for (const key of Object.keys(pattern))
    yield* member(pattern, message, key, path === '' ? key : `${path}.${key}`)
}

function* member(
  pattern: object,
  message: object,
  key: string | number,
  path: string,
): Generator<Difference> {
  const expected = Object.hasOwn(pattern, key) ? (pattern as Record<string | number, unknown>)[key] : MISSING
  const received = Object.hasOwn(message, key) ? (message as Record<string | number, unknown>)[key] : MISSING
  if (expected === MISSING || received === MISSING) {
    if (expected !== undefined) yield { path, expected, received }
  } else yield* differences(expected, received, path)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isBytes(value)
}

function isMatcher(value: unknown): value is AsymmetricMatcher {
  return typeof (value as Partial<AsymmetricMatcher> | null | undefined)?.asymmetricMatch === 'function'
}

function isBytes(value: unknown): value is ArrayBuffer | ArrayBufferView<ArrayBuffer> {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value)
}

function bytesOf(value: ArrayBuffer | ArrayBufferView<ArrayBuffer>): Buffer {
  return value instanceof ArrayBuffer
    ? Buffer.from(value)
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
