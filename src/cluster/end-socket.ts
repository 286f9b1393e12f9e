import type { Socket } from 'node:net'
import { clearTimeout, setTimeout } from '../engine/timers.ts'

/** What waits at the end is written within this time, or not at all. */
const END_MS = 1000

/**
 * Ends a connection behind what was written to it. It waits no longer than that for the platform to say that it is closed: while a
 * test's fake timers have the place of Bun's, Bun never does.
 */
export async function endSocket(socket: Socket): Promise<void> {
  if (socket.destroyed) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      socket.destroy()
      resolve()
    }, END_MS)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.end()
  })
}
