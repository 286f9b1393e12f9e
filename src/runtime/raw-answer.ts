import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HttpAnswer } from '../engine/runtime.ts'
import { clearTimeout, setTimeout } from '../engine/timers.ts'

// Answers to HTTP on Node: by its response, or on a socket of which it has let go, as it does with whoever asks for an
// upgrade.

/** How long a client may take to close its side once everything was written. */
const FAREWELL_MS = 2000

/** `404 Not Found` */
export function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? 'Error'}`
}

/** RFC 9110 8.6, 15.4.5: they have no body, and the length of none. 205 has one of 0. */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304
}

export function writeAnswer(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  response.on('error', () => response.destroy())
  response.writeHead(status, {
    ...(!isBodiless(status) && { 'Content-Length': Buffer.byteLength(body) }),
    ...headers,
  })
  response.end(body)
}

/** Answers, and closes. The socket has an error listener. */
export function answerRaw(
  socket: Duplex,
  method: string | undefined,
  { status, headers, body }: HttpAnswer,
): void {
  const length = isBodiless(status) ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
  const fields = { Connection: 'close', ...length, ...headers }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = Buffer.from(`HTTP/1.1 ${statusLine(status)}\r\n${lines.join('')}\r\n`)
  // RFC 9110 9.3.2: what HEAD gets has the length of a body, and none.
  socket.end(method === 'HEAD' ? head : Buffer.concat([head, Buffer.from(body as string)]))
  letGo(socket)
}

/**
 * For a socket that was ended. What the client still sends, the answer to a close frame above all, has to be read
 * by somebody: unread, it would keep the socket open for good, and destroying it at once could turn the last bytes
 * that the client is owed into a reset.
 *
 * @param drainMs - how long a slow client may take to read what is left
 */
export function letGo(socket: Duplex, drainMs: number = FAREWELL_MS): void {
  if (socket.destroyed) return
  socket.resume()
  let timer = setTimeout(() => socket.destroy(), drainMs)
  const written = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => socket.destroy(), FAREWELL_MS)
  }
  if (socket.writableFinished) written()
  else socket.once('finish', written)
  socket.once('close', () => {
    clearTimeout(timer)
    socket.off('finish', written)
  })
}
