import type { RawRequest } from './runtime.ts'

/** Header values by lower-case name; what a client repeats is joined as Node does. */
export type RequestHeaders = Readonly<Record<string, string | undefined>> & {
  readonly 'set-cookie'?: never
}

/**
 * The opening handshake's request. A plain object that stays valid for the whole connection, with the
 * fields that code written for Node's `IncomingMessage` reads.
 */
export interface HandshakeRequest {
  /** Path and query as the client asked, prefix included. */
  readonly url: string
  readonly method: string
  readonly headers: RequestHeaders
  /** Names and values in turn. uWebSockets.js and Bun give the names in lower case. */
  readonly rawHeaders: string[]
  readonly httpVersion: string
  /** What the pattern's `{name}` parts matched, percent-decoded. */
  readonly params: Readonly<Record<string, string>>
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
const MAX_SHARED = 1024
const shared = new Map<string, string>()

/** The runtimes make new strings for each request; this gives the one that is known already. */
function share(text: string): string {
  const known = shared.get(text)
  if (known !== undefined) return known
  if (shared.size >= MAX_SHARED) shared.clear()
  shared.set(text, text)
  return text
}

/** The same headers, with strings that other requests have too shared between them. */
function shareHeaders(rawHeaders: readonly string[]): string[] {
  const result = Array.from<string>({ length: rawHeaders.length })
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [rawHeaders[i], rawHeaders[i + 1]]
    result[i] = share(name)
    result[i + 1] = SHARED_VALUES.has(name.toLowerCase()) ? share(value) : value
  }
  return result
}

export function headersOf(rawHeaders: readonly string[]): RequestHeaders {
  const headers: Record<string, string> = {}
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    const value = rawHeaders[i + 1] ?? ''
    // Assigning to `__proto__` would change the object instead of adding to it.
    if (name === '__proto__') continue
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined
    if (before === undefined) headers[name] = value
    else headers[name] = before + (name === 'cookie' ? '; ' : ', ') + value
  }
  return headers
}

/** One token of a header (RFC 9110 5.6.2): a header's name, or a subprotocol. */
export const TOKEN: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

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
  const end = url.search(/[?#]/)
  return end === -1 ? url : url.slice(0, end)
}

export function createHandshakeRequest(
  raw: RawRequest,
  params: Readonly<Record<string, string>>,
): HandshakeRequest {
  const rawHeaders = shareHeaders(raw.rawHeaders)
  return {
    url: raw.url,
    method: raw.method,
    headers: headersOf(rawHeaders),
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
