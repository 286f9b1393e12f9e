import { describe, SidewireError } from '../engine/errors.ts'
import type { Logger } from '../engine/logger.ts'
import type { WebSocketConnection } from '../engine/connection/websocket-connection.ts'

export interface ReplayOptions {
  /** One pattern for all connections of the file, such as `'/ws/orders/{id}'`. @defaultValue a handler for each recorded path */
  pattern?: string
  /** Which connections of the file: those whose URL contains the text, or matches. @defaultValue all */
  url?: string | RegExp
  /**
   * `'lockstep'`: what the server sent comes when the client has sent as many messages as before it in the recording.
   * `'clock'`: at its time after the open, whatever the client does. `'lookup'`: each message of the client is answered with
   * what followed the recorded one that is like it. @defaultValue 'lockstep'
   */
  mode?: 'lockstep' | 'clock' | 'lookup'
  /** How many times as fast; `Infinity` is at once. @defaultValue 1 */
  speed?: number
  /** Milliseconds that nothing happens at most, after `speed`. @defaultValue Infinity */
  maxGap?: number
  /**
   * Keys whose values name a request: they need not be as recorded, and the answers carry the client's own.
   * @defaultValue ['id', 'requestId', 'request_id', 'correlationId', 'ref', 'nonce']
   */
  ids?: readonly string[]
  /** Keys whose values need not be as recorded. @defaultValue ['timestamp', 'ts', 'time', 'sentAt', 'token'] */
  ignore?: readonly string[]
  /** Whether a message of the client is the recorded one, in the place of comparing by value. */
  compare?(recorded: unknown, received: unknown): boolean
  /** Messages that count for nothing, on both sides: heartbeats. */
  skip?(data: unknown, from: 'client' | 'server'): boolean
  /** What is sent in the place of a recorded message; `undefined` leaves it. `index` counts the server's, from 1. */
  rewrite?(data: unknown, context: { conn: WebSocketConnection; index: number }): unknown
  /** When a message of the client is not the recorded one; `'close'` closes with 1008. @defaultValue 'warn' */
  onMismatch?: 'warn' | 'ignore' | 'close'
  /** When all is played, and no close was recorded. @defaultValue 'hold' */
  onEnd?: 'hold' | 'close' | 'loop'
  /** When more clients come than were recorded: the last again, or HTTP 503. @defaultValue 'repeat' */
  exhausted?: 'repeat' | 'refuse'
  /** Who is told of mismatches, and of what is odd in the file. @defaultValue the console */
  logger?: Logger
}

export interface Settings extends Omit<
  Required<ReplayOptions>,
  'pattern' | 'url' | 'compare' | 'skip' | 'rewrite'
> {
  readonly pattern: string | undefined
  readonly url: string | RegExp | undefined
  readonly ids: readonly string[]
  readonly ignore: readonly string[]
  readonly compare: NonNullable<ReplayOptions['compare']> | undefined
  readonly skip: NonNullable<ReplayOptions['skip']>
  readonly rewrite: NonNullable<ReplayOptions['rewrite']> | undefined
}

const IDS = ['id', 'requestId', 'request_id', 'correlationId', 'ref', 'nonce']
const IGNORE = ['timestamp', 'ts', 'time', 'sentAt', 'token']

type Check = readonly [accepts: (value: unknown) => boolean, what: string]

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const oneOf = (...values: readonly string[]): Check => [
  (value) => values.includes(value as string),
  `one of ${values.map((value) => `'${value}'`).join(', ')}`,
]
const KEYS: Check = [(value) => Array.isArray(value) && value.every(isText), "a list of keys such as ['id']"]
const FUNCTION: Check = [(value) => typeof value === 'function', 'a function']

const CHECKS: Readonly<Record<keyof ReplayOptions, Check>> = {
  pattern: [isText, "a pattern such as '/ws/orders/{id}'"],
  url: [(value) => isText(value) || value instanceof RegExp, 'a part of the URL, or a regular expression'],
  mode: oneOf('lockstep', 'clock', 'lookup'),
  speed: [(value) => typeof value === 'number' && value > 0, 'a number above 0; Infinity is at once'],
  maxGap: [(value) => typeof value === 'number' && value >= 0, 'a number of milliseconds, 0 or more'],
  ids: KEYS,
  ignore: KEYS,
  compare: FUNCTION,
  skip: FUNCTION,
  rewrite: FUNCTION,
  onMismatch: oneOf('warn', 'ignore', 'close'),
  onEnd: oneOf('hold', 'close', 'loop'),
  exhausted: oneOf('repeat', 'refuse'),
  logger: [
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      ['error', 'warn', 'info', 'debug'].every((name) => typeof (value as never)[name] === 'function'),
    'an object with the methods error, warn, info and debug',
  ],
}

/** Keys whose values are others each time. */
export const LEFT_OUT: readonly string[] = [...IDS, ...IGNORE]

/** @throws `ERR_OPTION` */
export function resolveReplayOptions(options: ReplayOptions): Settings {
  if (typeof options !== 'object' || options === null)
    throw new SidewireError(
      'ERR_OPTION',
      `replay() got ${describe(options)} behind the file; it has to be an object of options`,
    )
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof ReplayOptions] : undefined
    if (check === undefined)
      throw new SidewireError(
        'ERR_OPTION',
        `replay(): unknown option "${name}"; known are ${Object.keys(CHECKS).join(', ')}`,
      )
    const [accepts, what] = check
    if (value !== undefined && !accepts(value))
      throw new SidewireError(
        'ERR_OPTION',
        `replay(): option "${name}" is ${describe(value)}; it has to be ${what}`,
      )
  }
  return {
    pattern: options.pattern,
    url: options.url,
    mode: options.mode ?? 'lockstep',
    speed: options.speed ?? 1,
    maxGap: options.maxGap ?? Infinity,
    ids: options.ids ?? IDS,
    ignore: options.ignore ?? IGNORE,
    compare: options.compare?.bind(options),
    skip: options.skip?.bind(options) ?? (() => false),
    rewrite: options.rewrite?.bind(options),
    onMismatch: options.onMismatch ?? 'warn',
    onEnd: options.onEnd ?? 'hold',
    exhausted: options.exhausted ?? 'repeat',
    logger: options.logger ?? console,
  }
}
