import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { connectWs } from '../support/client.ts'
import { Cli, DIST, endAll, project } from './cli.ts'

afterEach(endAll)

/** Written to by the hook for each module that is asked for. */
const HOOK = `import { appendFileSync } from 'node:fs'
import { register } from 'node:module'
const hooks = \`import { appendFileSync } from 'node:fs'
export const resolve = (specifier, context, next) => {
  appendFileSync('loaded.txt', specifier + '\\\\n')
  return next(specifier, context)
}\`
register('data:text/javascript,' + encodeURIComponent(hooks))
`

/** The packages that a command has loaded, once `until` has been said. */
async function loadedBy(args: readonly string[], until: RegExp): Promise<string[]> {
  const cwd = project({ 'hook.mjs': HOOK })
  const cli = new Cli(['./hook.mjs', join(DIST, 'cli.js'), ...args], { cwd, script: '--import' })
  await cli.line(until)
  const specifiers = readFileSync(join(cwd, 'loaded.txt'), 'utf8').split('\n')
  return [...new Set(specifiers)].filter((name) => /^[a-z@]/i.test(name) && !name.includes(':')).toSorted()
}

test('serving loads neither the proxy of the Vite plugin nor what only measuring needs', async () => {
  const packages = await loadedBy(['serve', '--port', '0'], /Ctrl-C/)
  expect(packages).toEqual(expect.arrayContaining(['commander', 'picocolors', 'valibot']))
  for (const name of ['hdr-histogram-js', 'http-proxy-3', 'log-update', 'vite'])
    expect(packages).not.toContain(name)
})

/** What only a client of `src/wire` has: RFC 6455 1.3. */
const OF_THE_CLIENT = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

test('serving loads the client that dials backends with the first connection that needs it', async () => {
  const cwd = project({
    'hook.mjs': HOOK,
    'sidewire.config.mjs':
      "export default { wsHandlers: [{ pattern: '/a' }, { pattern: '/b', upstream: 'ws://127.0.0.1:9/' }] }",
  })
  const cli = new Cli(['./hook.mjs', join(DIST, 'cli.js'), 'serve', 'sidewire.config.mjs', '--port', '0'], {
    cwd,
    script: '--import',
  })
  const dials = (): boolean =>
    readFileSync(join(cwd, 'loaded.txt'), 'utf8')
      .split('\n')
      .some(
        (name) =>
          /^\.\/[\w-]+\.js$/.test(name) &&
          existsSync(join(DIST, name)) &&
          readFileSync(join(DIST, name), 'utf8').includes(OF_THE_CLIENT),
      )
  const url = await cli.started()
  const client = await connectWs(new URL('/api/a', url).href)
  client.close()
  await client.closed
  expect(dials()).toBe(false)
  await expect(connectWs(new URL('/api/b', url).href)).rejects.toThrow('502')
  expect(dials()).toBe(true)
})

test('help loads no engine', async () => {
  const packages = await loadedBy(['--help'], /Usage/)
  expect(packages).toContain('commander')
  for (const name of ['valibot', 'ws', 'uWebSockets.js', 'esbuild', 'yaml', 'ajv'])
    expect(packages).not.toContain(name)
})
