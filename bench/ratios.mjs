// `npm run bench:ratios [-- runs seconds]`: this engine next to the straight runtime doing the same JSON work, in
// interleaved runs, server and generator on different cores where `taskset` can. Prints the median ratio and its
// spread; absolute numbers say more about the machine than about the engine.
import { describe, here, hold, load, median, start, summary } from './harness.mjs'

const runs = Number(process.argv[2] ?? 5)
const seconds = Number(process.argv[3] ?? 2)
const bun = here('../node_modules/.bin/bun')

const PAIRS = [
  [
    'uws',
    [process.execPath, ['--expose-gc', here('servers/engine.mjs'), '0', 'uws']],
    [process.execPath, ['--expose-gc', here('servers/uws.mjs'), '0']],
  ],
  ['bun', [bun, [here('servers/engine.mjs'), '0', 'bun']], [bun, [here('servers/bun.mjs'), '0']]],
]
const SCENARIOS = [
  ['echo', 20],
  ['fanout', 100],
  ['fanout', 1000],
]
const IDLE = 10_000

console.log(describe('uWebSockets.js', 'bun'))
for (const [name, engine, control] of PAIRS) {
  for (const [scenario, connections] of SCENARIOS) {
    const ratios = []
    const rates = []
    for (let run = 0; run < runs; run++) {
      const ours = await rateOf(engine, scenario, connections)
      const theirs = await rateOf(control, scenario, connections)
      ratios.push(ours / theirs)
      rates.push(theirs)
    }
    console.log(
      `${name} ${scenario} ${connections}: ${summary(ratios)} of straight, which does ${Math.round(median(rates))}/s`,
    )
  }
  const ours = await memoryOf(engine)
  const theirs = await memoryOf(control)
  const more = (key) => Math.round((ours[key] - theirs[key]) / IDLE)
  console.log(
    `${name} idle memory: ${more('held')} bytes a connection more than straight (plain RSS: ${more('rss')})`,
  )
}

async function rateOf(server, scenario, connections) {
  const { child, ports } = await start(server)
  const { rate } = load(ports[0], { scenario, connections, seconds })
  child.kill('SIGKILL')
  return rate
}

/** By how much the process grows; `held` is explained in servers/memory.mjs. */
async function memoryOf(server) {
  const { child, ports } = await start(server)
  const ask = () =>
    new Promise((resolve) => {
      child.once('message', resolve)
      child.send('memory')
    })
  // The first collection settles what starting has left.
  await ask()
  const before = await ask()
  const holder = await hold(ports[0], IDLE)
  await ask()
  const after = await ask()
  holder.kill('SIGKILL')
  child.kill('SIGKILL')
  return { rss: after.rss - before.rss, held: after.held - before.held }
}
