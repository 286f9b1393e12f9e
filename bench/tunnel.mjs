// `npm run bench:tunnel [-- runs seconds]`: what the way through the Vite dev server costs. The same echo handler is
// asked through the dev server's port, at the sidecar's own port (the URL of `virtual:sidewire`), and on the `ws`
// package inside Vite's HTTP server. A run has all three, each in a process of its own and each time in another
// order; ratios are taken within a run, and their median is printed with the spread.
import { describe, here, load, median, start, summary } from './harness.mjs'

const runs = Number(process.argv[2] ?? 15)
const seconds = Number(process.argv[3] ?? 2)

const server = (...args) => [process.execPath, [here('servers/vite.mjs'), ...args]]
const WAYS = [
  { name: 'through Vite', server: server('plugin'), port: 0 },
  { name: 'sidecar', server: server('plugin'), port: 1 },
  { name: 'ws in Vite', server: server('ws'), port: 0 },
]
const FIGURES = [
  { key: 'rate', name: 'echoes a second (20 connections, window 16)' },
  { key: 'perCpu', name: 'the same, per second of CPU time of the server: other programs do not count' },
  { key: 'p50', name: 'round trip, median, in microseconds (1 connection, window 1)' },
  { key: 'p99', name: 'round trip, 99th percentile, in microseconds' },
]

console.log(`${describe('vite', 'ws', 'uWebSockets.js')}\n${runs} runs of ${seconds} s\n`)
const results = []
for (let run = 0; run < runs; run++) {
  const result = {}
  for (let turn = 0; turn < WAYS.length; turn++) {
    const way = WAYS[(run + turn) % WAYS.length]
    result[way.name] = await measure(way)
  }
  results.push(result)
}

const [through, sidecar, straight] = WAYS.map(({ name }) => name)
for (const { key, name } of FIGURES) {
  const all = (way) => results.map((result) => result[way][key])
  const ratio = (way, to) => summary(results.map((result) => result[way][key] / result[to][key]))
  console.log(name)
  console.table({
    [through]: row(all(through), {
      [sidecar]: ratio(through, sidecar),
      [straight]: ratio(through, straight),
    }),
    [sidecar]: row(all(sidecar), { [sidecar]: '', [straight]: ratio(sidecar, straight) }),
    [straight]: row(all(straight), { [sidecar]: '', [straight]: '' }),
  })
}

function row(values, ratios) {
  return {
    median: Math.round(median(values)),
    ...Object.fromEntries(Object.entries(ratios).map(([to, text]) => [`beside ${to}`, text])),
  }
}

async function measure(way) {
  const { child, ports } = await start(way.server)
  const port = ports[way.port]
  const cpu = () =>
    new Promise((resolve) => {
      child.once('message', ({ user, system }) => resolve((user + system) / 1e6))
      child.send('cpu')
    })
  const { p50, p99 } = load(port, { scenario: 'echo', connections: 1, seconds, window: 1 })
  const before = await cpu()
  const { rate, received } = load(port, { scenario: 'echo', connections: 20, seconds, window: 16 })
  const perCpu = received / ((await cpu()) - before)
  child.kill('SIGKILL')
  return { rate, perCpu, p50, p99 }
}
