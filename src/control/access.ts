import { timingSafeEqual } from 'node:crypto'
import { describe } from '../engine/errors.ts'
import { normalizeAddress, type RequestHeaders } from '../engine/handshake/request.ts'
import { isLoopback } from '../engine/loopback.ts'
import type { RawRequest } from '../engine/runtime.ts'
import { Refused } from './answers.ts'

/**
 * From this machine, by a program: a page of a browser names itself in `Origin`, or is told apart by `Sec-Fetch-Site`, and
 * a name that was rebound to our address (CVE-2025-24010) stands in `Host`.
 */
export function assertLocal(raw: RawRequest, headers: RequestHeaders): void {
  if (!isLoopback(normalizeAddress(raw.remoteAddress)))
    throw new Refused(403, 'address', 'only this machine is answered')
  const host = headers['host'] ?? ''
  if (!/^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host))
    throw new Refused(403, 'origin', `the Host ${describe(host)} is none of this machine`)
  const origin = headers['origin']
  const own = `${raw.encrypted ? 'https' : 'http'}://${host}`
  if (origin !== undefined && origin.toLowerCase() !== own.toLowerCase())
    throw new Refused(403, 'origin', `a page of ${describe(origin)} is not answered`)
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new Refused(403, 'origin', `a request of another page (${describe(site)}) is not answered`)
}

/** Whether `Authorization: Bearer <token>` carries it; how long this takes tells nothing of it. */
export function hasToken(headers: RequestHeaders, token: string): boolean {
  const [, given = ''] = /^bearer (.+)$/i.exec(headers['authorization'] ?? '') ?? []
  const [one, other] = [Buffer.from(given), Buffer.from(token)]
  return one.length === other.length && timingSafeEqual(one, other)
}
