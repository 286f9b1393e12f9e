import { hasToken } from '../../control/access.ts'
import { isControlPath } from '../../control/path.ts'
import { textAnswer } from '../../engine/handshake/handshake.ts'
import { normalizeAddress, readHeaders } from '../../engine/handshake/request.ts'
import { isLoopback } from '../../engine/loopback.ts'
import type { HttpAnswer, RawRequest, ReadBody } from '../../engine/runtime.ts'
import { isInspectorPath } from '../../inspector/path.ts'
import type { Outcome } from '../calls.ts'
import { answerOf, wireRequestOf, type WireAnswer, type WireRequest } from './wire.ts'

/** What the supervisor answers in the place of its workers. */
export interface Forwarded {
  readonly inspector: boolean
  readonly control: boolean
  readonly tokens: readonly string[]
}

/** The request of a client, as the supervisor is asked; its body is asked for by the number. */
export interface PageRequest {
  readonly raw: WireRequest
  readonly body: number
}

/** The largest that anybody asks for: see src/control/commands.ts. */
const MAX_BODY_BYTES = 16 * 1024 * 1024

/** Hands requests for the inspector and the control endpoint to the supervisor, who decides who may ask. */
export class Forwarding {
  readonly #forwarded: Forwarded
  readonly #ask: (request: PageRequest) => Promise<Outcome<WireAnswer | null>>
  readonly #bodies = new Map<number, Promise<Uint8Array | undefined>>()
  #last = 0

  constructor(forwarded: Forwarded, ask: (request: PageRequest) => Promise<Outcome<WireAnswer | null>>) {
    this.#forwarded = forwarded
    this.#ask = ask
  }

  /** `undefined`: it is for neither. */
  answer(raw: RawRequest, readBody: ReadBody): Promise<HttpAnswer> | undefined {
    const { inspector, control } = this.#forwarded
    if (!(inspector && isInspectorPath(raw.url)) && !(control && isControlPath(raw.url))) return undefined
    return this.#answer(raw, readBody)
  }

  /** What the supervisor asks for when it has let the request in. `null`: it is too long, or the client has gone. */
  async bodyOf(number: number): Promise<string | null> {
    const body = await this.#bodies.get(number)
    return body ? Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64') : null
  }

  async #answer(raw: RawRequest, readBody: ReadBody): Promise<HttpAnswer> {
    const body = ++this.#last
    // It is now or never, and nobody else's is kept in memory.
    if (raw.method !== 'GET' && raw.method !== 'HEAD' && this.#mayBeLetIn(raw))
      this.#bodies.set(body, readBody(MAX_BODY_BYTES))
    try {
      const outcome = await this.#ask({ raw: wireRequestOf(raw), body })
      if (!outcome) return textAnswer(503, 'the supervisor of the workers has gone')
      if ('error' in outcome) return textAnswer(500, outcome.error.message)
      return outcome.value ? answerOf(outcome.value) : textAnswer(404, 'Not Found')
    } finally {
      this.#bodies.delete(body)
    }
  }

  #mayBeLetIn({ remoteAddress, rawHeaders }: RawRequest): boolean {
    if (isLoopback(normalizeAddress(remoteAddress))) return true
    const { headers } = readHeaders(rawHeaders)
    return this.#forwarded.tokens.some((token) => hasToken(headers, token))
  }
}
