// `npm run bench:chart`: writes docs/bench.svg, and the tables of docs/how-fast.md, from the results
// (bench/results/latest.json).
// With --check it writes nothing, and fails if they are not what the results say.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { pageTables } from './page-tables.mjs'
import { chartSvg } from './svg.mjs'

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const START = '<!-- bench -->\n'
const END = '<!-- /bench -->'

const results = JSON.parse(readFileSync(at('bench/results/latest.json'), 'utf8'))
if (results.problems.length > 0) throw new Error('the results are of a run that failed')
const wanted = {
  'docs/bench.svg': () => chartSvg(results),
  'docs/how-fast.md': (old) => {
    const [before, rest] = old.split(START)
    const after = rest?.split(END)[1]
    if (after === undefined) throw new Error(`docs/how-fast.md has no ${START.trim()} ... ${END}`)
    return `${before}${START}\n${pageTables(results)}\n\n${END}${after}`
  },
}
for (const [path, make] of Object.entries(wanted)) {
  const old = read(path)
  const text = make(old)
  if (text === old) continue
  if (!process.argv.includes('--check')) writeFileSync(at(path), text)
  else {
    console.error(`${path} is not what bench/results/latest.json says; run \`npm run bench:chart\``)
    process.exitCode = 1
  }
}

function read(path) {
  try {
    return readFileSync(at(path), 'utf8')
  } catch {
    return ''
  }
}
