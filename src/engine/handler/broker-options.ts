import * as v from 'valibot'
import type { Broker, BrokerOptions } from '../broker.ts'
import { MAX_TIMER_MS } from '../timers.ts'

/** Complete: which broker, and how much of what was sent is kept. */
export interface ResolvedBrokerOptions {
  /** Where it is, or one that the user brings. */
  readonly broker: Broker | Pick<BrokerOptions, 'url' | 'prefix' | 'tls'>
  readonly buffer: number
  readonly bufferTime: number
  readonly nodeTimeout: number
  readonly readyz: boolean
}

const URL_TEXT = "a URL such as 'redis://localhost:6379' or 'nats://localhost:4222'"
const FORMS = `${URL_TEXT}, an object with it as "url", or a broker of your own with open, publish and close`
const text = (accepted: string) => v.pipe(v.string(accepted), v.nonEmpty(accepted))
const number = (min: number, accepted: string) =>
  v.pipe(
    v.number(accepted),
    v.integer(accepted),
    v.minValue(min, accepted),
    v.maxValue(MAX_TIMER_MS, accepted),
  )

export const brokerSchema: v.GenericSchema = v.union(
  [
    text(FORMS),
    v.custom<Broker>(isBroker, FORMS),
    v.strictObject(
      {
        url: text(URL_TEXT),
        prefix: v.optional(text("a name such as 'shop'")),
        buffer: v.optional(number(0, 'a whole number of bytes, 0 to keep nothing')),
        bufferTime: v.optional(number(0, 'a whole number of milliseconds')),
        nodeTimeout: v.optional(
          number(2500, 'a whole number of milliseconds from 2500 on, since nodes speak every 2 s'),
        ),
        readyz: v.optional(v.boolean('true or false')),
        tls: v.optional(
          v.strictObject(
            {
              ca: v.optional(text('the path of a PEM file')),
              cert: v.optional(text('the path of a PEM file')),
              key: v.optional(text('the path of a PEM file')),
            },
            '{ ca, cert, key }, the paths of PEM files',
          ),
        ),
      },
      FORMS,
    ),
  ],
  FORMS,
)

export function resolveBroker(
  option: string | Broker | BrokerOptions | undefined,
): ResolvedBrokerOptions | undefined {
  if (option === undefined) return undefined
  const options = typeof option === 'string' ? { url: option } : isBroker(option) ? undefined : option
  const { buffer = 1024 * 1024, bufferTime = 5000, nodeTimeout = 6000, readyz = false } = options ?? {}
  return { broker: options ?? (option as Broker), buffer, bufferTime, nodeTimeout, readyz }
}

function isBroker(value: unknown): value is Broker {
  if (typeof value !== 'object' || value === null) return false
  return ['open', 'publish', 'close'].every(
    (name) => typeof (value as Record<string, unknown>)[name] === 'function',
  )
}
