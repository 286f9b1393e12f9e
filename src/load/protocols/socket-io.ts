import type { ScriptClient } from '../load-script.ts'
import { asJson, type LoadProtocol, type ProtocolConnection } from './protocol.ts'

/**
 * socket.io 4 (Engine.IO protocol 4, Socket.IO protocol 5), by WebSocket from the start. A message is an event with an
 * acknowledgement, `["message",{...}]`: the server answers it by calling the callback of its handler.
 */
export const socketIo: LoadProtocol = {
  message: '["message",{"pad":"{pad}"}]',
  path(path) {
    const url = new URL(path, 'ws://server')
    if (url.pathname === '/') url.pathname = '/socket.io/'
    url.searchParams.set('EIO', '4')
    url.searchParams.set('transport', 'websocket')
    return url.pathname + url.search
  },
  connect: (client) => new SocketIoConnection(client),
}

class SocketIoConnection implements ProtocolConnection {
  isReady = false
  readonly #client: ScriptClient

  constructor(client: ScriptClient) {
    this.#client = client
  }

  wrap(body: unknown, n: number): string {
    return `42${n}${asJson(body)}`
  }

  unwrap(message: string | Buffer): { readonly n: number } | { readonly reply: string } | undefined {
    // A binary attachment of a packet before.
    if (typeof message !== 'string') return undefined
    switch (message.slice(0, message.startsWith('4') ? 2 : 1)) {
      case '0':
        this.#client.send('40')
        return undefined
      case '2':
        this.#client.send('3')
        return undefined
      case '40':
        this.isReady = true
        return undefined
      case '42':
        return { reply: message.slice(2) }
      case '43': {
        const [, n] = /^43(\d+)\[/.exec(message) ?? []
        return n === undefined ? undefined : { n: Number(n) }
      }
      case '41':
        throw new Error('the server disconnected the socket of socket.io')
      case '44':
        throw new Error(`the server refused: ${message.slice(2)}`)
      default:
        return undefined
    }
  }
}
