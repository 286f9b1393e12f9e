// A message of the load tool is known by a token in it: `sw000017.0000000042` is number 42 of connection 17. It has a
// fixed width, so that a frame is encoded once and only its digits change, and no character that JSON would escape,
// so that it survives a server that parses and serialises.

const CONNECTION_DIGITS = 6
const NUMBER_DIGITS = 10
const DOT = 2 + CONNECTION_DIGITS
/** Where the digits of the number begin, in the token. */
export const NUMBER_OFFSET: number = DOT + 1
export const TOKEN_LENGTH: number = NUMBER_OFFSET + NUMBER_DIGITS
export const MAX_CONNECTIONS: number = 10 ** CONNECTION_DIGITS

const [S, W, POINT, ZERO] = [0x73, 0x77, 0x2e, 0x30]

/** The token of the first message of a connection. */
export function tokenOf(connection: number): string {
  return `sw${String(connection).padStart(CONNECTION_DIGITS, '0')}.${'0'.repeat(NUMBER_DIGITS)}`
}

/** Writes a message's number over the digits at `at`, which are masked with `mask` (RFC 6455 5.3) as of `phase`. */
export function patchNumber(
  bytes: Uint8Array,
  at: number,
  number: number,
  mask: Uint8Array,
  phase: number,
): void {
  let rest = number
  for (let i = NUMBER_DIGITS - 1; i >= 0; i--) {
    const tens = Math.floor(rest / 10)
    // The index is masked to 0-3, and a mask has four bytes.
    bytes[at + i] = (ZERO + rest - tens * 10) ^ (mask[(phase + i) & 3] as number)
    rest = tens
  }
}

/** Finds tokens in messages, in place. Replies are alike: where the last token was, the next one is likely to be. */
export class TokenReader {
  /** Of the token that {@link read} found. */
  connection = 0
  number = 0
  #offset = 0

  /** Whether there is a token between `start` and `end`. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    const at = start + this.#offset
    if (at + TOKEN_LENGTH <= end && isToken(bytes, at)) return this.#take(bytes, at)
    for (let i = start; i + TOKEN_LENGTH <= end; i++) {
      if (!isToken(bytes, i)) continue
      this.#offset = i - start
      return this.#take(bytes, i)
    }
    return false
  }

  #take(bytes: Uint8Array, at: number): boolean {
    const connection = digits(bytes, at + 2, CONNECTION_DIGITS)
    const number = digits(bytes, at + NUMBER_OFFSET, NUMBER_DIGITS)
    if (connection < 0 || number < 0) return false
    this.connection = connection
    this.number = number
    return true
  }
}

function isToken(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === S && bytes[at + 1] === W && bytes[at + DOT] === POINT
}

function digits(bytes: Uint8Array, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) {
    const digit = (bytes[i] as number) - ZERO // the caller has checked the length
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}
