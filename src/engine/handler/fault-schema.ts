import * as v from 'valibot'
import { isSendableCloseCode } from '../close.ts'
import { MAX_TIMER_MS } from '../timers.ts'
import { isSpan } from './span.ts'

// What `faults` may be. Each message says what is accepted; `checkOptions` puts the option and its value in front of it.

const flag = v.boolean('true or false')

function span(min: number, what: string) {
  return v.custom<number | readonly [number, number]>((value) => isSpan(value, min), `${what}, or [min, max]`)
}

const milliseconds = span(0, `milliseconds from 0 to ${MAX_TIMER_MS}`)

function positive(accepted: string) {
  return v.pipe(v.number(accepted), v.integer(accepted), v.minValue(1, accepted))
}

const COUNT = 'a whole number from 1'
const RATE = 'a probability from 0 to 1'
const rate = v.pipe(v.number(RATE), v.minValue(0, RATE), v.maxValue(1, RATE))

const ones = {
  rate: v.optional(rate),
  first: v.optional(positive(COUNT)),
  after: v.optional(positive(COUNT)),
  nth: v.optional(v.union([positive(COUNT), v.array(positive(COUNT))], `${COUNT}, or a list of them`)),
  every: v.optional(positive(COUNT)),
}

const which = v.union([rate, v.strictObject(ones)], `${RATE}, or { rate, first, after, nth, every }`)

const messages = v.union(
  [rate, v.strictObject({ ...ones, match: v.optional(v.function('a function')) })],
  `${RATE}, or { rate, first, after, nth, every, match }`,
)

const link = {
  latency: v.optional(milliseconds),
  bandwidth: v.optional(positive('a whole number of bytes a second, from 1')),
  stall: v.optional(flag),
  drop: v.optional(messages),
  duplicate: v.optional(messages),
  reorder: v.optional(messages),
  corrupt: v.optional(messages),
}

const CODE = 'a close code that can be sent: 1000-1003, 1007-1014 or 3000-4999'
const code = v.custom<number>(isSendableCloseCode, CODE)
const reason = v.optional(v.string('a string'))

const WITH = "an HTTP status from 400 to 599, 'hangup', 'hang', or { code, reason }"

const handshake = v.strictObject(
  {
    delay: v.optional(milliseconds),
    refuse: v.optional(which),
    with: v.optional(
      v.union(
        [
          v.pipe(v.number(WITH), v.integer(WITH), v.minValue(400, WITH), v.maxValue(599, WITH)),
          v.picklist(['hangup', 'hang'], WITH),
          v.strictObject({ code, reason }),
        ],
        WITH,
      ),
    ),
  },
  '{ delay, refuse, with }',
)

const disconnect = v.strictObject(
  {
    connections: v.optional(which),
    after: v.optional(milliseconds),
    afterMessages: v.optional(span(1, 'a number of messages from 1')),
    afterBytes: v.optional(positive('a whole number of bytes, from 1')),
    code: v.optional(code),
    reason,
  },
  '{ connections, after, afterMessages, afterBytes, code, reason }',
)

export const faultsSchema: v.GenericSchema = v.strictObject(
  {
    ...link,
    incoming: v.optional(v.strictObject(link, 'an object of faults for messages from the client')),
    handshake: v.optional(handshake),
    disconnect: v.optional(disconnect),
    halfOpen: v.optional(
      v.union(
        [flag, v.strictObject({ connections: v.optional(which), after: v.optional(milliseconds) })],
        'true, false, or { connections, after }',
      ),
    ),
    seed: v.optional(v.union([v.pipe(v.number(), v.finite()), v.string()], 'a number or a string')),
    key: v.optional(v.function('a function')),
  },
  'an object of faults: { latency, drop, handshake, disconnect, ... }',
)

const where = v.optional(v.function('a function'))
const TIME = `a number of milliseconds above 0, ${MAX_TIMER_MS} at most`

/** Of `setFaults`. */
export const faultOptionsSchema: v.GenericSchema = v.strictObject(
  { for: v.optional(v.pipe(v.number(TIME), v.gtValue(0, TIME), v.maxValue(MAX_TIMER_MS, TIME))), where },
  'an object: { for, where }',
)

/** Of `disconnect`. */
export const disconnectOptionsSchema: v.GenericSchema = v.strictObject(
  // What a code may be is said by ERR_CLOSE_CODE, as in all other calls.
  { code: v.optional(v.any()), reason, where },
  'an object: { code, reason, where }',
)
