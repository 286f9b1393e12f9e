import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { clearTimeout, setTimeout } from '../engine/timers.ts'

/** How long a client may take to close its side once everything was written. */
const FAREWELL_MS = 2000

/** Answers an upgrade with an HTTP response, and closes. */
export function answer(
  { method }: IncomingMessage,
  socket: Duplex,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const lines = Object.entries({
    Connection: 'close',
    'Content-Type': 'text/plain; charset=utf-8',
    ...headers,
    'Content-Length': String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  // RFC 9110 9.3.2: what HEAD gets has the length of a body, and none.
  const content = method === 'HEAD' ? '' : body
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${content}`)
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
