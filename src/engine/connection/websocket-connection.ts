import type { Faults } from '../handler/faults.ts'
import type { BroadcastOptions } from '../rooms/broadcast-options.ts'
import type { HandshakeRequest } from '../handshake/request.ts'
import type { Params } from '../handshake/routing.ts'
import type { SendStatus } from '../runtime.ts'
import type { UpstreamConnection } from '../upstream/upstream-connection.ts'

/** One client, as handlers see it. */
export interface WebSocketConnection<Auth = any, Names extends Params = Params, Outgoing = any> {
  /** UUID v4. */
  readonly id: string
  /** Names of the joined rooms, live. Changing the set is not a way to join: use {@link joinRoom}. */
  readonly rooms: ReadonlySet<string>
  /** What `authenticate` gave as `data`. */
  readonly authData: Auth
  /** The handshake's request. */
  readonly req: HandshakeRequest<Names>
  /** Path as the client asked, prefix included, without the query. */
  readonly path: string
  /** What the pattern's `{name}` parts matched. */
  readonly params: Names
  /** The negotiated subprotocol, `''` for none. */
  readonly subprotocol: string
  /** Yours: anything you want to keep with the connection. */
  readonly metadata: Record<string, any>
  /** True from the moment the connection is being closed, by either side. */
  readonly closed: boolean
  /** Bytes that wait because the client reads slowly. */
  readonly bufferedAmount: number
  /** Whether nothing is read from the client for now: see {@link pause}. */
  readonly isPaused: boolean
  /** The backend of a handler with `upstream`; `undefined` where there is none. */
  readonly upstream?: UpstreamConnection | undefined

  /**
   * Sends a message: a string as text; `Buffer`, typed array, `ArrayBuffer` and `SharedArrayBuffer` as binary; everything
   * else as JSON text; or what the handler's `codec` makes of it. Past `maxBackpressure` the connection is terminated, so a message is never skipped silently.
   * @throws `ERR_SERIALIZE` for what JSON cannot carry, a promise, or a `Blob`; `ERR_INVALID` for what does not fit
   * `schema.outgoing`; nothing is sent then
   */
  send(data: Outgoing): SendStatus
  /**
   * Sends to all other connections of the scope, or of `rooms`; each gets it once. Serialised once.
   * @throws `ERR_SERIALIZE`, `ERR_INVALID`, `ERR_OPTION`; nothing is sent then
   */
  broadcast(data: Outgoing, options?: BroadcastOptions): void
  /** Broadcasts to the union of the joined rooms; to nobody if there are none. @throws `ERR_SERIALIZE`, `ERR_INVALID`, `ERR_OPTION` */
  broadcastAllRooms(data: Outgoing, includeSelf?: boolean): void
  /** Idempotent; does nothing on a closed connection. @throws `ERR_ROOM_NAME` for an empty name or no string */
  joinRoom(room: string): void
  /** Idempotent. Leaving happens by itself on close. */
  leaveRoom(room: string): void
  isInRoom(room: string): boolean
  getRooms(): string[]
  /** Sends a ping frame. @throws `ERR_CONTROL_PAYLOAD` past 125 bytes (RFC 6455 5.5), or for what is no text and no bytes */
  ping(payload?: string | Uint8Array): void
  /** Sends an unsolicited pong frame; uWebSockets.js cannot, and warns once. @throws `ERR_CONTROL_PAYLOAD` */
  pong(payload?: string | Uint8Array): void
  /**
   * Stops reading what the client sends, so that it is held back until {@link resume}. What has been read already still comes.
   * Meanwhile the heartbeat and `inactivityTimeout` do not count, and a client that leaves is noticed afterwards. A close of
   * ours reads on.
   * @returns whether it is paused now: false on uWebSockets.js, and on Bun before it could, and for a closed connection
   */
  pause(): boolean
  /** Reads on after {@link pause}; else does nothing. */
  resume(): void
  /**
   * What is wrong with the network of this one client, in the place of all that the handler, or the server, has for it;
   * `undefined` takes it back. What waits arrives at once. @throws `ERR_OPTION`
   */
  setFaults(faults: Faults | undefined): void
  /**
   * Closes after what was sent before has been delivered, waiting at most `closeTimeout`. A peer that does not
   * answer within 2 s of the close frame is terminated. The reason is cut to 123 bytes.
   * @param code - 1000-1003, 1007-1014 or 3000-4999. @defaultValue 1000
   * @throws `ERR_CLOSE_CODE` for any other code; the connection stays as it was
   */
  close(code?: number, reason?: string): void
  /** Ends the TCP connection at once, without a close frame; `onClose` sees 1006, or the code of an earlier `close()`. */
  forceClose(): void
}

/** The same, by the name of the guide. */
export type IWebSocketConnection<
  Auth = any,
  Names extends Params = Params,
  Outgoing = any,
> = WebSocketConnection<Auth, Names, Outgoing>
