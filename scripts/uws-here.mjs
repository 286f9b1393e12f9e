// Whether uWebSockets.js has to load in this Node: where the pinned package has a binary, not loading it is a failure,
// and where it has none, the tests are run without that runtime and say so.
import { readFileSync } from 'node:fs'

/** Why it cannot; `undefined` where it has to. */
export function whyNoUws() {
  const { platform, arch, versions } = process
  const { package: name, files } = JSON.parse(
    readFileSync(new URL('uws-hashes.json', import.meta.url), 'utf8'),
  )
  if (!files[`dist/bin/uws_${platform}_${arch}_${versions.modules}.node`])
    return `${name} has no binary for Node ${versions.node} on ${platform}-${arch}`
  // Its binaries for Linux are linked with glibc. The network's part of a report asks for names.
  process.report.excludeNetwork = true
  if (platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime)
    return `${name} has no binary for a Linux without glibc`
  return undefined
}
