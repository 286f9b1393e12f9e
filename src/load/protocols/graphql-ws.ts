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

const MAX_ANSWERED = 10_000

class GraphqlConnection implements ProtocolConnection {
  isReady = false
  readonly #client: ScriptClient
  /** Answered, and not complete, the oldest first; `true`: a subscription that is told to end, and may not have heard it. */
  readonly #answered = new Map<string, boolean>()

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
        return this.#next(id)
      case 'complete':
        this.#answered.delete(id)
        return undefined
      case 'error':
        throw new Error(`the server answered an operation with ${JSON.stringify(payload)}`)
      default:
        return undefined
    }
  }

  #next(id: string): { readonly n: number } | undefined {
    const told = this.#answered.get(id)
    if (told === undefined) {
      this.#answered.set(id, false)
      // A server says nothing more of what was told to end.
      const [oldest] = this.#answered.keys()
      if (this.#answered.size > MAX_ANSWERED && oldest !== undefined) this.#answered.delete(oldest)
      return { n: Number(id) }
    }
    if (!told) this.#client.send({ id, type: 'complete' })
    this.#answered.set(id, true)
    return undefined
  }
}
