import { describe, SidewireError } from '../errors.ts'

/** Which receivers a `publish` is for. A room that is named and `undefined` is a mistake: it would reach everybody. */
export interface PublishOptions {
  /** Reach only the union of these rooms, each connection once. An empty list reaches nobody. */
  rooms?: readonly string[] | ReadonlySet<string>
  /** The same as `rooms: [room]`. */
  room?: string
  /** Reach only connections of this process, where a broker or workers would carry it to the others. @defaultValue false */
  local?: boolean
}

/** Which receivers a `broadcast` is for. */
export interface BroadcastOptions extends PublishOptions {
  /** Also send to the connection that broadcasts. @defaultValue false */
  includeSelf?: boolean
}

const PUBLISH = ['room', 'rooms', 'local']
const BROADCAST = [...PUBLISH, 'includeSelf']

/**
 * The rooms that options name; `undefined` is everybody. A misspelled name must not be taken for that, so whoever gives
 * options has them checked, at each call: it is JavaScript that calls.
 * @throws `ERR_OPTION`
 */
export function roomsOf(
  options: BroadcastOptions | undefined,
  call: 'publish' | 'broadcast',
): readonly string[] | undefined {
  if (options === undefined) return undefined
  const known = call === 'publish' ? PUBLISH : BROADCAST
  if (typeof options !== 'object' || options === null || Array.isArray(options) || options instanceof Set)
    throw new SidewireError(
      'ERR_OPTION',
      `the options of ${call} are ${describe(options)}; they have to be { room: 'a' } or { rooms: ['a', 'b'] }, ` +
        'or left out to reach everybody',
    )
  for (const key of Object.keys(options)) {
    if (!known.includes(key))
      throw new SidewireError(
        'ERR_OPTION',
        `unknown option "${key}" of ${call}; known are ${known.join(', ')}`,
      )
  }
  const { room, rooms, includeSelf, local } = options
  if (includeSelf !== undefined) assertIncludeSelf(includeSelf, call)
  if (local !== undefined && typeof local !== 'boolean') throw wrong('local', local, call, 'true or false')
  if (room !== undefined && !isRoom(room)) throw wrong('room', room, call, 'a non-empty string')
  if (rooms === undefined && room === undefined) {
    const named = ['room', 'rooms'].find((key) => key in options)
    if (named !== undefined) throw wrong(named, undefined, call, 'left out to reach everybody')
    return undefined
  }
  if (rooms === undefined) return [room as string]
  const names: unknown = rooms instanceof Set ? [...rooms] : rooms
  if (!Array.isArray(names) || !names.every(isRoom))
    throw wrong('rooms', rooms, call, 'a list of non-empty strings')
  return room === undefined ? names : [room, ...names]
}

export function assertIncludeSelf(includeSelf: unknown, call: string): void {
  if (typeof includeSelf !== 'boolean') throw wrong('includeSelf', includeSelf, call, 'true or false')
}

function isRoom(name: unknown): name is string {
  return typeof name === 'string' && name !== ''
}

function wrong(key: string, value: unknown, call: string, accepted: string): SidewireError {
  return new SidewireError(
    'ERR_OPTION',
    `option "${key}" of ${call} is ${describe(value)}; it has to be ${accepted}`,
  )
}
