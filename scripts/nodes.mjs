// Brings the other versions of Node that users are on, for what is tested on all of them: the binaries that the registry
// has as packages, into a folder of this clone. Nothing of them is installed on the system.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bring } from './apt.mjs'

/** Those with users: the long-term ones, and the next. */
export const MAJORS = [20, 22, 24, 26]

const CACHE = fileURLToPath(new URL('../node_modules/.cache/sidewire/nodes', import.meta.url))
const HOW = 'run the suite with that Node itself'

/**
 * Finds the newest of a major version, or downloads it.
 * @param {number} major
 * @returns {{ command: string, version: string } | { why: string }} `why` there is none, with the cure
 */
export function bringNode(major) {
  const folder = join(CACHE, String(major))
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const file = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node'
  const command = join(folder, 'node_modules', name, file)
  const here = versionOf(command)
  if (here) return { command, version: here }
  if (process.env['SIDEWIRE_INSTALL'] === 'no') return { why: `SIDEWIRE_INSTALL is "no": ${HOW}` }
  console.log(
    `nodes: fetching the package ${name}@${major} into node_modules/.cache (about 45 MB to download)`,
  )
  mkdirSync(folder, { recursive: true })
  const npm = process.env['npm_execpath']
  const [program, ...words] = npm ? [process.execPath, npm] : ['npm']
  const options = [
    '--prefix',
    folder,
    '--no-save',
    '--no-package-lock',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  ]
  const install = spawnSync(program, [...words, 'install', ...options, `${name}@${major}`], {
    // Its "0 packages" are of no interest; what went wrong is.
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  })
  const [reason] = (install.stderr ?? '').split('\n').filter((line) => /error/i.test(line))
  if (reason) return { why: `npm could not bring ${name}@${major} (${reason.trim()}): ${HOW}` }
  const problem = withLibrary(command)
  const version = versionOf(command)
  return version ? { command, version } : { why: `${problem}: ${HOW}` }
}

/** Node 26 wants one that a bare Debian lacks. @returns why the binary does not start, if it does not */
function withLibrary(command) {
  const { status, stderr, error } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  if (status === 0) return undefined
  const problem = `${command} does not start (${(stderr || String(error)).trim()})`
  if (!stderr?.includes('libatomic.so.1')) return problem
  const missing = bring(
    {
      name: 'libatomic1',
      reason: 'this Node does not start without it',
      without: 'the summary says that this Node was not tested',
    },
    () => (versionOf(command) ? 'libatomic.so.1' : undefined),
  )
  return missing && `${problem}; libatomic1: ${missing}`
}

function versionOf(command) {
  const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim().replace(/^v/, '') : undefined
}
