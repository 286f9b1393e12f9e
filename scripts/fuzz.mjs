// `npm run fuzz`: what `npm test` tries for a second each, for longer: 10 minutes over all properties and runtimes, on
// Node and inside Bun. `npm run fuzz -- --minutes 1` for less; other arguments go to vitest. Seeds are printed; a
// failure is shrunk, and says with which variables it comes again.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
/** The binary behind node_modules/.bin/bun; on Windows that one is a script. */
const BUN = 'node_modules/bun/bin/bun.exe'
const VITEST = 'node_modules/vitest/vitest.mjs'
/** Properties of test/fuzz, each on uws, ws and bun. */
const PROPERTIES = 4
const RUNTIMES = 3

const args = process.argv.slice(2)
const at = args.indexOf('--minutes')
const [, minutesText = '10'] = at === -1 ? [] : args.splice(at, 2)
const minutes = Number(minutesText)
if (!(minutes > 0)) {
  console.error(`--minutes ${minutesText}: a number above 0`)
  process.exit(1)
}

const seconds = (minutes * 60) / (PROPERTIES * RUNTIMES)
let failed = false
for (const { platform, program, start } of [
  { platform: 'node', program: process.execPath, start: [VITEST] },
  { platform: 'bun', program: BUN, start: ['--bun', VITEST] },
]) {
  const { status } = spawnSync(program, [...start, 'run', 'test/fuzz', '--passWithNoTests', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    // One after the other: side by side they would slow each other down.
    env: {
      ...process.env,
      SIDEWIRE_PLATFORM: platform,
      SIDEWIRE_FUZZ_SECONDS: String(seconds),
      VITEST_MAX_WORKERS: '1',
    },
  })
  if (status !== 0) failed = true
}
process.exitCode = failed ? 1 : 0
