// Whether the installed uWebSockets.js is, byte for byte, the one that this project was tested with. It comes from an
// unofficial repack (SECURITY.md says why), and most of it is native code that nobody can read. Every build asks
// (tsup.config.ts). By hand: `node scripts/verify-uws.mjs [folder]`; `--write` takes what is installed as the new list.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LIST = 'scripts/uws-hashes.json'
const FOLDER = 'node_modules/uWebSockets.js'

/**
 * @param {string} folder - the package
 * @returns {string} one line, when it is as it should be
 * @throws with a text that names each file that differs
 */
export function verifyUws(folder = join(ROOT, FOLDER)) {
  const { package: name, files } = pinnedUws()
  const found = hashesOf(folder)
  const differences = [...new Set([...Object.keys(files), ...Object.keys(found)])]
    .filter((path) => files[path] !== found[path])
    .map(
      (path) =>
        `  ${join(folder, path)}\n` +
        `    expected ${files[path] ? `SHA-256 ${files[path]}` : 'no such file'}\n` +
        `    found    ${found[path] ? `SHA-256 ${found[path]}` : 'no such file'}`,
    )
  if (differences.length === 0) return `${name}: ${Object.keys(files).length} files as expected`
  throw new Error(
    `the installed uWebSockets.js is not ${name} as ${LIST} knows it:\n${differences.join('\n')}\n` +
      `cure: delete ${folder}, and run npm ci; if it says the same again, do not run it, and report it (SECURITY.md)`,
  )
}

/** The package, `name@version`, and the SHA-256 of each of its files. */
export function pinnedUws() {
  return JSON.parse(readFileSync(join(ROOT, LIST), 'utf8'))
}

export function hashOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}

function hashesOf(folder) {
  if (!existsSync(folder)) return {}
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted()
  return Object.fromEntries(paths.map((path) => [path.split(sep).join('/'), hashOf(join(folder, path))]))
}

function main(args) {
  const [folder = join(ROOT, FOLDER)] = args.filter((word) => !word.startsWith('--'))
  if (args.includes('--write')) {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const content = { package: `${name}@${version}`, files: hashesOf(folder) }
    writeFileSync(join(ROOT, LIST), `${JSON.stringify(content, undefined, 2)}\n`)
    console.log(`${LIST} has the files of ${content.package}: look at the difference before you commit it`)
    return
  }
  try {
    console.log(verifyUws(folder))
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.slice(2))
