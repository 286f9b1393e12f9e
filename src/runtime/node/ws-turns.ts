import type { Duplex } from 'node:stream'
import { now, setImmediate } from '../../engine/timers.ts'

/** Bytes that are parsed in one go. */
const SLICE = 4096
/** Milliseconds that one client may have in one turn of the event loop. */
const BUDGET_MS = 1

/**
 * Node reads 64 KB of a socket at once, and then again, and `ws` calls the handlers for all of it before anybody else
 * has a turn: a client that floods with small messages would have the event loop for seconds. Here what it sends comes
 * in slices, and when its time is up, the rest waits for the next turn. Who sends little never notices.
 */
export function takeTurns(socket: Duplex): void {
  const push = socket.push.bind(socket)
  socket.push = (chunk: unknown, encoding) => {
    if (!(chunk instanceof Uint8Array) || chunk.length <= SLICE) return push(chunk, encoding)
    let wantsMore = true
    for (let at = 0; at < chunk.length; at += SLICE) {
      wantsMore = push(chunk.subarray(at, at + SLICE))
    }
    return wantsMore
  }

  let since: number | undefined
  // Behind the listener of `ws`: the slice has been parsed.
  socket.on('data', ({ length }: Uint8Array) => {
    if (length < SLICE) return
    if (since === undefined) {
      since = now()
      setImmediate(() => {
        since = undefined
      })
      return
    }
    // If `ws` has paused it, `ws` will resume it.
    if (socket.isPaused() || now() - since < BUDGET_MS) return
    socket.pause()
    setImmediate(() => socket.resume())
  })
}
