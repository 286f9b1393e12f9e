import type { IncomingMessage, Server as HttpServer } from 'node:http'
import { isHostAllowed } from 'host-validation-middleware'
import { pathOf } from '../engine/handshake/request.ts'
import type { Target } from '../server/handshake.ts'
import { isUnder, type HandlerPath } from './handler-paths.ts'
import type { ProxyKeys } from './proxy-keys.ts'

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
  /** Outside of our prefixes, and no proxy's nor Vite's that we know of. */
  | 'outside'
  /** Not for us to touch. */
  | 'not ours'

export interface ClaimRules {
  /** The handler that matches the path, in or outside of the prefixes. */
  find(path: string): HandlerPath | 'not yet known' | undefined
  /** The prefixes of the handlers that are not empty. */
  readonly prefixes: readonly string[]
  /** Vite's, by the rules that its own socket has. */
  readonly allowedHosts: true | readonly string[]
  readonly proxies: ProxyKeys
}

/** Vite's own sockets name themselves by their subprotocol. */
const VITE_PROTOCOLS = new Set(['vite-hmr', 'vite-ping'])

export function claim(
  httpServer: HttpServer,
  request: IncomingMessage,
  { url, host }: Target,
  rules: ClaimRules,
): Claim {
  const protocols = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  if (protocols.some((name) => VITE_PROTOCOLS.has(name))) return 'not ours'
  const path = pathOf(url)
  const { prefixes, allowedHosts, proxies } = rules
  const isOurs = prefixes.some((prefix) => isUnder(path, prefix))
  const handler = rules.find(path)
  if (handler === 'not yet known') return handler
  if (proxies.takes(httpServer, url, handler)) return 'not ours'
  if (!handler) return isOurs ? 'unknown' : 'outside'
  return isServed(host, allowedHosts) ? 'ours' : 'forbidden'
}

/** Whether Vite answers to this name, by the rules that its own socket has. */
export function isServed(host: string | undefined, allowedHosts: ClaimRules['allowedHosts']): boolean {
  return allowedHosts === true || isHostAllowed(host, allowedHosts)
}
