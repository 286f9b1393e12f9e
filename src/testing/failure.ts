import { inspect } from 'node:util'
import type { Answer } from '../wire/answer.ts'
import type { Entry, Journal } from './journal.ts'
import { differences, MISSING } from './pattern.ts'

const MAX_ENTRIES = 10
const MAX_DIFFERENCES = 5
const MAX_TEXT = 120
const MAX_BODY = 500

/** What a test waited for and did not get. Vitest and Jest show `expected` and `actual` as a diff of their own. */
export class ExpectationError extends Error {
  override readonly name: string = 'ExpectationError'
  readonly expected: unknown
  readonly actual: unknown

  constructor(message: string, expected?: unknown, actual?: unknown, options?: ErrorOptions) {
    super(message, options)
    this.expected = expected
    this.actual = actual
  }
}

/** A server that answered the handshake with another status than 101. */
export class RefusedError extends ExpectationError {
  override readonly name = 'RefusedError'
  readonly status: number
  /** By name in small letters. */
  readonly headers: Readonly<Record<string, string>>
  /** As text; of a long one the first 64 KiB. */
  readonly body: string

  /** @param how - the status and its words */
  constructor(url: string, how: string, answer: Pick<Answer, 'status' | 'headers' | 'body'>) {
    const body = answer.body.toString()
    const lines = [`${url} refused the handshake with ${how}`]
    if (body.trim() !== '') lines.push(`  body: ${cut(body.trim(), MAX_BODY)}`)
    super(lines.join('\n'))
    this.status = answer.status
    this.headers = answer.headers
    this.body = body
  }
}

/**
 * @param what - what was waited for, and for how long
 * @param candidates - the messages that came and did not match
 */
export function noMatch(
  what: string,
  pattern: unknown,
  candidates: readonly unknown[],
  journal: Journal,
): ExpectationError {
  const lines = [what]
  const nearest = nearestOf(pattern, candidates)
  if (pattern !== undefined) lines.push(`  expected: ${show(pattern)}`)
  if (nearest) {
    lines.push(`  nearest:  ${show(nearest.message)}`)
    for (const { path, expected, received } of nearest.differences.slice(0, MAX_DIFFERENCES))
      lines.push(`    ${path || 'it'}: expected ${show(expected)}, received ${show(received)}`)
    const more = nearest.differences.length - MAX_DIFFERENCES
    if (more > 0) lines.push(`    and ${more} more`)
    if (candidates.length > 1) lines.push(`  of ${candidates.length} messages that did not match`)
  } else lines.push('  no message came')
  return new ExpectationError([...lines, ...tail(journal)].join('\n'), pattern, nearest?.message)
}

/** What else can be said: the last entries. */
export function tail(journal: Journal): string[] {
  const { entries, gone } = journal
  if (entries.length === 0) return ['  nothing has happened on this server']
  const last = entries.slice(-MAX_ENTRIES)
  const before = entries.length - last.length + gone
  const lines = last.map((entry) => `    ${describeEntry(entry)}`)
  const goneText = gone > 0 ? ` (${gone} of them gone from the journal)` : ''
  if (before > 0) lines.unshift(`    ${before} before${goneText}`)
  return [`  the last ${last.length === 1 ? 'entry' : `${last.length} entries`}:`, ...lines]
}

export function describeEntry({ at, kind, connection, path, ...entry }: Entry): string {
  const start = `${Math.round(at)} ms`.padStart(8)
  const who = connection > 0 ? `#${connection} ` : ''
  const what = (): string => {
    switch (kind) {
      case 'connect':
        return path
      case 'in':
        return `${show(entry.data)}${entry.matched === undefined ? '' : `  (${entry.matched})`}`
      case 'out':
        return show(entry.data)
      case 'broadcast':
        return `${show(entry.data)}  to ${entry.receivers?.map((n) => `#${n}`).join(' ') || 'nobody'}`
      case 'close':
        return `${entry.close?.code}${entry.close?.reason ? ` ${JSON.stringify(entry.close.reason)}` : ''}`
      case 'refused':
        return `${path} with ${entry.status ?? entry.close?.code ?? 'no answer'}`
      case 'fault':
        return `${entry.fault?.kind}${'data' in entry ? ` of message ${entry.fault?.message} ${entry.fault?.direction}: ${show(entry.data)}` : ''}`
      case 'error':
      default:
        return String(entry.error)
    }
  }
  return `${start}  ${kind.padEnd(9)} ${who}${what()}`
}

function nearestOf(
  pattern: unknown,
  candidates: readonly unknown[],
): { message: unknown; differences: ReturnType<typeof list> } | undefined {
  let nearest: { message: unknown; differences: ReturnType<typeof list> } | undefined
  for (const message of candidates) {
    const found = list(pattern, message)
    // The latest of those that are as near.
    if (nearest === undefined || found.length <= nearest.differences.length)
      nearest = { message, differences: found }
  }
  return nearest
}

const list = (pattern: unknown, message: unknown) => [...differences(pattern, message)]

export function show(value: unknown): string {
  if (value === MISSING) return 'nothing'
  if (typeof value === 'function')
    return value.name ? `the function ${value.name}` : 'what the function wants'
  const text = inspect(value, { depth: 4, breakLength: Infinity, compact: true, maxStringLength: MAX_TEXT })
  return cut(text, MAX_TEXT)
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text
}
