import { describe, SidewireError } from '../errors.ts'

/** Origins that may connect besides local pages: all, an exact origin, or what a regular expression matches. */
export type AllowedOrigins = true | string | RegExp | readonly (string | RegExp)[]

/** With each string as browsers write it, in lower case. */
export type ResolvedOrigins = true | readonly (string | RegExp)[]

/** The origin of a page on this machine, as browsers write it; without parsing a URL, which costs most of the check. */
const LOCAL = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::(?:\d{1,4}|[1-5]\d{4}))?$/

/**
 * Whether a page of this origin may open a connection. Browsers always send `Origin`, and let any page open a
 * WebSocket to any host: without this check every site could talk to a developer's machine (CVE-2025-24010).
 *
 * @param host - the request's `Host` header
 * @param isHostKnown - whether that is a name of ours for sure, and not one that was rebound to our address
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: ResolvedOrigins | undefined,
  isHostKnown: boolean = false,
): boolean {
  if (origin === undefined || allowed === true || LOCAL.test(origin)) return true
  if (allowed !== undefined && matches(origin, allowed)) return true
  const name = hostname(origin)
  if (name === undefined) return false
  if (name === 'localhost' || name.endsWith('.localhost') || name === '127.0.0.1' || name === '[::1]')
    return true
  // Another device opened the page from this machine. A rebound name is not an address, so it cannot pass.
  return (isHostKnown || isAddress(name)) && host !== undefined && hostname(`http://${host}`) === name
}

/**
 * Reads the option: what is meant is written as browsers do, what could never match is refused.
 * @throws `ERR_OPTION`, with what to write instead
 */
export function resolveOrigins(allowed: AllowedOrigins | undefined): ResolvedOrigins | undefined {
  if (allowed === undefined || allowed === true) return allowed
  if (typeof allowed === 'string') return [resolveOrigin(allowed, 'allowedOrigins')]
  if (allowed instanceof RegExp) return [allowed]
  return allowed.map((entry, index) =>
    typeof entry === 'string' ? resolveOrigin(entry, `allowedOrigins[${index}]`) : entry,
  )
}

function resolveOrigin(text: string, option: string): string {
  const refuse = (why: string): SidewireError =>
    new SidewireError('ERR_OPTION', `option "${option}" is ${describe(text)}; ${why}`)
  // What pages send whose origin is their own secret: files, in most browsers, and frames with `sandbox`.
  if (text === 'null') return text
  if (text === '*') throw refuse('for all origins write true')
  if (text.includes('*'))
    throw refuse('wildcards need a regular expression, such as /^https:\\/\\/[\\w-]+\\.app\\.example$/')
  const [, scheme = '', rest = ''] = /^([a-z][a-z\d+.-]*):\/\/(.*)$/is.exec(text) ?? []
  const bare = text.replace(/^\/\//, '')
  if (scheme === '')
    throw refuse(`an origin starts with its scheme, such as 'https://${bare === '' ? 'app.example' : bare}'`)
  const protocol = scheme.toLowerCase()
  // What clients send that are no browsers, and have no page: an Arduino's, say.
  if (protocol === 'file' && /^\/?$/.test(rest)) return 'file://'
  if (protocol === 'ws' || protocol === 'wss')
    throw refuse(`an origin is that of the page: '${protocol.replace('ws', 'http')}://${rest}'`)
  if (!URL.canParse(text)) throw refuse("it has to be an origin such as 'https://app.example'")
  const { host, username, password, pathname, search, hash } = new URL(text)
  const origin = `${protocol}://${host}`.toLowerCase()
  if (username + password + search + hash !== '' || !/^\/?$/.test(pathname))
    throw refuse(`an origin is a scheme, a host and a port: '${origin}'`)
  return origin
}

function matches(origin: string, allowed: readonly (string | RegExp)[]): boolean {
  const asked = canonical(origin)
  return allowed.some((entry) => {
    if (typeof entry === 'string') return entry === asked
    entry.lastIndex = 0 // a global expression would remember where it stopped
    return entry.test(origin)
  })
}

/** Browsers leave default ports out, and write in lower case; other clients may not. */
function canonical(origin: string): string {
  return origin
    .toLowerCase()
    .replace(/^(https:\/\/[^/]+):443$|^(http:\/\/[^/]+):80$/, '$1$2')
    .replace(/^file:\/\/\/$/, 'file://')
}

function hostname(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined
}

function isAddress(name: string): boolean {
  return name.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(name)
}
