import type { RecordOptions } from '../record-options.ts'

/** Where a handler's clients are connected to, and how. */
export interface Upstream {
  /**
   * `ws:`, `wss:`, `http:` or `https:`. `{name}` in its path is what the pattern's `{name}` matched, percent-encoded; never more
   * than a segment of the path. The query of the client is added to its own.
   */
  url: string
  /**
   * Headers of the handshake, in the place of the client's; `null` removes one. The others are passed on, but for those between
   * neighbours. @defaultValue {}
   */
  headers?: Readonly<Record<string, string | null>>
  /** The `Origin` of the handshake: the client's, the one of the target, or this one. @defaultValue 'client' */
  origin?: string
  /** What is offered to the backend. @defaultValue what the client has offered */
  subprotocols?: readonly string[]
  /** Milliseconds to the answer of the backend; then the client gets HTTP 504. @defaultValue 10000 */
  connectTimeout?: number
  /** Whether permessage-deflate is offered to the backend, whatever is agreed with the client. @defaultValue false */
  compression?: boolean
  /** Whom to trust behind `wss:` and `https:`. @defaultValue the authorities that the platform knows */
  tls?: UpstreamTls
  /**
   * Writes down what the backend sees, in a file of JSON Lines that can be replayed: behind the hooks for what the client sends, before
   * them for what the backend does. Handlers with the same file share it. @defaultValue none
   */
  record?: string | RecordOptions
}

export interface UpstreamTls {
  /** Takes any certificate. @defaultValue false */
  insecure?: boolean
  /** PEM of the authorities to trust, in the place of those that the platform knows. @defaultValue none */
  ca?: string
  /** The name that the certificate is for. @defaultValue the host of the URL */
  servername?: string
}

/** The same, every default filled in. */
export interface ResolvedUpstream {
  readonly url: string
  readonly headers: Readonly<Record<string, string | null>>
  readonly origin: string
  /** `undefined`: the client's. */
  readonly subprotocols: readonly string[] | undefined
  readonly connectTimeout: number
  readonly compression: boolean
  readonly tls: UpstreamTls
  readonly record: string | RecordOptions | undefined
}

const DEFAULT_CONNECT_TIMEOUT = 10_000

/** @param option - valid: see `option-schema.ts` */
export function resolveUpstream(option: string | Upstream): ResolvedUpstream {
  const upstream = typeof option === 'string' ? { url: option } : option
  return {
    url: upstream.url,
    headers: upstream.headers ?? {},
    origin: upstream.origin ?? 'client',
    subprotocols: upstream.subprotocols,
    connectTimeout: upstream.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT,
    compression: upstream.compression ?? false,
    tls: upstream.tls ?? {},
    record: upstream.record,
  }
}

/** Origin, path, and query with what follows it. */
const URL_PARTS = /^((?:ws|http)s?:\/\/[^/?#\\]*)([^?#]*)(.*)$/is
const PLACEHOLDER = /\{([^{}]*)\}/g

interface UrlParts {
  readonly origin: string
  /** With its `{name}`s. */
  readonly path: string
  readonly query: string
}

/** What a URL is made of; `undefined` for what no client can be connected to. */
export function upstreamUrlParts(url: string): UrlParts | undefined {
  const [, origin, path = '', query = ''] = URL_PARTS.exec(url) ?? []
  // A client's own text in the place of the host would be an open relay; in the query, one of a parameter.
  if (origin === undefined || /[{}]/.test(origin + query) || query.includes('#')) return undefined
  return URL.canParse(origin + path.replaceAll(PLACEHOLDER, 'x') + query)
    ? { origin, path, query }
    : undefined
}

/** For clients and logs: tokens are in queries, and passwords before the host. */
export function urlToShow(url: string): string {
  return withoutLogin(url).replace(/[?#].*$/s, '')
}

export function withoutLogin(url: string): string {
  return url.replace(/^(\w+:\/\/)[^/?#]*@/, '$1')
}

/** The names that the path of a URL asks for. */
export function namesIn(url: string): string[] {
  return Array.from(url.matchAll(PLACEHOLDER), ([, name = '']) => name)
}

/** @returns `undefined` for what would leave its segment: `.` and `..` */
export function fillPath(
  path: string,
  params: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const segments = path.split('/').map((segment) => {
    if (!segment.includes('{')) return segment
    const filled = segment.replaceAll(PLACEHOLDER, (_, name: string) =>
      encodeURIComponent(params[name] ?? ''),
    )
    return /^(?:\.|%2e){1,2}$/i.test(filled) ? undefined : filled
  })
  return segments.includes(undefined) ? undefined : segments.join('/')
}

/** Its origin, as the head of a recording names it. */
export function serverOf(url: string): string {
  return withoutLogin(upstreamUrlParts(url)?.origin ?? url)
}

/** Where all of them are, if that is one server, and no function says it anew for each client. */
export function commonServer(
  upstreams: readonly (ResolvedUpstream | ((...args: never) => unknown))[],
): string | undefined {
  const servers = new Set(upstreams.map((each) => ('url' in each ? serverOf(each.url) : undefined)))
  const [only] = servers
  return servers.size === 1 ? only : undefined
}
