// Whether uWebSockets.js has to load in this Node: where the pinned package has a binary, not loading it is a failure,
// and where it has none, the tests are run without that runtime and say so. Whoever has put another package in its place
// means it to load.
import { existsSync, readFileSync } from 'node:fs'
import { pinnedUws } from './verify-uws.mjs'

/** Why it cannot; `undefined` where it has to. */
export function whyNoUws() {
  const { platform, arch, versions } = process
  const { package: name, files } = pinnedUws()
  if (isOther(name)) return undefined
  if (!files[`dist/bin/uws_${platform}_${arch}_${versions.modules}.node`])
    return `${name} has no binary for Node ${versions.node} on ${platform}-${arch}`
  // Its binaries for Linux are linked with glibc. The network's part of a report asks for names.
  process.report.excludeNetwork = true
  if (platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime)
    return `${name} has no binary for a Linux without glibc`
  return undefined
}

function isOther(pinned) {
  const manifest = new URL('../node_modules/uWebSockets.js/package.json', import.meta.url)
  if (!existsSync(manifest)) return false
  const { name, version } = JSON.parse(readFileSync(manifest, 'utf8'))
  return `${name}@${version}` !== pinned
}
