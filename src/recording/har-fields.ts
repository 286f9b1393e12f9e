import { describe } from '../engine/errors.ts'
import { Mistake } from './event.ts'

// A HAR comes from a dozen programs, and none keeps to the letter of it: what is read is narrowed where it is read, and what is
// not needed may be anything.

export type Fields = Readonly<Record<string, unknown>>

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {}
}

export function textIn(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A list of `{ name, value }`, or (HTTP Toolkit) an object, by lower-case name. */
export function headersIn(fields: Fields): Record<string, string> {
  const { headers } = fields
  const pairs: readonly (readonly [unknown, unknown])[] = Array.isArray(headers)
    ? headers.map(fieldsOf).map(({ name, value }) => [name, value])
    : Object.entries(fieldsOf(headers))
  const found: Record<string, string> = {}
  for (const [name, value] of pairs)
    // Of HTTP/2, `:authority` and the like.
    if (typeof name === 'string' && typeof value === 'string' && !name.startsWith(':'))
      found[name.toLowerCase()] = value
  return found
}

export interface HarMessage {
  readonly type: 'send' | 'receive'
  /** As it stands there: in seconds or milliseconds, or none. */
  readonly time: number
  readonly isBinary: boolean
  /** Text, or base64. */
  readonly data: string
}

const TEXT = 1
const BINARY = 2
const CONTINUATION = 0

/**
 * The messages of an entry; those of other kinds (errors, pings, closes) are left out.
 * @throws a `Mistake` with the index, from 0, as it stands in the file
 */
export function messagesOf(rows: readonly unknown[], isBase64: (text: string) => boolean): HarMessage[] {
  const messages: HarMessage[] = []
  for (const [index, row] of rows.entries()) {
    const { type, time, opcode, data } = fieldsOf(row)
    const isMessage = opcode === TEXT || opcode === BINARY || opcode === CONTINUATION
    if (type === 'error' || (typeof opcode === 'number' && !isMessage)) continue
    const wrong = (what: string): Mistake => new Mistake(`message ${index} ${what}`)
    if (type !== 'send' && type !== 'receive')
      throw wrong(`has the type ${describe(type)}; it has to be "send" or "receive"`)
    if (!isMessage)
      throw wrong(`has the opcode ${describe(opcode)}; it has to be 1 for text, or 2 for binary`)
    if (typeof data !== 'string') throw wrong(`has data that is ${describe(data)}; it has to be a string`)
    const at = messages.findLastIndex((each) => each.type === type)
    const before = messages[at]
    const isBinary = opcode === BINARY || (opcode === CONTINUATION && before?.isBinary === true)
    if (isBinary && !isBase64(data)) throw wrong(`has base64 that does not decode: ${describe(data)}`)
    if (opcode !== CONTINUATION || before === undefined)
      messages.push({ type, time: typeof time === 'number' ? time : -1, isBinary, data })
    // Bytes in two pieces of base64 are no longer piece of it.
    else messages[at] = { ...before, data: isBinary ? joined(before.data, data) : before.data + data }
  }
  return messages
}

function joined(...base64: readonly string[]): string {
  return Buffer.concat(base64.map((each) => Buffer.from(each, 'base64'))).toString('base64')
}
