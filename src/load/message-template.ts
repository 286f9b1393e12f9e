import { SidewireError } from '../engine/errors.ts'
import { shown } from './mask.ts'
import { TOKEN_LENGTH, tokenOf } from './token.ts'

/** Valid JSON, so that a server that parses and serialises gives the same bytes back. */
export const DEFAULT_MESSAGE = '{"id":"{id}","pad":"{pad}"}'

const ID = '{id}'
const PAD = '{pad}'
/** Text that compresses about as well as text does; a run of one letter would compress to nothing. */
const WORDS =
  'the quick brown fox jumps over a lazy dog while five boxing wizards pack my red box with dozen liquor jugs and '

/** What every message looks like, but for its token. */
export class MessageTemplate {
  readonly #before: string
  readonly #after: string

  /**
   * @param text - has `{id}`, where the token goes, and may have `{pad}`, which fills the message up to `size` bytes
   * @throws `ERR_OPTION`
   */
  constructor(text: string, size: number | undefined) {
    if (text.split(ID).length !== 2)
      throw new SidewireError(
        'ERR_OPTION',
        `option "--message" is ${JSON.stringify(shown(text))}; it has to contain {id} once: replies are known by it`,
      )
    const bare = Buffer.byteLength(text.replace(PAD, '')) - ID.length + TOKEN_LENGTH
    let filled = text
    if (text.includes(PAD)) {
      const wanted = size ?? Math.max(DEFAULT_SIZE, bare)
      if (wanted < bare)
        throw new SidewireError(
          'ERR_OPTION',
          `option "--size" is ${wanted}; this message has at least ${bare} bytes`,
        )
      filled = text.replace(PAD, () => padOf(wanted - bare))
    } else if (size !== undefined && size !== bare)
      throw new SidewireError(
        'ERR_OPTION',
        `option "--size" is ${size}, but "--message" has ${bare} bytes; put {pad} where it may be filled up`,
      )
    const [before = '', after = ''] = filled.split(ID)
    this.#before = before
    this.#after = after
  }

  /** Of the number of the token's first byte. */
  get tokenOffset(): number {
    return Buffer.byteLength(this.#before)
  }

  /** The first message of a connection. */
  payload(connection: number): Buffer {
    return Buffer.from(this.#before + tokenOf(connection) + this.#after)
  }
}

const DEFAULT_SIZE = 64

/** A text with its `{pad}` filled up to a size, where that is more than it has without. */
export function paddedText(text: string, size: number = DEFAULT_SIZE): string {
  const bare = Buffer.byteLength(text.replace(PAD, ''))
  return text.replace(PAD, () => padOf(Math.max(0, size - bare)))
}

function padOf(length: number): string {
  return WORDS.repeat(Math.ceil(length / WORDS.length)).slice(0, length)
}
