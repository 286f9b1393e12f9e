// What is still there of a server when all clients have left. In its own process.
import { readdirSync } from 'node:fs'

/** @returns once all have left, or after 15 s */
export async function atRest(server) {
  const inside = server[Symbol.for('sidewire.inside')]
  const isBusy = () => server.stats().connections > 0 || inside.holdings().upstreams > 0
  const deadline = performance.now() + 15_000
  while (isBusy() && performance.now() < deadline) await soon(20)
  await soon(100) // sockets of refused clients, timers of the last close
  return {
    memory: await settledMemory(),
    files: countFiles(),
    resources: process.versions.bun ? undefined : countResources(),
    holdings: inside.holdings(),
    stats: server.stats(),
    cpu: process.cpuUsage(),
  }
}

/** When collections have stopped finding anything. */
async function settledMemory() {
  let best = memory()
  for (let idle = 0, i = 0; idle < 3 && i < 20; i++) {
    globalThis.gc?.()
    globalThis.Bun?.gc(true)
    await soon(20)
    const now = memory()
    if (now.heap < best.heap * 0.999) idle = 0
    else idle++
    if (now.heap <= best.heap) best = now
  }
  return best
}

function memory() {
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed + external, rss }
}

function countFiles() {
  try {
    return readdirSync('/proc/self/fd').length - 1 // one is the look itself
  } catch {
    return undefined
  }
}

/** Active handles and timers by kind. The timer that this waits on is one of them every time. */
function countResources() {
  const kinds = {}
  for (const kind of process.getActiveResourcesInfo().toSorted()) kinds[kind] = (kinds[kind] ?? 0) + 1
  return kinds
}

function soon(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
