// `npm run frameworks`: the plugin in a real project of every framework of test/frameworks, or of those that are named
// (`npm run frameworks -- astro`). `npm test` has the smallest one.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const all = readdirSync('test/frameworks').filter((name) =>
  existsSync(`test/frameworks/${name}/package.json`),
)
const chosen = process.argv.slice(2)
const unknown = chosen.filter((name) => !all.includes(name))
if (unknown.length > 0) {
  console.error(`frameworks: no project ${unknown.join(', ')}; there are ${all.join(', ')}`)
  process.exit(2)
}
const names = chosen.length > 0 ? chosen : all
console.log("frameworks: npm installs these into temporary folders, from its cache or the registry's:")
for (const name of names)
  console.log(`  ${JSON.parse(readFileSync(`test/frameworks/${name}/package.json`, 'utf8')).description}`)
process.exitCode =
  run('node_modules/tsup/dist/cli-default.js', '--no-dts') ||
  run('node_modules/vitest/vitest.mjs', 'run', 'test/frameworks')

function run(...words) {
  const env = { ...process.env, SIDEWIRE_FRAMEWORKS: names.join(' '), SIDEWIRE_PLATFORM: 'node' }
  const { status, error } = spawnSync(process.execPath, words, { stdio: 'inherit', env })
  if (error) console.error(error.message)
  return status ?? 1
}
