import { describe, SidewireError } from '../errors.ts'
import { isPromiseLike } from '../promise.ts'
import { assertNow } from '../connection/message.ts'
import { InvalidError } from './invalid-error.ts'
import type { SchemaIssue, SchemaResult, StandardSchema } from './standard-schema.ts'

/**
 * A message from a client, as the schema wants it; a promise of it where the schema is async.
 * @param isText - it came as text that is no JSON
 * @throws `ERR_INVALID`, or rejects with it; what the schema itself throws is no issue, but means that the message does not fit
 */
export function checkIncoming(schema: StandardSchema, data: unknown, isText: boolean): unknown {
  const result = validate(schema, data)
  return isPromiseLike(result)
    ? Promise.resolve(result).then((settled) => valueOf('incoming', settled, data, isText))
    : valueOf('incoming', result, data, isText)
}

/**
 * A message to a client, as the schema wants it.
 * @throws `ERR_INVALID`, `ERR_OPTION` for a schema that is async
 */
export function checkOutgoing(schema: StandardSchema, data: unknown): unknown {
  assertNow(data)
  const result = validate(schema, data)
  if (!isPromiseLike(result)) return valueOf('outgoing', result, data, false)
  // Nobody waits for it, so that its failure must not count as unhandled.
  Promise.resolve(result).catch(() => {})
  throw new SidewireError(
    'ERR_OPTION',
    `the schema of ${schema['~standard'].vendor} for outgoing messages is async, which \`send\` cannot wait for; ` +
      'take an async check out of it, or set checkOutgoing: "off"',
  )
}

/** The first that is wrong with the query of a handshake; `undefined` if nothing is. */
export function checkQuery(
  schema: StandardSchema,
  url: string,
): SchemaIssue | undefined | Promise<SchemaIssue | undefined> {
  const at = url.indexOf('?')
  const query = Object.fromEntries(new URLSearchParams(at < 0 ? '' : url.slice(at)))
  const result = validate(schema, query)
  return isPromiseLike(result) ? Promise.resolve(result).then(firstOf) : firstOf(result)
}

function firstOf(result: SchemaResult<unknown>): SchemaIssue | undefined {
  const { issues } = result
  return issues === undefined ? undefined : (issues[0] ?? UNNAMED)
}

/** Of a schema that says no, and not why. */
const UNNAMED: SchemaIssue = { message: 'does not fit' }

type Validated = SchemaResult<unknown> | PromiseLike<SchemaResult<unknown>>

function validate(schema: StandardSchema, data: unknown): Validated {
  return schema['~standard'].validate(data)
}

function valueOf(
  direction: 'incoming' | 'outgoing',
  result: SchemaResult<unknown>,
  data: unknown,
  isText: boolean,
): unknown {
  if (result.issues !== undefined)
    throw new InvalidError(
      direction,
      result.issues.length > 0 ? result.issues : [UNNAMED],
      data,
      isText ? ' (the message is not JSON)' : '',
    )
  if (typeof result === 'object' && result !== null && 'value' in result) return result.value
  throw new SidewireError(
    'ERR_OPTION',
    `the schema answered ${describe(result)}; by Standard Schema that is { value } or { issues }`,
  )
}
