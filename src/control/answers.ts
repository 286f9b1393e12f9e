import { SidewireError } from '../engine/errors.ts'
import type { HttpAnswer } from '../engine/runtime.ts'

/** Why a request is refused, in one stable word. */
export type ControlErrorCode = 'address' | 'origin' | 'token' | 'path' | 'method' | 'body' | 'target'

/** A request that is not answered as it wants to be. */
export class Refused extends Error {
  readonly status: number
  readonly code: ControlErrorCode

  constructor(status: number, code: ControlErrorCode, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export function json(value: unknown, status: number = 200): HttpAnswer {
  return {
    status,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
    body: JSON.stringify(value),
  }
}

export function failed(thrown: unknown): HttpAnswer {
  const { message } = thrown as Error
  if (thrown instanceof Refused) return json({ error: { code: thrown.code, message } }, thrown.status)
  // A pattern that no handler has, a close code that may not be sent, what cannot be serialised.
  if (thrown instanceof SidewireError) return json({ error: { code: thrown.code, message } }, 400)
  return json({ error: { code: 'body', message } }, 500)
}
