import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { checkNames, isObject, wrong, type Members } from '../engine/handler/option-error.ts'

/** What a handler of a preset may have besides what the preset sees to, with the meaning that it has in any handler. */
export type PresetOptions = Pick<
  UniversalApiWsHandler,
  | 'disabled'
  | 'heartbeat'
  | 'inactivityTimeout'
  | 'compression'
  | 'perMessageDeflate'
  | 'maxPayload'
  | 'maxBackpressure'
  | 'maxQueue'
  | 'maxMessagesPerSecond'
  | 'faults'
  | 'delay'
  | 'onStart'
  | 'onStop'
  | 'onError'
  | 'onFault'
>

const SHARED: readonly (keyof PresetOptions)[] = [
  'disabled',
  'heartbeat',
  'inactivityTimeout',
  'compression',
  'perMessageDeflate',
  'maxPayload',
  'maxBackpressure',
  'maxQueue',
  'maxMessagesPerSecond',
  'faults',
  'delay',
  'onStart',
  'onStop',
  'onError',
  'onFault',
]

type Names = readonly string[]

/**
 * Splits what is the preset's own from what is the handler's, whose values the engine looks at when it gets them.
 * @param own - the names of the preset's options
 * @throws `ERR_OPTION` for what is no object, and for an option that the preset does not have
 */
export function splitOptions(
  preset: string,
  options: unknown,
  own: Names,
): { readonly own: Members; readonly handler: PresetOptions } {
  const given = options === undefined ? {} : options
  const known = [...own, ...SHARED]
  if (!isObject(given)) wrong(`${preset}() options`, given, `an object of ${known.join(', ')}`)
  checkNames(given, known, preset)
  const entries = Object.entries(given).filter(([, value]) => value !== undefined)
  return {
    own: Object.fromEntries(entries.filter(([name]) => own.includes(name))),
    handler: Object.fromEntries(entries.filter(([name]) => !own.includes(name))),
  }
}

/** @throws `ERR_OPTION` */
export function checkPath(value: unknown, path: string, example: string): asserts value is string {
  if (typeof value !== 'string' || !value.startsWith('/')) wrong(path, value, `a path, such as '${example}'`)
}

/**
 * The `onStop` of a preset whose library knows its clients. Another version of the handler, with a library of its own, does not, so
 * that they have to come again, which clients do by themselves after 1012 (Service Restart, in IANA's list of close codes).
 * @param left - what the preset does in `onClose`, which only the other version will hear of
 */
export function restarting(
  onStop: PresetOptions['onStop'],
  left: (conn: WebSocketConnection, code: number, reason: string) => unknown,
): NonNullable<PresetOptions['onStop']> {
  return async (service, info) => {
    if (info.reason === 'replaced')
      await Promise.all(
        service.connections.map((conn) => {
          conn.close(RELOADED.code, RELOADED.reason)
          return left(conn, RELOADED.code, RELOADED.reason)
        }),
      )
    return onStop?.(service, info)
  }
}

const RELOADED = { code: 1012, reason: 'The handler was reloaded' }
