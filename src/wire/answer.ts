/** As much of the body of a refusal is kept. */
const MAX_BODY_BYTES: number = 64 * 1024

const NOTHING = Buffer.alloc(0)

/** A server's answer to an opening handshake: its head, and of a refusal what came of its body until now. */
export class Answer {
  readonly version: string
  /** 0 of what is no answer of HTTP. */
  readonly status: number
  /** `404 Not Found`, or whatever the server says in the place of it. */
  readonly statusLine: string
  /** By name in small letters; one that is repeated is joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  #bytes: Buffer = NOTHING
  #hasEnded = false

  /** @param head - without the empty line at its end */
  constructor(head: string) {
    const [first = '', ...lines] = head.split('\r\n')
    const [, version = '', status = ''] = /^HTTP\/(\S+) (\d{3})(?: |$)/.exec(first) ?? []
    this.version = version
    this.status = Number(status)
    this.statusLine = first.replace(/^HTTP\/\S+ /, '')
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      if (colon <= 0) continue
      const name = line.slice(0, colon).toLowerCase()
      const value = line.slice(colon + 1).trim()
      const before = headers[name]
      // Not what every object has, such as `constructor`.
      headers[name] = typeof before === 'string' ? `${before}, ${value}` : value
    }
    this.headers = headers
  }

  /** Another answer follows (RFC 9110 15.2). */
  get isInterim(): boolean {
    return this.status >= 100 && this.status < 200 && this.status !== 101
  }

  /** Whether a header that is a list of words has this one among them. */
  has(header: string, word: string): boolean {
    const words = this.headers[header]?.split(',') ?? []
    return words.some((each) => each.trim().toLowerCase() === word)
  }

  /** What came of the body, without what stands around chunks. */
  get body(): Buffer {
    return this.#read().bytes
  }

  /** All of it is here, or as much as is kept. */
  get isComplete(): boolean {
    return this.isWhole || this.#bytes.length === MAX_BODY_BYTES
  }

  /** All of the body is here. */
  get isWhole(): boolean {
    return this.#read().isWhole
  }

  add(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]).subarray(0, MAX_BODY_BYTES)
  }

  /** The server has ended the connection. */
  end(): void {
    this.#hasEnded = true
  }

  #read(): { readonly bytes: Buffer; readonly isWhole: boolean } {
    // RFC 9112 6.3: these have no body, whatever their headers say.
    const isBodiless = this.status < 200 || this.status === 204 || this.status === 304
    const { 'content-length': said, 'transfer-encoding': coding = '' } = this.headers
    if (!isBodiless && /chunked/i.test(coding)) return this.#readChunks()
    // Without a length it goes on to the end of the connection.
    const length = isBodiless ? 0 : said === undefined ? undefined : Number(said)
    const bytes = this.#bytes.subarray(0, length)
    if (length !== undefined) return { bytes, isWhole: this.#bytes.length >= length }
    return { bytes, isWhole: this.#hasEnded && bytes.length < MAX_BODY_BYTES }
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
