import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { InstalledProject } from '../frameworks/installed-project.ts'
import { install, link } from '../vite/installation.ts'
import { defer, project } from '../vite/rig.ts'
import { checkTypes, run } from './program.ts'

// One test of a user in every runner and simulated browser, with the package as it is published.

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BUN = join(ROOT, 'node_modules/bun/bin/bun.exe')
const bin = (path: string): string => join('node_modules', path)

const BODY = `
  const server = await createTestServer([{ pattern: '/chat', onMessage: (conn, data) => conn.send({ heard: data }) }])
  const socket = new WebSocket(server.url('/chat'))
  const closed = new Promise((resolve) => socket.addEventListener('close', resolve))
  const answer = new Promise((resolve) => socket.addEventListener('message', resolve))
  const connection = await server.connection()
  await new Promise((resolve) => socket.readyState === 1 ? resolve() : socket.addEventListener('open', resolve))
  socket.send('"hello"')
  await connection.received.next('hello')
  equal(JSON.parse((await answer).data).heard, 'hello')
  await matchers(connection, server)
  connection.drop()
  equal((await closed).code, 1006)
  await server.close()
  server.verify()
`
const MATCHERS = `
const matchers = async (connection, server) => {
  expect(connection).toHaveReceived('hello', { times: 1 })
  await expect(connection).not.toReceive(undefined, { for: 10 })
  await expect(server.url('/other')).toRefuse(404)
}
`
const KIT = `import { createTestServer } from 'sidewire/testing'\n`
const WS = `import { WebSocket } from 'ws'\n`
const EXPECT = `const equal = (found, wanted) => expect(found).toBe(wanted)\n`
/** In two words: Vitest would take it for what this file wants. */
const inEnvironment = (name: string): string => `${['// @vitest', 'environment'].join('-')} ${name}\n`
const viaVitest = (head: string): string =>
  `${head}${KIT}import 'sidewire/vitest'\nimport { expect, test } from 'vitest'\n${EXPECT}${MATCHERS}test('chat', async () => {${BODY}})\n`
const viaJest = `${KIT}${WS}import 'sidewire/jest'\nimport { expect, jest, test } from '@jest/globals'\n${EXPECT}${MATCHERS}
test('chat', async () => {${BODY}})
test('fake timers', async () => {
  jest.useFakeTimers()
  ${BODY}
})
`

interface Runner {
  readonly name: string
  readonly file: string
  readonly code: string
  readonly packages: readonly string[]
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly passes: RegExp
}

const WITH_WEBSOCKET = process.versions.node.startsWith('20.') ? '--experimental-websocket' : ''
const VITEST = [process.execPath, bin('vitest/vitest.mjs'), 'run']

const JEST = [process.execPath, bin('jest/bin/jest.js')]
const MODULES = { NODE_OPTIONS: '--experimental-vm-modules' }

const RUNNERS: readonly Runner[] = [
  {
    name: 'Vitest in node, with the WebSocket of Node',
    file: 'a.test.js',
    code: viaVitest(''),
    packages: ['vitest'],
    command: VITEST,
    env: { NODE_OPTIONS: WITH_WEBSOCKET },
    passes: /Tests +1 passed \(1\)/,
  },
  {
    name: 'Vitest in happy-dom, with its own WebSocket',
    file: 'a.test.js',
    code: viaVitest(inEnvironment('happy-dom')),
    packages: ['vitest', 'happy-dom'],
    command: VITEST,
    env: { NODE_OPTIONS: WITH_WEBSOCKET },
    passes: /Tests +1 passed \(1\)/,
  },
  {
    name: 'Vitest in jsdom, with ws',
    file: 'a.test.js',
    code: viaVitest(inEnvironment('jsdom') + WS),
    packages: ['vitest', 'jsdom'],
    command: VITEST,
    passes: /Tests +1 passed \(1\)/,
  },
  {
    name: 'Jest 30',
    file: 'a.test.js',
    code: viaJest,
    packages: ['jest', '@jest/globals', 'expect'],
    command: JEST,
    env: MODULES,
    passes: /Tests: +2 passed, 2 total/,
  },
  {
    name: 'node:test',
    file: 'a.test.js',
    code: `${KIT}${WS}import { test } from 'node:test'\nimport { equal } from 'node:assert/strict'\nconst matchers = () => {}\ntest('chat', async () => {${BODY}})\n`,
    packages: [],
    command: [process.execPath, '--test'],
    passes: /pass 1\n/,
  },
  {
    name: 'bun test',
    file: 'a.test.js',
    code: `${KIT}import { matchers as all } from 'sidewire/testing'\nimport { expect, test } from 'bun:test'\nexpect.extend(all)\n${EXPECT}${MATCHERS}test('chat', async () => {${BODY}})\n`,
    packages: [],
    command: [BUN, 'test'],
    passes: / 1 pass\n/,
  },
]

