import { execFileSync, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { hashOf } from '../../scripts/verify-uws.mjs'
import { Cli, endAll, project, ROOT } from '../cli/cli.ts'
import { installWithout } from '../cli/without-native.ts'
import { NODE_RUNTIME } from '../contract/runtimes.ts'
import { connectWs } from '../support/client.ts'

const BINARIES = join(ROOT, 'node_modules/uWebSockets.js/dist/bin')
const { platform, arch, versions } = process
const HERE = `uws-${platform}-${arch}-${versions.modules}`

let folder = ''
let out = ''
let made: ReturnType<typeof make>
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidewire-uws-packages-'))
  out = join(folder, 'out')
  made = make(BINARIES, out)
})
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

function make(from: string, to: string): { status: number | null; stdout: string; stderr: string } {
  const script = join(ROOT, 'scripts/make-uws-packages.mjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, from, to], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

const read = (name: string, file: string): unknown => JSON.parse(readFileSync(join(out, name, file), 'utf8'))

describe('scripts/make-uws-packages.mjs', () => {
  test('makes a package of each binary for a Node that sidewire runs on', () => {
    const names = readdirSync(BINARIES)
      .filter((file) => !file.endsWith('_108.node'))
      .map((file) => file.replace('.node', '').replaceAll('_', '-'))
    expect(made).toEqual({
      status: 0,
      stdout: names.map((name) => `@sidewire/${name}\n`).join(''),
      stderr: '',
    })
    expect(readdirSync(out).toSorted()).toEqual(names.toSorted())
    expect(names).toHaveLength(18)
  })

  test('which only the machine and the Node that it is for installs', () => {
    expect(read('uws-linux-arm64-127', 'package.json')).toMatchObject({
      name: '@sidewire/uws-linux-arm64-127',
      version: '20.0.8',
      license: 'Apache-2.0',
      main: 'uws_linux_arm64_127.node',
      os: ['linux'],
      cpu: ['arm64'],
      libc: ['glibc'],
      engines: { node: '22.x' },
    })
    const windows = read('uws-win32-x64-115', 'package.json')
    expect(windows).toMatchObject({ os: ['win32'], cpu: ['x64'], engines: { node: '20.x' } })
    expect(windows).not.toHaveProperty('libc')
  })

  test('and which has the binary, its hash and the licence of uWebSockets.js, and no script', () => {
    for (const name of readdirSync(out)) {
      const binary = `${name.replaceAll('-', '_')}.node`
      expect(readdirSync(join(out, name)).toSorted()).toEqual(
        ['LICENSE', 'README.md', 'hashes.json', 'package.json', binary].toSorted(),
      )
      expect(read(name, 'hashes.json')).toEqual({
        package: 'uws-pack@20.0.8',
        files: { [binary]: hashOf(join(out, name, binary)) },
      })
      expect(read(name, 'package.json')).not.toHaveProperty('scripts')
      expect(readFileSync(join(out, name, 'LICENSE'), 'utf8')).toMatch(/^\s+Apache License\s+Version 2\.0/)
    }
  })

  test.each<[string, string, (from: string) => void]>([
    [
      'a changed binary',
      'uws_linux_x64_115.node',
      (from) => {
        const file = join(from, 'uws_linux_x64_115.node')
        const bytes = readFileSync(file)
        bytes[bytes.length >> 1]! ^= 1
        writeFileSync(file, bytes)
      },
    ],
    [
      'one that the list has not',
      'uws_linux_x64_999.node',
      (from) => writeFileSync(join(from, 'uws_linux_x64_999.node'), ''),
    ],
  ])('makes nothing of a folder with %s', (_what, file, change) => {
    const from = mkdtempSync(join(folder, 'from-'))
    const to = `${from}-out`
    for (const name of ['uws_linux_x64_115.node', 'uws_linux_x64_127.node'])
      copyFileSync(join(BINARIES, name), join(from, name))
    change(from)
    const { status, stderr } = make(from, to)
    expect(status).toBe(1)
    expect(stderr).toMatch(/^these are not as scripts\/uws-hashes\.json knows them:\n.*\ncure: /)
    expect(stderr).toContain(`\n  ${join(from, file)}\n`)
    expect(existsSync(to)).toBe(false)
  })

  test('and nothing where there is no binary, or something already', () => {
    mkdirSync(join(folder, 'empty'))
    expect(make(join(folder, 'empty'), join(folder, 'new')).stderr).toMatch(/^there is no binary/)
    expect(make(BINARIES, out).stderr).toBe(`${out} is not empty: name a new folder\n`)
  })
})

// Where uws-pack has no binary for this Node, the summary says that the runtime uws was not proven.
describe.each(NODE_RUNTIME === 'uws' ? [HERE] : [])('%s, packed and installed by npm', (name) => {
  let installed = ''
  beforeAll(() => {
    const npm = (cwd: string, ...words: string[]): string =>
      execFileSync('npm', words, { cwd, encoding: 'utf8', shell: platform === 'win32' })
    const tarball = npm(folder, 'pack', '--silent', join(out, name)).trim()
    installed = join(folder, 'installed')
    mkdirSync(installed)
    writeFileSync(join(installed, 'package.json'), '{ "private": true }')
    npm(
      installed,
      'install',
      '--offline',
      '--engine-strict',
      '--no-audit',
      '--no-fund',
      join(folder, tarball),
    )
  })
  afterEach(endAll)

  /** A project with sidewire, the package, and these files. */
  function install(files: Readonly<Record<string, string>>): { cwd: string; script: string } {
    const installation = installWithout(files)
    cpSync(join(installed, 'node_modules'), join(installation.cwd, 'node_modules'), { recursive: true })
    return installation
  }

  async function serves(options: { cwd: string; script: string }, ...words: string[]): Promise<string[]> {
    const cli = new Cli(['serve', '--port', '0', ...words], options)
    const client = await connectWs((await cli.started()).replace('/chat', '/echo'))
    client.json({ text: 'hello' })
    expect(await client.next()).toEqual({ text: 'hello' })
    cli.kill('SIGTERM')
    await cli.exited
    return cli.stdout
  }
  const uws = expect.stringMatching(/^sidewire on uWebSockets\.js .*\(runtime uws\)$/)

  test('serves where there is no other uWebSockets.js', async () => {
    const options = install({})
    expect((await serves(options, '--runtime', 'uws'))[0]).toEqual(uws)
    // A script that is started from elsewhere.
    expect((await serves({ ...options, cwd: project() }))[0]).toEqual(uws)
  })

  const fake = (where: string, says: string): Record<string, string> => ({
    [`${where}/uWebSockets.js/package.json`]: '{ "name": "uWebSockets.js", "main": "uws.js" }',
    [`${where}/uWebSockets.js/uws.js`]: `console.log(${JSON.stringify(says)})`,
  })

  test('comes behind the one of the user, and before the repack', async () => {
    const options = install({
      ...fake('node_modules', "the user's has no App"),
      ...fake('node_modules/sidewire/node_modules', 'the repack'),
    })
    const [first, second] = await serves(options)
    expect([first, second]).toEqual(["the user's has no App", uws])
  })

  test('the repack serves where it is damaged', async () => {
    const options = install({})
    const binary = `${name.replaceAll('-', '_')}.node`
    writeFileSync(join(options.cwd, 'node_modules/@sidewire', name, binary), 'no binary')
    cpSync(join(ROOT, 'node_modules/uWebSockets.js'), join(options.cwd, 'node_modules/uWebSockets.js'), {
      recursive: true,
    })
    expect((await serves(options))[0]).toEqual(uws)
  })
})

test('without any, the line says so', async () => {
  const cli = new Cli(['serve', '--port', '0'], installWithout({}))
  await cli.line(/uWebSockets\.js does not load here \(it is not installed\), so ws serves instead, slower; /)
  await cli.line(/\(runtime ws\)$/)
  cli.kill('SIGTERM')
  await cli.exited
})
