/**
 * Moves frames between nodes: to all of them, in order per sender, each at most once. It keeps nothing, and promises nothing
 * about a time in which it was away: what was missed is noticed, and asked for again, above it. Write your own with these three
 * functions.
 */
export interface Broker {
  /** For log lines: without user and password. */
  readonly name: string
  /** Bytes of the longest frame that it takes; it may be known only when it is up. @defaultValue none: no limit */
  readonly maxFrame?: number | undefined
  /**
   * Dials, and keeps dialling until `close`: what fails is told by `events.down`, never thrown. Resolves when it is up, and hears
   * what others publish; or after 2 s. It may be called again after `close`.
   */
  open(events: BrokerEvents): Promise<void>
  /**
   * To all nodes; whether it comes back to the sender makes no difference. The bytes do not change afterwards, so that it may keep
   * them until they are written. Never throws.
   * @returns `false` where it was not taken: it is down, the frame is too long, or more than 16 MiB wait
   */
  publish(frame: Uint8Array): boolean
  /** Ends what `open` began; what was published before is written first, if it can be. Idempotent. */
  close(): Promise<void>
}

/** What a broker calls, never before `open` was called, and nothing after `close`. */
export interface BrokerEvents {
  /** One frame. The memory is the broker's, and may be used again when this returns. */
  frame(frame: Uint8Array): void
  /** It can be published to, and all that others publish from now on is heard. */
  up(): void
  /** It is away: once for each time that it was up, and once for a first dial that fails. @param error - without user and password */
  down(error: Error): void
}

/** Through which broker a server speaks with the others. */
export interface BrokerOptions {
  /**
   * `redis://`, `rediss://` (TLS), `redis+unix:///path`, `nats://`, `tls://` (NATS by TLS), with user and password or a token where
   * it asks for them: `redis://user:password@host:6379/0`.
   */
  url: string
  /** What keeps the projects on one broker apart: only nodes with the same one hear each other. @defaultValue 'sidewire' */
  prefix?: string
  /**
   * Bytes of what was broadcast last that are kept, to be sent again to who has missed it while the broker was away. 0 keeps
   * nothing: nothing is ever late. @defaultValue 1048576
   */
  buffer?: number
  /** Milliseconds after which it is not sent again any more. @defaultValue 5000 */
  bufferTime?: number
  /** Milliseconds without a sign of life after which a node is taken for dead. @defaultValue 6000 */
  nodeTimeout?: number
  /** Whether `/readyz` answers 503 while the broker is away, and not 200 with `degraded`. @defaultValue false */
  readyz?: boolean
  /** Paths of PEM files: who has signed the broker's certificate, and our own. @defaultValue what the platform trusts, and none */
  tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}
