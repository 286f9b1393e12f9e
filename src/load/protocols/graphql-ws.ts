import type { ScriptClient } from '../load-script.ts'
import { asJson, type LoadProtocol, type ProtocolConnection } from './protocol.ts'

/**
 * GraphQL over WebSocket, as the package graphql-ws has it (`graphql-transport-ws`). A message is an operation; its answer is
 * the first result.
 */
export const graphqlWs: LoadProtocol = {
  subprotocol: 'graphql-transport-ws',
  message: '{"query":"{ __typename }"}',
  connect: (client) => new GraphqlConnection(client),
}

class GraphqlConnection implements ProtocolConnection {
  isReady = false
  readonly #client: ScriptClient
  /** Answered, and not complete: a subscription goes on until it is told to end. */
  readonly #answered = new Set<string>()

  constructor(client: ScriptClient) {
    this.#client = client
  }

  open(): void {
    this.#client.send('{"type":"connection_init"}')
  }

  wrap(body: unknown, n: number): string {
    return `{"id":"${n}","type":"subscribe","payload":${asJson(body)}}`
  }

  unwrap(message: string | Buffer): { readonly n: number } | undefined {
    const {
      type,
      id = '',
      payload,
    } = JSON.parse(String(message)) as {
      type: string
      id?: string
      payload?: unknown
    }
    switch (type) {
      case 'connection_ack':
        this.isReady = true
        return undefined
      case 'ping':
        this.#client.send('{"type":"pong"}')
        return undefined
      case 'next':
        if (this.#answered.delete(id)) this.#client.send({ id, type: 'complete' })
        else {
          this.#answered.add(id)
          return { n: Number(id) }
        }
        return undefined
      case 'complete':
        this.#answered.delete(id)
        return undefined
      case 'error':
        throw new Error(`the server answered an operation with ${JSON.stringify(payload)}`)
      default:
        return undefined
    }
  }
}
