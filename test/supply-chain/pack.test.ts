import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshClone } from './fresh-clone.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sidewire-pack-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

// Whoever packs a clone has built nothing yet, and a package without `dist` is one that npm takes all the same.
test('a fresh clone packs all that there is to run', () => {
  const clone = freshClone(folder)
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: clone,
    shell: process.platform === 'win32',
  })
  const [tarball = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  const files = execFileSync('tar', ['-tzf', join(folder, tarball)], { encoding: 'utf8' }).split(/\r?\n/)
  expect(files).toEqual(
    expect.arrayContaining(
      [
        'package.json',
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'client.d.ts',
        'commonjs.cjs',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/cli.js',
        'dist/bench-worker.js',
        'dist/demo/page/index.html',
      ].map((file) => `package/${file}`),
    ),
  )
})
