import type { ScriptClient } from '../load-script.ts'

export const PROTOCOLS = ['socket.io', 'graphql-ws'] as const
export type ProtocolName = (typeof PROTOCOLS)[number]

/** A protocol on top of WebSocket, in which each message that is asked has a number, and its answer says which. */
export interface LoadProtocol {
  readonly subprotocol?: string
  /** What is asked where `--message` does not say. */
  readonly message: string
  /** Where clients of the protocol connect to, on a path of the user's. */
  path?(path: string): string
  /** One for each connection. */
  connect(client: ScriptClient): ProtocolConnection
}

export interface ProtocolConnection {
  /** The protocol's own greeting is over. */
  readonly isReady: boolean
  /** The WebSocket is open. */
  open?(): void
  /** What asks it, with a number. @param body - JSON text, or a value */
  wrap(body: unknown, n: number): string
  /**
   * What a message of the server is: the answer to a number, something that the server says by itself, or nothing but the
   * protocol's own, which is answered here.
   * @throws if the server refuses
   */
  unwrap(message: string | Buffer): { readonly n: number } | { readonly reply: string } | undefined
}

export async function loadProtocol(name: ProtocolName): Promise<LoadProtocol> {
  return name === 'socket.io'
    ? (await import('./socket-io.ts')).socketIo
    : (await import('./graphql-ws.ts')).graphqlWs
}

export function asJson(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body)
}
