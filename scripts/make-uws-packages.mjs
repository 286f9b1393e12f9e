// Makes a package of each binary of uWebSockets.js, so that npm installs the one that fits, of 5 to 7 MB, instead of all
// of them: `node scripts/make-uws-packages.mjs <folder of binaries> <folder for packages>`. Every binary has to be, byte
// for byte, one of scripts/uws-hashes.json; else nothing is made. Nothing is published: CONTRIBUTING.md says what would be.
import { copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashOf, pinnedUws } from './verify-uws.mjs'

/** src/runtime/node/load.ts looks for these names. */
const SCOPE = '@sidewire'
/** The major version of Node by its `process.versions.modules`; older ones than sidewire runs on are left out. */
const NODES = { 115: 20, 120: 21, 127: 22, 137: 24, 141: 25, 147: 26 }
/** Of uWebSockets.js: its authors give it out under Apache 2.0, whose 4(a) wants a copy to go along. */
const LICENCE = fileURLToPath(new URL('uws-licence.txt', import.meta.url))

/**
 * @param {string} from - has files like uws_linux_x64_127.node
 * @param {string} to - gets a folder for each package, like uws-linux-x64-127
 * @returns {string[]} their names
 * @throws with a text that names each file that differs
 */
function makeUwsPackages(from, to) {
  const { package: source, files } = pinnedUws()
  const known = new Map(Object.entries(files).map(([path, hash]) => [path.split('/').at(-1), hash]))
  const binaries = readdirSync(from).filter((name) => name.endsWith('.node'))
  if (binaries.length === 0) throw new Error(`there is no binary (*.node) in ${from}`)
  // What is there may be of another list.
  if (existsSync(to) && readdirSync(to).length > 0) throw new Error(`${to} is not empty: name a new folder`)
  const strange = binaries.filter((name) => known.get(name) !== hashOf(join(from, name)))
  if (strange.length > 0)
    throw new Error(
      `these are not as scripts/uws-hashes.json knows them:\n${strange.map((name) => `  ${join(from, name)}`).join('\n')}\n` +
        'cure: take the binaries of the package that is named there, or, after a look at new ones, make the list anew ' +
        '(node scripts/verify-uws.mjs --write)',
    )
  return binaries.flatMap((binary) => {
    const [, platform, arch, abi] = /^uws_([a-z0-9]+)_([a-z0-9]+)_(\d+)\.node$/.exec(binary) ?? []
    const node = NODES[abi]
    if (node === undefined) return []
    const folder = join(to, `uws-${platform}-${arch}-${abi}`)
    mkdirSync(folder, { recursive: true })
    const manifest = manifestOf({ platform, arch, abi, node, binary, source })
    copyFileSync(join(from, binary), join(folder, binary))
    copyFileSync(LICENCE, join(folder, 'LICENSE'))
    write(folder, 'package.json', manifest)
    write(folder, 'hashes.json', { package: source, files: { [binary]: known.get(binary) } })
    writeFileSync(join(folder, 'README.md'), readmeOf(manifest, binary))
    return [manifest.name]
  })
}

function manifestOf({ platform, arch, abi, node, binary, source }) {
  return {
    name: `${SCOPE}/uws-${platform}-${arch}-${abi}`,
    version: source.split('@').at(-1),
    description: `The binary of uWebSockets.js for Node ${node} on ${platform}-${arch}, as ${source} has it.`,
    license: 'Apache-2.0',
    main: binary,
    files: [binary, 'hashes.json'],
    os: [platform],
    cpu: [arch],
    // Those for Linux are linked with glibc.
    ...(platform === 'linux' && { libc: ['glibc'] }),
    engines: { node: `${node}.x` },
  }
}

function readmeOf({ name, description }, binary) {
  return `# ${name}

${description} It is for sidewire, which loads it by itself; there is no JavaScript in it, and nothing runs when it is installed.

uWebSockets.js is by Alex Hultman and its contributors, under the licence in \`LICENSE\`. \`hashes.json\` has the SHA-256 of
\`${binary}\`, which sidewire's \`scripts/uws-hashes.json\` has as well.
`
}

function write(folder, file, content) {
  writeFileSync(join(folder, file), `${JSON.stringify(content, undefined, 2)}\n`)
}

function main([from, to]) {
  if (!from || !to) {
    console.error('usage: node scripts/make-uws-packages.mjs <folder of binaries> <folder for packages>')
    process.exitCode = 1
    return
  }
  try {
    for (const name of makeUwsPackages(from, to)) console.log(name)
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}

main(process.argv.slice(2))
