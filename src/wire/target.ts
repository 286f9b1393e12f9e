/** Where a client connects to. */
export interface Target {
  readonly url: string
  readonly secure: boolean
  /** What the connection is opened to: an address, or a name that is looked up each time. */
  readonly address: string
  readonly port: number
  /** For SNI. */
  readonly hostname: string
  /** For `Host`. */
  readonly host: string
  /** Path and query. */
  readonly path: string
}

const PROTOCOLS = ['ws:', 'wss:', 'http:', 'https:']

/** @returns `undefined` for what is no URL of a WebSocket, or of the HTTP that it begins with */
export function targetOf(text: string): Target | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !PROTOCOLS.includes(url.protocol)) return undefined
  const secure = url.protocol === 'wss:' || url.protocol === 'https:'
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  return {
    url: url.href,
    secure,
    address: hostname,
    port: Number(url.port) || (secure ? 443 : 80),
    hostname,
    host: url.host,
    path: url.pathname + url.search,
  }
}
