import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { Channel, type PhoenixChannel } from './phoenix-channel.ts'
import { decode, encode, versionOf, type PhoenixMessage, type PhoenixVersion } from './phoenix-message.ts'
import { Presence } from './presence.ts'

/** Written as methods, so that a hook with a payload of its own type fits. */
type Join = { join(payload: unknown, channel: PhoenixChannel): unknown }['join']
type Take = { take(payload: unknown, channel: PhoenixChannel, event: string): unknown }['take']

/** What happens in the topics of one name, or of one pattern. Every hook may be async. */
export interface PhoenixTopic {
  /**
   * A client wants in; what it returns is the answer. A {@link PhoenixError} keeps it out.
   * @defaultValue everybody may
   */
  readonly join?: Join
  /** It is in: what is pushed here comes behind the answer. */
  readonly joined?: (channel: PhoenixChannel) => unknown
  /** By the name of the event, `'*'` for the others. What one returns is the answer. @defaultValue none */
  readonly on?: Readonly<Record<string, Take>>
  /** A client has left the topic, or has gone. */
  readonly leave?: (channel: PhoenixChannel) => unknown
  /** Whether who joins is told who is there (`presence_state`): see `channel.track`. @defaultValue false */
  readonly presence?: boolean
  /** Whether an event is answered where its hook returns nothing. @defaultValue true */
  readonly replies?: boolean
}

export type PhoenixTopics = Readonly<Record<string, PhoenixTopic>>

/** The answer `error` to a join or an event. */
export class PhoenixError extends Error {
  override readonly name = 'PhoenixError'
  readonly response: object

  constructor(response: object | string) {
    super(typeof response === 'string' ? response : JSON.stringify(response))
    this.response = typeof response === 'string' ? { reason: response } : response
  }
}

/** All sockets of one handler: who is in which topic. */
export class PhoenixSockets {
  /** Where a failure goes that no hook of the engine waits for. */
  fail: (error: unknown) => void = () => {}
  readonly #topics: PhoenixTopics
  readonly #channels = new Map<WebSocketConnection, Map<string, Channel>>()
  readonly #presences = new Map<string, Presence>()
  /** Whose hook `join` still runs: `leave` follows behind it. */
  readonly #joining = new WeakSet<Channel>()
  /** Joins that have not settled: what comes behind one waits for it, as it does for a process of Phoenix. */
  readonly #joins = new WeakMap<WebSocketConnection, Map<string, Promise<unknown>>>()

  constructor(topics: PhoenixTopics) {
    this.#topics = topics
  }

