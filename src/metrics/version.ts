import { readFileSync } from 'node:fs'

/** Of this package. */
export function readVersion(): string {
  // Both a folder of src/ and the bundle in dist/ find it upwards.
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const manifest = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        name?: string
        version?: string
      }
      if (manifest.name === 'sidewire' && manifest.version) return manifest.version
    } catch {
      // Not there: the next one.
    }
  }
  return '0.0.0'
}
