// `npm run conformance`: plays the cases of test/conformance on every runtime, direct and through the Vite dev server,
// on Node and inside Bun, and writes docs/conformance.md from what came out.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { render } from './conformance-report.mjs'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))
const BUN = 'node_modules/bun/bin/bun.exe'
const VITEST = 'node_modules/vitest/vitest.mjs'
const SUITE = 'test/conformance/conformance.test.ts'
const DOC = 'docs/conformance.md'
const PLACES = ['uws', 'ws', 'bun'].flatMap((runtime) => ['direct', 'vite'].map((way) => ({ runtime, way })))

const folder = mkdtempSync(join(tmpdir(), 'sidewire-conformance-'))
try {
  play('node', process.execPath, [VITEST])
  play('bun', BUN, ['--bun', VITEST])
  const { groups, notes } = read('table')
  const places = PLACES.map((place) => ({ ...place, ...read(`${place.runtime}-${place.way}`) }))
  const straight = Object.fromEntries(
    ['uws', 'ws', 'bun'].map((runtime) => [runtime, read(`${runtime}-straight`)]),
  )
  writeFileSync(DOC, render({ groups, notes, places, straight, versions: versions() }))
  console.log()
  for (const { runtime, way, results } of places) {
    const count = (verdict) => results.filter((result) => result.verdict === verdict).length
    const counts = ['ok', 'informational', 'native', 'failed'].map(
      (verdict) => `${count(verdict)} ${verdict}`,
    )
    console.log(`${`${runtime}, ${way}`.padEnd(12)} ${counts.join(', ')}`)
    if (count('failed') > 0) process.exitCode = 1
  }
  console.log(`${DOC} is written`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** Failed cases are in the results; a run without results is an error. */
function play(platform, command, args) {
  console.log(`\n── ${platform === 'node' ? `Node ${process.versions.node}` : 'Bun'}`)
  const { status, error } = spawnSync(command, [...args, 'run', SUITE], {
    env: { ...process.env, SIDEWIRE_PLATFORM: platform, SIDEWIRE_CONFORMANCE: folder },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (error) throw error
  if (status !== 0) process.exitCode = 1
}

function read(name) {
  const file = join(folder, `${name}.json`)
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'))
  throw new Error(`there are no results of ${name}: see above; where Bun does not start, npm test sets it up`)
}

function versions() {
  const installed = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
  const { name: uws, version: uwsVersion } = installed('uWebSockets.js')
  return [
    `Node ${process.versions.node}`,
    `Bun ${installed('bun').version}`,
    `uWebSockets.js ${uws === 'uWebSockets.js' ? uwsVersion : `as ${uws} ${uwsVersion}`}`,
    `ws ${installed('ws').version}`,
    `Vite ${installed('vite').version}`,
    `${process.platform}-${process.arch}`,
  ]
}
