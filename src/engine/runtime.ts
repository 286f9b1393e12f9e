/**
 * What a runtime has to offer. The engine says what a connection, a room and a broadcast mean; a runtime
 * only moves bytes and topics. To add one, implement {@link Runtime} and run `test/contract` against it.
 */

/** Text is a string, binary is bytes. */
export type Payload = string | Uint8Array

/**
 * What became of a message: handed to the operating system, waiting in the runtime's memory, not taken
 * because too much was waiting, or not taken because the connection is closed.
 */
export type SendStatus = 'sent' | 'queued' | 'dropped' | 'closed'

export type RuntimeName = 'uws' | 'ws' | 'bun' | 'memory'

/** What users may have to know before they choose; the contract suite asks these, never the name. */
export interface RuntimeCapabilities {
  /** Can send a pong that answers no ping. */
  readonly unsolicitedPong: boolean
  /** Puts 1002, 1007 or 1009 on the wire when its own parser ends a connection. */
  readonly closeFrameOnParserError: boolean
  /** Reports the code of every valid close frame from a client. */
  readonly everyCloseCode: boolean
  /** Tells the client's port. */
  readonly remotePort: boolean
  /** Keeps the case of header names in `rawHeaders`. */
  readonly headerCase: boolean
  /**
   * Shows the path letter by letter as it was sent. Else it is an equal one: with other percent escapes, and only beside
   * an empty segment (`//`) with its dot segments and backslashes resolved.
   */
  readonly pathAsSent: boolean
  /** Takes bytes above 7F in a path and a query, and shows them percent-encoded. */
  readonly bytesInTarget: boolean
  /** Shows all bytes above 7F of a header's value, as Latin-1; else those in the middle of it that are UTF-8. */
  readonly headerBytes: boolean
  /** Refuses a handshake over HTTP/1.0. */
  readonly refusesHttp10: boolean
  /** Takes `handshakeTimeout`; else it has a time of its own, about 10 s, and tells nobody. */
  readonly handshakeTimeout: boolean
  /** Tells of a connection before its handshake, and so can hang up while file descriptors run out. */
  readonly hangsUp: boolean
  /**
   * The windows, in bits, that it can keep to if a client asks for one (RFC 7692 7.1.2.1, `server_max_window_bits`).
   * An offer that asks for another is declined.
   */
  readonly serverWindowBits: readonly number[]
  /** Can do so for a client that asks for `server_no_context_takeover` as well, if the window is smaller than 15. */
  readonly smallWindowWithoutTakeover: boolean
  /** Can send a close frame without a code (1005). */
  readonly closeWithoutCode: boolean
  /** Can stop reading from one client, so that the system holds it back. */
  readonly pausesReading: boolean
  /**
   * How several processes may take connections at one port: the kernel spreads them over all that listen, or the primary process
   * of `node:cluster` hands them out in turn. `false`: only one may.
   */
  readonly sharesPort: 'kernel' | 'primary' | false
}

export interface Runtime {
  readonly name: RuntimeName
  /** The underlying library and its version, for the start-up line. */
  readonly description: string
  readonly capabilities: RuntimeCapabilities
  /** Resolves once connections are accepted; rejects with `ERR_LISTEN` or `ERR_TLS`, leaving nothing open. */
  listen<D>(events: RuntimeEvents<D>, options: ListenOptions): Promise<RuntimeServer>
}

