import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Locked {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly inBundle?: boolean
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

interface Manifest {
  readonly description?: string
  readonly dependencies: Record<string, string>
  readonly devDependencies: Record<string, string>
  readonly allowScripts: Record<string, boolean>
  readonly scripts?: Record<string, string>
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, path, 'package.json'), 'utf8')) as Manifest
}

const manifest = readManifest('.')
interface Lockfile {
  readonly lockfileVersion: number
  readonly packages: Record<string, Locked & Partial<Manifest>>
}

function readLockfile(path: string): Lockfile {
  return JSON.parse(readFileSync(join(ROOT, path, 'package-lock.json'), 'utf8')) as Lockfile
}

const lockfile = readLockfile('.')
const VERSION = /^\d+\.\d+\.\d+(?:-[\w.-]+)?$/
/** 64 bytes in base64; anything beside it, such as a weaker hash, would be accepted as well. */
const isSha512 = ({ integrity = '' }: Locked): boolean => /^sha512-[+/0-9A-Za-z]{86}==$/.test(integrity)
/** By their paths, all but the project itself. */
const packages = Object.entries(lockfile.packages).filter(([path]) => path !== '')
const pathsWhere = (is: (locked: Locked) => unknown): string[] =>
  packages.filter(([, locked]) => is(locked)).map(([path]) => path)

/** npm's own comparison of the two files, in a folder of their own; needs no registry, and no cache of one. */
function npmList(change: (manifest: Manifest) => unknown = (same) => same): {
  readonly status: number | null
  readonly stderr: string
} {
  const folder = mkdtempSync(join(tmpdir(), 'sidewire-lockfile-'))
  try {
    copyFileSync(join(ROOT, 'package-lock.json'), join(folder, 'package-lock.json'))
    writeFileSync(join(folder, 'package.json'), JSON.stringify(change(manifest)))
    // What npm thinks of the configuration of this machine is not the question.
    const words = ['ls', '--all', '--package-lock-only', '--loglevel=error']
    const shell = process.platform === 'win32'
    return spawnSync('npm', words, { cwd: folder, shell, encoding: 'utf8' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

describe('package-lock.json', () => {
  test('has a SHA-512 of every package', () => {
    expect(lockfile.lockfileVersion).toBe(3)
    expect(packages.length).toBeGreaterThan(300)
    expect(pathsWhere((locked) => !isSha512(locked))).toEqual([])
  })

  test('takes every package from the registry: none from git, a file, a folder or a host of its own', () => {
    expect(pathsWhere(({ version = '' }) => !VERSION.test(version))).toEqual([])
    expect(pathsWhere(({ link, inBundle }) => link || inBundle)).toEqual([])
    // Whoever writes the lockfile may have npm leave the addresses out: then they are those of the registry in use.
    const addresses = packages.flatMap(([, { resolved }]) => resolved ?? [])
    const origins = new Set(addresses.map((address) => new URL(address).origin))
    expect(origins.size).toBeLessThanOrEqual(1)
    for (const origin of origins) expect(origin).toMatch(/^https:/)
    for (const spec of Object.values({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect(spec).toMatch(/^(?:npm:(?:@[\w.-]+\/)?[\w.-]+@)?[~^]?\d+\.\d+\.\d+(?:-[\w.-]+)?$/)
  })

  test('agrees with package.json', () => {
    const { status, stderr } = npmList()
    expect([status, stderr]).toEqual([0, ''])
    const ws = (version: string): readonly [number | null, string] => {
      const other = npmList((same) => ({ ...same, dependencies: { ...same.dependencies, ws: version } }))
      return [other.status, other.stderr]
    }
    expect(ws('^7.0.0')).toEqual([1, expect.stringContaining('invalid: ws@')])
    // What npm compares only when it installs.
    for (const kind of ['dependencies', 'devDependencies'] as const)
      expect(lockfile.packages['']?.[kind]).toEqual(manifest[kind])
  })
})

/** Installed by tests only, with all install scripts off. */
describe.each(
  ['test/frameworks', 'test/runners'].flatMap((parent) =>
    readdirSync(join(ROOT, parent), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [{ folder: `${parent}/${entry.name}` }] : [],
    ),
  ),
)('$folder', ({ folder }) => {
  const own = readManifest(folder)
  const locked = readLockfile(folder)

  test('has a SHA-512 of every package, and takes it from the registry in use', () => {
    const rest = Object.entries(locked.packages).filter(([path]) => path !== '')
    const isWrong = (each: Locked): unknown =>
      !isSha512(each) || each.resolved !== undefined || !VERSION.test(each.version ?? '') || each.link
    // What comes inside of another package has no hash of its own.
    expect(rest.filter(([, each]) => !each.inBundle && isWrong(each)).map(([path]) => path)).toEqual([])
    expect(rest.length).toBeGreaterThan(10)
  })

  test('names exact versions, the same ones in both files, and says how much that is', () => {
    expect(locked.packages['']?.dependencies).toEqual(own.dependencies)
    for (const version of Object.values(own.dependencies)) expect(version).toMatch(VERSION)
    expect(own.description).toMatch(/: about \d+ MB to download, \d+ MB on disk$/)
  })
})

/** Packages with an install script, by what becomes of who does not run it. */
const INSTALL_SCRIPTS: Readonly<
  Record<string, 'nothing: its binary is a package of its own' | 'developers'>
> = {
  // Its script only checks the binary of @esbuild/<platform>, and puts it in place of the JavaScript that starts it.
  'node_modules/esbuild': 'nothing: its binary is a package of its own',
  // `npm test` runs its script when npm did not.
  'node_modules/bun': 'developers',
  'node_modules/vite6/node_modules/esbuild': 'developers',
  // Copies a worker into projects that name a folder for it; ours is none, and npm is told not to run it.
  'node_modules/msw': 'developers',
}

describe('install scripts', () => {
  test('no package has one but those that are known', () => {
    expect(pathsWhere(({ hasInstallScript }) => hasInstallScript).toSorted()).toEqual(
      Object.keys(INSTALL_SCRIPTS).toSorted(),
    )
    const names = Object.keys(INSTALL_SCRIPTS).map((path) => path.split('node_modules/').at(-1)!)
    expect(Object.keys(manifest.allowScripts).toSorted()).toEqual([...new Set(names)].toSorted())
  })

  test('what users install needs none of them', () => {
    const production = new Set(pathsWhere(({ dev }) => !dev))
    const needed = Object.keys(INSTALL_SCRIPTS).filter((path) => production.has(path))
    expect(needed.map((path) => INSTALL_SCRIPTS[path])).toEqual([
      'nothing: its binary is a package of its own',
    ])
  })

  test('the packages themselves say the same', () => {
    const installed = packages
      .map(([path]) => path)
      .filter((path) => existsSync(join(ROOT, path, 'package.json')))
    expect(installed.length).toBeGreaterThan(100)
    const withScript = installed.filter((path) => {
      const { scripts = {} } = readManifest(path)
      // npm runs node-gyp by itself where it finds a binding.gyp.
      const hasGyp = existsSync(join(ROOT, path, 'binding.gyp'))
      return hasGyp || ['preinstall', 'install', 'postinstall'].some((name) => scripts[name] !== undefined)
    })
    expect(withScript.toSorted()).toEqual(Object.keys(INSTALL_SCRIPTS).toSorted())
    const own = manifest.scripts ?? {}
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'])
      expect(own[name]).toBeUndefined()
  })
})
