import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

// What a test's fake timers take the place of, looked up after the module was loaded, freezes a server with the test.

const LOOKUPS = [
  'setTimeout(f)',
  'clearTimeout(t)',
  'setInterval(f)',
  'clearInterval(t)',
  'setImmediate(f)',
  'clearImmediate(t)',
  'queueMicrotask(f)',
  'performance.now()',
  'Date.now()',
  'new Date()',
]
const FILES = [
  'src/engine/a.ts',
  'src/runtime/a.ts',
  'src/runtime/node/ws.ts',
  'src/runtime/bun/bun.ts',
].concat(['src/server/a.ts', 'src/vite/a.ts', 'src/wire/a.ts'])

test('only engine/timers.ts looks the timers of the platform up', () => {
  const project = mkdtempSync(join(tmpdir(), 'sidewire-lint-'))
  try {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    copyFileSync(join(root, '.oxlintrc.json'), join(project, '.oxlintrc.json'))
    for (const file of [...FILES, 'src/engine/timers.ts']) {
      mkdirSync(dirname(join(project, file)), { recursive: true })
      writeFileSync(join(project, file), LOOKUPS.join('\n'))
    }
    const { stdout } = spawnSync(
      process.execPath,
      [join(root, 'node_modules/oxlint/bin/oxlint'), '-f', 'json'],
      { cwd: project, encoding: 'utf8' },
    )
    const refused = (JSON.parse(stdout) as Report).diagnostics
      .filter(({ code }) => code === 'eslint(no-restricted-globals)')
      .map(({ filename, labels }) => `${filename}: ${LOOKUPS[(labels[0]?.span.line ?? 0) - 1]}`)
    const expected = FILES.flatMap((file) => LOOKUPS.map((lookup) => `${file}: ${lookup}`))
    expect(refused.toSorted()).toEqual(expected.toSorted())
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
})

interface Report {
  diagnostics: { code: string; filename: string; labels: { span: { line: number } }[] }[]
}
