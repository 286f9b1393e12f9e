import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What is said to people; a comment is for who reads the code. */
const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8').replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, ''))

test('a message that names a page ends with its path, and the page is there', () => {
  const named = sources.flatMap((text) =>
    [...text.matchAll(/docs\/[\w./-]+|README|\w+\.md\b/g)].map((found) => ({ text, found })),
  )
  expect(named.length).toBeGreaterThan(2)
  for (const { text, found } of named) {
    const [path] = found
    expect([path, text.slice(found.index - '; see '.length, found.index)]).toEqual([path, '; see '])
    // What stands behind it is the end of the string.
    expect([path, text[found.index + path.length]]).toEqual([path, expect.stringMatching(/['"`]/)])
    expect([path, existsSync(join(ROOT, path))]).toEqual([path, true])
  }
})
