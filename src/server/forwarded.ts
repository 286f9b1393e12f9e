import { timingSafeEqual } from 'node:crypto'
import type { RawRequest } from '../engine/runtime.ts'

// What a proxy in front of the server knows of the client, and how it proves to be the one that is believed.

/** Lower-case names of the headers that a proxy sends. They never show up in `conn.req`. */
export const FORWARDED = {
  /** The proof: `proxySecret`. */
  secret: 'x-sidewire-secret',
  for: 'x-forwarded-for',
  proto: 'x-forwarded-proto',
  /** Path and query as the client asked. */
  uri: 'x-forwarded-uri',
  /** The port of the proxy that the client asked, and so no news of the client: never read. */
  port: 'x-forwarded-port',
  clientPort: 'x-sidewire-client-port',
  /** Present if the proxy serves the name in `Host`, so that no page got here under a rebound one. */
  knownHost: 'x-sidewire-known-host',
} as const

const NAMES = new Set<string>(Object.values(FORWARDED))

/** Whom to believe, and what. */
export interface Trust {
  readonly proxySecret: string | undefined
  /** Lower-case names of the headers that the proxy sets itself. Another header may be the client's own. */
  readonly proxyHeaders: ReadonlySet<string>
  /** How many proxies in a row add an entry to a list, so that one of a client's own making is not taken for theirs. */
  readonly trustedProxies: number
}

/** The request as the proxy got it, if it knows the secret; else the request as it came, secret removed. */
export function readForwarded(raw: RawRequest, trust: Trust): RawRequest {
  if (!hasProof(raw)) return raw
  const values = new Map<string, string>()
  const rest: string[] = []
  for (let i = 0; i + 1 < raw.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [raw.rawHeaders[i], raw.rawHeaders[i + 1]]
    const lower = name.toLowerCase()
    if (!NAMES.has(lower)) rest.push(name, value)
    // RFC 9110 5.3: lines of one name are one list; a proxy may add its entry as a line of its own.
    else values.set(lower, values.has(lower) ? `${values.get(lower)}, ${value}` : value)
  }
  if (trust.proxySecret === undefined || !isEqual(values.get(FORWARDED.secret) ?? '', trust.proxySecret))
    return { ...raw, rawHeaders: withoutSecret(raw.rawHeaders) }
  const believed = (name: string): string | undefined =>
    trust.proxyHeaders.has(name) ? values.get(name) : undefined
  const address = addressOf(entryOf(believed(FORWARDED.for), trust.trustedProxies))
  const proto = entryOf(believed(FORWARDED.proto), trust.trustedProxies)?.toLowerCase()
  const uri = believed(FORWARDED.uri)
  const port = Number(believed(FORWARDED.clientPort))
  return {
    ...raw,
    rawHeaders: rest,
    url: uri ? escapeBytes(uri) : raw.url,
    remoteAddress: address ?? raw.remoteAddress,
    // The connection's own port is the proxy's.
    remotePort: port > 0 && port < 65_536 && Number.isInteger(port) ? port : undefined,
    encrypted: proto ? proto === 'https' || proto === 'wss' : raw.encrypted,
    isHostKnown: believed(FORWARDED.knownHost) !== undefined,
  }
}

/**
 * The entry that the outermost of the trusted proxies has added to a list. The last one is of the proxy that is next
 * to us; what comes before those of the trusted ones may be anything that a client has sent.
 */
function entryOf(list: string | undefined, trustedProxies: number): string | undefined {
  if (list === undefined) return undefined
  const entries = list.split(',')
  return entries[Math.max(0, entries.length - trustedProxies)]?.trim()
}

/** Some proxies add the client's port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. What is no address (`unknown`) says nothing. */
function addressOf(entry: string | undefined): string | undefined {
  if (entry === undefined) return undefined
  const address = /^\[([^\]]*)\](?::\d+)?$/.exec(entry)?.[1] ?? /^([\d.]+):\d+$/.exec(entry)?.[1] ?? entry
  return /^(?:[\d.]+|[\da-f]*:[\da-f:.]*(?:%.+)?)$/i.test(address) ? address : undefined
}

/** Some proxies hand on what clients should have percent-encoded; a header has it a byte a character. */
function escapeBytes(uri: string): string {
  return uri.replaceAll(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
}

function hasProof({ rawHeaders }: RawRequest): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) if (isSecret(rawHeaders[i])) return true
  return false
}

function withoutSecret(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, i) => !isSecret(rawHeaders[i - (i % 2)]))
}

function isSecret(name = ''): boolean {
  return name.length === FORWARDED.secret.length && name.toLowerCase() === FORWARDED.secret
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
