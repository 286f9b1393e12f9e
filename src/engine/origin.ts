/** Origins that may connect besides local pages: all, an exact origin, or what a regular expression matches. */
export type AllowedOrigins = true | string | RegExp | readonly (string | RegExp)[]

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
  allowed: AllowedOrigins | undefined,
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

function matches(origin: string, allowed: Exclude<AllowedOrigins, true>): boolean {
  const list = typeof allowed === 'string' || allowed instanceof RegExp ? [allowed] : allowed
  return list.some((entry) => {
    if (typeof entry === 'string') return entry.toLowerCase().replace(/\/$/, '') === origin.toLowerCase()
    entry.lastIndex = 0 // a global expression would remember where it stopped
    return entry.test(origin)
  })
}

function hostname(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined
}

function isAddress(name: string): boolean {
  return name.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(name)
}
