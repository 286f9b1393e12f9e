import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { resolveServerOptions } from '../../src/engine/handler/options.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const SECURITY = read('SECURITY.md')

function section(heading: string): string {
  const [, rest = ''] = SECURITY.split(`\n## ${heading}\n`)
  return rest.split('\n## ', 1)[0] ?? ''
}

/** First and second cell of each row of a table whose first cell is code. */
function rows(text: string): [name: string, second: string][] {
  return [...text.matchAll(/^\| `(\w+)`[^|]*\| +(.*?) +\|/gm)].map(([, name = '', second = '']) => [
    name,
    second,
  ])
}

/** `16 MiB`, `10 s`, `\`10000\` ms`; off is 0. */
function inNumbers(value: string): number {
  const [, amount = '0', unit = ''] = /^`?(\d*)`? ?(\w*)/.exec(value) ?? []
  return Number(amount) * ({ MiB: 1024 * 1024, s: 1000 }[unit] ?? 1)
}

describe('SECURITY.md', () => {
  it('names files that exist', () => {
    const named = [
      ...SECURITY.matchAll(/`((?:test|src|scripts|docs)\/[\w./-]+)`|\]\((?!http)([^)#]+)\)/g),
    ].map(([, code, link]) => code ?? link ?? '')
    expect(named.length).toBeGreaterThan(30)
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })

  it('names the test of each promise', () => {
    const promises = section('What is promised')
      .split(/\n(?=\*\*)/)
      .slice(1)
    expect(promises.length).toBeGreaterThan(5)
    for (const promise of promises) expect(promise).toMatch(/\nKept by `test\//)
  })

  it.each([
    ['SECURITY.md', section('What is promised')],
    ['docs/guide/heartbeat-and-limits.md', read('docs/guide/heartbeat-and-limits.md')],
  ])('has the defaults of the code, and so has the guide: %s', (_, text) => {
    const { handlers, ...options } = resolveServerOptions({ wsHandlers: [{ pattern: '/a' }] })
    const defaults: Record<string, unknown> = { ...options, ...handlers[0] }
    const limits = rows(text)
    expect(limits.length).toBeGreaterThan(10)
    for (const [name, value] of limits) expect([name, inNumbers(value)]).toEqual([name, defaults[name]])
  })

  it('supports the version that is here', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string }
    expect(section('Reporting')).toMatch(new RegExp(`^\\| ${/^\d+\.\d+/.exec(version)?.[0]} +\\| yes`, 'm'))
  })

  it('says of uWebSockets.js what the lockfile says', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { name?: string; version: string; integrity: string }>
    }
    const { name, version, integrity } = packages['node_modules/uWebSockets.js']!
    expect(section('uWebSockets.js')).toContain(`npm view ${name}@${version} dist.integrity`)
    expect(section('uWebSockets.js')).toContain(`\`${integrity}\``)
  })
})
