// Finds a Chromium for the browser tests; run as a program, it makes sure that there is one.
import { pathToFileURL } from 'node:url'
import { bring, isExecutable, onPath } from './apt.mjs'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The path of a Chromium: CHROMIUM_PATH, or one on PATH; `undefined` if there is none. */
export function findChromium() {
  const asked = process.env['CHROMIUM_PATH']
  if (asked) return isExecutable(asked) ? asked : undefined
  return onPath(...NAMES)
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

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const asked = process.env['CHROMIUM_PATH']
  const problem =
    asked && !findChromium()
      ? `CHROMIUM_PATH is ${asked}, which is no executable file: correct or unset it`
      : bring(
          {
            name: 'chromium',
            reason: 'the tests in a browser need one',
            without: 'set CHROMIUM_PATH to the executable of a Chromium or Chrome',
          },
          findChromium,
        )
  if (problem) {
    console.error(`chromium: ${problem}`)
    process.exitCode = 1
  }
}
