// Programs of the system that the tests need: found, or else unpacked from their Debian packages into a folder of this clone. They are
// not installed: Debian starts the servers among them as services otherwise.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asRoot, isExecutable, runs } from './apt.mjs'

/** Not every user has the folders of the administrator on PATH. */
const ADMIN_FOLDERS = ['/usr/sbin', '/usr/local/sbin']

/**
 * @param {{ title: string, programs: Record<string, string>, packages?: string[], size: string, how: string }} wanted - programs
 * with the argument that makes each say its version; each has a package of its name, which comes with what it depends on, unless
 * `packages` says which are enough
 */
export function unpacked({ title, programs, packages: enough, size, how }) {
  const cache = fileURLToPath(new URL(`../node_modules/.cache/sidewire/${title}`, import.meta.url))

  /** How to start one: its command, and the environment; `undefined` if it is not here. */
  function find(name) {
    const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...ADMIN_FOLDERS]
    const installed = folders.map((folder) => join(folder, name)).find(isExecutable)
    if (installed) return { command: installed, env: { ...process.env } }
    const command = ['usr/sbin', 'usr/bin'].map((folder) => join(cache, folder, name)).find(isExecutable)
    if (!command) return undefined
    const libraries = join(cache, 'usr/lib')
    const paths = [
      libraries,
      ...(existsSync(libraries) ? readdirSync(libraries) : []).map((dir) => join(libraries, dir)),
    ]
    const before = process.env['LD_LIBRARY_PATH']
    const path = [...paths, ...(before ? [before] : [])].join(delimiter)
    return { command, env: { ...process.env, LD_LIBRARY_PATH: path } }
  }

  function starts(name) {
    const found = find(name)
    if (!found) return false
    return spawnSync(found.command, [programs[name]], { env: found.env, stdio: 'ignore' }).status === 0
  }

  /** Ends this process with 1 where one of them is not to be had. */
  function ensure() {
    const missing = Object.keys(programs).filter((name) => !starts(name))
    if (missing.length === 0)
      return console.log(`${title}: ${Object.keys(programs).join(' and ')} are here, nothing to do`)
    const names = missing.join(' and ')
    if (process.env['SIDEWIRE_INSTALL'] === 'no')
      return fail(`no ${names}, and SIDEWIRE_INSTALL is "no": ${how}`)
    if (!runs('apt-get', '--version') || !runs('dpkg', '--version'))
      return fail(`no ${names}, and there is no apt-get here: ${how}`)
    console.log(
      `${title}: no ${names}; fetching the packages with apt-get into node_modules/.cache (${size})`,
    )
    const packages = enough ?? packagesOf(missing) ?? (update() ? packagesOf(missing) : undefined)
    if (!packages) return fail(`apt-get knows no package of ${names}: ${how}`)
    rmSync(cache, { recursive: true, force: true })
    mkdirSync(cache, { recursive: true })
    const download = () =>
      spawnSync('apt-get', ['download', '-q', ...packages], { cwd: cache, stdio: 'inherit' }).status === 0
    // What is enough was not looked up, and a bare machine does not know it yet.
    if (!download() && !(enough && update() && download()))
      return fail(`apt-get could not download ${packages.join(', ')}: ${how}`)
    for (const file of readdirSync(cache).filter((each) => each.endsWith('.deb'))) {
      if (spawnSync('dpkg', ['-x', file, '.'], { cwd: cache, stdio: 'inherit' }).status !== 0)
        return fail(`${file} could not be unpacked: ${how}`)
      rmSync(join(cache, file))
    }
    const broken = missing.filter((name) => !starts(name))
    if (broken.length > 0) return fail(`${broken.join(' and ')} of the package does not start here: ${how}`)
    return console.log(`${title}: ${names} unpacked into ${cache}`)
  }

  function fail(why) {
    console.error(`${title}: ${why}`)
    process.exit(1)
  }

  return { find, ensure }
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
