import type { Server as HttpServer } from 'node:http'
import { Server as HttpsServer } from 'node:https'
import type { ResolvedConfig } from 'vite'

/** Whatever has a `server` in Vite's options; Vite 8 has `server.ws` for what `server.hmr` is in the others. */
type Giver = { readonly server?: unknown } | boolean | undefined

/**
 * Middleware mode: the HTTP servers that Vite was handed, for its own socket (`server.hmr.server`; Nuxt and Storybook
 * do so) and for its proxies (`server.middlewareMode.server`).
 */
export function parentServers({ server }: ResolvedConfig): readonly HttpServer[] {
  const { hmr, ws, middlewareMode } = server as Readonly<Record<'hmr' | 'ws' | 'middlewareMode', Giver>>
  if (!middlewareMode) return []
  return [...new Set([hmr, ws, middlewareMode].flatMap((giver) => serverOf(giver) ?? []))]
}

/** Middleware mode: the one that Vite's proxies listen on. */
export function proxyParent({ server }: ResolvedConfig): HttpServer | undefined {
  return serverOf(server.middlewareMode)
}

/** Where it listens, as a client on this machine writes it; `undefined` on no port. */
export function urlOf(httpServer: HttpServer): string | undefined {
  const address = httpServer.address()
  if (address === null || typeof address === 'string') return undefined
  const isEverywhere = address.address === '::' || address.address === '0.0.0.0'
  const isLoopback = address.address === '::1' || address.address === '127.0.0.1'
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  const scheme = isTls(httpServer) ? 'https' : 'http'
  return `${scheme}://${isEverywhere || isLoopback ? 'localhost' : name}:${address.port}`
}

function serverOf(giver: Giver): HttpServer | undefined {
  return typeof giver === 'object' ? (giver.server as HttpServer | undefined) : undefined
}

/** Only a TLS server has contexts to add, on Node; that of HTTP/2 is no `https.Server` there. */
function isTls(server: HttpServer): boolean {
  return server instanceof HttpsServer || 'addContext' in server
}
