import { Duplex } from 'node:stream'
import { now, setImmediate } from '../../engine/timers.ts'

/** Bytes that are parsed in one go. */
const SLICE = 4096
/** Milliseconds that one client may have in one turn of the event loop. */
const BUDGET_MS = 1

/**
 * Node reads 64 KB of a socket at once, and then again, and `ws` calls the handlers for all of it before anybody else
 * has a turn: a client that floods with small messages would have the event loop for seconds. Here what it sends comes
 * in slices, and when its time is up, the rest waits for the next turn. Who sends little never notices, and nothing is
 * made for it.
 */
export function takeTurns(socket: Duplex): void {
  socket.push = pushSlices
}

function pushSlices(this: Duplex, chunk: unknown, encoding?: BufferEncoding): boolean {
  if (!(chunk instanceof Uint8Array) || chunk.length <= SLICE)
    return Duplex.prototype.push.call(this, chunk, encoding)
  // Behind the listener of `ws`: the slice has been parsed.
  if (!this.listeners('data').includes(lookAtTheTime)) this.on('data', lookAtTheTime)
  let wantsMore = true
  for (let at = 0; at < chunk.length; at += SLICE) {
    wantsMore = Duplex.prototype.push.call(this, chunk.subarray(at, at + SLICE))
  }
  return wantsMore
}

/** The sockets whose handler wants nothing of them for now. */
export const heldBack: WeakSet<Duplex> = new WeakSet()

/** Since when each of them has had the event loop in this turn. */
const since = new Map<Duplex, number>()

function lookAtTheTime(this: Duplex, { length }: Uint8Array): void {
  if (length < SLICE) return
  const start = since.get(this)
  if (start === undefined) {
    if (since.size === 0) setImmediate(() => since.clear())
    since.set(this, now())
    return
  }
  // If `ws` has paused it, `ws` will resume it.
  if (this.isPaused() || now() - start < BUDGET_MS) return
  this.pause()
  setImmediate(() => {
    if (!heldBack.has(this)) this.resume()
  })
}
