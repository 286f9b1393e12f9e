import { SidewireError } from '../engine/errors.ts'

export function asyncApiError(message: string, cause?: unknown): SidewireError {
  return new SidewireError('ERR_ASYNCAPI', message, cause === undefined ? undefined : { cause })
}
