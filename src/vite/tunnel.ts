import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { createProxyServer } from 'http-proxy-3'
import { FORWARDED } from '../server/forwarded.ts'

/** How long a client may take to close its side after the sidecar has closed. */
const FAREWELL_MS = 2000

/** Leads the upgrades of the dev server to the sidecar. The only file that knows the proxy library. */
export interface Tunnel {
  /** What the sidecar believes forwarded headers by; made at start, known to nobody else. */
  readonly secret: string
  pass(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Resolves when all clients are gone; those that stay longer are ended. */
  close(timeoutMs: number): Promise<void>
}

/** @param target - asked for each upgrade, because the sidecar may still be starting */
export function createTunnel(target: () => Promise<string>, onError: (error: Error) => void): Tunnel {
  const secret = randomBytes(24).toString('base64url')
  const sockets = new Set<Duplex>()
  const proxy = createProxyServer({ ws: true, xfwd: false })

  proxy.on('proxyReqWs', (proxyRequest, request) => {
    const { remoteAddress = '', remotePort = 0 } = request.socket
    proxyRequest.setHeader(FORWARDED.secret, secret)
    proxyRequest.setHeader(FORWARDED.for, remoteAddress)
    proxyRequest.setHeader(FORWARDED.port, String(remotePort))
    proxyRequest.setHeader(FORWARDED.proto, 'encrypted' in request.socket ? 'wss' : 'ws')
    proxyRequest.setHeader(FORWARDED.uri, request.url ?? '/')
    // The library only ends what is upgraded already: a client that leaves while `authenticate` is pending would
    // leave a connection to the sidecar behind.
    request.socket.once('close', () => proxyRequest.destroy())
    proxyRequest.once('upgrade', (_response, sidecar) => {
      sidecar.once('close', () => letGo(request.socket))
    })
  })
  proxy.on('error', (error: NodeJS.ErrnoException) => {
    // A client that went away is no news.
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') onError(error)
  })

  return {
    secret,
    pass(request, socket, head) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      void target().then(
        (url) => {
          if (!socket.destroyed) proxy.ws(request, socket, head, { target: url })
        },
        (error: Error) => {
          onError(error)
          socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
        },
      )
    },
    async close(timeoutMs) {
      const gone = [...sockets].map(
        (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
      )
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy()
      }, timeoutMs)
      await Promise.all(gone)
      clearTimeout(timer)
      proxy.close()
    },
  }
}

/**
 * The sidecar has closed. What the client still sends, the answer to a close frame above all, has to be read by
 * somebody: unread, it would keep the socket open for good.
 */
function letGo(socket: Duplex): void {
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS)
  socket.once('close', () => clearTimeout(timer))
}
