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
    if (event === 'phx_join') return this.#join(conn, version, message, answer)
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

  async #join(
    conn: WebSocketConnection,
    version: PhoenixVersion,
    message: PhoenixMessage,
    answer: Answer,
  ): Promise<void> {
    const { topic } = message
    const hooks = this.#hooksOf(topic)
    if (!hooks) return answer('error', { reason: 'unmatched topic' })
    const before = this.#channels.get(conn)?.get(topic)
    if (before) {
      before.end('phx_close')
      await this.#leave(before)
    }
    const presence = this.#presences.get(topic) ?? new Presence()
    this.#presences.set(topic, presence)
    const remove = (each: Channel): void => void this.#leave(each).catch(this.fail)
    const channel = new Channel({ presence, remove }, conn, version, message)
    const channels = this.#channels.get(conn) ?? new Map<string, Channel>()
    this.#channels.set(conn, channels.set(topic, channel))
    let response: unknown
    try {
      response = await hooks.join?.(message.payload, channel)
    } catch (error) {
      this.#forget(channel)
      answer('error', error instanceof PhoenixError ? error.response : { reason: 'join crashed' })
      if (error instanceof PhoenixError) return
      throw error
    }
    // It may have left, or gone, meanwhile.
    if (this.#channels.get(conn)?.get(topic) !== channel) return void (await hooks.leave?.(channel))
    answer('ok', asResponse(response))
    channel.enter(hooks.presence === true)
    await hooks.joined?.(channel)
  }

  async #take(channel: Channel, { event, payload }: PhoenixMessage, answer: Answer): Promise<void> {
    const { on, replies = true } = this.#hooksOf(channel.topic) ?? {}
    const take = on && Object.hasOwn(on, event) ? on[event] : on?.['*']
    if (!take) return answer('error', { reason: `no hook for the event ${event}` })
    try {
      const response = await take(payload, channel, event)
      if (replies || response !== undefined) answer('ok', asResponse(response))
    } catch (error) {
      if (error instanceof PhoenixError) return answer('error', error.response)
      // As where a channel's process ends: the client joins again.
      channel.end('phx_error')
      await this.#leave(channel)
      throw error
    }
  }

  async #leave(channel: Channel): Promise<void> {
    if (this.#forget(channel)) await this.#hooksOf(channel.topic)?.leave?.(channel)
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
