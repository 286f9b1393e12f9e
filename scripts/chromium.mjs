// Finds a Chromium for the browser tests; run as a program, it makes sure that there is one.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const HOW = 'install Chromium or Chrome, or set CHROMIUM_PATH to its executable'

/** The path of a Chromium: CHROMIUM_PATH, or one on PATH; `undefined` if there is none. */
export function findChromium() {
  const asked = process.env['CHROMIUM_PATH']
  if (asked) return isExecutable(asked) ? asked : undefined
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean)
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable)
}

/** Arguments for a headless run that starts quickly and calls nobody. */
export function chromiumArguments() {
  return [
    '--headless',
    '--disable-gpu',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    // Chromium refuses to build its sandbox as root.
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ]
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function ensure() {
  const asked = process.env['CHROMIUM_PATH']
  const found = findChromium()
  if (found) return console.log(`chromium: ${found} is here, nothing to do`)
  if (asked) fail(`CHROMIUM_PATH is ${asked}, which is no executable file: correct or unset it`)
  if (!runs('apt-get', ['--version'])) fail(`none found, and there is no apt-get here: ${HOW}`)
  const isRoot = process.getuid?.() === 0
  if (!isRoot && !runs('sudo', ['-n', 'true'])) fail(`none found, and installing needs root: ${HOW}`)
  console.log('chromium: none found, installing the package chromium with apt-get')
  for (const rest of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    // `env`, as sudo does not hand the environment on.
    const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...rest]
    const [program, ...words] = isRoot ? command : ['sudo', '-n', ...command]
    const { status } = spawnSync(program, words, { stdio: 'inherit' })
    if (status !== 0) fail(`apt-get ${rest[0]} failed: ${HOW}`)
  }
  // On Ubuntu the package may be a stub that wants snap: what counts is that one is found now.
  const installed = findChromium()
  if (!installed) fail(`apt-get installed no chromium on PATH: ${HOW}`)
  console.log(`chromium: installed ${installed}`)
}

function runs(program, words) {
  return spawnSync(program, words, { stdio: 'ignore' }).status === 0
}

function fail(why) {
  console.error(`chromium: ${why}`)
  process.exit(1)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) ensure()
