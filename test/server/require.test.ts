import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { PLATFORMS, ROOT } from '../cli/cli.ts'

/** Within its own folder a package finds itself by its name, through its `exports`. */
function evaluate(
  command: string,
  args: readonly string[],
  code: string,
): { stdout: string; stderr: string } {
  const { NODE_OPTIONS: _, ...env } = process.env
  return spawnSync(command, [...args, '-e', code], { cwd: ROOT, encoding: 'utf8', env })
}

describe("require('sidewire')", () => {
  test.each(PLATFORMS)('is the ES module on $command', ({ command }) => {
    const { stdout } = evaluate(
      command,
      [],
      `import('sidewire').then((imported) => console.log(require('sidewire') === imported || require('sidewire').createServer === imported.createServer))`,
    )
    expect(stdout.trim()).toBe('true')
  })

  test('names the cure where no ES module can be required, as in Jest', () => {
    const { stderr } = evaluate('node', ['--no-experimental-require-module'], `require('sidewire')`)
    expect(stderr).toMatch(
      /Error: sidewire is an ES module.*NODE_OPTIONS=--experimental-vm-modules.*npx sidewire serve/,
    )
  })
})
