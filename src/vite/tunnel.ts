import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { createProxyServer } from 'http-proxy-3'
import { clearTimeout, setTimeout } from '../engine/timers.ts'
import { FORWARDED } from '../server/forwarded.ts'
import { refuseMalformed } from '../server/handshake.ts'
import type { RefusalReason, Stats } from '../server/server.ts'
import { answerRaw, letGo } from '../runtime/raw-answer.ts'
import { textAnswer } from '../engine/handshake/handshake.ts'
import { tellAtExit } from './farewell.ts'
import { isEncrypted } from './plain-request.ts'

/** How long a client that reads slowly may take for what was sent before the sidecar closed: `closeTimeout`'s default. */
const DRAIN_MS = 10_000
const MAX_EARLY_BYTES = 64 * 1024

/** Leads the upgrades of the dev server to the sidecar. The only file that knows the proxy library. */
export interface Tunnel {
  /** How many handshakes got an HTTP error that the sidecar knows nothing of. */
  readonly refusedBy: Readonly<Stats['refusedBy']>
  /** Answers with this status. The socket has an error listener. */
  refuse(request: IncomingMessage, socket: Duplex, reason: RefusalReason, status: number, body: string): void
  /** Says what is wrong with the handshake itself, if anything is. The socket has an error listener. */
  refuseIfMalformed(request: IncomingMessage, socket: Duplex): boolean
  /** The socket has an error listener already. */
  pass(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Refuses new clients; resolves when all are gone. Those that stay longer are ended. */
  close(timeoutMs: number): Promise<void>
}

/**
 * @param secret - what the sidecar believes forwarded headers by
 * @param target - the sidecar's `http:` URL, asked for each upgrade; throws while there is none
 * @param onRefused - told of each handshake that got an HTTP error here
 */
export function createTunnel(
  secret: string,
  target: () => string,
  onError: (error: Error) => void,
  onRefused: (
    request: IncomingMessage,
    answer: { readonly status: number; readonly body: string },
    reason: RefusalReason,
  ) => void,
): Tunnel {
  const sockets = new Set<Duplex>()
  let isClosing = false
  const refusedBy: Stats['refusedBy'] = {}
  const proxy = createProxyServer({ ws: true, xfwd: false })

  proxy.on('proxyReqWs', (proxyRequest, request, socket) => {
    const { remoteAddress = '', remotePort = 0 } = request.socket
    proxyRequest.setHeader(FORWARDED.secret, secret)
    proxyRequest.setHeader(FORWARDED.for, remoteAddress)
    proxyRequest.setHeader(FORWARDED.clientPort, String(remotePort))
    proxyRequest.setHeader(FORWARDED.proto, isEncrypted(request.socket) ? 'wss' : 'ws')
    proxyRequest.setHeader(FORWARDED.uri, request.url ?? '/')
    proxyRequest.setHeader(FORWARDED.knownHost, 'yes')
    // The library only ends what is upgraded already: a client that leaves while `authenticate` is pending would
    // leave a connection to the sidecar behind.
    const abandon = (): void => {
      socket.destroy()
      proxyRequest.destroy()
    }
    for (const event of ['end', 'close']) socket.once(event, abandon)
    // Nobody reads the socket until the sidecar has answered, and who does not read never hears that it has ended.
    const early = readEarly(socket)
    proxyRequest.once('upgrade', (_response, sidecar) => {
      // From here on the library ends it, after what the client sent last.
      for (const event of ['end', 'close']) socket.off(event, abandon)
      if (socket.destroyed) sidecar.destroy()
      else {
        early.giveBack()
        tellAtExit(socket)
      }
      sidecar.once('close', () => letGo(socket, DRAIN_MS))
    })
    // The library writes the refusal; the client may keep its side open all the same.
    proxyRequest.once('response', (response) => {
      socket.off('end', abandon)
      response.once('end', () => letGo(socket))
    })
  })
  proxy.on('error', (error: NodeJS.ErrnoException) => {
    // A client that went away is no news, and the sidecar resets what it no longer waits for when it closes.
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || isClosing) return
    onError(error)
  })

  const refuse = (
    request: IncomingMessage,
    socket: Duplex,
    reason: RefusalReason,
    status: number,
    body: string,
    headers: Readonly<Record<string, string>> = {},
  ): void => {
    refusedBy[reason] = (refusedBy[reason] ?? 0) + 1
    onRefused(request, { status, body }, reason)
    answerRaw(socket, request.method, textAnswer(status, body, headers))
  }

  return {
    refusedBy,
    refuse,
    refuseIfMalformed(request, socket) {
      const malformed = refuseMalformed(request)
      if (malformed)
        refuse(request, socket, 'malformed', malformed.status, String(malformed.body), malformed.headers)
      return malformed !== undefined
    },
    pass(request, socket, head) {
      if (isClosing) {
        refuse(request, socket, 'closing', 503, 'The server is going away')
        return
      }
      // "websocket" is among the protocols; the library wants it to be the only one, and hangs up otherwise.
      request.headers.upgrade = 'websocket'
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      try {
        proxy.ws(request, socket as Parameters<typeof proxy.ws>[1], head, { target: target() })
      } catch (error) {
        // A URL that the library cannot read, for example: the fault of one client, who is told.
        onError(error as Error)
        refuse(request, socket, 'tunnel', 502, 'The upgrade could not be passed on')
      }
    },
    async close(timeoutMs) {
      isClosing = true
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

/** Reads what a client sends before it has an answer: little, if it is no attack. */
function readEarly(socket: Duplex): { giveBack(): void } {
  const chunks: Buffer[] = []
  let size = 0
  const keep = (chunk: Buffer): void => {
    chunks.push(chunk)
    size += chunk.length
    if (size > MAX_EARLY_BYTES) socket.pause()
  }
  socket.on('data', keep)
  return {
    giveBack() {
      socket.off('data', keep)
      socket.pause()
      if (size > 0) socket.unshift(Buffer.concat(chunks))
    },
  }
}
