import { CloseCode } from '../close.ts'
import type { Timer } from '../clock.ts'
import type { Connection, Service } from './connection.ts'
import { SidewireError } from '../errors.ts'

/** A handler with its connections. */
type Watched = Pick<Service, 'context' | 'handler' | 'hooks'> & { connections(): Iterable<Connection> }

/** Pings in a row that a client may leave without any sign of life. */
const MAX_MISSED_PINGS = 3

/**
 * Pings all connections of a handler, on one timer. Any frame from the client counts as life; at the tick
 * after the third ping without one (3 to 4 intervals after the last sign) the client is given up.
 * A tick that is late does not count: what held up this process may hold up the client, too.
 */
export function startHeartbeat(live: Watched): Timer {
  const interval = live.handler.heartbeat
  return live.context.clock.every(interval, (isLate) => {
    for (const conn of live.connections()) {
      // Of one that is paused nothing is read, and so no pong.
      const counts = !isLate && !conn.isPaused
      if (!counts || conn.missedPings < MAX_MISSED_PINGS) {
        if (counts) conn.missedPings++
        conn.sendPing('')
        continue
      }
      live.hooks.report(
        conn,
        new SidewireError(
          'ERR_HEARTBEAT_TIMEOUT',
          `heartbeat timeout: no sign of life from the client after ${MAX_MISSED_PINGS} pings, ${interval} ms apart`,
        ),
      )
      conn.abandon(CloseCode.GoingAway)
    }
  })
}

/** Closes connections without a message or ping for `inactivityTimeout`, on one timer set to the next that is due. */
export function startInactivity(live: Watched): Timer {
  const { clock } = live.context
  const timeout = live.handler.inactivityTimeout
  // Connections fall due at any time; a timer for each would be one per connection again.
  const granularity = Math.max(1, timeout / 50)
  let timer: Timer
  const check = (): void => {
    const now = clock.now()
    let next = timeout
    for (const conn of live.connections()) {
      const left = conn.isPaused ? timeout : conn.lastActive + timeout - now
      if (left <= 0) conn.startClose(CloseCode.NormalClosure, 'Inactivity timeout')
      else if (left < next) next = left
    }
    timer = clock.after(Math.max(next, granularity), check)
  }
  timer = clock.after(timeout, check)
  return { cancel: () => timer.cancel() }
}
