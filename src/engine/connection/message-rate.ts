import { CloseCode } from '../close.ts'
import type { Connection } from './connection.ts'
import { SidewireError } from '../errors.ts'

/** What a client may send at once, after a pause as long. */
const BURST_MS = 1000
/** A delay of the event loop that the burst does not make up for. */
export const NOTICED_LAG_MS = 200

/**
 * Takes one message out of the connection's allowance; past it, closes it with 1008. A token bucket that holds one
 * second's worth, kept as the one time until which everything is paid for (GCRA, ITU-T I.371). After a handler blocked the
 * event loop, or paused the connection, or the machine slept, all that was sent meanwhile is read at once: it counts as if it
 * had come in that time.
 */
export function takeMessage(conn: Connection): boolean {
  const { live } = conn
  const { maxMessagesPerSecond } = live.handler
  const now = live.context.clock.now()
  const cost = 1000 / maxMessagesPerSecond
  const since = Math.min(live.lag.waitingSince(now), conn.waitingSince(now))
  const paidUntil = Math.max(conn.paidUntil, since) + cost
  // Half a message, because the sum of many thirds is no whole number.
  if (paidUntil <= now + BURST_MS + cost / 2) {
    conn.paidUntil = paidUntil
    return true
  }
  live.context.stats.closedForMessageRate++
  live.hooks.report(
    conn,
    new SidewireError(
      'ERR_MESSAGE_RATE',
      `the client sends too fast: more than maxMessagesPerSecond (${maxMessagesPerSecond}) messages`,
    ),
  )
  conn.startClose(CloseCode.PolicyViolation, 'Too many messages')
  return false
}
