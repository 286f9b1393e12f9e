import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { wrong } from '../engine/handler/option-error.ts'
import { encode, isBinary, type PhoenixMessage, type PhoenixVersion } from './phoenix-message.ts'
import type { Presence, PresenceDiff } from './presence.ts'

/** One client in one topic. When it has left, or its client has gone, nothing here does anything any more. */
export interface PhoenixChannel {
  readonly topic: string
  readonly conn: WebSocketConnection
  /** Yours: anything you want to keep with it. */
  readonly data: Record<string, unknown>
  /** Sends an event to this client. Bytes go as a binary message. */
  push(event: string, payload?: object): void
  /** Sends it to all that have joined the topic. @param options - `self: false` leaves this client out */
  broadcast(event: string, payload?: object, options?: { readonly self?: boolean }): void
  /** Tells the topic that somebody is there, until `untrack`, or until this client leaves. @throws `ERR_OPTION` without a key */
  track(key: string, meta?: object): void
  untrack(): void
  /** Sends the client out of the topic, which its channel sees as a close. */
  close(): void
}

/** What a channel needs of whom it belongs to. */
interface Home {
  /** Asked for each time: it lasts as long as somebody is tracked. */
  presenceOf(topic: string): Presence
  remove(channel: Channel): void
}

export class Channel implements PhoenixChannel {
  readonly topic: string
  readonly conn: WebSocketConnection
  readonly data: Record<string, unknown> = {}
  readonly joinRef: string | null
  readonly version: PhoenixVersion
  readonly #home: Home
  /** Behind its end, its own hook `leave` may still broadcast, as `terminate` may in Phoenix. */
  #state: 'here' | 'leaving' | 'gone' = 'here'

  constructor(home: Home, conn: WebSocketConnection, version: PhoenixVersion, join: PhoenixMessage) {
    this.#home = home
    this.conn = conn
    this.version = version
    this.topic = join.topic
    this.joinRef = join.joinRef ?? join.ref
  }

  get isHere(): boolean {
    return this.#state === 'here'
  }

  push(event: string, payload: object = {}): void {
    if (this.isHere) this.send({ joinRef: this.joinRef, ref: null, topic: this.topic, event, payload })
  }

  broadcast(event: string, payload: object = {}, { self = true }: { readonly self?: boolean } = {}): void {
    if (this.#state === 'gone') return
    const message = { joinRef: null, ref: null, topic: this.topic, event, payload }
    for (const version of [1, 2] as const) {
      // The first version has no form for bytes.
      if (version === 1 && isBinary(message)) continue
      const rooms = [roomOf(this.topic, version)]
      this.conn.broadcast(encode(message, version), { rooms, includeSelf: self })
    }
  }

  track(key: string, meta: object = {}): void {
    if (typeof (key as unknown) !== 'string') wrong('channel.track() key', key, 'a string, such as a name')
    // A hook may come to it long after the client has gone, and nobody would ever take that presence away.
    if (this.isHere) this.#tellPresence(this.#presence.track(this.conn, key, meta))
  }

  untrack(): void {
    const diff = this.isHere ? this.#presence.untrack(this.conn) : undefined
    if (diff) this.#tellPresence(diff)
  }

  close(): void {
    if (!this.isHere) return
    this.end('phx_close')
    this.#home.remove(this)
  }

  /** Who has joined knows everybody; from then on it hears what changes. */
  enter(withPresences: boolean): void {
    this.conn.joinRoom(roomOf(this.topic, this.version))
    if (withPresences) this.push('presence_state', this.#presence.state)
  }

  exit(): void {
    this.untrack()
    this.conn.leaveRoom(roomOf(this.topic, this.version))
    this.#state = 'gone'
  }

  /** Runs the hook `leave`. */
  async leaving(leave: (channel: PhoenixChannel) => unknown): Promise<void> {
    this.#state = 'leaving'
    try {
      await leave(this)
    } finally {
      this.#state = 'gone'
    }
  }

  /** Clients look at the `ref`, too, to see which of their joins has ended. */
  end(event: 'phx_close' | 'phx_error'): void {
    this.send({ joinRef: this.joinRef, ref: this.joinRef, topic: this.topic, event, payload: {} })
  }

  send(message: PhoenixMessage): void {
    this.conn.send(encode(message, this.version))
  }

  get #presence(): Presence {
    return this.#home.presenceOf(this.topic)
  }

  #tellPresence(diff: PresenceDiff): void {
    this.broadcast('presence_diff', diff)
  }
}

/** Each version has a form of its own, so that who joins is in the room of it. */
function roomOf(topic: string, version: PhoenixVersion): string {
  // A room has a name, and a topic may be empty.
  return version === 2 && topic !== '' ? topic : `${topic} (vsn ${version})`
}
