// What the benchmarks share: servers and the generator as processes of their own, on different cores where `taskset`
// and a second core are there, and the arithmetic of paired runs.
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, type } from 'node:os'
import { fileURLToPath } from 'node:url'

export const here = (name) => fileURLToPath(new URL(name, import.meta.url))

const SERVER_CORE = 0
const GENERATOR_CORE = 1
export const isPinned = canPin()

function canPin() {
  if (availableParallelism() < 2) return false
  try {
    for (const core of [SERVER_CORE, GENERATOR_CORE]) execFileSync('taskset', ['-c', String(core), 'true'])
    return true
  } catch {
    return false
  }
}

function pin(core, command, args) {
  return isPinned ? ['taskset', ['-c', String(core), command, ...args]] : [command, args]
}

/** Starts a server, which prints its port, or several, in one line. */
export async function start([program, args]) {
  const child = spawn(...pin(SERVER_CORE, program, args), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const line = await new Promise((resolve, reject) => {
    child.stdout.once('data', (data) => resolve(String(data)))
    child.once('exit', (code) => reject(new Error(`${args.join(' ')} ended with ${code}`)))
  })
  return { child, ports: line.trim().split(' ').map(Number) }
}

/** One run of the generator: messages a second, and with a window of 1 the round trips in microseconds. */
export function load(port, { scenario, connections, seconds, window = 16 }) {
  const args = [here('load.mjs'), port, scenario, connections, seconds, window].map(String)
  return JSON.parse(String(execFileSync(...pin(GENERATOR_CORE, process.execPath, args))))
}

/** Opens connections that stay silent; resolves with their process once they are open. */
export async function hold(port, connections) {
  const args = [here('hold.mjs'), port, connections].map(String)
  const holder = spawn(...pin(GENERATOR_CORE, process.execPath, args), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  return holder
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** A median with the smallest and the largest value: `0.98 (0.95-1.02)`. */
export function summary(values) {
  return `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}-${Math.max(...values).toFixed(2)})`
}

/** What a figure means little without. */
export function describe(...packages) {
  const versions = packages.map((name) => {
    const text = readFileSync(here(`../node_modules/${name}/package.json`), 'utf8')
    return `${name} ${JSON.parse(text).version}`
  })
  return [
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${type()} ${release()}`,
    [`Node ${process.versions.node}`, ...versions].join(', '),
    isPinned ? 'server and generator on a core each' : 'server and generator share all cores',
  ].join('\n')
}
