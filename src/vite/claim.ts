import type { IncomingMessage } from 'node:http'
import { isHostAllowed } from 'host-validation-middleware'
import type { Target } from '../server/handshake.ts'

/** What becomes of an upgrade that reaches the dev server. */
export type Claim =
  /** A handler of ours matches. */
  | 'ours'
  /** A handler of ours matches, but the request came under a name that Vite does not serve. */
  | 'forbidden'
  /** Nobody's, but under our prefix: 404, unless somebody else takes it after all. */
  | 'unknown'
  /** Under our prefix, but the handlers are being loaded. */
  | 'not yet known'
  /** Not for us to touch. */
  | 'not ours'

export interface ClaimRules {
  /** Whether a handler matches the path; `undefined` while the handlers are being loaded. */
  matches(path: string): boolean | undefined
  /** The prefixes of the handlers that are not empty. */
  readonly prefixes: readonly string[]
  /** Vite's, by the rules that its own socket has. */
  readonly allowedHosts: true | readonly string[]
  /** The keys of `server.proxy` whose targets take WebSockets. */
  readonly proxied: readonly string[]
}

/** Vite's own sockets name themselves by their subprotocol. */
const VITE_PROTOCOLS = new Set(['vite-hmr', 'vite-ping'])

export function claim(request: IncomingMessage, { url, host }: Target, rules: ClaimRules): Claim {
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  if (protocols.some((name) => VITE_PROTOCOLS.has(name))) return 'not ours'
  if (rules.proxied.some((context) => isProxied(context, url))) return 'not ours'
  const path = url.split(/[?#]/, 1)[0] ?? '/'
  const { prefixes, allowedHosts } = rules
  const isUnder = prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`))
  const matches = prefixes.length === 0 || isUnder ? rules.matches(path) : false
  if (matches === undefined) return 'not yet known'
  if (!matches) return isUnder ? 'unknown' : 'not ours'
  return allowedHosts === true || isHostAllowed(host, allowedHosts) ? 'ours' : 'forbidden'
}

/** As Vite reads the keys of `server.proxy`: an expression if it starts with `^`, else the start of the URL. */
function isProxied(context: string, url: string): boolean {
  return context.startsWith('^') ? new RegExp(context).test(url) : url.startsWith(context)
}
