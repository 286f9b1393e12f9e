import { SidewireError } from '../errors.ts'
import { pathOf } from '../path-of.ts'
import type { SchemaIssue } from './standard-schema.ts'

/** `ERR_INVALID`: a message does not fit the handler's schema. Its text says what is wrong, and where, and not the value. */
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
    super('ERR_INVALID', `invalid ${direction} message: ${allInWords(issues, data)}${hint}`)
    this.direction = direction
    this.issues = issues
    this.data = data
  }
}

/** What a log can take: a message may be wrong in a hundred thousand places, and libraries quote what a client has sent. */
const MAX_ISSUES = 3
const MAX_LETTERS = 300

function allInWords(issues: readonly SchemaIssue[], data: unknown): string {
  const more = issues.length > MAX_ISSUES ? `; and ${issues.length - MAX_ISSUES} more` : ''
  const first = issues.slice(0, MAX_ISSUES)
  return first.map((issue) => inWordsWithout(data, issue)).join('; ') + more
}

/** `user.name: Expected string`. */
export function inWords({ message, path }: SchemaIssue): string {
  const where = pathOf((path ?? []).map(keyOf))
  const text = where === '' ? message : `${where}: ${message}`
  // One line, whatever is in it.
  const line = text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (letter) => JSON.stringify(letter).slice(1, -1))
  return line.length > MAX_LETTERS ? `${line.slice(0, MAX_LETTERS)}...` : line
}

/** The same for a log, and for who is on the other side: libraries like to quote the value, which is none of their business. */
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
  const quoted = [JSON.stringify(text), `'${text}'`, `\`${text}\``]
  const unquoted = quoted.reduce((left, each) => left.replaceAll(each, '…'), message)
  // Shorter ones are parts of the words of the message, and give little away.
  return text.length < MIN_SECRET ? unquoted : unquoted.replaceAll(text, '…')
}

const MIN_SECRET = 4

function keyOf(part: PropertyKey | { readonly key: PropertyKey }): PropertyKey {
  return typeof part === 'object' ? part.key : part
}

function memberOf(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<PropertyKey, unknown>)[key]
    : undefined
}
