import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Cli, endAll, project } from '../cli/cli.ts'
import { installWithout } from '../cli/without-native.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Of any Node: what is looked at is the list. */
const BINARY = 'dist/bin/uws_linux_x64_115.node'

function node(cwd: string, ...words: string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '' },
  })
  return { status, output: stdout + stderr }
}

test('the installed uWebSockets.js is the one that was pinned', () => {
  const { package: pinned } = JSON.parse(readFileSync(join(ROOT, 'scripts/uws-hashes.json'), 'utf8'))
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  expect(dependencies['uWebSockets.js']).toBe(`npm:${pinned}`)
  expect(node(ROOT, 'scripts/verify-uws.mjs')).toEqual({
    status: 0,
    output: `${pinned}: 30 files as expected\n`,
  })
})

describe('a clone whose uWebSockets.js is another one', () => {
  let clone = ''
  let folder = ''
  beforeAll(() => {
    clone = mkdtempSync(join(tmpdir(), 'sidewire-uws-'))
    folder = join(clone, 'node_modules/uWebSockets.js')
    mkdirSync(join(clone, 'scripts'))
    mkdirSync(join(clone, 'dist'))
    writeFileSync(join(clone, 'dist/cli.js'), '// of the last build\n')
    for (const file of [
      'package.json',
      'tsup.config.ts',
      'scripts/inspector-page.mjs',
      'scripts/verify-uws.mjs',
      'scripts/uws-hashes.json',
    ])
      copyFileSync(join(ROOT, file), join(clone, file))
    cpSync(join(ROOT, 'node_modules/uWebSockets.js'), folder, { recursive: true })
    // What the script beside it builds with.
    symlinkSync(join(ROOT, 'node_modules/esbuild'), join(clone, 'node_modules/esbuild'), 'junction')
  })
  afterAll(() => rmSync(clone, { recursive: true, force: true, maxRetries: 5 }))

  /** Does something to one file, as it was again afterwards. */
  function withFile(path: string, change: (file: string) => void, check: () => void): void {
    const file = join(folder, path)
    const before = existsSync(file) ? readFileSync(file) : undefined
    try {
      change(file)
      check()
    } finally {
      if (before) writeFileSync(file, before)
      else rmSync(file)
    }
  }

  const changes: [what: string, path: string, change: (file: string) => void, says: RegExp][] = [
    [
      'one bit of its binary',
      BINARY,
      (file) => {
        const bytes = readFileSync(file)
        bytes[bytes.length >> 1]! ^= 1
        writeFileSync(file, bytes)
      },
      /expected SHA-256 [0-9a-f]{64}\n +found +SHA-256 [0-9a-f]{64}\n/,
    ],
    [
      'a line of JavaScript',
      'dist/uws.mjs',
      (file) => writeFileSync(file, "import './more.mjs'\n", { flag: 'a' }),
      /expected SHA-256 [0-9a-f]{64}\n +found +SHA-256 [0-9a-f]{64}\n/,
    ],
    ['a binary that is gone', BINARY, (file) => rmSync(file), /expected SHA-256 .*\n +found +no such file\n/],
    [
      'a file more',
      'dist/more.mjs',
      (file) => writeFileSync(file, ''),
      /expected no such file\n +found +SHA-256 /,
    ],
  ]
  test.each(changes)('%s is found, and named with its cure', (_what, path, change, says) => {
    withFile(path, change, () => {
      const { status, output } = node(clone, 'scripts/verify-uws.mjs')
      expect(status).toBe(1)
      expect(output.match(/expected/g)).toHaveLength(1)
      expect(output).toContain(`${join(folder, path)}\n`)
      expect(output).toMatch(says)
      expect(output).toMatch(/\ncure: .*npm ci.*SECURITY\.md/)
    })
    expect(node(clone, 'scripts/verify-uws.mjs').status).toBe(0)
  })

  test('nothing is built with it, and the last build is left alone', () => {
    withFile(
      BINARY,
      (file) => writeFileSync(file, 'other bytes'),
      () => {
        const { status, output } = node(clone, join(ROOT, 'node_modules/tsup/dist/cli-default.js'))
        expect(status).toBe(1)
        expect(output).toContain(join(folder, BINARY))
        expect(output).toMatch(/\ncure: .*npm ci/)
        expect(readFileSync(join(clone, 'dist/cli.js'), 'utf8')).toBe('// of the last build\n')
      },
    )
  })

  test('a clone without the package at all is told the same', () => {
    const { status, output } = node(clone, 'scripts/verify-uws.mjs', join(clone, 'nowhere'))
    expect(status).toBe(1)
    expect(output).toMatch(/found +no such file/)
  })
})

describe('a project with a uWebSockets.js of its own', () => {
  afterEach(endAll)
  const own = {
    'node_modules/uWebSockets.js/package.json': '{ "name": "uWebSockets.js", "main": "uws.js" }',
    'node_modules/uWebSockets.js/uws.js': "console.log('loaded, this is not it')",
  }

  test.each([
    ['auto', 'loaded, this is not it'],
    ['ws', ''],
  ])('--runtime %s', async (runtime, says) => {
    const cli = new Cli(['serve', '--port', '0', '--runtime', runtime], { cwd: project(own) })
    await cli.started()
    cli.kill('SIGTERM')
    await cli.exited
    expect(cli.stdout[0]).toMatch(says === '' ? /\(runtime ws\)/ : says)
    expect(cli.stdout.join('\n').includes('loaded')).toBe(says !== '')
  })

  // npm puts ours below sidewire then, where Node would look first.
  test('from another working directory, it comes before ours as well', async () => {
    const { script } = installWithout({
      ...own,
      'node_modules/sidewire/node_modules/uWebSockets.js/package.json':
        '{ "name": "uWebSockets.js", "main": "uws.js" }',
      'node_modules/sidewire/node_modules/uWebSockets.js/uws.js': "console.log('loaded ours')",
    })
    const cli = new Cli(['serve', '--port', '0'], { cwd: project(), script })
    await cli.started()
    cli.kill('SIGTERM')
    await cli.exited
    expect(cli.stdout.slice(0, 2)).toEqual(['loaded, this is not it', 'loaded ours'])
  })
})
