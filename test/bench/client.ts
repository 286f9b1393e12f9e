import { io } from 'socket.io-client'
import { connectWs, Queue } from '../support/client.ts'
import { RawClient } from '../support/raw-client.ts'

/** The little that a benchmark's client does, over WebSocket or socket.io. */
export interface Client {
  json(value: unknown): void
  next(): Promise<unknown>
  close(): void
}

/** What tells contestants apart that speak different protocols. */
export interface Dialect {
  connect(port: number, path: string): Promise<Client>
  /** Opens /api/compressed, asking for compression, on a client that shows frames. */
  rawCompressed(port: number): Promise<RawClient>
  /** The text of a message's frame. */
  frame(data: string): string
}

const DEFLATE = {
  'Sec-WebSocket-Extensions': 'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
}

export const WEBSOCKET: Dialect = {
  connect: (port, path) => connectWs(`ws://127.0.0.1:${port}${path}`),
  rawCompressed: (port) => new RawClient(port).open('/api/compressed', DEFLATE),
  frame: (data) => data,
}

/** Engine.IO 4 and Socket.IO 5: `40` connects a namespace, `42` is an event. */
export const SOCKET_IO: Dialect = {
  connect: (port, path) =>
    new Promise((resolve, reject) => {
      const socket = io(`http://127.0.0.1:${port}${path}`, { transports: ['websocket'], forceNew: true })
      const messages = new Queue<unknown>('message')
      socket.on('message', (data) => messages.push(data))
      socket.on('connect_error', reject)
      socket.on('connect', () =>
        resolve({
          json: (value) => socket.emit('message', value),
          next: () => messages.next(),
          close: () => socket.disconnect(),
        }),
      )
    }),
  async rawCompressed(port) {
    const raw = await new RawClient(port).open('/compressed.io/?EIO=4&transport=websocket', DEFLATE)
    await raw.nextText() // the server's settings
    raw.text('40/api/compressed,')
    await raw.nextText() // connected
    return raw
  },
  frame: (data) => `42/api/compressed,["message",${data}]`,
}
