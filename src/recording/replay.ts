import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AuthenticateResult, UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import { describe, SidewireError } from '../engine/errors.ts'
import { createLogger } from '../engine/logger.ts'
import { conversationsOf, type Conversation } from './conversation.ts'
import { LookupPlayer } from './lookup-player.ts'
import { literalPattern } from './literal-pattern.ts'
import type { Play, Player } from './player.ts'
import { loadRecording } from './load.ts'
import { tellRead } from '../documents/reads.ts'
import { shortPath } from '../documents/short-path.ts'
import { resolveReplayOptions, type ReplayOptions, type Settings } from './replay-options.ts'
import { scriptOf, type Script } from './script.ts'
import { ScriptPlayer } from './script-player.ts'

export type { ReplayOptions } from './replay-options.ts'

/**
 * Handlers from a recording, or a HAR, for `wsHandlers`: one for each recorded path, which is the whole path, without the
 * `endpointPrefix`; or one for all, with `pattern`. The n-th client of a path gets its n-th connection.
 * @throws `ERR_RECORDING` for a file that cannot be read, `ERR_REPLAY` if no connection of it is wanted, `ERR_OPTION`
 */
export function replay(file: string | URL, options: ReplayOptions = {}): UniversalApiWsHandler[] {
  if (typeof file !== 'string' && !(file instanceof URL))
    throw new SidewireError(
      'ERR_OPTION',
      `replay() got ${describe(file)}; it has to be the path of a file, or a file: URL`,
    )
  const settings = resolveReplayOptions(options)
  const path = file instanceof URL ? fileURLToPath(file) : resolve(file)
  tellRead(path)
  const name = shortPath(path)
  const recording = loadRecording(path, settings.url)
  const logger = createLogger('info', settings.logger)
  for (const warning of recording.warnings) logger.warn(warning)
  const placed = placesOf(conversationsOf(recording), settings)
  if (placed.lost > 0)
    logger.warn(
      `${name}: ${placed.lost} connections are left out, because the file begins after they were opened; option "pattern" gives them a path`,
    )
  if (placed.byPattern.size === 0)
    throw new SidewireError('ERR_REPLAY', `${name} has no connection that can be replayed`)
  const [ids, ignore] = [new Set(settings.ids), new Set(settings.ignore)]
  const play: Play = {
    name,
    settings,
    logger,
    isId: (key) => ids.has(key),
    isLeftOut: (key) => ids.has(key) || ignore.has(key),
  }
  return [...placed.byPattern].map(([pattern, conversations]) =>
    handlerOf({ pattern, ...(settings.pattern === undefined && { prefix: false }) }, conversations, play),
  )
}

function placesOf(
  conversations: readonly Conversation[],
  { pattern }: Settings,
): { readonly byPattern: ReadonlyMap<string, Conversation[]>; readonly lost: number } {
  const byPattern = new Map<string, Conversation[]>()
  let lost = 0
  for (const conversation of conversations) {
    const place = pattern ?? (conversation.path === undefined ? undefined : literalPattern(conversation.path))
    if (place === undefined) lost++
    else byPattern.set(place, [...(byPattern.get(place) ?? []), conversation])
  }
  return { byPattern, lost }
}

/** What the client could send when it was recorded it can send again. */
const DEFAULT_MAX_PAYLOAD = 16 * 1024 * 1024

/** Here and not in a handler: a reload puts another in its place, and who is connected is played to the end. */
const players = new WeakMap<WebSocketConnection, Player>()

function handlerOf(
  place: Pick<UniversalApiWsHandler, 'pattern' | 'prefix'>,
  conversations: readonly Conversation[],
  play: Play,
): UniversalApiWsHandler<Script, string | Buffer> {
  const scripts = conversations.map((conversation) => scriptOf(conversation, play.settings))
  // Written by hand, `"protocol": ""` is none.
  const subprotocols = [...new Set(conversations.flatMap(({ open }) => open?.protocol || []))]
  let next = 0
  return {
    ...place,
    raw: true,
    ...(subprotocols.length > 0 && { subprotocols }),
    maxPayload: Math.max(DEFAULT_MAX_PAYLOAD, ...scripts.map(({ largest }) => largest)),
    authenticate() {
      const script = scripts[next] ?? (play.settings.exhausted === 'repeat' ? scripts.at(-1) : undefined)
      next++
      if (script === undefined)
        return refusal(503, `The recording has ${scripts.length} connections of this path, and they are over`)
      const { refused } = script.conversation
      return refused ? refusal(refused.status, refused.body ?? '') : { success: true, data: script }
    },
    onConnect(conn) {
      const script = conn.authData
      const player =
        play.settings.mode === 'lookup'
          ? new LookupPlayer(conn, play, script, scripts)
          : new ScriptPlayer(conn, play, script)
      players.set(conn, player)
      player.start()
    },
    onMessage: (conn, data) => players.get(conn)?.received(data),
    onDrain: (conn) => players.get(conn)?.drained(),
    onClose: (conn) => players.get(conn)?.stop(),
  }
}

/** What cannot be answered with (a redirect, or no answer at all) is a gateway that got none. */
function refusal(status: number | undefined, reason: string): AuthenticateResult<Script> {
  if (status !== undefined && status >= 400 && status <= 599) return { success: false, status, reason }
  return {
    success: false,
    status: 502,
    reason:
      status === undefined
        ? 'When this was recorded there was no answer'
        : `When this was recorded the answer was HTTP ${status}`,
  }
}
