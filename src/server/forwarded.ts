import { timingSafeEqual } from 'node:crypto'
import type { RawRequest } from '../engine/runtime.ts'

// What a proxy in front of the server knows of the client, and how it proves to be the one that is believed.

/** Lower-case names of the headers that a proxy sends. They never show up in `conn.req`. */
export const FORWARDED = {
  /** The proof: `proxySecret`. */
  secret: 'x-sidewire-secret',
  for: 'x-forwarded-for',
  port: 'x-forwarded-port',
  proto: 'x-forwarded-proto',
  /** Path and query as the client asked. */
  uri: 'x-forwarded-uri',
  /** Present if the proxy serves the name in `Host`, so that no page got here under a rebound one. */
  knownHost: 'x-sidewire-known-host',
} as const

const NAMES = new Set<string>(Object.values(FORWARDED))

/** The request as the proxy got it, if it knows the secret; else the request as it came, secret removed. */
export function readForwarded(raw: RawRequest, secret: string | undefined): RawRequest {
  if (!hasProof(raw)) return raw
  const values = new Map<string, string>()
  const rest: string[] = []
  for (let i = 0; i + 1 < raw.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = [raw.rawHeaders[i], raw.rawHeaders[i + 1]]
    if (NAMES.has(name.toLowerCase())) values.set(name.toLowerCase(), value)
    else rest.push(name, value)
  }
  const proof = values.get(FORWARDED.secret)
  if (proof === undefined) return raw
  if (secret === undefined || !isEqual(proof, secret)) return raw
  const proto = values.get(FORWARDED.proto)
  const port = Number(values.get(FORWARDED.port))
  return {
    ...raw,
    rawHeaders: rest,
    url: values.get(FORWARDED.uri) ?? raw.url,
    remoteAddress: values.get(FORWARDED.for) ?? raw.remoteAddress,
    remotePort: Number.isInteger(port) && port > 0 ? port : undefined,
    encrypted: proto === 'https' || proto === 'wss',
    isHostKnown: values.has(FORWARDED.knownHost),
  }
}

function hasProof({ rawHeaders }: RawRequest): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    if (name.length === FORWARDED.secret.length && name.toLowerCase() === FORWARDED.secret) return true
  }
  return false
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
