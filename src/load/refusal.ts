import { shown } from './mask.ts'

/** As much of a body is looked at. */
const MAX_BYTES = 8 * 1024
const MAX_CHARACTERS = 200
/** What a terminal acts on instead of showing it, and what changes the order of the text around it. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** An answer that refuses a handshake. Why is often not in its status, but in its body. */
export class Refusal {
  /** A sentence with the status. */
  readonly why: string
  readonly #status: string
  readonly #isChunked: boolean
  /** `undefined`: the body goes on to the end of the connection. */
  readonly #length: number | undefined
  readonly #isReadable: boolean
  #bytes: Buffer = Buffer.alloc(0)
  #hasEnded = false

  /** @param header - the value of a header of the answer, by its name in small letters */
  constructor(status: string, header: (name: string) => string | undefined) {
    this.#status = visible(shown(status.replace(/^HTTP\/\S+ /, '')))
    this.why = `the server answered ${this.#status}`
    this.#isChunked = /chunked/i.test(header('transfer-encoding') ?? '')
    const length = header('content-length')
    // RFC 9112 6.3: these have no body, whatever their headers say.
    const isBodiless = /^HTTP\/\S+ (?:1\d\d|204|304)\b/.test(status)
    this.#length = isBodiless ? 0 : length === undefined ? undefined : Number(length)
    this.#isReadable = header('content-encoding') === undefined
  }

  add(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]).subarray(0, MAX_BYTES)
  }

  /** The server has ended the connection. */
  end(): void {
    this.#hasEnded = true
  }

  /** There is nothing to wait for. */
  get isComplete(): boolean {
    const { isWhole, lines } = this.#read()
    return isWhole || lines.some(isSentence) || this.#bytes.length === MAX_BYTES || !this.#isReadable
  }

  /** The first line of the body that has words, as it may be shown; '' if there is none, or a page. */
  get said(): string {
    if (!this.#isReadable) return ''
    const lines = shown(this.#read().lines.join('\n')).split('\n')
    const line = visible(lines.find(isSentence)?.trim() ?? '')
    if (line.startsWith('<') || this.#status.includes(line)) return ''
    const characters = Array.from(line)
    return characters.length > MAX_CHARACTERS ? `${characters.slice(0, MAX_CHARACTERS - 1).join('')}…` : line
  }

  /** The lines that are here to their ends: a part of one may be a part of a secret, which nobody would know to mask. */
  #read(): { readonly lines: readonly string[]; readonly isWhole: boolean } {
    const { bytes, isWhole } = this.#isChunked && this.#length !== 0 ? this.#readChunks() : this.#readPlain()
    const lines = bytes.toString().split(/\r\n|[\r\n]/)
    return { lines: isWhole ? lines : lines.slice(0, -1), isWhole }
  }

  #readPlain(): { readonly bytes: Buffer; readonly isWhole: boolean } {
    const bytes = this.#bytes.subarray(0, this.#length)
    if (this.#length !== undefined) return { bytes, isWhole: this.#bytes.length >= this.#length }
    return { bytes, isWhole: this.#hasEnded && bytes.length < MAX_BYTES }
  }

  /** RFC 9112 7.1: the size in hexadecimal, a line break, so many bytes, a line break; the last one is of size 0. */
  #readChunks(): { readonly bytes: Buffer; readonly isWhole: boolean } {
    const all = this.#bytes
    const chunks: Buffer[] = []
    for (let at = 0; ;) {
      const from = all.indexOf('\r\n', at) + 2
      const [size] = /^[\da-f]+/i.exec(all.subarray(at, from).toString('latin1')) ?? []
      // Not here yet, or no chunk.
      if (from < 2 || size === undefined) return { bytes: Buffer.concat(chunks), isWhole: false }
      const to = from + Number.parseInt(size, 16)
      if (to === from) return { bytes: Buffer.concat(chunks), isWhole: true }
      chunks.push(all.subarray(from, to))
      at = to + 2
    }
  }
}

/** Not the brace that JSON over several lines begins with. */
function isSentence(line: string): boolean {
  return /[\p{L}\p{N}]/u.test(line)
}

function visible(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
