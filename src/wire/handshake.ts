import { createHash, randomBytes } from 'node:crypto'
import type { Answer } from './answer.ts'
import { DEFLATE_OFFER } from './deflate.ts'
import type { Target } from './target.ts'

/** What a client asks for. */
export interface Asking {
  readonly target: Target
  /** In the order of preference. */
  readonly protocols?: readonly string[]
  /** `Name: value`, as they are sent; a `Host` among them stands in the place of the target's. */
  readonly headers?: readonly string[]
  /** Whether compression is offered, without context takeover. */
  readonly deflate?: boolean
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11' // RFC 6455 1.3

/** A client's opening handshake: its request, and what it has to check in the answer (RFC 6455 4.1). */
export class Handshake {
  readonly request: string
  readonly #key = randomBytes(16).toString('base64')
  readonly #asking: Asking

  constructor(asking: Asking) {
    this.#asking = asking
    const { target, protocols = [], headers = [], deflate = false } = asking
    const hasHost = headers.some((line) => /^host\s*:/i.test(line))
    const lines = [
      `GET ${target.path} HTTP/1.1`,
      ...(hasHost ? [] : [`Host: ${target.host}`]),
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${this.#key}`,
      'Sec-WebSocket-Version: 13',
    ]
    if (protocols.length > 0) lines.push(`Sec-WebSocket-Protocol: ${protocols.join(', ')}`)
    if (deflate) lines.push(`Sec-WebSocket-Extensions: ${DEFLATE_OFFER}`)
    this.request = [...lines, ...headers, '', ''].join('\r\n')
  }

  /**
   * Why an answer with 101 opens no connection; `undefined` if it does.
   * @param show - how text of the server stands in a sentence
   */
  problem(answer: Answer, show: (text: string) => string): string | undefined {
    const { protocols = [], deflate = false } = this.#asking
    const { headers } = answer
    const accept = createHash('sha1')
      .update(this.#key + GUID)
      .digest('base64')
    if (headers['sec-websocket-accept'] !== accept) return 'the Sec-WebSocket-Accept of the answer is wrong'
    if (headers['upgrade']?.toLowerCase() !== 'websocket' || !answer.has('connection', 'upgrade'))
      return 'the answer lacks Upgrade: websocket and Connection: Upgrade'
    const protocol = headers['sec-websocket-protocol']
    if (protocol !== undefined && !protocols.includes(protocol))
      return `the server chose the subprotocol ${show(protocol)}, which was not offered`
    const extension = headers['sec-websocket-extensions']
    if (extension === undefined) return undefined
    if (!deflate || !/^permessage-deflate\s*(?:;|$)/.test(extension))
      return `the server chose ${show(extension)}, which was not offered`
    if (!extension.includes('server_no_context_takeover'))
      return `the server answered ${show(extension)} without the server_no_context_takeover that was asked for (RFC 7692 7.1.1.1)`
    return undefined
  }
}