describe('the kit works in', () => {
  test.each(RUNNERS)('$name', async ({ file, code, packages, command, env, passes }) => {
    const root = project({
      'package.json': '{ "type": "module", "private": true, "jest": { "transform": {} } }',
      [file]: code,
    })
    install(root)
    for (const name of packages) link(root, name)
    const { exit, output } = await run(command, root, env)
    expect({ exit, output }).toMatchObject({ exit: 0, output: expect.stringMatching(passes) })
  })
})

const TYPES = (runner: string, from: string): string => `
import { createTestServer } from 'sidewire/testing'
import 'sidewire/${runner}'
import { expect, test } from '${from}'

test('types', async () => {
  await using server = await createTestServer([{ pattern: '/a' }])
  const connection = await server.connection()
  const received: Promise<void> = expect(connection).toReceive({ type: 'a' }, { timeout: 5 })
  await expect(connection).not.toReceive(undefined, { for: 20 })
  expect(connection).toHaveReceived(/x/, { times: 2 })
  await expect(connection).toClose({ code: 1000, reason: /a/ })
  await expect(server.url('/a')).toRefuse(503)
  // @ts-expect-error no such option
  await expect(connection).toReceive('a', { timeuot: 5 })
  // @ts-expect-error a number
  await expect(connection).toClose({ code: '1000' })
  // @ts-expect-error nothing of the kind
  expect(connection).toReceived()
  return received
})
`
test.each([
  { runner: 'vitest', from: 'vitest', packages: ['vitest'] },
  { runner: 'jest', from: '@jest/globals', packages: ['@jest/globals', 'expect'] },
])('the types of sidewire/$runner, all of them checked', async ({ runner, from, packages }) => {
  const root = project({ 'package.json': '{ "type": "module" }', 'use.ts': TYPES(runner, from) })
  install(root)
  for (const name of [...packages, '@types']) link(root, name)
  const { exit, output } = await checkTypes(root, 'use.ts')
  expect({ exit, output }).toEqual({ exit: 0, output: '' })
})

test('the types of sidewire/vitest in Vitest 5, whose matchers have other type parameters', async () => {
  const installed = await InstalledProject.of('../runners/vitest5')
  defer(() => installed.remove())
  const { root } = installed
  writeFileSync(join(root, 'use.ts'), TYPES('vitest', 'vitest'))
  const { exit, output } = await checkTypes(root, 'use.ts')
  expect({ exit, output }).toEqual({ exit: 0, output: '' })
  // Where it runs at all.
  if (Number.parseInt(process.versions.node, 10) < 22) return
  writeFileSync(join(root, 'a.test.js'), viaVitest(''))
  expect(await run(VITEST, root)).toMatchObject({
    exit: 0,
    output: expect.stringMatching(/Tests +1 passed \(1\)/),
  })
})

test('Jest 29, and its types', async () => {
  const installed = await InstalledProject.of('../runners/jest29')
  defer(() => installed.remove())
  const { root } = installed
  writeFileSync(join(root, 'use.ts'), TYPES('jest', '@jest/globals'))
  expect(await checkTypes(root, 'use.ts')).toEqual({ exit: 0, output: '' })
  writeFileSync(join(root, 'a.test.js'), viaJest)
  // It has a `ws` beside it, as every project that imports one.
  link(root, 'ws')
  expect(await run(JEST, root, MODULES)).toMatchObject({
    exit: 0,
    output: expect.stringMatching(/Tests: +2 passed, 2 total/),
  })
})