  get all(): Iterable<Channel> {
    return [...this.#channels.values()].flatMap((channels) => [...channels.values()])
  }

  async receive(conn: WebSocketConnection, data: string | Buffer): Promise<void> {
    const version = versionOf(conn.req.url) ?? 2
    const message = decode(data, version)
    if (!message) return conn.close(1007, `Not a message of Phoenix channels, vsn ${version}`)
    const { topic, event } = message
    const answer = (status: 'ok' | 'error', response: object): void =>
      reply(conn, version, message, status, response)
    if (topic === 'phoenix') return event === 'heartbeat' ? answer('ok', {}) : undefined
    if (event === 'phx_join')
      return this.#inTurn(message, conn, () => this.#join(conn, version, message, answer))
    const join = this.#joins.get(conn)?.get(topic)
    if (join) await join
    const channel = this.#channels.get(conn)?.get(topic)
    if (!channel || (message.joinRef !== null && message.joinRef !== channel.joinRef))
      return answer('error', { reason: 'unmatched topic' })
    if (event !== 'phx_leave') return this.#take(channel, message, answer)
    answer('ok', {})
    channel.end('phx_close')
    return this.#leave(channel)
  }

  /** Of a client that has gone. */
  async left(conn: WebSocketConnection): Promise<void> {
    const channels = [...(this.#channels.get(conn)?.values() ?? [])]
    await Promise.all(channels.map((channel) => this.#leave(channel)))
  }

  /** One join after the other; `join` says what is left to wait for when it has settled. */
  async #inTurn(
    { topic }: PhoenixMessage,
    conn: WebSocketConnection,
    join: () => Promise<{ readonly joined: unknown } | undefined>,
  ): Promise<void> {
    const joins = this.#joins.get(conn) ?? new Map<string, Promise<unknown>>()
    this.#joins.set(conn, joins)
    const before = joins.get(topic)
    const made = (async () => {
      if (before === undefined) return join()
      await before
      return conn.closed ? undefined : join()
    })()
    const settled = made.then(
      () => {},
      () => {},
    )
    joins.set(topic, settled)
    try {
      await (
        await made
      )?.joined
    } finally {
      if (joins.get(topic) === settled) joins.delete(topic)
    }
  }

  async #join(
    conn: WebSocketConnection,
    version: PhoenixVersion,
    message: PhoenixMessage,
    answer: Answer,
  ): Promise<{ readonly joined: unknown } | undefined> {
    const { topic } = message
    const hooks = this.#hooksOf(topic)
    if (!hooks) {
      answer('error', { reason: 'unmatched topic' })
      return undefined
    }
    const before = this.#channels.get(conn)?.get(topic)
    if (before) {
      before.end('phx_close')
      await this.#leave(before)
      if (conn.closed) return undefined
    }
    const remove = (each: Channel): void => void this.#leave(each).catch(this.fail)
    const presenceOf = (name: string): Presence => this.#presenceOf(name)
    const channel = new Channel({ presenceOf, remove }, conn, version, message)
    const channels = this.#channels.get(conn) ?? new Map<string, Channel>()
    this.#channels.set(conn, channels.set(topic, channel))
    this.#joining.add(channel)
    let response: unknown
    try {
      response = await hooks.join?.(message.payload, channel)
    } catch (error) {
      this.#forget(channel)
      answer('error', error instanceof PhoenixError ? error.response : { reason: 'join crashed' })
      if (error instanceof PhoenixError) return undefined
      throw error
    } finally {
      this.#joining.delete(channel)
    }
    // It was sent out, or has gone, meanwhile.
    if (!channel.isHere) {
      if (hooks.leave) await channel.leaving(hooks.leave)
      return undefined
    }
    answer('ok', asResponse(response))
    channel.enter(hooks.presence === true)
    return { joined: hooks.joined?.(channel) }
  }

  async #take(channel: Channel, { event, payload }: PhoenixMessage, answer: Answer): Promise<void> {
    const { on, replies = true } = this.#hooksOf(channel.topic) ?? {}
    const take = on && Object.hasOwn(on, event) ? on[event] : on?.['*']
    if (!take) return answer('error', { reason: `no hook for the event ${event}` })
    try {
      const made = take(payload, channel, event)
      // At once if it can be: a client that leaves behind it has its answers in that order.
      const response: unknown = made instanceof Promise ? await made : made
      if (replies || response !== undefined) answer('ok', asResponse(response))
    } catch (error) {
      if (error instanceof PhoenixError) return answer('error', error.response)
      // As where a channel's process ends: the client joins again.
      if (channel.isHere) channel.end('phx_error')
      await this.#leave(channel)
      throw error
    }
  }

  async #leave(channel: Channel): Promise<void> {
    const isJoining = this.#joining.has(channel)
    if (!this.#forget(channel) || isJoining) return
    const leave = this.#hooksOf(channel.topic)?.leave
    if (leave) await channel.leaving(leave)
  }

  /** @returns whether it was there */
  #forget(channel: Channel): boolean {
    const { conn, topic } = channel
    const channels = this.#channels.get(conn)
    if (channels?.get(topic) !== channel) return false
    channels.delete(topic)
    if (channels.size === 0) this.#channels.delete(conn)
    channel.exit()
    if (this.#presences.get(topic)?.isEmpty) this.#presences.delete(topic)
    return true
  }

  #presenceOf(topic: string): Presence {
    const presence = this.#presences.get(topic) ?? new Presence()
    this.#presences.set(topic, presence)
    return presence
  }

  /** The topic by its name, else by the longest pattern, which ends with a `*`. */
  #hooksOf(topic: string): PhoenixTopic | undefined {
    if (Object.hasOwn(this.#topics, topic)) return this.#topics[topic]
    const [longest] = Object.keys(this.#topics)
      .filter((name) => name.endsWith('*') && topic.startsWith(name.slice(0, -1)))
      .toSorted((a, b) => b.length - a.length)
    return longest === undefined ? undefined : this.#topics[longest]
  }
}

type Answer = (status: 'ok' | 'error', response: object) => void

function reply(
  conn: WebSocketConnection,
  version: PhoenixVersion,
  { joinRef, ref, topic }: PhoenixMessage,
  status: 'ok' | 'error',
  response: object,
): void {
  conn.send(encode({ joinRef, ref, topic, event: 'phx_reply', payload: { status, response } }, version))
}

/** An answer is an object; what else a hook returns is one of its own. */
function asResponse(value: unknown): object {
  if (value === undefined || value === null) return {}
  return typeof value === 'object' ? value : { response: value }
}
