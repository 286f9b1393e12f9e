import { SidewireError } from '../errors.ts'
import type { SchemaIssue } from './standard-schema.ts'

/** `ERR_INVALID`: a message does not fit the handler's schema. */
export class InvalidError extends SidewireError {
  readonly direction: 'incoming' | 'outgoing'
  /** What is wrong, in the words of the schema's library; at least one. */
  readonly issues: readonly SchemaIssue[]
  /** What did not fit: as the codec has read it, or as it was to be sent. */
  readonly data: unknown

  constructor(
    direction: 'incoming' | 'outgoing',
    issues: readonly SchemaIssue[],
    data: unknown,
    /** Of a text that is no JSON. */
    hint = '',
  ) {
    super('ERR_INVALID', `invalid ${direction} message: ${issues.map(inWords).join('; ')}${hint}`)
    this.direction = direction
    this.issues = issues
    this.data = data
  }
}

/** `user.name: Expected string`. */
export function inWords({ message, path }: SchemaIssue): string {
  const where = pathOf(path)
  return where === '' ? message : `${where}: ${message}`
}

/** The same for whom the value is none of their business: libraries like to quote it. */
export function inWordsWithout(data: unknown, issue: SchemaIssue): string {
  const { path, message } = issue
  const value = (path ?? []).reduce<unknown>((at, key) => memberOf(at, keyOf(key)), data)
  return inWords({ ...(path && { path }), message: without(value, message) })
}

function without(value: unknown, message: string): string {
  if (typeof value === 'object' && value !== null) {
    const texts = Object.values(value).filter((each) => typeof each !== 'object' || each === null)
    return texts.reduce<string>((text, each) => without(each, text), message)
  }
  const text = String(value)
  // Shorter ones give nothing away, and are in words of the message.
  return text.length < 2 ? message : message.replaceAll(JSON.stringify(text), '…').replaceAll(text, '…')
}

function pathOf(path: SchemaIssue['path'] = []): string {
  return path.reduce<string>((text, part) => {
    const key = keyOf(part)
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')
}

function keyOf(part: PropertyKey | { readonly key: PropertyKey }): PropertyKey {
  return typeof part === 'object' ? part.key : part
}

function memberOf(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<PropertyKey, unknown>)[key]
    : undefined
}
