import { isSendableCloseCode, truncateReason } from '../close.ts'
import { describe } from '../errors.ts'
import type { UniversalApiWsHandler } from '../handler/handler.ts'
import { isPromiseLike } from '../promise.ts'
import type { HandshakeRequest } from './request.ts'

export type Verdict =
  | { readonly kind: 'accept'; readonly data: unknown }
  /** Accept, then close at once: a browser can read a close code, but no HTTP status. */
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'refuse'; readonly status: number; readonly reason: string }

const WELCOME: Verdict = { kind: 'accept', data: undefined }
const UNAUTHORIZED: Verdict = { kind: 'refuse', status: 401, reason: 'Unauthorized' }

/** Runs `authenticate`; what it throws is the caller's. */
export function authenticate(
  handler: UniversalApiWsHandler,
  req: HandshakeRequest,
): Verdict | Promise<Verdict> {
  const rule = handler.authenticate
  if (rule === undefined || rule === false) return WELCOME
  if (typeof rule !== 'function') {
    const header = rule === true ? 'authorization' : rule.toLowerCase()
    return req.headers[header]?.trim() ? WELCOME : UNAUTHORIZED
  }
  const result: unknown = rule.call(handler, req)
  return isPromiseLike(result) ? Promise.resolve(result).then(toVerdict) : toVerdict(result)
}

/** Only `true` and `success: true` let anyone in: the reference took every truthy answer for a yes. */
function toVerdict(result: unknown): Verdict {
  if (result === true) return WELCOME
  if (typeof result !== 'object' || result === null) return UNAUTHORIZED
  const { success, data, code, status, reason } = result as Record<string, unknown>
  if (success === true) return { kind: 'accept', data }
  if (success !== false) return UNAUTHORIZED
  const text = typeof reason === 'string' ? reason : ''
  if (code !== undefined) {
    if (isSendableCloseCode(code)) return { kind: 'close', code, reason: truncateReason(text) }
    throw new TypeError(`authenticate answered the close code ${describe(code)}, which cannot be sent`)
  }
  if (status !== undefined) {
    if (typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599)
      return { kind: 'refuse', status, reason: text }
    throw new TypeError(`authenticate answered the HTTP status ${describe(status)}; use 400 to 599`)
  }
  return { kind: 'refuse', status: 401, reason: text || 'Unauthorized' }
}
