import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { channelHandler, type PhoenixOptions } from './phoenix.ts'
import type { PhoenixChannel } from './phoenix-channel.ts'
import { PhoenixError, PhoenixSockets } from './phoenix-socket.ts'
import {
  PostgresChanges,
  subscriptionOf,
  type PostgresChange,
  type Subscription,
} from './postgres-changes.ts'
import { isObject, wrong } from '../engine/handler/option-error.ts'

export interface SupabaseOptions extends PhoenixOptions {
  /** Where changes of tables come from. @defaultValue none come */
  changes?: PostgresChanges
  /**
   * A client wants into a channel: its name, and what it gives (`config`, `access_token`). A {@link PhoenixError} keeps it out.
   * @defaultValue everybody may
   */
  join?: Join
}

/** Written as a method, so that one with a payload of its own type fits. */
type Join = { join(name: string, payload: unknown, channel: PhoenixChannel): unknown }['join']

/** Before the names of channels, on the wire. */
const PREFIX = 'realtime:'

type Members = Readonly<Record<string, unknown>>

/**
 * Supabase Realtime, for @supabase/realtime-js and @supabase/supabase-js: broadcast, presence, and changes of Postgres.
 * @throws `ERR_OPTION`
 */
export function supabase(options: SupabaseOptions = {}): UniversalApiWsHandler {
  const { changes, join, ...rest } = isObject(options)
    ? (options as SupabaseOptions)
    : wrong('supabase() options', options, 'an object')
  if (changes !== undefined && !(changes instanceof PostgresChanges))
    wrong('supabase.changes', changes, 'new PostgresChanges()')
  if (join !== undefined && typeof join !== 'function') wrong('supabase.join', join, 'a function')
  const sockets = new PhoenixSockets({
    [`${PREFIX}*`]: {
      presence: true,
      replies: false,
      async join(payload, channel) {
        const { config, subscriptions, asked } = joined(payload)
        Object.assign(channel.data, { config, subscriptions })
        await join?.(nameOf(channel), payload, channel)
        return { postgres_changes: asked.map((each, index) => ({ ...each, id: subscriptions[index]?.id })) }
      },
      joined(channel) {
        if (subscriptionsOf(channel).length > 0)
          channel.push('system', {
            status: 'ok',
            extension: 'postgres_changes',
            message: 'Subscribed to PostgreSQL',
            channel: nameOf(channel),
          })
      },
      on: {
        broadcast(payload, channel) {
          const { self, ack } = configOf(channel, 'broadcast')
          channel.broadcast('broadcast', isObject(payload) ? payload : {}, { self: self === true })
          return ack === true ? {} : undefined
        },
        presence(payload, channel) {
          const { event, payload: meta } = isObject(payload) ? payload : {}
          const { key } = configOf(channel, 'presence')
          if (event === 'track')
            channel.track(
              typeof key === 'string' && key !== '' ? key : channel.conn.id,
              isObject(meta) ? meta : {},
            )
          else channel.untrack()
          return {}
        },
        access_token: () => {},
      },
    },
  })
  const handler = channelHandler('supabase', sockets, rest, '/realtime/v1/websocket', ['changes', 'join'])
  let stop: (() => void) | undefined
  return {
    ...handler,
    onStart(service, handedOver) {
      stop = changes?.listen((change) => tell(sockets, change))
      return handler.onStart?.(service, handedOver)
    },
    onStop(service, info) {
      stop?.()
      return handler.onStop?.(service, info)
    },
  }
}

/** What a client asks for when it joins. */
function joined(payload: unknown): {
  config: Members
  asked: readonly Members[]
  subscriptions: readonly Subscription[]
} {
  const config = isObject(payload) && isObject(payload['config']) ? payload['config'] : {}
  const { postgres_changes: list } = config
  const asked = Array.isArray(list) ? list.filter(isObject) : []
  try {
    return { config, asked, subscriptions: asked.map((each, index) => subscriptionOf(index + 1, each)) }
  } catch (error) {
    throw new PhoenixError((error as Error).message)
  }
}

function tell(sockets: PhoenixSockets, change: PostgresChange): void {
  const data = { ...change, commit_timestamp: new Date().toISOString(), columns: [], errors: null }
  for (const channel of sockets.all) {
    const ids = subscriptionsOf(channel).flatMap((each) => (each.matches(change) ? [each.id] : []))
    if (ids.length > 0) channel.push('postgres_changes', { ids, data })
  }
}

function nameOf({ topic }: PhoenixChannel): string {
  return topic.slice(PREFIX.length)
}

function subscriptionsOf({ data }: PhoenixChannel): readonly Subscription[] {
  return (data['subscriptions'] as readonly Subscription[] | undefined) ?? []
}

function configOf({ data }: PhoenixChannel, part: string): Members {
  const config = data['config']
  return isObject(config) && isObject(config[part]) ? config[part] : {}
}
