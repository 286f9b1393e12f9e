// `npm run bench`: every contestant in every scenario, in interleaved runs. See bench/README.md.
//   --quick           one short run of everything, to see that it works
//   --only echo,vite  only scenarios whose names begin so
//   --runs 5  --seconds 1.3
//   --out <file>      where the results go; a full run goes to bench/results/latest.json by itself
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { describeMachine } from './machine.mjs'
import { measure } from './measure.mjs'
import { reportText } from './report.mjs'
import { conclude, resultsText } from './results.mjs'
import { SCENARIOS } from './scenarios.mjs'

const FULL = { runs: 5, seconds: 1.3, warmup: 0.5 }
const QUICK = { runs: 1, seconds: 0.5, warmup: 0.3 }

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    runs: { type: 'string' },
    seconds: { type: 'string' },
    out: { type: 'string' },
  },
})
const usual = values.quick ? QUICK : FULL
const options = {
  runs: positive('runs', usual.runs),
  seconds: positive('seconds', usual.seconds),
  warmup: usual.warmup,
}
const scenarios = chosenScenarios(values.only)
const isFull =
  scenarios.length === SCENARIOS.length && options.runs >= FULL.runs && options.seconds >= FULL.seconds
const results = fileURLToPath(new URL('results/', import.meta.url))
const out = values.out ?? `${results}${isFull ? 'latest' : 'part'}.json`

const startedAt = performance.now()
const problems = []
const machine = describeMachine()
const total = scenarios.reduce((sum, { entries }) => sum + entries.length * options.runs, 0)
let done = 0
const measured = {}
for (const scenario of scenarios) measured[scenario.name] = await runScenario(scenario)

const outcome = conclude({ ...machine, options, problems, scenarios: measured })
const file = problems.length > 0 && values.out === undefined ? `${results}failed.json` : out
mkdirSync(dirname(file), { recursive: true })
writeFileSync(file, resultsText(outcome))
console.log(`\n${reportText(outcome)}`)
console.log(`${Math.round((performance.now() - startedAt) / 1000)} s; written to ${file}`)
if (problems.length > 0) {
  console.error(`The run FAILED: ${problems.length} measurements did not come out clean, see above.`)
  process.exitCode = 1
}

/** By entry, its figures run by run; `null` for one that failed. Each run begins with another entry. */
async function runScenario(scenario) {
  const { entries, load } = scenario
  const title = `${scenario.title}, ${scenario.detail}`
  console.log(`\n${title}`)
  const figuresOf = Object.fromEntries(entries.map(({ key }) => [key, []]))
  for (let run = 0; run < options.runs; run++) {
    for (let turn = 0; turn < entries.length; turn++) {
      const entry = entries[(run + turn) % entries.length]
      const figures = await measure(entry, { load, ...options }).catch((error) => {
        problems.push(`${title}, ${entry.title}, run ${run + 1}: ${error.message}`)
        return null
      })
      figuresOf[entry.key].push(figures)
      const percent = `${Math.floor((++done / total) * 100)} %`
      console.log(`${percent.padStart(6)}  run ${run + 1}  ${entry.title.padEnd(34)}${brief(figures)}`)
    }
  }
  return figuresOf
}

function brief(figures) {
  if (figures === null) return `FAILED: ${problems.at(-1)}`
  if (figures.held !== undefined) return `${figures.held} bytes a connection`
  return `${figures.perSecond.toLocaleString('en-US').padStart(11)}/s`
}

function positive(name, usually) {
  const value = Number(values[name] ?? usually)
  if (value > 0 && (name !== 'runs' || Number.isInteger(value))) return value
  throw new Error(`--${name} is ${values[name]}; it has to be a positive number`)
}

function chosenScenarios(only) {
  if (only === undefined) return SCENARIOS
  const words = only.split(',')
  const names = SCENARIOS.map(({ name }) => name)
  const unknown = words.find((word) => !names.some((name) => name.startsWith(word)))
  if (unknown !== undefined)
    throw new Error(`--only has ${JSON.stringify(unknown)}, but the scenarios are ${names.join(', ')}`)
  return SCENARIOS.filter(({ name }) => words.some((word) => name.startsWith(word)))
}
