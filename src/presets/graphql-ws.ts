import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { HandshakeRequest } from '../engine/handshake/request.ts'
import { Flow } from './flow.ts'
import { isObject, wrong } from '../engine/handler/option-error.ts'
import { checkPath, restarting, splitOptions, type PresetOptions } from './options.ts'

/** What `makeServer` of graphql-ws makes. */
export interface GraphqlWsServer {
  opened(socket: GraphqlWsSocket, extra: GraphqlWsExtra): (code?: number, reason?: string) => Promise<void>
}

/** What graphql-ws knows of a connection. */
export interface GraphqlWsSocket {
  readonly protocol: string
  send(data: string): Promise<void> | void
  close(code?: number, reason?: string): void
  onMessage(take: (data: string) => Promise<void>): void
}

/** `ctx.extra` in the hooks of `makeServer`. */
export interface GraphqlWsExtra {
  readonly conn: WebSocketConnection
  readonly request: HandshakeRequest
}

export interface GraphqlWsOptions
  extends PresetOptions, Pick<UniversalApiWsHandler, 'authenticate' | 'prefix'> {
  /** As of any handler: behind the prefix, unless `prefix` is false. */
  pattern: string
}

/** graphql-ws closes with it where it fails (`CloseCode.InternalServerError`); its client does not come again then. */
const INTERNAL_SERVER_ERROR = 4500

interface Client {
  take: (data: string) => Promise<void>
  closed: (code?: number, reason?: string) => Promise<void>
}

/**
 * GraphQL over WebSocket (`graphql-transport-ws`): subscriptions, queries and mutations, any number at once.
 * @param server - `makeServer({ schema, ... })` of graphql-ws
 * @throws `ERR_OPTION`
 */
export function graphqlWs(server: GraphqlWsServer, options: GraphqlWsOptions): UniversalApiWsHandler {
  if (!isObject(server) || typeof server['opened'] !== 'function')
    wrong('graphqlWs() server', server, 'what makeServer({ schema }) of graphql-ws returns')
  const { own, handler } = splitOptions('graphqlWs', options, ['pattern', 'authenticate', 'prefix'])
  const { pattern, ...rest } = own
  checkPath(pattern, 'graphqlWs.pattern', '/graphql')
  const clients = new Map<WebSocketConnection, Client>()
  const flow = new Flow()

  const left = (conn: WebSocketConnection, code: number, reason: string): unknown => {
    const client = clients.get(conn)
    clients.delete(conn)
    flow.release(conn)
    return client?.closed(code, reason)
  }

  return {
    ...handler,
    ...rest,
    pattern,
    raw: true,
    subprotocols: ['graphql-transport-ws'],
    onConnect(conn, request) {
      const client: Client = { take: async () => {}, closed: async () => {} }
      clients.set(conn, client)
      client.closed = server.opened(
        {
          protocol: conn.subprotocol,
          send: (text) => new Promise((resolve) => flow.after(conn, conn.send(text), resolve)),
          close: (code, reason) => conn.close(code, reason),
          onMessage: (take) => {
            client.take = take
          },
        },
        { conn, request },
      )
    },
    // Of a subscription the promise lasts as long as the subscription: the handler must not be `sequential`.
    async onMessage(conn, data) {
      try {
        await clients.get(conn)?.take(String(data))
      } catch (error) {
        conn.close(INTERNAL_SERVER_ERROR, reasonOf(error))
        throw error
      }
    },
    onDrain: flow.release,
    onClose: left,
    onStop: restarting(handler.onStop, left),
  }
}

/** As graphql-ws does on `ws`: what has failed, while somebody develops, and where a close frame has room for it. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error)
  const isTold = process.env['NODE_ENV'] !== 'production' && Buffer.byteLength(reason) <= 123
  return isTold ? reason : 'Internal server error'
}
