// Finds nginx and HAProxy for the tests of docs/guide/behind-a-proxy.md; run as a program, it makes sure that they are here.
// Their packages are unpacked into a folder of this clone and not installed: Debian starts both as services otherwise.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { asRoot, isExecutable, runs } from './apt.mjs'

const CACHE = fileURLToPath(new URL('../node_modules/.cache/sidewire/proxies', import.meta.url))
/** The argument that makes each say its version. */
const PROXIES = { nginx: '-v', haproxy: '-v' }
const SIZE = 'about 3 MB to download, 7 MB on disk'
const HOW = 'install nginx and HAProxy, or put both on PATH'

/** How to start a proxy: its command, and the environment; `undefined` if it is not here. */
export function findProxy(name) {
  // Not every user has the folders of the administrator on PATH.
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean),
    '/usr/sbin',
    '/usr/local/sbin',
  ]
  const installed = folders.map((folder) => join(folder, name)).find(isExecutable)
  if (installed) return { command: installed, env: { ...process.env } }
  const unpacked = join(CACHE, 'usr/sbin', name)
  if (!isExecutable(unpacked)) return undefined
  const libraries = join(CACHE, 'usr/lib')
  const paths = [
    libraries,
    ...(existsSync(libraries) ? readdirSync(libraries) : []).map((dir) => join(libraries, dir)),
  ]
  const before = process.env['LD_LIBRARY_PATH']
  const path = [...paths, ...(before ? [before] : [])].join(delimiter)
  return { command: unpacked, env: { ...process.env, LD_LIBRARY_PATH: path } }
}

function starts(name) {
  const found = findProxy(name)
  if (!found) return false
  return spawnSync(found.command, [PROXIES[name]], { env: found.env, stdio: 'ignore' }).status === 0
}

function ensure() {
  const missing = Object.keys(PROXIES).filter((name) => !starts(name))
  if (missing.length === 0) return console.log('proxies: nginx and haproxy are here, nothing to do')
  const names = missing.join(' and ')
  if (process.env['SIDEWIRE_INSTALL'] === 'no') fail(`no ${names}, and SIDEWIRE_INSTALL is "no": ${HOW}`)
  if (!runs('apt-get', '--version') || !runs('dpkg', '--version'))
    fail(`no ${names}, and there is no apt-get here: ${HOW}`)
  console.log(`proxies: no ${names}; fetching the packages with apt-get into node_modules/.cache (${SIZE})`)
  const packages = packagesOf(missing) ?? (update() ? packagesOf(missing) : undefined)
  if (!packages) fail(`apt-get knows no package of ${names}: ${HOW}`)
  rmSync(CACHE, { recursive: true, force: true })
  mkdirSync(CACHE, { recursive: true })
  if (spawnSync('apt-get', ['download', '-q', ...packages], { cwd: CACHE, stdio: 'inherit' }).status !== 0)
    fail(`apt-get could not download ${packages.join(', ')}: ${HOW}`)
  for (const file of readdirSync(CACHE).filter((each) => each.endsWith('.deb'))) {
    if (spawnSync('dpkg', ['-x', file, '.'], { cwd: CACHE, stdio: 'inherit' }).status !== 0)
      fail(`${file} could not be unpacked: ${HOW}`)
    rmSync(join(CACHE, file))
  }
  const broken = missing.filter((name) => !starts(name))
  if (broken.length > 0) fail(`${broken.join(' and ')} of the package does not start here: ${HOW}`)
  console.log(`proxies: ${names} unpacked into ${CACHE}`)
}

/** What an installation would bring, dependencies included; simulated, and so without root. */
function packagesOf(names) {
  const { status, stdout } = spawnSync('apt-get', ['install', '-s', '--no-install-recommends', ...names], {
    encoding: 'utf8',
  })
  const packages = [...(stdout ?? '').matchAll(/^Inst (\S+)/gm)].map(([, name]) => name)
  return status === 0 && packages.length > 0 ? packages : undefined
}

/** A bare machine has no lists of packages yet. */
function update() {
  const command = asRoot('apt-get', 'update')
  if (!command) return false
  const [program, ...words] = command
  return spawnSync(program, words, { stdio: 'inherit' }).status === 0
}

function fail(why) {
  console.error(`proxies: ${why}`)
  process.exit(1)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) ensure()
