import { checkHandshake } from '../engine/handshake/handshake.ts'
import { readHeaders, toOriginForm } from '../engine/handshake/request.ts'
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
  return checkHandshake({ method, httpVersion }, readHeaders(rawHeaders).headers)
}

/** What a request means, in whatever form it says it. */
export interface Target {
  readonly url: string
  readonly host: string | undefined
}

interface Incoming {
  url?: string | undefined
  rawHeaders: string[]
  readonly headers: { host?: string | undefined }
}

/** See {@link toOriginForm}. */
export function targetOf(request: Incoming): Target {
  const { url = '/', rawHeaders, headers } = request
  const raw = toOriginForm({ url, rawHeaders })
  return { url: raw.url, host: raw.url === url ? headers.host : readHeaders(raw.rawHeaders).headers['host'] }
}

/** Makes the request say it in origin form, for a proxy that is about to look at it. */
export function useOriginForm(request: Incoming): void {
  const { url = '/', rawHeaders } = request
  const raw = toOriginForm({ url, rawHeaders })
  if (raw.url === url) return
  request.url = raw.url
  request.rawHeaders = raw.rawHeaders
  request.headers.host = readHeaders(raw.rawHeaders).headers['host']
}
