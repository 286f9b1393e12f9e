import type { AuthenticateResult, UniversalApiWsHandler } from '../engine/handler/handler.ts'
import type { HandshakeRequest } from '../engine/handshake/request.ts'
import { versionOf } from './phoenix-message.ts'
import { PhoenixSockets, type PhoenixTopics } from './phoenix-socket.ts'
import { checkNames, isObject, wrong } from '../engine/handler/option-error.ts'
import { checkPath, restarting, splitOptions, type PresetOptions } from './options.ts'

export interface PhoenixOptions extends PresetOptions {
  /** The whole path; clients add `/websocket` to what they are given. @defaultValue '/socket/websocket' */
  pattern?: string
  /** Who may connect, by the query (`params` of the client) say. @defaultValue everybody */
  authenticate?: (req: HandshakeRequest) => AuthenticateResult | Promise<AuthenticateResult>
}

/**
 * Phoenix channels, for phoenix.js in both versions of its protocol: topics, answers, broadcasts, presence, binary.
 * @param topics - by their names; one that ends with a `*` is for all that begin so: `'room:*'`
 * @throws `ERR_OPTION`
 */
export function phoenix(topics: PhoenixTopics, options?: PhoenixOptions): UniversalApiWsHandler {
  checkTopics(topics)
  return channelHandler('phoenix', new PhoenixSockets(topics), options, '/socket/websocket')
}

/** @throws `ERR_OPTION` */
export function channelHandler(
  preset: string,
  sockets: PhoenixSockets,
  options: PhoenixOptions | undefined,
  defaultPattern: string,
  more: readonly string[] = [],
): UniversalApiWsHandler {
  const { own, handler } = splitOptions(preset, options, ['pattern', 'authenticate', ...more])
  const { pattern = defaultPattern, authenticate } = own as Partial<PhoenixOptions>
  checkPath(pattern, `${preset}.pattern`, defaultPattern)
  // One that ends with a wildcard or a parameter may be for it as well.
  if (!/(?:\/websocket|[*}])$/.test(pattern))
    wrong(
      `${preset}.pattern`,
      pattern,
      `what clients ask for, who add /websocket to what they are given: '${pattern.replace(/\/$/, '')}/websocket'`,
    )
  if (authenticate !== undefined && typeof authenticate !== 'function')
    wrong(`${preset}.authenticate`, authenticate, 'a function')
  return {
    ...handler,
    pattern,
    prefix: false,
    raw: true,
    onStart(service, handedOver) {
      sockets.fail = (error) => service.logger.error(`${pattern}: ${String(error)}`)
      return handler.onStart?.(service, handedOver)
    },
    authenticate(req) {
      if (versionOf(req.url) === undefined)
        return {
          success: false,
          status: 400,
          reason: 'Of the versions of Phoenix channels, vsn is 1.0.0 or 2.0.0',
        }
      return authenticate ? authenticate(req) : true
    },
    onMessage: (conn, data: string | Buffer) => sockets.receive(conn, data),
    onClose: (conn) => sockets.left(conn),
    onStop: restarting(handler.onStop, (conn) => sockets.left(conn)),
  }
}

const HOOKS = ['join', 'joined', 'on', 'leave', 'presence', 'replies']

function checkTopics(topics: unknown): asserts topics is PhoenixTopics {
  if (!isObject(topics))
    wrong('phoenix() topics', topics, "an object of topics by their names, such as { 'room:*': {} }")
  for (const [name, topic] of Object.entries(topics)) {
    const path = `phoenix() topics["${name}"]`
    if (!isObject(topic)) wrong(path, topic, `an object of ${HOOKS.join(', ')}`)
    if (name.slice(0, -1).includes('*')) wrong(path, name, 'a name with a * at its end only')
    checkNames(topic, HOOKS, path)
    const { join, joined, on, leave, presence, replies } = topic
    for (const [hook, value] of Object.entries({ join, joined, leave }))
      if (value !== undefined && typeof value !== 'function') wrong(`${path}.${hook}`, value, 'a function')
    for (const [flag, value] of Object.entries({ presence, replies }))
      if (value !== undefined && typeof value !== 'boolean') wrong(`${path}.${flag}`, value, 'true or false')
    if (on !== undefined && !isObject(on))
      wrong(`${path}.on`, on, 'an object of functions by the names of events')
    for (const [event, take] of Object.entries(on ?? {}))
      if (typeof take !== 'function') wrong(`${path}.on.${event}`, take, 'a function')
  }
}
