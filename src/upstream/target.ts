import type { HandshakeRequest } from '../engine/handshake/request.ts'
import { fillPath, upstreamUrlParts, withoutLogin } from '../engine/upstream/upstream.ts'
import { targetOf, type Target } from '../wire/target.ts'

/**
 * Where one client is connected to.
 * @param url - a valid one
 * @returns `undefined` if a parameter would leave its segment of the path
 */
export function targetFor(url: string, req: HandshakeRequest): Target | undefined {
  const parts = upstreamUrlParts(url)
  const path = parts && fillPath(parts.path, req.params)
  if (parts === undefined || path === undefined) return undefined
  const queries = [parts.query, queryOf(req.url)]
    .map((query) => query.slice(1))
    .filter((query) => query !== '')
  // What stands before the host goes into a header: see `headers.ts`.
  return targetOf(withoutLogin(parts.origin) + path + (queries.length > 0 ? `?${queries.join('&')}` : ''))
}

/** With its question mark, `''` if there is none. */
function queryOf(url: string): string {
  return /\?[^#]*/.exec(url)?.[0] ?? ''
}
