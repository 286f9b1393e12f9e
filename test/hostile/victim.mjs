// The server of the tests of this folder, in a process of its own, so that its memory is its own, too. Started with a
// runtime and options as JSON; answers each line of stdin with a line of JSON.
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'

const { createServer } = await import(new URL('../../dist/index.js', import.meta.url).href)

const [runtime, options] = [process.argv[2], JSON.parse(process.argv[3] ?? '{}')]
const { limits = {}, ...rest } = options
/** What `onError` was told, by code. */
const errors = {}
const log = []
const push = (level) => (message) => void log.push(`${level} ${message}`)

function busy(ms) {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const common = {
  ...limits,
  onError: (_conn, { code = 'none' }) => {
    errors[code] = (errors[code] ?? 0) + 1
  },
}
const server = await createServer({
  port: 0,
  runtime,
  logger: { error: push('error'), warn: push('warn'), info: push('info'), debug: push('debug') },
  wsHandlers: [
    { ...common, pattern: '/echo', onMessage: (conn, data) => void conn.send(data) },
    // What the others measure with; no limit holds for it.
    { pattern: '/quiet', onMessage: (conn, data) => void conn.send(data) },
    { ...common, pattern: '/size', onMessage: (conn, data) => void conn.send(data.length) },
    {
      ...common,
      pattern: '/deflate',
      compression: true,
      onMessage: (conn, data) => void conn.send(data.length),
    },
    { ...common, pattern: '/room', onMessage: (conn, data) => conn.broadcast(data) },
    { ...common, pattern: '/stuck', sequential: true, onMessage: () => new Promise(() => {}) },
    { ...common, pattern: '/busy', onMessage: (conn) => void (busy(100), conn.send('')) },
    {
      ...common,
      pattern: '/full',
      onMessage: (conn) => {
        // More than the system takes for a client that does not read.
        conn.send(Buffer.alloc(12_000_000))
        conn.close(4000, 'bye')
      },
    },
    { ...common, pattern: '/bye', onMessage: (conn) => conn.close(4000, 'bye') },
  ],
  ...rest,
})

/** Collected first, so that it is what is held and not what was. */
function memory() {
  if (process.versions.bun) Bun.gc(true)
  else globalThis.gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, heapUsed, external }
}

/** Only Linux tells. */
function openFiles() {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}

let highest = 0
function measure() {
  try {
    highest = Math.max(highest, process.memoryUsage.rss())
  } catch {
    // It opens a file on Linux, and there may be none left.
  }
}
setInterval(measure, 20)

const commands = {
  stats: () => server.stats(),
  memory,
  /** Since it was asked last. */
  highest: () => {
    measure()
    const result = highest
    highest = 0
    return result
  },
  files: openFiles,
  /** Milliseconds of processor time in a second with nothing to do. */
  cpu: async () => {
    const before = process.cpuUsage()
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  },
  errors: () => errors,
  log: () => log,
  publish: ({ pattern, data }) => server.publish(pattern, data),
}

console.log(JSON.stringify({ port: server.port, runtime: server.runtime }))
for await (const line of createInterface({ input: process.stdin })) {
  const { name, ...args } = JSON.parse(line)
  console.log(JSON.stringify({ result: (await commands[name](args)) ?? null }))
}
process.exit(0)
