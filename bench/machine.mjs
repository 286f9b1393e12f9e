// What a figure means little without.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, availableParallelism, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { isPinned } from './processes.mjs'

const PACKAGES = ['bun', 'uWebSockets.js', 'ws', 'crossws', 'socket.io', 'vite']

export function describeMachine() {
  const versions = PACKAGES.map((name) => {
    const path = fileURLToPath(new URL(`../node_modules/${name}/package.json`, import.meta.url))
    return [name, JSON.parse(readFileSync(path, 'utf8')).version]
  })
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    machine: {
      cpu: cpus()[0]?.model.trim() ?? '',
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${type()} ${release()}`,
      coresApart: isPinned,
    },
    versions: { node: process.versions.node, ...Object.fromEntries(versions) },
  }
}

/** With a `+` behind it where the work tree has changes. */
function commit() {
  try {
    const git = (...args) =>
      execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const changes = git('status', '--porcelain', '--untracked-files=no').trim()
    return git('rev-parse', '--short', 'HEAD').trim() + (changes ? '+' : '')
  } catch {
    return null
  }
}

/** In a line or two. */
export function machineText({ date, machine, versions }) {
  const names = { node: 'Node', bun: 'Bun' }
  return [
    `${date}, ${machine.cpu}, ${machine.cores} cores, ${machine.system}`,
    Object.entries(versions)
      .map(([name, version]) => `${names[name] ?? name} ${version}`)
      .join(', '),
  ]
}
