// Brings the other versions of Node that users are on, for what is tested on all of them: the binaries that the registry
// has as packages, into a folder of this clone. Nothing of them is installed on the system.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

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
  const version = versionOf(command)
  if (version) return { command, version }
  const [reason = 'it did not start'] = (install.stderr ?? '')
    .split('\n')
    .filter((line) => /error/i.test(line))
  return { why: `npm could not bring ${name}@${major} (${reason.trim()}): ${HOW}` }
}

function versionOf(command) {
  const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim().replace(/^v/, '') : undefined
}
