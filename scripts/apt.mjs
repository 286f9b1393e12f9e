// Brings a program that the tests need from the system's packages, where that can be done without a question.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/**
 * Finds it, or installs the package of its name. Says what it does, how much that is, and how to do without.
 * @param {{ name: string, reason: string, without: string }} wanted
 * @param {() => string | undefined} find
 * @returns {string | undefined} why there is none, with the cure
 */
export function bring({ name, reason, without }, find) {
  const found = find()
  if (found) return tell(name, `${found} is here, nothing to do`)
  const cannot = whyNot()
  if (cannot) return `none found (${reason}), and ${cannot}: ${without}`
  tell(name, `none found (${reason}); asking apt-get what the package ${name} would bring`)
  const update = apt('update')
  if (update.status !== 0) return failed('update', update, without)
  const words = ['install', '--no-install-recommends', name]
  const plan = apt(...words, '--assume-no').stdout
  tell(name, `installing the package ${name} with apt-get: ${amount(plan)}. To do without: ${without}`)
  const install = apt(...words, '--yes')
  if (install.status !== 0) return failed('install', install, without)
  // On Ubuntu the package may be a stub that wants snap: what counts is that one is found now.
  const installed = find()
  if (!installed) return `apt-get installed no ${name} on PATH: ${without}`
  return tell(name, `installed ${installed}`)
}

/** The first of these names on PATH. */
export function onPath(...names) {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable)
}

export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

export function runs(program, ...words) {
  return spawnSync(program, words, { stdio: 'ignore' }).status === 0
}

/** The command that does it with the rights of root, without a question; `undefined` where there is none. */
export function asRoot(...command) {
  if (process.getuid?.() === 0) return command
  return runs('sudo', '-n', 'true') ? ['sudo', '-n', ...command] : undefined
}

function whyNot() {
  if (process.env['SIDEWIRE_INSTALL'] === 'no') return 'SIDEWIRE_INSTALL is "no"'
  if (!runs('apt-get', '--version')) return 'there is no apt-get here'
  if (!asRoot('true')) return 'installing needs root'
  return undefined
}

/** Its hundreds of lines are of interest only if it fails. */
function apt(...words) {
  // `env`, as sudo does not hand the environment on; C, as its words are read.
  const [program, ...rest] = asRoot('env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C', 'apt-get', ...words)
  return spawnSync(program, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 26 })
}

function failed(what, { stdout, stderr }, without) {
  console.error(stdout + stderr)
  return `apt-get ${what} failed, see above: ${without}`
}

/** From `Need to get 1,2 MB/170 MB of archives` and `After this operation, 712 MB of additional disk space`. */
function amount(plan) {
  const packages = /^(\d+) upgraded, (\d+) newly installed/m.exec(plan)?.[2] ?? 'some'
  const download = /^Need to get (.+) of archives/m.exec(plan)?.[1] ?? 'nothing'
  const disk = /^After this operation, (.+) of additional disk space/m.exec(plan)?.[1] ?? 'no more'
  return `${packages} packages, ${download} to download, ${disk} on disk`
}

function tell(name, text) {
  console.log(`${name}: ${text}`)
}
