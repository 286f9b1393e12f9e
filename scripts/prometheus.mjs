// Finds Prometheus and its promtool for the tests of the metrics; run as a program, it makes sure that they are here.
import { pathToFileURL } from 'node:url'
import { unpacked } from './unpacked.mjs'

const HOW = 'apt-get install prometheus, or put prometheus and promtool on PATH'

const prometheus = unpacked({
  title: 'prometheus',
  programs: { prometheus: '--version', promtool: '--version' },
  // Alone: what it depends on is the C library, and pages of it that nobody opens here.
  packages: ['prometheus'],
  size: '19 MB to download, 96 MB on disk',
  how: HOW,
})

/** The command of one of the two. */
export function findPrometheus(name) {
  const found = prometheus.find(name)
  if (found) return found.command
  throw new Error(`there is no ${name} here, which the tests of the metrics ask: ${HOW}`)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) prometheus.ensure()
