// What the runner asks of a server, over IPC: 'memory' and 'cpu'. A server ends with its runner.
import { getHeapSpaceStatistics } from 'node:v8'

export function answerUsage() {
  process.on('message', (message) => {
    if (message === 'memory') process.send?.(memory())
    if (message === 'cpu') process.send?.(cpu())
  })
  process.on('disconnect', () => process.exit())
}

/** Seconds of CPU time so far, and when that was: a busy server answers late. */
function cpu() {
  const { user, system } = process.cpuUsage()
  return { cpu: (user + system) / 1e6, at: Date.now() }
}

/** Bytes, after a collection. */
function memory() {
  globalThis.gc?.()
  globalThis.Bun?.gc(true)
  const { rss } = process.memoryUsage()
  return { rss, held: rss - youngGeneration(), at: Date.now() }
}

/**
 * The resident set of a Node process has V8's young generation in it: semi-spaces that V8 enlarges, up to a limit of
 * the process, while a program allocates, and does not give back at once. Opening 10000 connections takes them from 2 MB
 * to 14 MB on this engine, whose handshakes run in JavaScript, and leaves them as they are on straight uWebSockets.js;
 * after a collection they hold 2 KB in both. Divided by the number of connections that would pass for memory that each
 * of them holds. The check: with `--max-semi-space-size=1` on both servers the plain difference is this one.
 * Bun's engine has no such space, so there both figures are the same.
 */
function youngGeneration() {
  if (globalThis.Bun) return 0
  const spaces = getHeapSpaceStatistics().filter(({ space_name }) => space_name === 'new_space')
  return spaces.reduce((sum, space) => sum + space.physical_space_size, 0)
}
