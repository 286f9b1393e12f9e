// One round: clients in processes of their own talk for a while, faults happen to them, and all of them leave.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { randomOf } from './fill.mjs'

const CLIENTS = fileURLToPath(new URL('clients.mjs', import.meta.url))
/** From `finish` to the report: pauses end, backlogs drain, closing handshakes. */
const FINISH_MS = 60_000

/**
 * Faults on the whole: seconds from one to the next. A short round has each at least once; in a long one a new process
 * of clients every 3 s would be most of the work.
 */
const pauseOf = (least, times, seconds) => Math.max(least, seconds / times)
const FROZEN_MS = 1200

/** @returns what the clients counted, and which faults there were */
export async function runRound(server, { seconds, seed, rate, connections }) {
  const random = randomOf(seed)
  const live = new Set()
  const start = (role, share) => {
    const args = [
      role,
      server.port,
      Math.floor(random() * 2 ** 31),
      Math.ceil(connections * share),
      rate * share,
    ]
    const child = spawn(process.execPath, [CLIENTS, ...args.map(String)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    live.add(child)
    child.exited = once(child, 'exit').then(([code, signal]) => {
      live.delete(child)
      return signal ?? code
    })
    return child
  }
  const faults = { reloads: 0, freezes: 0, kills: 0 }
  const judged = [start('steady', 0.4), start('steady', 0.2), start('churn', 0.3)]
  const frozen = judged[1]
  let mortal = start('steady', 0.1)
  const timers = []
  const startFaults = () =>
    timers.push(
      setInterval(
        () => {
          faults.reloads++
          server.send({ command: 'reload' })
        },
        pauseOf(2.5, 40, seconds) * 1000,
      ),
      setInterval(
        () => {
          faults.freezes++
          frozen.kill('SIGSTOP')
          setTimeout(() => frozen.kill('SIGCONT'), FROZEN_MS)
        },
        pauseOf(3.7, 20, seconds) * 1000,
      ),
      setInterval(
        () => {
          faults.kills++
          mortal.kill('SIGKILL')
          mortal = start('steady', 0.1)
        },
        pauseOf(3.1, 12, seconds) * 1000,
      ),
    )
  try {
    server.send({ command: 'run' })
    const early = Promise.race(
      [...judged, server.child].map(async (child) => {
        const status = await (child.exited ?? server.exited)
        throw new Error(
          `${child === server.child ? 'the server' : 'a process of clients'} ended with ${status}`,
        )
      }),
    )
    early.catch(() => {})
    // The time is that of clients which are there: on a busy machine a process takes seconds to start.
    await Promise.race([Promise.all(judged.map((child) => once(child, 'message'))), early])
    startFaults()
    await Promise.race([sleep(seconds * 1000), early])
    for (const timer of timers) clearInterval(timer)
    await sleep(FROZEN_MS)
    mortal.kill('SIGKILL')
    const reports = await Promise.all(judged.map((child) => finish(child)))
    return { ...merge(reports), faults: { ...faults, ...merge(reports).faults } }
  } finally {
    for (const timer of timers) clearInterval(timer)
    for (const child of live) child.kill('SIGKILL')
    await Promise.all([...live].map((child) => child.exited))
  }
}

async function finish(child) {
  const report = once(child, 'message')
  child.send({ command: 'finish' })
  const timeout = new AbortController()
  const late = sleep(FINISH_MS, timeout.signal).then(() => {
    throw new Error('a process of clients did not finish')
  })
  const [message] = await Promise.race([report, late])
  timeout.abort()
  await child.exited
  return message
}

/** Sums numbers, by name, at any depth; lists are joined. */
function merge(reports) {
  const sum = {}
  for (const report of reports) {
    for (const [name, value] of Object.entries(report)) {
      if (typeof value === 'number') sum[name] = (sum[name] ?? 0) + value
      else if (Array.isArray(value)) sum[name] = [...(sum[name] ?? []), ...value]
      else sum[name] = merge([sum[name] ?? {}, value])
    }
  }
  return sum
}

function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => clearTimeout(timer))
  })
}
