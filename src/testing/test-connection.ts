import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { HandshakeRequest } from '../engine/handshake/request.ts'
import type { Closed } from './journal.ts'
import { MessageLog, type Messages, type MessagesContext } from './messages.ts'

/** One side of a connection, in the hands of a test. */
export interface TestPeer<In = any, Out = any> {
  /** What the other side has sent. */
  readonly received: Messages<In>
  /** What this side has sent, broadcasts that reached the other side among it. */
  readonly sent: readonly Out[]
  /** Resolves when the connection is gone. */
  readonly closed: Promise<Closed>
  /** @throws if the connection is closed */
  send(data: Out): void
  /** @defaultValue 1000 */
  close(code?: number, reason?: string): void
  /** Cuts the connection without a close frame: the other side sees 1006. */
  drop(): void
}

/** The server's side of a connection that a client has opened. */
export interface TestConnection<In = any, Out = any> extends TestPeer<In, Out> {
  /** Its number, from 1 in the order of accept. */
  readonly n: number
  /** Without the query. */
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly req: HandshakeRequest
  /** What the handler's hooks get. */
  readonly conn: WebSocketConnection
}

export class ServerSide implements TestConnection {
  readonly n: number
  readonly conn: WebSocketConnection
  readonly received: MessageLog
  readonly sent: unknown[] = []
  readonly closed: Promise<Closed>
  #ended: Closed | undefined
  #end: (closed: Closed) => void = () => {}

  constructor(n: number, conn: WebSocketConnection, context: Omit<MessagesContext, 'what'>) {
    this.n = n
    this.conn = conn
    this.received = new MessageLog({ ...context, what: `the client of connection ${n} (${conn.path})` })
    this.closed = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  get path(): string {
    return this.conn.path
  }

  get params(): Readonly<Record<string, string>> {
    return this.conn.params
  }

  get req(): HandshakeRequest {
    return this.conn.req
  }

  get isOpen(): boolean {
    return this.#ended === undefined
  }

  send(data: unknown): void {
    const status = this.conn.send(data)
    if (status === 'closed') throw new Error(`connection ${this.n} (${this.path}) is closed: nothing is sent`)
  }

  close(code?: number, reason?: string): void {
    this.conn.close(code, reason)
  }

  drop(): void {
    this.conn.forceClose()
  }

  ended(closed: Closed): void {
    this.#ended = closed
    this.received.end(closed)
    this.#end(closed)
  }
}
