// `npm run soak`: chat, broadcasts, unions, compression, churn and faults for a given time, on each runtime. Passes
// only if no message is lost, duplicated or out of order for any connection that stayed open, and if memory, handles
// and topics end where they began. Needs a build.
//
//   npm run soak -- [--minutes 3 | --seconds 180] [--runtime uws|ws|bun|all] [--rate 100] [--connections 80]
//                   [--seed 1] [--report docs/soak.md] [--upstream]
//
// With `--upstream` all of it goes through a second server, of that runtime, whose handler asks the first, which is `ws`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { judge } from './soak/judge.mjs'
import { asMarkdown, asText, lineOf } from './soak/report.mjs'
import { runRound } from './soak/round.mjs'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const BUILT = here('../dist/index.js')
const BUN = here('../node_modules/bun/bin/bun.exe')
const RUNTIMES = ['uws', 'ws', 'bun']

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seconds: { type: 'string' },
    runtime: { type: 'string', default: 'all' },
    /** Actions a second of all clients together; most reach several receivers. */
    rate: { type: 'string', default: '100' },
    connections: { type: 'string', default: '80' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    report: { type: 'string' },
    upstream: { type: 'boolean', default: false },
    /** For the run's own test: see `soak/server.mjs`. */
    sabotage: { type: 'string' },
  },
})
const runtimes = values.runtime === 'all' ? RUNTIMES : [values.runtime]
const unknown = runtimes.find((name) => !RUNTIMES.includes(name))
if (unknown !== undefined) fail(`--runtime ${unknown}: one of ${RUNTIMES.join(', ')}, all`)
const total = values.seconds === undefined ? Number(values.minutes ?? 3) * 60 : Number(values.seconds)
const each = total / runtimes.length
if (!(each >= 15)) fail(`${total} s for ${runtimes.length} runtimes: each needs 15 s`)
if (!existsSync(BUILT)) fail('dist/ is missing: npm run build')

const results = []
for (const [index, runtime] of runtimes.entries())
  results.push(await soak(runtime, Number(values.seed) + index))
console.log(`\n${asText(results)}`)
if (values.report) writeFileSync(values.report, asMarkdown(results, process.argv.slice(2)))
process.exitCode = results.every(({ failures }) => failures.length === 0) ? 0 : 1

/** One runtime: a warm-up round, whose rest is the baseline, and rounds that have to end like it. */
async function soak(runtime, seed) {
  const load = { rate: Number(values.rate), connections: Number(values.connections) }
  console.log(`\n${runtime}: ${Math.round(each)} s, seed ${seed}`)
  const server = await (values.upstream ? startBoth(runtime) : startServer(runtime))
  const started = performance.now()
  const rounds = []
  const failures = []
  try {
    const warmUp = each * 0.2
    const count = Math.min(8, Math.max(2, Math.round((each * 0.8) / 120)))
    for (let i = 0; i <= count; i++) {
      const seconds = i === 0 ? warmUp : (each - warmUp) / count
      const clients = await runRound(server, { ...load, seconds, seed: seed * 1000 + i })
      const rest = await server.rest()
      const front = await server.front?.rest()
      rounds.push({ at: (performance.now() - started) / 1000, clients, rest, front })
      console.log(lineOf(rounds))
    }
  } catch (error) {
    failures.push(error.message)
  } finally {
    await server.end()
  }
  failures.push(...judge(runtime, rounds))
  return { runtime, seed, server, load, seconds: (performance.now() - started) / 1000, rounds, failures }
}

/** A server that asks another one, which clients do not know of. */
async function startBoth(runtime) {
  const server = await startServer('ws')
  const front = await startServer(runtime, 'front', [String(server.port)])
  const { port, description, platform } = front
  return {
    ...server,
    front,
    port,
    platform,
    description: `${description}, in front of ${server.description}`,
    send(message) {
      server.send(message)
      front.send(message)
    },
    async end() {
      await front.end()
      await server.end()
    },
  }
}

async function startServer(runtime, name = 'server', more = []) {
  const script = here(`soak/${name}.mjs`)
  const [program, args] = runtime === 'bun' ? [BUN, [script]] : [process.execPath, ['--expose-gc', script]]
  const child = spawn(program, [...args, runtime, BUILT, values.sabotage ?? '', ...more], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = once(child, 'exit').then(([code, signal]) => signal ?? code)
  const [hello] = await within(
    Promise.race([once(child, 'message'), exited.then((status) => [{ status }])]),
    30_000,
    `${runtime} does not start`,
  )
  if (hello.port === undefined) fail(`${runtime} does not start: it ended with ${hello.status}`)
  const send = (message) => {
    if (child.connected) child.send(message)
  }
  return {
    ...hello,
    child,
    exited,
    send,
    async rest() {
      send({ command: 'rest' })
      const [rest] = await within(once(child, 'message'), 60_000, `the ${name} does not come to rest`)
      return rest
    },
    async end() {
      send({ command: 'end' })
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await exited
      clearTimeout(timer)
    },
  }
}

function within(promise, ms, what) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(what)), ms)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function fail(text) {
  console.error(text)
  process.exit(1)
}
