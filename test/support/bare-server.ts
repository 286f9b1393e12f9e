import { createHash } from 'node:crypto'
import { createServer, type AddressInfo, type Socket } from 'node:net'

export interface BareServer {
  readonly url: string
  close(): void
}

/** A server that is nothing but a socket: the test writes what it answers. It is told the key, and the request. */
export async function startBare(
  answer: (socket: Socket, key: string, request: string) => void,
): Promise<BareServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.setNoDelay(true))
    socket.on('error', () => {})
    socket.once('data', (bytes) => {
      const request = String(bytes)
      answer(socket, /^sec-websocket-key: (.*)$/im.exec(request)?.[1]?.trim() ?? '', request)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/**
 * The answer that opens a connection.
 * @param headers - more of them, or in the place of those of the same name; `-Name` leaves one out
 */
export function accepting(key: string, headers: readonly string[] = []): string {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  const names = headers.map((line) => line.replace(/^-/, '').split(':')[0])
  const own = ['Upgrade: websocket', 'Connection: keep-alive, Upgrade', `Sec-WebSocket-Accept: ${accept}`]
  const lines = own.filter((line) => !names.includes(line.split(':')[0]))
  return [
    'HTTP/1.1 101 Switching Protocols',
    ...lines,
    ...headers.filter((line) => !line.startsWith('-')),
    '',
    '',
  ].join('\r\n')
}

/** One after the other, so that they are likely to arrive so. */
export function writeAll(socket: Socket, pieces: readonly Buffer[]): void {
  const left = [...pieces]
  const next = (): void => {
    const piece = left.shift()
    if (piece !== undefined && !socket.destroyed) socket.write(piece, () => setImmediate(next))
  }
  next()
}
