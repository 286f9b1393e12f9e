import type { Codec } from '../connection/codec.ts'
import type { FaultInfo, FaultsOf } from './faults.ts'
import type { Scenario } from './scenario.ts'
import type { HandlerService } from './handler-service.ts'
import type { BroadcastOptions } from '../rooms/broadcast-options.ts'
import type { PatternParams } from '../handshake/pattern-params.ts'
import type { RequestAnswer } from '../handshake/request-answer.ts'
import type { HandshakeRequest } from '../handshake/request.ts'
import type { Params } from '../handshake/routing.ts'
import type { Schemas } from '../schema/schemas.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { WebSocketConnection } from '../connection/websocket-connection.ts'

type MaybePromise<T> = T | Promise<T>

/**
 * What `authenticate` may answer.
 *
 * | answer | what the client sees |
 * |---|---|
 * | `true`, `{ success: true, data }` | 101; `data` becomes `conn.authData` |
 * | `{ success: false, code, reason }` | 101, then a close frame with that code: browsers can read it |
 * | `{ success: false, status, reason }` | that HTTP status (400-599), the reason as body |
 * | anything else | HTTP 401 |
 */
export type AuthenticateResult<Auth = any> =
  | boolean
  | null
  | undefined
  | void
  | { success: true; data?: Auth }
  | { success: false; code?: number; status?: number; reason?: string }

/** Any value, but in the words of `{} | null | undefined`: `any` would swallow the function, and what it gets. */
type Sendable<Outgoing> = 0 extends 1 & Outgoing ? {} | null | undefined : Outgoing | undefined

type Made<Outgoing> = 0 extends 1 & Outgoing ? unknown : MaybePromise<Outgoing | undefined | void>

/** What is inferred elsewhere: `NoInfer` takes the literals of a union away from what has to be one of them. */
type Known<T> = [T][T extends unknown ? 0 : never]

/** Written as a method, so that a handler which knows its `params` fits where any handler does. */
type Answer<Auth, Incoming, Names extends Params, Outgoing> = {
  response(conn: WebSocketConnection<Auth, Names, Outgoing>, data: Incoming): Made<Outgoing>
}['response']

type CannedResponse<Auth, Incoming, Names extends Params, Outgoing> =
  | Answer<Auth, Incoming, Names, Outgoing>
  | Sendable<Outgoing>

/** One canned answer. The first rule whose `match` is true answers, and `onMessage` is not called. */
export interface ResponseRule<Auth = any, Incoming = any, Names extends Params = Params, Outgoing = any> {
  match(conn: WebSocketConnection<Auth, Names, Outgoing>, data: Incoming): MaybePromise<boolean>
  /** A value, or a function that makes one. `undefined` sends nothing. Values are serialised once, at start. */
  // oxlint-disable-next-line typescript/no-generated-empty-object-type -- all that is neither null nor undefined
  response: Known<Outgoing> extends infer Out ? CannedResponse<Auth, Incoming, Names, Out> : never
  /**
   * `true` sends to the sender's rooms without the sender; options send as `conn.broadcast` does.
   * @defaultValue false: to the sender only
   */
  broadcast?: boolean | BroadcastOptions
}

export interface CompressionOptions {
  /** @defaultValue true */
  enabled?: boolean
  /** Messages smaller than this many bytes are sent as they are. 0 compresses all. @defaultValue 1024 */
  threshold?: number
}

/** What people should know of a handler. */
export interface HandlerDocs {
  readonly summary?: string
  readonly description?: string
  readonly tags?: readonly string[]
  /** Messages that show what is meant. */
  readonly examples?: { readonly incoming?: readonly unknown[]; readonly outgoing?: readonly unknown[] }
}

/** Written as a method, so that a handler which knows its `params` fits where any handler does. */
type Authenticate<Auth, Names extends Params> = {
  authenticate(req: HandshakeRequest<Names>): MaybePromise<AuthenticateResult<Auth>>
}['authenticate']

/** The same. */
type ChooseUpstream<Names extends Params> = {
  upstream(req: HandshakeRequest<Names>): MaybePromise<string | Upstream | undefined>
}['upstream']

