import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { Inside } from '../engine/inside.ts'
import type { MaybePromise } from '../engine/promise.ts'
import type { TapListener } from '../engine/tap.ts'
import { disconnect, send, type Command } from './commands.ts'
import { liftFaults, listFaults, putFaults, type FaultPage, type FaultTarget } from './faults.ts'

/** An open connection, as the endpoint lists it. */
export interface ControlConnection {
  readonly id: string
  readonly path: string
  readonly rooms: readonly string[]
  readonly remoteAddress: string
  readonly userAgent?: string
  readonly subprotocol: string
  readonly bufferedAmount: number
}

export interface ControlList {
  readonly connections: readonly ControlConnection[]
  /** Workers that did not say what they have. */
  readonly missing?: readonly number[]
}

/** What a request asks of faults. */
export type FaultRequest =
  | { readonly action: 'list' }
  | { readonly action: 'put'; readonly target: FaultTarget; readonly command: Command }
  /** Without a target: all that was switched on from outside. */
  | { readonly action: 'lift'; readonly target: FaultTarget | undefined }

/** What the endpoint shows, and acts on: an engine, or those of several processes. All but the first throw as the engine does. */
export interface Reach {
  /** @returns what ends it */
  listen(listener: TapListener): () => void
  list(): MaybePromise<ControlList>
  send(command: Command): MaybePromise<{ readonly receivers: number }>
  disconnect(command: Command): MaybePromise<{ readonly connections: number }>
  switchFaults(request: FaultRequest): MaybePromise<FaultPage>
}

/** Of the engine of this process. */
export function reachOf(inside: Inside): Reach {
  return {
    listen: (listener) => inside.listen(listener),
    list: () => ({ connections: inside.openConnections().map(listed) }),
    send: (command) => send(inside, command),
    disconnect: (command) => disconnect(inside, command),
    switchFaults: (request) => switchFaults(inside, request),
  }
}

export function switchFaults(inside: Inside, request: FaultRequest): FaultPage {
  if (request.action === 'put') return putFaults(inside, request.target, request.command)
  return request.action === 'lift' ? liftFaults(inside, request.target) : listFaults(inside)
}

export function listed(conn: WebSocketConnection): ControlConnection {
  const { id, path, subprotocol, bufferedAmount, req } = conn
  const userAgent = req.headers['user-agent']
  const { remoteAddress } = req.socket
  return {
    id,
    path,
    rooms: conn.getRooms(),
    remoteAddress,
    ...(userAgent !== undefined && { userAgent }),
    subprotocol,
    bufferedAmount,
  }
}
