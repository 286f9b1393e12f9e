// Answers the message 'memory' with what the process holds, in bytes.
import { getHeapSpaceStatistics } from 'node:v8'

export function answerMemory() {
  process.on('message', (message) => {
    if (message !== 'memory') return
    globalThis.gc?.()
    globalThis.Bun?.gc(true)
    const { rss } = process.memoryUsage()
    process.send?.({ rss, held: rss - youngGeneration() })
  })
}

/**
 * The resident set of a Node process has V8's young generation in it: semi-spaces of some megabytes, which V8 takes
 * once a program allocates at all, and keeps. A server whose handshakes run in JavaScript has grown them to their full
 * size after some thousand connections, one that does nothing has not; that is a fixed cost of the process, and
 * divided by the number of connections it would pass for memory that each of them holds. After a full collection
 * nothing that lives is in there. Bun's engine has no such space, so there both figures are the same.
 */
function youngGeneration() {
  if (globalThis.Bun) return 0
  const spaces = getHeapSpaceStatistics().filter(({ space_name }) => space_name === 'new_space')
  return spaces.reduce((sum, space) => sum + space.physical_space_size, 0)
}
