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
 * After a handler blocked the event loop, or the machine slept, timers come before what the clients sent meanwhile:
 * a tick that is late does not count.
 */
export function startHeartbeat(live: Watched): Timer {
  const interval = live.handler.heartbeat
  const { clock } = live.context
  let due = clock.now() + interval
  return clock.every(interval, () => {
    const now = clock.now()
    const isLate = now - due > interval / 2
    due = now + interval
    for (const conn of live.connections()) {
      if (isLate || conn.missedPings < MAX_MISSED_PINGS) {
        if (!isLate) conn.missedPings++
        conn.socket.ping('')
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

/**
 * Closes connections without a message or ping for `inactivityTimeout`, on one timer set to the next that is due.
 * If that timer is late, what the clients sent meanwhile is read first, as for the heartbeat.
 */
export function startInactivity(live: Watched): Timer {
  const { clock } = live.context
  const timeout = live.handler.inactivityTimeout
  // Connections fall due at any time; a timer for each would be one per connection again.
  const granularity = Math.max(1, timeout / 50)
  let timer: Timer
  let due: number
  let postponed = false
  const checkAfter = (ms: number): void => {
    due = clock.now() + ms
    timer = clock.after(ms, check)
  }
  const check = (): void => {
    const now = clock.now()
    // Once, or it would never end on a machine that is always late.
    postponed = !postponed && now - due > granularity
    if (postponed) return checkAfter(granularity)
    let next = timeout
    for (const conn of live.connections()) {
      const left = conn.lastActive + timeout - now
      if (left <= 0) conn.startClose(CloseCode.NormalClosure, 'Inactivity timeout')
      else if (left < next) next = left
    }
    checkAfter(Math.max(next, granularity))
  }
  checkAfter(timeout)
  return { cancel: () => timer.cancel() }
}
