/** Every code a {@link SidewireError} can carry. docs/reference/error-codes.md lists each with its cause and its cure. */
export type ErrorCode =
  | 'ERR_OPTION'
  | 'ERR_PATTERN'
  | 'ERR_PATTERN_DUPLICATE'
  | 'ERR_RESPONSE'
  | 'ERR_CLOSE_CODE'
  | 'ERR_SERIALIZE'
  | 'ERR_INVALID'
  | 'ERR_CONTROL_PAYLOAD'
  | 'ERR_ROOM_NAME'
  | 'ERR_UNKNOWN_HANDLER'
  | 'ERR_HEARTBEAT_TIMEOUT'
  | 'ERR_BACKPRESSURE'
  | 'ERR_MESSAGE_RATE'
  | 'ERR_QUEUE'
  | 'ERR_THROWN'
  | 'ERR_RUNTIME'
  | 'ERR_LISTEN'
  | 'ERR_TLS'
  | 'ERR_CONFIG'
  | 'ERR_LOAD'
  | 'ERR_CONTROL'
  | 'ERR_RECORDING'
  | 'ERR_UPSTREAM'
  | 'ERR_REPLAY'
  | 'ERR_SCENARIO'
  | 'ERR_ASYNCAPI'
  | 'ERR_BROKER'

/** The one error class of this package: `code` is stable, `message` is for people. */
export class SidewireError extends Error {
  override readonly name = 'SidewireError'
  /** What went wrong, in one stable word; safe to compare with. */
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** `onError` handlers read `error.message`, so whatever was thrown becomes an `Error` here. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  return new SidewireError('ERR_THROWN', `A handler threw ${describe(thrown)} instead of an Error`, {
    cause: thrown,
  })
}

/** A value as an error message shows it: short, and safe for anything (cycles, BigInt, symbols, proxies). */
export function describe(value: unknown): string {
  try {
    if (typeof value === 'string') return cut(JSON.stringify(value))
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`
    if (value instanceof RegExp || typeof value !== 'object' || value === null) return String(value)
    return cut(JSON.stringify(value) ?? Object.prototype.toString.call(value))
  } catch {
    return Object.prototype.toString.call(value)
  }
}

function cut(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
