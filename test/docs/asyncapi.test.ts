import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cli, endAll, installedProject, run } from '../cli/cli.ts'
import { connectWs } from '../support/client.ts'
import { commandsOf, filesOf, words } from './pages.ts'

afterEach(endAll)

const PAGE = 'docs/guide/asyncapi.md'
const PACKAGES = ['ajv', 'ajv-formats', 'json-schema-faker', 'zod']

/** The page, as a project with the packages that it names; its config is this one of it. */
function projectOf(config = 'sidewire.config.ts'): string {
  const files = filesOf(PAGE)
  return installedProject({ 'api.yaml': files['api.yaml']!, 'sidewire.config.ts': files[config]! }, PACKAGES)
}

test('docs/guide/asyncapi.md: a greeting, a reply with its id, an error, prices, and a path that is none', async () => {
  const cli = new Cli(['serve', '--port', '0'], { cwd: projectOf() })
  const { host } = new URL(await cli.started())
  const client = await connectWs(`ws://${host}/orders/eu`)
  expect(await client.next()).toEqual({ type: 'welcome' })
  client.send('{"type":"subscribe","id":7,"symbol":"XYZ"}')
  client.send('{"type":"subscribe","id":8,"symbol":"XYZW"}')
  expect(await client.next()).toEqual({ type: 'subscribed', id: 7, symbol: 'ABC' })
  expect(await client.next()).toEqual({ type: 'failed', id: 8, reason: 'no such symbol' })
  const { type, value } = await client.next()
  expect([type, value >= 1 && value <= 100]).toEqual(['price', true])
  await expect
    .poll(() => cli.stderr.join('\n'))
    .toContain('/orders/{market}: the message "subscribe" does not fit: symbol: must match pattern')
  await expect(connectWs(`ws://${host}/orders/mars`)).rejects.toThrow('404')
})

test('docs/guide/asyncapi.md: the document itself is served', async () => {
  const cli = new Cli(['serve', '--watch', 'api.yaml', '--port', '0'], { cwd: projectOf() })
  const { host } = new URL(await cli.started())
  const client = await connectWs(`ws://${host}/orders/eu`)
  expect(await client.next()).toEqual({ type: 'welcome' })
  client.send('{"type":"subscribe","id":7,"symbol":"XYZ"}')
  expect(await client.next()).toEqual({ type: 'subscribed', id: 7, symbol: 'ABC' })
  expect(cli.stdout[0]).toMatch(/^sidewire: api\.yaml is taken for the document of the server, because/)
})

test('docs/guide/asyncapi.md: the other side', async () => {
  const cli = new Cli(['serve', '--port', '0'], { cwd: projectOf('client.config.ts') })
  const { host } = new URL(await cli.started())
  const client = await connectWs(`ws://${host}/orders/us`)
  // What clients send by the document is what the mock has to send now.
  expect(await client.next()).toMatchObject({ type: 'subscribe' })
})

test('docs/guide/asyncapi.md: a scenario of its own', async () => {
  const cli = new Cli(['serve', '--port', '0'], { cwd: projectOf('own.config.ts') })
  const { host } = new URL(await cli.started())
  const client = await connectWs(`ws://${host}/orders/us`)
  client.json({ type: 'subscribe', id: 1, symbol: 'ABC' })
  expect(await client.next()).toEqual({ type: 'price', value: 42 })
})

test('docs/guide/asyncapi.md: its commands', async () => {
  const folder = installedProject(filesOf(PAGE), PACKAGES)
  const [check, write] = commandsOf(PAGE)
    .filter((command) => command.includes(' asyncapi '))
    .map((command) => words(command).slice(2))
  const checked = await run(check!, { cwd: folder })
  expect(checked).toMatchObject({ code: 0, stderr: [] })
  expect(checked.stdout).toEqual([
    'Orders',
    '  /orders/{market}',
    '    market is one of eu, us',
    '    gets  subscribe, answers with subscribed or failed',
    '    sends welcome, when a client connects',
    '    sends price, with push: { every } only',
    `api.yaml is taken for the document of the server, because it sends "welcome", with which a server greets; perspective: 'client' turns it round`,
    'nothing is odd in it',
  ])
  const written = await run(write!, { cwd: folder })
  expect(written).toMatchObject({
    code: 0,
    stderr: [],
    stdout: ['sidewire: wrote chat.yaml, with 1 channel'],
  })
  expect(readFileSync(join(folder, 'chat.yaml'), 'utf8')).toContain('summary: Talk in a room')
  expect((await run(['asyncapi', 'check', 'chat.yaml'], { cwd: folder })).stdout.slice(0, 6)).toEqual([
    'Chat',
    '  /api/chat/{room}',
    '    gets  say, no answer',
    '    gets  leave, no answer',
    '    sends said, when a client connects',
    expect.stringContaining('because x-sidewire-perspective says so'),
  ])
})