/** What is said of a handler without code. */
export interface HandlerSettings {
  /**
   * `false`: the pattern is the whole path, outside of `endpointPrefix`; for clients whose path is fixed
   * (`/socket.io/`, `/cable`). @defaultValue true
   */
  prefix?: boolean
  /** Skip this handler when matching. @defaultValue false */
  disabled?: boolean
  /**
   * Subprotocols in the server's order of preference. The first that the client offers is chosen; an offer
   * without overlap gets HTTP 400. Without a list, the client's first offer is echoed.
   */
  subprotocols?: readonly string[]
  /**
   * Time between pings, in milliseconds, at least 100. `false` or 0 turns the heartbeat off. After three pings
   * without a sign of life: `onError` (`ERR_HEARTBEAT_TIMEOUT`), then close 1001. A ping that is late, because a
   * handler blocked the event loop or the machine slept, does not count. @defaultValue false
   */
  heartbeat?: number | false
  /**
   * Milliseconds without a message or ping from the client, then close 1000 `Inactivity timeout`. `false` or 0
   * turns it off. @defaultValue false
   */
  inactivityTimeout?: number | false
  /** permessage-deflate (RFC 7692). @defaultValue false */
  compression?: boolean | CompressionOptions
  /** The same as `compression: true` or `false`, by the name that `ws` uses. */
  perMessageDeflate?: boolean
  /** Bytes that one message may have; a larger one closes the connection with 1009. @defaultValue 16 MiB */
  maxPayload?: number
  /**
   * Bytes that may wait for one slow client; past it the client is terminated. A single message that is larger always
   * goes, and does not count: what waits behind it does. @defaultValue 64 MiB
   */
  maxBackpressure?: number
  /**
   * Bytes of messages that may wait for this handler (a slow `sequential` one, a `delay`, a pending `onConnect`), for
   * each connection; one more closes it with 1013. Each message counts 256 bytes more than its payload.
   * @defaultValue 16 MiB
   */
  maxQueue?: number
  /**
   * Messages and pings that a client may send in a second, as many of them at once; one more closes it with 1008.
   * What comes while a handler blocks the event loop counts for that time, however late it is read. 0 is no limit.
   * @defaultValue the option of the same name
   */
  maxMessagesPerSecond?: number
  /** A room that every connection joins before `onConnect`. */
  defaultRoom?: string
  /** Milliseconds that each incoming message waits before the handler sees it, concurrently. @defaultValue 0 */
  delay?: number
  /**
   * Nothing is parsed: `responses` and `onMessage` get text as a string and binary as a `Buffer`, as the client sent it.
   * Not together with `codec` or `transformRawData`. @defaultValue false
   */
  raw?: boolean
  /** Start the next `onMessage` only when the last one has settled. @defaultValue false */
  sequential?: boolean
  /**
   * Whom rooms and broadcasts span: every path that the pattern matches (`'handler'`), or each path for itself
   * (`'path'`: `/game/1` and `/game/2` are apart, `/game/%31` and `//game/1` are the first). @defaultValue 'handler'
   */
  scope?: 'handler' | 'path'
}

/**
 * One entry of `wsHandlers`: what happens on the paths that `pattern` matches.
 * Every hook may be async. A hook that throws or rejects never ends the process: see `onError`.
 */
export interface UniversalApiWsHandler<
  Auth = any,
  Incoming = any,
  Pattern extends string = string,
  Outgoing = any,
