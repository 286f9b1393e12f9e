import { CloseCode } from './close.ts'
import type { Timer } from './clock.ts'
import { SidewireError } from './errors.ts'
import type { LiveHandler } from './live-handler.ts'

/** Pings in a row that a client may leave without any sign of life. */
const MAX_MISSED_PINGS = 3

/**
 * Pings all connections of a handler, on one timer. Any frame from the client counts as life; at the tick
 * after the third ping without one (3 to 4 intervals after the last sign) the client is given up.
 */
export function startHeartbeat(live: LiveHandler): Timer {
  const interval = live.handler.heartbeat
  return live.context.clock.every(interval, () => {
    for (const conn of live.connections()) {
      if (conn.missedPings < MAX_MISSED_PINGS) {
        conn.missedPings++
        conn.socket.ping('')
        continue
      }
      live.report(
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
export function startInactivity(live: LiveHandler): Timer {
  const { clock } = live.context
  const timeout = live.handler.inactivityTimeout
  // Connections fall due at any time; a timer for each would be one per connection again.
  const granularity = Math.max(1, timeout / 50)
  let timer: Timer
  const check = (): void => {
    const now = clock.now()
    let next = timeout
    for (const conn of live.connections()) {
      const left = conn.lastActive + timeout - now
      if (left <= 0) conn.startClose(CloseCode.NormalClosure, 'Inactivity timeout')
      else if (left < next) next = left
    }
    timer = clock.after(Math.max(next, granularity), check)
  }
  timer = clock.after(timeout, check)
  return { cancel: () => timer.cancel() }
}
