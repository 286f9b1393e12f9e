// `node bench/ratios.mjs [runs] [seconds]`: this engine next to the straight runtime doing the same JSON work, in
// interleaved runs, server and generator on different cores where `taskset` can. Prints the median ratio and its
// spread; absolute numbers say more about the machine than about the engine.
import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const runs = Number(process.argv[2] ?? 5)
const seconds = Number(process.argv[3] ?? 2)
const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const bun = here('../node_modules/.bin/bun')
const pin = canPin()

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

for (const [name, engine, control] of PAIRS) {
  for (const [scenario, connections] of SCENARIOS) {
    const ratios = []
    const rates = []
    for (let run = 0; run < runs; run++) {
      const ours = await measure(engine, scenario, connections)
      const theirs = await measure(control, scenario, connections)
      ratios.push(ours / theirs)
      rates.push(theirs)
    }
    ratios.sort((a, b) => a - b)
    rates.sort((a, b) => a - b)
    const spread = `${ratios[0].toFixed(2)}-${ratios.at(-1).toFixed(2)}`
    console.log(
      `${name} ${scenario} ${connections}: ${median(ratios).toFixed(3)} of straight (${spread}; straight ${Math.round(median(rates))}/s)`,
    )
  }
  const idle = 10_000
  const extra = (await memoryOf(engine, idle)) - (await memoryOf(control, idle))
  console.log(`${name} idle memory: ${Math.round(extra / idle)} bytes a connection more than straight`)
}

function median(sorted) {
  return sorted[Math.floor(sorted.length / 2)]
}

function canPin() {
  try {
    execFileSync('taskset', ['-c', '0', 'true'])
    return (core, [command, args]) => ['taskset', ['-c', String(core), command, ...args]]
  } catch {
    return (_core, command) => command
  }
}

async function start(server) {
  const [command, args] = pin(0, server)
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const port = await new Promise((resolve) =>
    child.stdout.once('data', (data) => resolve(Number(String(data)))),
  )
  return { child, port }
}

async function measure(server, scenario, connections) {
  const { child, port } = await start(server)
  const [command, args] = pin(1, [
    process.execPath,
    [here('load.mjs'), port, scenario, connections, seconds].map(String),
  ])
  const output = execFileSync(command, args)
  child.kill('SIGKILL')
  return JSON.parse(String(output)).rate
}

async function memoryOf(server, connections) {
  const { child, port } = await start(server)
  const ask = () =>
    new Promise((resolve) => {
      child.once('message', resolve)
      child.send('memory')
    })
  await ask()
  const before = await ask()
  const [command, args] = pin(1, [process.execPath, [here('hold.mjs'), port, connections].map(String)])
  const holder = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  await ask()
  const after = await ask()
  holder.kill('SIGKILL')
  child.kill('SIGKILL')
  return after - before
}