export interface ListenOptions {
  /** All at one port. The first has to be there; the others are left out on a machine that has no such address. */
  readonly hosts: readonly [string, ...string[]]
  /** 0 takes one that is free on all hosts. */
  readonly port: number
  readonly tls?: TlsFiles | undefined
  /** Bytes of a message to give up at. Above every handler's own limit, which the engine enforces, and answers with 1009. */
  readonly maxPayload: number
  /** Bytes waiting for a client to report `overflow` at. Above every handler's own limit, which the engine enforces. */
  readonly maxBackpressure: number
  /** Milliseconds for a client to send the head of its request; 0 is no limit. Only where `capabilities.handshakeTimeout`. */
  readonly handshakeTimeout: number
  /** Others may listen there, too: see `capabilities.sharesPort`. */
  readonly sharesPort: boolean
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

export interface RuntimeServer {
  readonly port: number
  /** Sends to every subscriber of the topic. */
  publish(topic: string, payload: Payload, compress: boolean): void
  /** How many sockets are subscribed, for inspection. */
  subscribers(topic: string): number
  /** Whether the process runs short of file descriptors; asked once for each handshake. */
  isShortOfFiles(): boolean
  /** Stops taking connections; the open ones stay. */
  stopListening(): void
  /** Ends what is still open, and frees the port. Idempotent. */
  close(): Promise<void>
}

/** What the runtime calls. Nothing here throws. */
export interface RuntimeEvents<D> {
  /** Any request that tries to be an opening handshake, well-formed or not. */
  upgrade(request: RawRequest): UpgradeDecision<D> | Promise<UpgradeDecision<D>>
  /** A client was cut off that did not send the head of its request in time. Only where `capabilities.handshakeTimeout`. */
  handshakeTimedOut(): void
  /** A client was hung up on, because file descriptors run out. Only where `capabilities.hangsUp`. */
  hungUp(): void
  /** Any other HTTP request. A body that is not asked for, in this call, is read and forgotten. */
  request(request: RawRequest, body: ReadBody): HttpAnswer | Promise<HttpAnswer>
  open(socket: RuntimeSocket<D>): void
  /** The payload is the engine's to keep. `bytes` is its size on the wire, uncompressed. */
  message(socket: RuntimeSocket<D>, payload: Payload, bytes: number): void
  ping(socket: RuntimeSocket<D>, payload: Uint8Array): void
  pong(socket: RuntimeSocket<D>, payload: Uint8Array): void
  /** Backlog went down. */
  drain(socket: RuntimeSocket<D>): void
  /** The runtime's own backpressure limit was passed: a message was not taken. */
  overflow(socket: RuntimeSocket<D>): void
  /**
   * Once per opened socket, last. The code is one of RFC 6455 (1006 only where nothing better is known), the
   * reason is what the client gave. `closeFrame`: a close frame from the client was received.
   */
  closed(socket: RuntimeSocket<D>, code: number, reason: string, closeFrame: boolean): void
}

/** One client. After its `close` event every method is a harmless no-op. */
export interface RuntimeSocket<D> {
  readonly data: D
  /** Bytes that wait in this process because the client reads slowly. */
  readonly bufferedAmount: number
  send(payload: Payload, compress: boolean): SendStatus
  /** Sends to every subscriber of the topic but this one. */
  publish(topic: string, payload: Payload, compress: boolean): void
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  ping(payload: Payload): void
  /** Only where `capabilities.unsolicitedPong`. */
  pong(payload: Payload): void
  /**
   * Stops reading, though some of what has been read may still come; neither the end of the client is seen then.
   * @returns whether it has: false where not `capabilities.pausesReading`
   */
  pause(): boolean
  /** Reads on. */
  resume(): void
  /** Starts the closing handshake. 1005, for a close frame without a code, only where `capabilities.closeWithoutCode`. */
  close(code: number, reason: string): void
  /** Ends the TCP connection without one. */
  terminate(): void
}

/** Reads the body of a request. `undefined`: it has more bytes than that, or the client has gone. */
export type ReadBody = (maxBytes: number) => Promise<Uint8Array | undefined>

/** A request as it came, copied out of whatever memory the runtime reuses. */
export interface RawRequest {
  readonly method: string
  /** Path and query as the client sent them. */
  readonly url: string
  readonly httpVersion: string
  /** Names and values in turn, as in Node. */
  readonly rawHeaders: readonly string[]
  readonly remoteAddress: string
  /** `undefined` where the runtime does not tell. */
  readonly remotePort: number | undefined
  readonly encrypted: boolean
  /** Whether a trusted proxy in front has checked the name in `Host`. */
  readonly isHostKnown?: boolean
  /** Of a handshake: calls back when the client leaves before it has an answer. To be asked before `upgrade` returns. */
  readonly onGone?: (run: () => void) => void
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

export type UpgradeDecision<D> =
  | {
      readonly accept: true
      readonly data: D
      /** The chosen subprotocol, `''` for none. */
      readonly protocol: string
      /** A permessage-deflate offer that is safe to negotiate, `''` to negotiate nothing. */
      readonly extensions: string
    }
  /** Without an answer it is hung up on; where not `capabilities.hangsUp` there always is one. */
  | { readonly accept: false; readonly answer: HttpAnswer | undefined }
