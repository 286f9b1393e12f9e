import { hasToken, TOKEN, tokens, type RequestHeaders } from './request.ts'
import type { HttpAnswer, RawRequest } from '../runtime.ts'

/** A short plain-text answer; every refused handshake closes its connection. */
export function textAnswer(status: number, body: string, headers: Record<string, string> = {}): HttpAnswer {
  return { status, headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers }, body }
}

export const MALFORMED_PATH: HttpAnswer = textAnswer(400, 'The path has a malformed percent escape')

/** 16 bytes in base64; the last digit before the padding carries two bits only. */
const KEY = /^[+/0-9A-Za-z]{21}[AQgw]==$/

/**
 * RFC 3986 3.2.2, without the comma: a repeated Host shows up as a list, and RFC 9112 3.2 wants that refused like one
 * that is no host.
 */
const HOST = /^(?:\[[\d.:A-Fa-f]+\]|[\w!$%&'()*+\-.;=~]+)(?::\d*)?$/

/** `name`, `name=token` or `name="token"` (RFC 6455 9.1). */
const PARAMETER =
  /^[!#$%&'*+\-.^_`|~\w]+(?:[ \t]*=[ \t]*(?:[!#$%&'*+\-.^_`|~\w]+|"(?:\\?[!#$%&'*+\-.^_`|~\w])+"))?$/

/** What browsers and most libraries offer: well-formed, and good on every runtime. Taking offers apart costs more. */
const USUAL_OFFERS: ReadonlySet<string> = new Set([
  'permessage-deflate',
  'permessage-deflate; client_max_window_bits',
])

/**
 * The server's part of RFC 6455 4.2.1, checked here on every runtime because none of them checks all of it.
 * `undefined` if the handshake is well-formed.
 */
export function checkHandshake(
  raw: Pick<RawRequest, 'method' | 'httpVersion'>,
  headers: RequestHeaders,
): HttpAnswer | undefined {
  if (raw.method !== 'GET') return malformed(`the method has to be GET, not ${raw.method}`)
  if (raw.httpVersion !== '1.1') return malformed(`HTTP/1.1 is needed, not HTTP/${raw.httpVersion}`)
  if (!headers['host']) return malformed('the Host header is missing')
  if (!HOST.test(headers['host'])) return malformed('the Host header has to be one host')
  // Nobody reads it here, and what comes behind the head would be taken for frames.
  if ((headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined)
    return malformed('it has to come without a body')
  if (!hasToken(headers['upgrade'], 'websocket'))
    return malformed('the Upgrade header has to contain "websocket"')
  if (!hasToken(headers['connection'], 'upgrade'))
    return malformed('the Connection header has to contain "Upgrade"')
  const version = headers['sec-websocket-version']
  if (version === undefined) return malformed('the Sec-WebSocket-Version header is missing')
  if (version !== '13')
    return textAnswer(426, 'Sec-WebSocket-Version 13 is the only one spoken here', {
      'Sec-WebSocket-Version': '13',
    })
  if (!KEY.test(headers['sec-websocket-key'] ?? ''))
    return malformed('the Sec-WebSocket-Key header has to be 16 bytes in base64')
  const protocols = headers['sec-websocket-protocol']
  if (protocols !== undefined) {
    const offered = protocols.split(',').map((token) => token.trim())
    if (!offered.every((token) => TOKEN.test(token)) || new Set(offered).size !== offered.length)
      return malformed('the Sec-WebSocket-Protocol header has to list different tokens')
  }
  const extensions = headers['sec-websocket-extensions']
  if (extensions !== undefined && !isExtensionList(extensions))
    return malformed('the Sec-WebSocket-Extensions header is not of the form of RFC 6455 9.1')
  return undefined
}

/** RFC 6455 9.1: a header that is not of this form fails the handshake, where an unknown extension is only declined. */
function isExtensionList(value: string): boolean {
  if (USUAL_OFFERS.has(value)) return true
  const extensions = tokens(value)
  const isExtension = (extension: string): boolean => {
    const [name = '', ...parameters] = extension.split(';').map((part) => part.trim())
    return TOKEN.test(name) && parameters.every((parameter) => PARAMETER.test(parameter))
  }
  return extensions.length > 0 && extensions.every(isExtension)
}

function malformed(reason: string): HttpAnswer {
  return textAnswer(400, `Malformed WebSocket handshake: ${reason}`, { 'Sec-WebSocket-Version': '13' })
}

/**
 * The subprotocol to answer with, `''` for none, `undefined` if the client's offer and the handler's list have
 * nothing in common.
 */
export function chooseSubprotocol(
  offer: string | undefined,
  accepted: readonly string[] | undefined,
): string | undefined {
  const offered = tokens(offer)
  if (accepted === undefined || offered.length === 0) return offered[0] ?? ''
  return accepted.find((protocol) => offered.includes(protocol))
}

/** RFC 7692 7.1.2: what holds where nothing is said. */
const MAX_WINDOW_BITS = 15
const WINDOW_BITS = /^(?:[89]|1[0-5])$/

/**
 * The first permessage-deflate offer that is valid by RFC 7692 7.1, and that the runtime can keep, as it may be handed
 * to the runtime's own negotiation, which forgives what it should not. `''` if there is none.
 */
export function chooseDeflateOffer(
  extensions: string | undefined,
  serverWindowBits: readonly number[],
  smallWindowWithoutTakeover = true,
): string {
  if (extensions !== undefined && USUAL_OFFERS.has(extensions)) return extensions
  const isGood = (offer: string): boolean =>
    isGoodDeflateOffer(
      offer,
      offer.includes('server_no_context_takeover') && !smallWindowWithoutTakeover
        ? serverWindowBits.filter((bits) => bits === MAX_WINDOW_BITS)
        : serverWindowBits,
    )
  return tokens(extensions).find(isGood) ?? ''
}

function isGoodDeflateOffer(offer: string, serverWindowBits: readonly number[]): boolean {
  const [name, ...parameters] = offer.split(';').map((part) => part.trim())
  if (name !== 'permessage-deflate') return false
  const seen = new Set<string>()
  return parameters.every((parameter) => {
    const [key = '', value] = parameter.split('=').map((part) => part.trim().replace(/^"(.*)"$/, '$1'))
    if (seen.has(key)) return false
    seen.add(key)
    switch (key) {
      case 'server_no_context_takeover':
      case 'client_no_context_takeover':
        return value === undefined
      case 'client_max_window_bits':
        return value === undefined || WINDOW_BITS.test(value)
      case 'server_max_window_bits':
        return value !== undefined && WINDOW_BITS.test(value) && serverWindowBits.includes(Number(value))
      default:
        return false
    }
  })
}
