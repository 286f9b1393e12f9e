import { describe, SidewireError } from '../engine/errors.ts'
import { didYouMean } from '../engine/edit-distance.ts'
import type { Span } from '../engine/handler/faults.ts'
import type { UniversalApiWsHandler } from '../engine/handler/handler.ts'
import { isObject } from '../engine/handler/option-error.ts'
import type { Scenario } from '../engine/handler/scenario.ts'
import { isSpan } from '../engine/handler/span.ts'
import type { Logger } from '../engine/logger.ts'
import type { Schemas } from '../engine/schema/schemas.ts'

export interface AsyncApiOptions {
  /** Whom the document describes. `'auto'` finds out, and says why. @defaultValue 'auto' */
  perspective?: 'server' | 'client' | 'auto'
  /** Which of its `servers`. @defaultValue the first for WebSockets */
  server?: string
  /** Patterns by the id of a channel, where its address is no path, or another is wanted. @defaultValue {} */
  patterns?: Readonly<Record<string, string>>
  /**
   * What comes unasked. `'connect'`: what the document greets with, when a client has connected; `{ every }`: then also the others that
   * are no replies, one after the other, so many milliseconds apart; `'never'`: nothing. @defaultValue 'connect'
   */
  push?: 'connect' | 'never' | { readonly every: Span }
  /** The document's examples, and values made by its schemas where there are none; or made ones only. @defaultValue 'examples' */
  samples?: 'examples' | 'generate'
  /**
   * What becomes of a message that fits no schema. `'warn'`: it is logged, and answered with an error that the document has as
   * reply, or else as if it were valid. The others are those of `schema.onInvalid`. @defaultValue 'warn'
   */
  onInvalid?: 'warn' | NonNullable<Schemas['onInvalid']>
  /** What made values come from. @defaultValue 1 */
  seed?: number | string
  /** By the id of a channel, or a pattern: in the place of what the document gives. @defaultValue {} */
  scenarios?: Readonly<Record<string, Scenario>>
  /** Changes a handler, or leaves it out with `undefined`. @defaultValue none */
  adapt?(handler: UniversalApiWsHandler, channelIds: readonly string[]): UniversalApiWsHandler | undefined
  /** Who is told of what is odd. @defaultValue console */
  logger?: Logger
}

export interface Settings {
  readonly perspective: 'server' | 'client' | 'auto'
  readonly server: string | undefined
  readonly patterns: Readonly<Record<string, string>>
  readonly push: 'connect' | 'never' | { readonly every: Span }
  readonly samples: 'examples' | 'generate'
  readonly onInvalid: 'warn' | NonNullable<Schemas['onInvalid']>
  readonly seed: number | string
  readonly scenarios: Readonly<Record<string, Scenario>>
  readonly adapt: NonNullable<AsyncApiOptions['adapt']>
  readonly logger: Logger | undefined
}

type Check = readonly [accepts: (value: unknown) => boolean, what: string]

const oneOf = (...values: readonly string[]): Check => [
  (value) => values.includes(value as string),
  `one of ${values.map((value) => `'${value}'`).join(', ')}`,
]

const CHECKS: Readonly<Record<keyof AsyncApiOptions, Check>> = {
  perspective: oneOf('server', 'client', 'auto'),
  server: [(value) => typeof value === 'string', 'the name of one of its servers'],
  patterns: [
    (value) => isObject(value) && Object.values(value).every((each) => typeof each === 'string'),
    "patterns by the id of a channel: { orders: '/orders/{id}' }",
  ],
  push: [
    (value) => value === 'connect' || value === 'never' || (isObject(value) && isSpan(value['every'], 1)),
    "'connect', 'never', or { every } with milliseconds, or [min, max]",
  ],
  samples: oneOf('examples', 'generate'),
  onInvalid: [
    (value) => typeof value === 'function' || ['warn', 'ignore', 'close'].includes(value as string),
    "'warn', 'ignore', 'close', or a function",
  ],
  seed: [(value) => typeof value === 'string' || Number.isFinite(value), 'a number or a string'],
  scenarios: [
    (value) => isObject(value) && Object.values(value).every(isObject),
    'scenarios by the id of a channel, or a pattern',
  ],
  adapt: [(value) => typeof value === 'function', 'a function'],
  logger: [
    (value) =>
      isObject(value) &&
      ['error', 'warn', 'info', 'debug'].every((name) => typeof value[name] === 'function'),
    'an object with the methods error, warn, info and debug',
  ],
}

/** @throws `ERR_OPTION`, naming the option, its value, and what is accepted */
export function resolveAsyncApiOptions(options: AsyncApiOptions): Settings {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new SidewireError(
      'ERR_OPTION',
      `fromAsyncApi() got the options ${describe(options)}; they have to be an object`,
    )
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(CHECKS, name)) {
      const known = Object.keys(CHECKS)
      throw new SidewireError(
        'ERR_OPTION',
        `unknown option "${name}" of fromAsyncApi();${didYouMean(name, known)} known are ${known.join(', ')}`,
      )
    }
    const [accepts, what] = CHECKS[name as keyof AsyncApiOptions]
    if (value !== undefined && !accepts(value))
      throw new SidewireError(
        'ERR_OPTION',
        `option "${name}" of fromAsyncApi() is ${describe(value)}; it has to be ${what}`,
      )
  }
  return {
    perspective: options.perspective ?? 'auto',
    server: options.server,
    patterns: options.patterns ?? {},
    push: options.push ?? 'connect',
    samples: options.samples ?? 'examples',
    onInvalid: options.onInvalid ?? 'warn',
    seed: options.seed ?? 1,
    scenarios: options.scenarios ?? {},
    adapt: options.adapt ? (handler, ids) => options.adapt?.(handler, ids) : (handler) => handler,
    logger: options.logger,
  }
}

/** @throws `ERR_OPTION` for a name of which there is nothing */
export function assertKnown(option: string, names: readonly string[], known: readonly string[]): void {
  for (const name of names) {
    if (known.includes(name)) continue
    throw new SidewireError(
      'ERR_OPTION',
      `option "${option}" of fromAsyncApi() has "${name}", of which the document has nothing;${didYouMean(name, known)} it has ${known.join(', ')}`,
    )
  }
}
