import type { Params } from './routing.ts'
import type { RawRequest } from '../runtime.ts'

/** Header values by lower-case name, bytes above 7F as Latin-1; what a client repeats is joined as Node does. */
export type RequestHeaders = Readonly<Record<string, string | undefined>> & {
  readonly 'set-cookie'?: never
}

/**
 * The opening handshake's request, or the one of `onRequest`. A plain object that stays valid for the whole connection,
 * with the fields that code written for Node's `IncomingMessage` reads.
 */
export interface HandshakeRequest<Names extends Params = Params> {
  /** Path and query as the client asked, prefix included. */
  readonly url: string
  readonly method: string
  readonly headers: RequestHeaders
  /** Names and values in turn. uWebSockets.js and Bun give the names in lower case. */
  readonly rawHeaders: string[]
  readonly httpVersion: string
  /** What the pattern's `{name}` parts matched, percent-decoded. */
  readonly params: Names
  readonly socket: {
    readonly remoteAddress: string
    /** `undefined` on uWebSockets.js, which does not tell. */
    readonly remotePort: number | undefined
    /** Whether the client came over TLS. */
    readonly encrypted: boolean
  }
}

/** What the connections of one page have in common, so that 10,000 of them keep one copy. Never a secret. */
const SHARED_VALUES = new Set([
  'host',
  'connection',
  'upgrade',
  'origin',
  'user-agent',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'pragma',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
])
/** A runtime makes new strings for each request; these are the ones that stand for all their equals. */
const MAX_SHARED = 1024
const sharedTexts = new Map<string, string>()
const sharedNames = new Map<string, HeaderName>()

interface HeaderName {
  /** As the client wrote it. */
  readonly text: string
  readonly lower: string
  readonly hasSharedValue: boolean
}

function share(text: string): string {
  return sharedTexts.get(text) ?? remember(sharedTexts, text, text)
}

function shareName(text: string): HeaderName {
  const known = sharedNames.get(text)
  if (known) return known
  const lower = text.toLowerCase()
  return remember(sharedNames, text, { text, lower, hasSharedValue: SHARED_VALUES.has(lower) })
}

function remember<T>(map: Map<string, T>, key: string, value: T): T {
  if (map.size >= MAX_SHARED) map.clear()
  map.set(key, value)
  return value
}

export interface ReadHeaders {
  readonly headers: RequestHeaders
  readonly rawHeaders: string[]
}

/** The headers by name, and once more as they came, in one pass. */
export function readHeaders(source: readonly string[]): ReadHeaders {
  const headers: Record<string, string> = {}
  // A list that grows keeps room for as much again, and this one is kept as long as the connection.
  const rawHeaders = source.slice(0, source.length - (source.length % 2))
  for (let i = 0; i + 1 < source.length; i += 2) {
    const { text, lower, hasSharedValue } = shareName(source[i] ?? '')
    const value = hasSharedValue ? share(source[i + 1] ?? '') : (source[i + 1] ?? '')
    rawHeaders[i] = text
    rawHeaders[i + 1] = value
    // Assigning to `__proto__` would change the object instead of adding to it.
    if (lower === '__proto__') continue
    const before = headers[lower]
    if (before === undefined || !Object.hasOwn(headers, lower)) headers[lower] = value
    else headers[lower] = before + (lower === 'cookie' ? '; ' : ', ') + value
  }
  return { headers, rawHeaders }
}

/** One token of a header (RFC 9110 5.6.2): a header's name, or a subprotocol. */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Whether a comma-separated header contains a token, in any case; most often it is the only one. */
export function hasToken(value: string | undefined, token: string): boolean {
  if (value === undefined) return false
  if (value.toLowerCase() === token) return true
  return tokens(value).some((each) => each.toLowerCase() === token)
}

/** The tokens of a comma-separated header, trimmed. */
export function tokens(value: string | undefined): string[] {
  if (value === undefined) return []
  return value
    .split(',')
    .map((token) => token.trim())
    .filter((token) => token !== '')
}

/** `http://host/path?query`; the authority ends where the path or the query starts. */
const ABSOLUTE_FORM = /^(?:https?|wss?):\/\/([^/?#]*)(.*)$/i

/**
 * RFC 9112 3.2.2: a server accepts the target of a request in absolute form, too, and takes the host from there
 * instead of from the Host header.
 */
export function toOriginForm<T extends { readonly url: string; readonly rawHeaders: readonly string[] }>(
  raw: T,
): T {
  if (raw.url.startsWith('/')) return raw
  const [, authority, rest] = ABSOLUTE_FORM.exec(raw.url) ?? []
  if (authority === undefined || rest === undefined) return raw
  const rawHeaders = raw.rawHeaders.map((value, index) =>
    index % 2 === 1 && raw.rawHeaders[index - 1]?.toLowerCase() === 'host' ? authority : value,
  )
  return { ...raw, url: rest.startsWith('/') ? rest : `/${rest}`, rawHeaders }
}

export function pathOf(url: string): string {
  if (!url.includes('?') && !url.includes('#')) return url
  const end = url.search(/[?#]/)
  return url.slice(0, end)
}

export function createHandshakeRequest(
  raw: RawRequest,
  params: Readonly<Record<string, string>>,
  { headers, rawHeaders }: ReadHeaders,
): HandshakeRequest {
  return {
    url: raw.url,
    method: raw.method,
    headers,
    rawHeaders,
    httpVersion: raw.httpVersion,
    params,
    socket: {
      remoteAddress: share(normalizeAddress(raw.remoteAddress)),
      remotePort: raw.remotePort,
      encrypted: raw.encrypted,
    },
  }
}

/** One spelling on every runtime: uWebSockets.js writes IPv6 in full, and sockets for both map IPv4 into IPv6. */
export function normalizeAddress(address: string): string {
  if (!address.includes(':')) return address
  const mapped = /^(?:::|(?:0{1,4}:){5})ffff:(?:(\d+\.\d+\.\d+\.\d+)|([0-9a-f]{1,4}):([0-9a-f]{1,4}))$/i.exec(
    address,
  )
  if (mapped?.[1]) return mapped[1]
  if (mapped?.[2] && mapped[3]) {
    const high = parseInt(mapped[2], 16)
    const low = parseInt(mapped[3], 16)
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
  }
  return URL.canParse(`http://[${address}]/`)
    ? new URL(`http://[${address}]/`).hostname.slice(1, -1)
    : address
}
