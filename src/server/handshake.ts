import { checkHandshake } from '../engine/handshake.ts'
import { headersOf } from '../engine/request.ts'
import type { HttpAnswer } from '../engine/runtime.ts'

/**
 * What the server answers to a malformed opening handshake; `undefined` if it is well-formed. For a proxy in front,
 * which would pass on something else than it got: the HTTP version and these headers are between neighbours.
 */
export function refuseMalformed(request: {
  readonly method?: string | undefined
  readonly httpVersion: string
  readonly rawHeaders: readonly string[]
}): HttpAnswer | undefined {
  const { method = '', httpVersion, rawHeaders } = request
  return checkHandshake({ method, httpVersion }, headersOf(rawHeaders))
}
