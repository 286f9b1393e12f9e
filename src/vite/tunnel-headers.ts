import type { ServerOptions } from '../engine/handler/options.ts'

/** What the tunnel says of a client; all of it replaces what a client sent under the same names. */
export const TUNNEL_HEADERS: NonNullable<ServerOptions['proxyHeaders']> = [
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Uri',
  'X-Sidewire-Client-Port',
  'X-Sidewire-Known-Host',
]
