import { resolve } from 'node:path'
import { describe, SidewireError } from '../engine/errors.ts'
import type { RecordOptions } from '../engine/record-options.ts'
import { date } from '../engine/timers.ts'

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024

export interface ResolvedRecordOptions extends Required<RecordOptions> {
  /** Absolute, and with the date in its name. */
  readonly file: string
}

/**
 * @param name - as the user knows the option
 * @throws `ERR_OPTION`
 */
export function resolveRecordOptions(given: string | RecordOptions, name = 'record'): ResolvedRecordOptions {
  const options: unknown = typeof given === 'string' ? { file: given } : given
  if (typeof options !== 'object' || options === null)
    throw wrong(
      name,
      given,
      "a file such as 'orders.jsonl', or { file, overwrite, maxBytes, headers, redact }",
    )
  const {
    file,
    overwrite = false,
    maxBytes = DEFAULT_MAX_BYTES,
    headers = [],
    redact = {},
    ...more
  } = options as Record<string, unknown>
  assertNone(name, more, 'file, overwrite, maxBytes, headers, redact')
  if (typeof file !== 'string' || file === '')
    throw wrong(`${name}.file`, file, "a file such as 'orders.jsonl', or 'orders-{date}.jsonl'")
  if (typeof overwrite !== 'boolean') throw wrong(`${name}.overwrite`, overwrite, 'true or false')
  if (typeof maxBytes !== 'number' || !(maxBytes >= 1))
    throw wrong(`${name}.maxBytes`, maxBytes, 'a number of bytes, at least 1; Infinity for no limit')
  if (!isListOfText(headers)) throw wrong(`${name}.headers`, headers, "a list of names such as ['x-tenant']")
  return {
    file: resolve(
      file.replaceAll('{date}', new Date(date()).toISOString().slice(0, -1).replaceAll(/[:.]/g, '-')),
    ),
    overwrite,
    maxBytes,
    headers,
    redact: toRedact(redact, `${name}.redact`),
  }
}

function toRedact(redact: unknown, name: string): NonNullable<RecordOptions['redact']> {
  if (redact === false) return false
  if (typeof redact !== 'object' || redact === null) throw wrong(name, redact, 'false, or { keys, custom }')
  const { keys = [], custom, ...more } = redact as Record<string, unknown>
  assertNone(name, more, 'keys, custom')
  if (!isListOfText(keys)) throw wrong(`${name}.keys`, keys, "a list of keys such as ['pin']")
  if (custom === undefined) return { keys }
  if (typeof custom !== 'function')
    throw wrong(`${name}.custom`, custom, 'a function that gets a text and returns one')
  return { keys, custom: custom as (text: string, from: 'client' | 'server') => string }
}

function isListOfText(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string' && each !== '')
}

function assertNone(name: string, more: object, known: string): void {
  const [unknown] = Object.keys(more)
  if (unknown !== undefined)
    throw new SidewireError('ERR_OPTION', `unknown option "${name}.${unknown}"; known are ${known}`)
}

function wrong(name: string, value: unknown, accepted: string): SidewireError {
  return new SidewireError('ERR_OPTION', `option "${name}" is ${describe(value)}; it has to be ${accepted}`)
}
