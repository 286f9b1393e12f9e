import { describe } from '../engine/errors.ts'
import { FORMAT, type MessageEvent, type RecordingEvent, type RecordingHead } from './format.ts'

/** Why a line is none of a recording, in words that follow "line 3". */
export class Mistake extends Error {}

type Fields = Readonly<Record<string, unknown>>

/** @throws a `Mistake` */
export function headOf(value: unknown): RecordingHead {
  const head = fieldsOf(value, 'begins no recording')
  const { sidewire, at, url, tool, redacted } = head
  if (typeof sidewire === 'string' && /^recording\/\d+$/.test(sidewire) && sidewire !== FORMAT)
    throw new Mistake(
      `says ${sidewire}, which this version cannot read: it knows ${FORMAT}; a newer sidewire may`,
    )
  if (sidewire !== FORMAT)
    throw new Mistake(
      `begins no recording: it has to be {"sidewire":"${FORMAT}","at":"…"}, and is ${describe(value)}`,
    )
  return {
    sidewire: FORMAT,
    at: typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? at : new Date(0).toISOString(),
    ...(typeof url === 'string' && { url }),
    ...(typeof tool === 'string' && { tool }),
    ...(typeof redacted === 'boolean' && { redacted }),
  }
}

/** Unknown keys are left out. @throws a `Mistake` */
export function eventOf(value: unknown): RecordingEvent {
  const fields = fieldsOf(value, 'is no event')
  const timed = {
    t: numberOf(fields, 't', (t) => t >= 0, 'milliseconds, 0 or more'),
    conn: numberOf(
      fields,
      'conn',
      (conn) => Number.isInteger(conn) && conn >= 1,
      'the number of a connection, from 1',
    ),
  }
  const { type } = fields
  switch (type) {
    case undefined:
      return { ...timed, ...messageOf(fields) }
    case 'open':
      return {
        ...timed,
        type,
        path: textOf(fields, 'path'),
        ...(fields['offered'] !== undefined && { offered: listOf(fields, 'offered') }),
        ...(fields['protocol'] !== undefined && { protocol: textOf(fields, 'protocol') }),
        ...(fields['headers'] !== undefined && { headers: headersOf(fields) }),
      }
    case 'close':
      return {
        ...timed,
        type,
        from: oneOf(fields, 'from', ['client', 'server', 'network']),
        code: numberOf(fields, 'code', isCloseCode, 'a close code, 1000 to 4999'),
        ...(fields['reason'] !== undefined && { reason: textOf(fields, 'reason') }),
      }
    case 'refused':
      return {
        ...timed,
        type,
        path: textOf(fields, 'path'),
        ...(fields['status'] !== undefined && {
          status: numberOf(fields, 'status', isStatus, 'an HTTP status, 100 to 599'),
        }),
        ...(fields['body'] !== undefined && { body: textOf(fields, 'body') }),
      }
    default:
      throw new Mistake(
        `has the type ${describe(type)}; known are open, close, refused, and none for a message`,
      )
  }
}

const KINDS = ['json', 'text', 'base64'] as const

/** RFC 4648 4; white space and a missing end are mistakes of who edited it. */
export function isBase64(text: string): boolean {
  return text.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(text.replace(/={1,2}$/, ''))
}

function messageOf(fields: Fields): MessageEvent {
  const from = oneOf(fields, 'from', ['client', 'server'])
  const kinds = KINDS.filter((kind) => kind in fields)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1)
    throw new Mistake(
      `is a message with ${kinds.join(' and ') || 'nothing in it'}; it needs exactly one of json, text and base64`,
    )
  const cut = fields['isCut'] === true && { isCut: true }
  if (kind === 'json') return { from, json: fields['json'], ...cut }
  const text = textOf(fields, kind)
  if (kind === 'text') return { from, text, ...cut }
  if (!isBase64(text)) throw new Mistake(`has base64 that does not decode: ${describe(text)}`)
  return { from, base64: text, ...cut }
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Mistake(`${what}: ${describe(value)}`)
  return value as Fields
}

function numberOf(fields: Fields, name: string, accepts: (value: number) => boolean, what: string): number {
  const value = fields[name]
  if (typeof value !== 'number' || !accepts(value)) throw wrong(name, value, what)
  return value
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw wrong(name, value, 'a string')
  return value
}

function listOf(fields: Fields, name: string): readonly string[] {
  const value = fields[name]
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string'))
    throw wrong(name, value, 'a list of strings')
  return value
}

function headersOf({ headers }: Fields): Readonly<Record<string, string>> {
  const isGood =
    typeof headers === 'object' &&
    headers !== null &&
    Object.values(headers).every((each) => typeof each === 'string')
  if (!isGood) throw wrong('headers', headers, 'an object of strings')
  return headers as Readonly<Record<string, string>>
}

function oneOf<const T extends string>(fields: Fields, name: string, values: readonly T[]): T {
  const value = fields[name]
  if (!values.includes(value as T)) throw wrong(name, value, values.map((each) => `"${each}"`).join(' or '))
  return value as T
}

function wrong(name: string, value: unknown, what: string): Mistake {
  return new Mistake(
    `has "${name}" ${value === undefined ? 'missing' : describe(value)}; it has to be ${what}`,
  )
}

const isCloseCode = (code: number): boolean => Number.isInteger(code) && code >= 1000 && code <= 4999
const isStatus = (status: number): boolean => Number.isInteger(status) && status >= 100 && status <= 599
