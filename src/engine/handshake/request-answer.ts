import { encode } from '../connection/message.ts'
import { describe } from '../errors.ts'
import type { HttpAnswer } from '../runtime.ts'
import { TOKEN } from './request.ts'

/** What `onRequest` may answer. */
export interface RequestAnswer {
  /** From 200 to 599. @defaultValue 200 */
  status?: number
  /**
   * Values are ASCII without line breaks. `Connection`, `Content-Length`, `Keep-Alive`, `Trailer` and
   * `Transfer-Encoding` are the server's own. @defaultValue a Content-Type that fits the body
   */
  headers?: Readonly<Record<string, string>>
  /**
   * As `conn.send` takes it without a codec: a string as text, bytes as they are, everything else as JSON. Without one the answer is
   * empty, as those with 204, 205 and 304 have to be. @defaultValue none
   */
  body?: unknown
}

const FIELDS: ReadonlySet<string> = new Set(['status', 'headers', 'body'] satisfies (keyof RequestAnswer)[])
/** They say where an answer ends, and what becomes of its connection (RFC 9112 6 and 9): only the runtime knows. */
const OF_THE_SERVER: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'trailer',
  'transfer-encoding',
])
/** RFC 9110 5.5, without the bytes above 7F, which each runtime would write in its own way. */
const VALUE = /^[\t -~]*$/
/** RFC 9110 15.3.5, 15.3.6 and 15.4.5. */
const EMPTY: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * An answer of `onRequest` as it goes on the wire.
 * @throws TypeError, or `ERR_SERIALIZE`, for what is none
 */
export function toHttpAnswer(result: unknown): HttpAnswer {
  if (typeof result !== 'object' || result === null || Array.isArray(result))
    throw new TypeError(`onRequest answered ${describe(result)}; use { status, headers, body }, or undefined`)
  // Inherited fields as well: a Response of fetch has nothing else.
  for (const name in result)
    if (!FIELDS.has(name))
      throw new TypeError(
        `onRequest answered with the field ${describe(name)}; known are status, headers and body`,
      )
  const { status = 200, headers = {}, body } = result as RequestAnswer
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError(
      `onRequest answered the status ${describe(status)}; use a whole number from 200 to 599`,
    )
  checkHeaders(headers)
  if (body === undefined) return { status, headers, body: '' }
  if (EMPTY.has(status))
    throw new TypeError(`onRequest answered a body with the status ${status}, which has none; leave body out`)
  const payload = encode(body)
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')
  return {
    status,
    headers: hasType ? headers : { 'Content-Type': typeOf(body, payload), ...headers },
    body: payload,
  }
}

function checkHeaders(headers: unknown): asserts headers is Readonly<Record<string, string>> {
  if (typeof headers !== 'object' || headers === null)
    throw new TypeError(
      `onRequest answered the headers ${describe(headers)}; use an object of strings by name`,
    )
  const seen = new Set<string>()
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase()
    const problem = !TOKEN.test(name)
      ? 'the name of a header is letters, digits and - . _'
      : OF_THE_SERVER.has(lower)
        ? 'the server sets it itself; leave it out'
        : seen.has(lower)
          ? 'it is there twice; join the values with a comma'
          : typeof value !== 'string' || !VALUE.test(value)
            ? 'use a string of ASCII without line breaks'
            : undefined
    if (problem)
      throw new TypeError(
        `onRequest answered the header ${describe(name)} with ${describe(value)}; ${problem}`,
      )
    seen.add(lower)
  }
}

function typeOf(body: unknown, payload: HttpAnswer['body']): string {
  if (typeof body === 'string') return 'text/plain; charset=utf-8'
  return typeof payload === 'string' ? 'application/json' : 'application/octet-stream'
}
