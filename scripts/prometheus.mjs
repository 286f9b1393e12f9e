// Finds Prometheus and its promtool for the tests of the metrics; run as a program, it makes sure that they are here. The
// package is unpacked into a folder of this clone and not installed: Debian starts it as a service otherwise.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { asRoot, isExecutable, onPath, runs } from './apt.mjs'

const CACHE = fileURLToPath(new URL('../node_modules/.cache/sidewire/prometheus', import.meta.url))
const NAMES = ['prometheus', 'promtool']
const HOW = 'apt-get install prometheus, or put prometheus and promtool on PATH'

/** The command of one of the two. */
export function findPrometheus(name) {
  const found = [onPath(name), join(CACHE, 'usr/bin', name)].find((path) => path && isExecutable(path))
  if (found) return found
  throw new Error(`there is no ${name} here, which the tests of the metrics ask: ${HOW}`)
}

function ensure() {
  if (NAMES.every(starts)) return console.log('prometheus: it is here, nothing to do')
  if (process.env['SIDEWIRE_INSTALL'] === 'no') return fail('there is none, and SIDEWIRE_INSTALL is "no"')
  if (!runs('apt-get', '--version') || !runs('dpkg', '--version'))
    return fail('there is none, and no apt-get')
  console.log('prometheus: fetching the package with apt-get into node_modules/.cache (19 MB, 96 MB on disk)')
  rmSync(CACHE, { recursive: true, force: true })
  mkdirSync(CACHE, { recursive: true })
  if (!download() && !(update() && download())) return fail('apt-get could not download it')
  for (const file of readdirSync(CACHE).filter((each) => each.endsWith('.deb'))) {
    spawnSync('dpkg', ['-x', file, '.'], { cwd: CACHE, stdio: 'inherit' })
    rmSync(join(CACHE, file))
  }
  return NAMES.every(starts) ? console.log(`prometheus: unpacked into ${CACHE}`) : fail('it does not start')
}

function starts(name) {
  try {
    return runs(findPrometheus(name), '--version')
  } catch {
    return false
  }
}

/** Alone: what it depends on is the C library, and pages of it that nobody opens here. */
function download() {
  const { status } = spawnSync('apt-get', ['download', '-q', 'prometheus'], { cwd: CACHE, stdio: 'inherit' })
  return status === 0
}

/** A bare machine has no lists of packages yet. */
function update() {
  const command = asRoot('apt-get', 'update')
  if (!command) return false
  const [program, ...words] = command
  return runs(program, ...words)
}

/** The tests fail then, and say the same. */
function fail(why) {
  console.error(`prometheus: ${why}: ${HOW}`)
  process.exitCode = 1
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) ensure()
