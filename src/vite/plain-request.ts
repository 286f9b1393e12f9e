import { ServerResponse, type IncomingMessage, type Server as HttpServer } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { asksForWebSocket } from '../engine/handshake/asks-for-websocket.ts'
import { textAnswer } from '../engine/handshake/handshake.ts'
import { answerRaw } from '../runtime/raw-answer.ts'

/** Bun's node:http shows nobody the body of a request that asks for an upgrade: it would be waited for in vain. */
const LOSES_BODIES = process.versions['bun'] !== undefined

/** What concerns this one connection only, and asks for the upgrade (RFC 9110 7.6.1, RFC 7540 3.2.1). */
const OF_UPGRADES = new Set(['upgrade', 'http2-settings'])

export function isHandshake({ headers }: IncomingMessage): boolean {
  return asksForWebSocket(headers.upgrade, headers['sec-websocket-key'])
}

/**
 * RFC 9110 7.8: a server may ignore an upgrade, to h2c say, and answer the request. Node has let go of its socket all
 * the same, and of the body that may follow. So the request is put back in front of what was read, without the words
 * that made it an upgrade, and the server gets the connection once more, which `'connection'` is documented for.
 */
export function ignoreUpgrade(
  httpServer: HttpServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  if (LOSES_BODIES && hasBody(request)) {
    const reason = 'Send it again without the header Upgrade: Bun loses the body of this request'
    answerRaw(socket, request.method, textAnswer(501, reason))
    return
  }
  // Since Node 26 the body of an upgrade is the request's own, and the socket a stream of what comes behind it.
  if (!request.complete || request.readableLength > 0) return answerLast(httpServer, request, socket)
  socket.unshift(Buffer.concat([Buffer.from(plainHead(request), 'latin1'), head]))
  // For a server with TLS 'connection' is one that has not shaken hands yet.
  httpServer.emit(isEncrypted(socket) ? 'secureConnection' : 'connection', socket)
}

/** On Bun plain sockets have the property, too. */
export function isEncrypted(socket: Duplex): boolean {
  return (socket as { readonly encrypted?: boolean }).encrypted === true
}

/** To the server as a request like others, and the last one of its connection. */
function answerLast(httpServer: HttpServer, request: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  // Node gives a mere stream here; nothing else of a socket is asked for.
  response.assignSocket(socket as Socket)
  response.on('finish', () => socket.end())
  httpServer.emit('request', request, response)
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function plainHead({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2)
    const kept = name.toLowerCase() === 'connection' ? withoutUpgrade(value) : value
    if (!OF_UPGRADES.has(name.toLowerCase()) && kept !== undefined) lines.push(`${name}: ${kept}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}

function withoutUpgrade(connection: string): string | undefined {
  const words = connection.split(',').map((word) => word.trim())
  return words.filter((word) => !OF_UPGRADES.has(word.toLowerCase())).join(', ') || undefined
}