> extends HandlerSettings {
  /**
   * The path behind `endpointPrefix`, Ant style: `?` one character, `*` any within a segment, `**` any
   * number of segments, `{name}` a parameter, `{name:regex}` one that must match.
   */
  pattern: Pattern
  /**
   * Runs before the handshake is answered; `authenticateTimeout` is its deadline (then HTTP 503), a throw is
   * HTTP 500. `true` asks for a non-empty `Authorization` header, a string for the header of that name.
   * `false` lets everyone in.
   */
  authenticate?: boolean | string | Authenticate<Auth, PatternParams<Pattern>>
  /** What is wrong with the network: see docs/guide/faults.md. @defaultValue nothing */
  faults?: FaultsOf
  /** Replaces parsing: gets every message as bytes, returns what `onMessage` gets. May be async. */
  transformRawData?: (data: Buffer) => MaybePromise<Incoming>
  /**
   * Turns all that is sent into messages, and what comes into `data`, in the place of JSON. A `decode` that throws is a
   * failure of the handler (`onError`), and the connection stays. @defaultValue `jsonCodec`
   */
  codec?: Codec<Incoming>
  /**
   * What messages look like, by a schema of zod, valibot, arktype or any other library of Standard Schema: see
   * docs/guide/schemas.md. Not together with `raw`, nor `incoming` with `transformRawData`. @defaultValue anything
   */
  schema?: Schemas<Incoming, Outgoing>
  /**
   * What happens without code: what is sent when a client connects, again and again, and in answer to messages. Behind `responses`,
   * before `onMessage`: see docs/guide/scenarios.md. @defaultValue none
   */
  scenario?: Scenario<Known<Incoming>, Known<Outgoing>>
  /**
   * A backend that answers: each client gets a connection of its own to it, which is dialled behind `authenticate` and before the
   * client is answered. Messages pass in both directions as they are, where no hook has another idea. A URL, its options, or a
   * function that chooses for each client; `undefined` from it: this client is mocked. @defaultValue none
   */
  upstream?: string | Upstream | ChooseUpstream<PatternParams<Pattern>>
  /** What people should know of it; for documents that are made of handlers, such as those of `toAsyncApi`. @defaultValue none */
  docs?: HandlerDocs
  /** Canned answers, tried in order before `onMessage`. With `upstream`, what one answers does not go to the backend. */
  responses?: readonly ResponseRule<Auth, NoInfer<Incoming>, PatternParams<Pattern>, Outgoing>[]
  /**
   * The handler goes into service: the server listens, or a reload has put it there. Before an async one has settled clients
   * may connect. `handedOver` is what `onStop` of the version that this one replaces has returned.
   */
  onStart?(service: HandlerService<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>, handedOver: any): unknown
  /**
   * Once for each `onStart`, when that has settled. `'closed'`: the server closes, and the connections are gone, or
   * `shutdownTimeout` is over, which is what an async one has as well. `'removed'`: a reload has taken the handler away,
   * and its connections are gone. `'replaced'`: a reload has put another object with the same pattern in its place;
   * connections stay, and what this returns is given to the `onStart` there.
   */
  onStop?(
    service: HandlerService<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>,
    info: { readonly reason: 'closed' | 'removed' | 'replaced' },
  ): unknown
  /** After the handshake. No message is handed over before it has settled. A throw closes with 1011. */
  onConnect?(
    conn: WebSocketConnection<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>,
    req: HandshakeRequest<PatternParams<Pattern>>,
  ): unknown
  /**
   * Text arrives parsed as JSON, or as the string if it is not JSON; binary as a `Buffer`. A message that had to wait may
   * come when its client has gone: `conn.closed` is true then, and `send` answers `'closed'`.
   * With `upstream` it says what goes to the backend: nothing, or `undefined`, is the message as it came, `DROP` none, all else is
   * sent in its place. A promise holds the later ones back. A throw reaches `onError`, and the message passes as it came.
   */
  onMessage?(
    conn: WebSocketConnection<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>,
    data: Incoming,
  ): unknown
  /**
   * A message of the backend, read as `onMessage` gets those of the client (but by `transformRawData`), and with the same answers:
   * what it returns goes to the client. Only with `upstream`.
   */
  onUpstreamMessage?(
    conn: WebSocketConnection<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>,
    data: any,
  ): unknown
  /**
   * Exactly once for every connection whose `onConnect` was started, and last: when the client has gone, behind
   * `onConnect` and what the client sent before; when we close, at once, and what waits is dropped. `conn.rooms` still holds its rooms and
   * `conn.broadcast` still reaches the others; `initiatedByClient`: the first close frame was the client's.
   */
  onClose?(
    conn: WebSocketConnection<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>,
    code: number,
    reason: string,
    initiatedByClient: boolean,
  ): unknown
  /**
   * Failures of the other hooks, and why the connection is ended: `ERR_HEARTBEAT_TIMEOUT`, `ERR_BACKPRESSURE`,
   * `ERR_MESSAGE_RATE`, `ERR_QUEUE`.
   */
  onError?(
    conn: WebSocketConnection<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>,
    error: Error & { code?: string },
  ): unknown
  /**
   * Plain HTTP on the handler's path, by any method and from any page; what it asks with, without a body. `undefined`
   * is HTTP 426, as without the hook. A throw is 500; what takes longer than `authenticateTimeout` is 503.
   */
  onRequest?(req: HandshakeRequest<PatternParams<Pattern>>): MaybePromise<RequestAnswer | undefined | void>
  /** A ping from the client; its pong is sent by the runtime. */
  onPing?(conn: WebSocketConnection<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>, data: Buffer): unknown
  /** A pong from the client. */
  onPong?(conn: WebSocketConnection<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>, data: Buffer): unknown
  /**
   * What waited because the client reads slowly has been sent: `conn.bufferedAmount` is 0. Comes after `send` has answered
   * `'queued'`, and after a broadcast or a ping that had to wait; not for a connection that is being closed.
   */
  onDrain?(conn: WebSocketConnection<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>): unknown
  /** What `faults` has done to a message of this connection, or to itself. */
  onFault?(
    conn: WebSocketConnection<Auth, PatternParams<Pattern>, NoInfer<Outgoing>>,
    fault: FaultInfo,
  ): unknown
}

/** The handlers of a list of patterns, each with the `params` of its own. */
export type HandlersOf<Patterns extends readonly string[]> = {
  readonly [Index in keyof Patterns]: UniversalApiWsHandler<any, any, Patterns[Index]>
}

/** A handler whose messages come as they were sent. */
type RawHandler<Auth, Pattern extends string> = UniversalApiWsHandler<Auth, string | Buffer, Pattern> & {
  raw: true
}

/**
 * Identity; infers `conn.params` from the pattern, `conn.authData` from `authenticate` and `data` from
 * `transformRawData`, `codec`, `schema` or `raw`; and from `schema` what may be sent.
 */
export function defineHandler<
  Auth = any,
  Incoming = any,
  const Pattern extends string = string,
  Outgoing = any,
  Sent = any,
  Received = any,
>(
  handler: UniversalApiWsHandler<Auth, Incoming, Pattern, Outgoing> & {
    raw?: false
    schema?: Schemas<Incoming, Outgoing, Sent, Received>
  },
): UniversalApiWsHandler<Auth, Incoming, Pattern, Outgoing> & {
  /** For the compiler alone: no handler has it. See `MessagesOf`. */
  readonly '~messages'?: { incoming: Sent; outgoing: Received }
}
export function defineHandler<Auth = any, const Pattern extends string = string>(
  handler: RawHandler<Auth, Pattern>,
): UniversalApiWsHandler<Auth, string | Buffer, Pattern>
export function defineHandler(handler: UniversalApiWsHandler): UniversalApiWsHandler {
  return handler
}
