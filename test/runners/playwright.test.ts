import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { chromiumArguments, findChromium } from '../../scripts/chromium.mjs'
import { filesOf } from '../docs/pages.ts'
import { freePort } from '../support/free-port.ts'
import { install, link } from '../vite/installation.ts'
import { project } from '../vite/rig.ts'
import { checkTypes, run } from './program.ts'

// A project of a user of Playwright, with the package as it is published, in a real browser.

const LAUNCH = { executablePath: findChromium(), args: chromiumArguments() }
const CONFIG = `
import { defineConfig } from '@playwright/test'
import type { SidewireOptions } from 'sidewire/playwright'

export default defineConfig<object, SidewireOptions>({
  workers: 1,
  // Of a busy machine.
  timeout: 60_000,
  expect: { timeout: 30_000 },
  reporter: [['list'], ['json', { outputFile: 'report.json' }]],
  use: {
    launchOptions: ${JSON.stringify(LAUNCH)},
    sidewireHandlers: [
      { pattern: '/chat' },
      { pattern: '/echo', onMessage: (conn, data) => void conn.send({ heard: data }) },
      {
        pattern: '/broken',
        onMessage: () => {
          throw new Error('the mock is wrong')
        },
      },
    ],
    sidewireOptions: { timeout: 30_000 },
  },
})
`
/** Its page connects, and connects again, for as long as it is there: what a test leaves behind. */
const HEAD = `
import type { Page } from '@playwright/test'
import { expect, test } from 'sidewire/playwright'

const open = (page: Page, url: string, text: string) =>
  page.evaluate(
    ([url, text]) =>
      new Promise<void>((resolve) => {
        const connect = () => {
          const socket = new WebSocket(url!)
          socket.onopen = () => socket.send(JSON.stringify(text))
          socket.onmessage = ({ data }) => document.body.append(data)
          socket.onclose = ({ code, wasClean }) => {
            document.body.append(' closed with ' + code + (wasClean ? '' : ', not clean'))
            connect()
          }
          resolve()
        }
        connect()
      }),
    [url, text],
  )
`
const TESTS = `${HEAD}
test('passes, and leaves a page behind that connects again and again', async ({ page, sidewire }) => {
  await open(page, sidewire.url('/chat'), 'first')
  const client = await sidewire.connection()
  await expect(client).toReceive('first')
  await expect(client).not.toReceive(undefined, { for: 10 })
  sidewire.refuse('/echo', { status: 503 })
  await expect(sidewire.url('/echo')).toRefuse(503)
  sidewire.use({ pattern: '/more' })
  client.send({ text: 'welcome' })
  await expect(page.getByText('welcome')).toBeVisible()
  client.drop()
  await expect(page.getByText('closed with 1006, not clean')).toBeVisible()
  await sidewire.connection({ n: 2 })
  expect(client).toHaveReceived('first', { times: 1 })
  test.info().annotations.push({ type: 'port', description: String(sidewire.port) })
})

test('fails on purpose', async ({ page, sidewire }) => {
  test.info().annotations.push({ type: 'port', description: String(sidewire.port) })
  // Nothing of the test before.
  expect(sidewire.journal).toEqual([])
  expect(sidewire.connections).toEqual([])
  await expect(sidewire.url('/more')).toRefuse(404)
  await sidewire.reset()
  await open(page, sidewire.url('/echo'), 'second')
  const client = await sidewire.connection()
  await expect(page.getByText('{"heard":"second"}')).toBeVisible()
  await expect(client).toReceive('third', { timeout: 50 })
})

test('fails because a hook of the mock does', async ({ page, sidewire }) => {
  await open(page, sidewire.url('/broken'), 'fourth')
  await expect(await sidewire.connection()).toReceive('fourth')
})

test('fails as it is expected to', async ({ sidewire }) => {
  test.fail()
  expect(sidewire.journal).toHaveLength(1)
})

test('takes no server', async ({ page }) => {
  await page.setContent('<p>hello</p>')
})
`

/** A file with handlers of its own, as the reference says. */
const OTHERS = `
import { expect, test } from 'sidewire/playwright'

const [a, b] = [{ pattern: '/a' }, { pattern: '/b' }]
test.use({ sidewireHandlers: [[a, b], { scope: 'worker' }] })
test('has other handlers', async ({ sidewire }) => {
  for (const path of ['/a', '/b']) await expect(sidewire.url(path)).not.toRefuse()
  await expect(sidewire.url('/chat')).toRefuse(404)
})
`

interface Attachment {
  readonly name: string
  readonly contentType: string
  readonly body?: string
}
interface Result {
  readonly status: string
  readonly attachments: readonly Attachment[]
  readonly errors: readonly { readonly message: string }[]
}
interface Report {
  readonly suites: readonly {
    readonly specs: readonly {
      readonly title: string
      readonly tests: readonly {
        readonly annotations: readonly { readonly description?: string }[]
        readonly results: readonly Result[]
      }[]
    }[]
  }[]
}

/** What the fixture has attached, by its type. */
const journalOf = ({ attachments }: Result): Record<string, string> =>
  Object.fromEntries(
    attachments
      .filter(({ name }) => name.startsWith('sidewire'))
      .map(({ contentType, body = '' }) => [contentType, Buffer.from(body, 'base64').toString()]),
  )

const PACKAGES = ['@playwright/test', 'playwright', 'playwright-core']

test('has a server for each worker, new for each test, whose journal is in the report of what fails', async () => {
  const root = project({
    'package.json': '{ "type": "module", "private": true }',
    'playwright.config.ts': CONFIG,
    'chat.spec.ts': TESTS,
    'others.spec.ts': OTHERS,
  })
  install(root)
  for (const name of PACKAGES) link(root, name)
  const { exit, output } = await run([process.execPath, 'node_modules/@playwright/test/cli.js', 'test'], root)
  expect({ exit, output }).toMatchObject({ exit: 1, output: expect.stringContaining('2 failed') })
  expect(output).toContain('4 passed')

  const { suites } = JSON.parse(readFileSync(join(root, 'report.json'), 'utf8')) as Report
  const found = suites.flatMap(({ specs }) => specs).map(({ title, tests: [of] }) => ({ title, ...of! }))
  expect(found.map(({ title, results: [{ status } = {}] }) => [title, status])).toEqual([
    ['passes, and leaves a page behind that connects again and again', 'passed'],
    ['fails on purpose', 'failed'],
    ['fails because a hook of the mock does', 'failed'],
    ['fails as it is expected to', 'failed'],
    ['takes no server', 'passed'],
    ['has other handlers', 'passed'],
  ])
  const results = found.map(({ results: [result] }) => result!)
  // The one server of that worker.
  const [first, second] = found.map(({ annotations: [{ description } = {}] }) => description)
  expect(first).toMatch(/^\d+$/)
  expect(second).toBe(first)

  const [passed, onPurpose, byHook, expected] = results
  expect(passed!.attachments).toEqual([])
  expect(journalOf(expected!)).toEqual({})
  expect(onPurpose!.errors[0]?.message).toContain("expected: 'third'")
  const { 'text/plain': text = '', 'application/json': json = '' } = journalOf(onPurpose!)
  expect(text.replaceAll(/^ *\d+ ms/gm, 'T').split('\n')).toEqual([
    'T  connect   #1 /echo',
    "T  in        #1 'second'  (onMessage)",
    "T  out       #1 { heard: 'second' }",
    '',
  ])
  expect(JSON.parse(json)).toMatchObject([
    { kind: 'connect', connection: 1, path: '/echo' },
    { kind: 'in', connection: 1, data: 'second', raw: '"second"', matched: 'onMessage' },
    { kind: 'out', connection: 1, data: { heard: 'second' } },
  ])
  expect(output).toContain("#1 { heard: 'second' }")

  expect(byHook!.errors.map(({ message }) => message).join()).toContain(
    '/broken: onMessage failed: the mock is wrong',
  )
  const broken = journalOf(byHook!)
  expect(broken['text/plain']).toContain('Error: the mock is wrong')
  expect(JSON.parse(broken['application/json']!)).toContainEqual(
    expect.objectContaining({ kind: 'error', error: { name: 'Error', message: 'the mock is wrong' } }),
  )
})

test('a project of CommonJS has it, too', async () => {
  const root = project({
    'package.json': '{ "private": true }',
    'playwright.config.ts': CONFIG,
    'others.spec.ts': OTHERS,
  })
  install(root)
  for (const name of PACKAGES) link(root, name)
  const { exit, output } = await run([process.execPath, 'node_modules/@playwright/test/cli.js', 'test'], root)
  expect({ exit, output }).toMatchObject({ exit: 0, output: expect.stringContaining('1 passed') })
})

/** What the page of the guide shows. */
const PAGE = `<!doctype html>
<p></p>
<script type="module">
  import { Chat } from './chat.ts'
  const chat = new Chat()
  chat.connect(new URLSearchParams(location.search).get('chat'))
  setInterval(() => (document.querySelector('p').textContent = [chat.status, ...chat.texts].join(' ')), 20)
</script>`

test('docs/guide/in-tests.md: its tests pass in Playwright', async () => {
  const url = `http://127.0.0.1:${await freePort()}`
  const command = `"${process.execPath}" node_modules/vite/bin/vite.js --host 127.0.0.1 --port ${new URL(url).port} --strictPort`
  const root = project({
    'package.json': '{ "type": "module", "private": true }',
    ...filesOf('docs/guide/in-tests.md'),
    'index.html': PAGE,
    // The browser of this machine, a port that is free, and time enough where much runs at once.
    'here.config.ts': `import config from './playwright.config.ts'
      const here = ${JSON.stringify({ baseURL: url, launchOptions: LAUNCH, sidewireOptions: { timeout: 30_000 } })}
      export default { ...config, timeout: 60_000, expect: { timeout: 30_000 }, use: { ...config.use, ...here }, webServer: ${JSON.stringify({ command, url })} }`,
  })
  install(root)
  for (const name of PACKAGES) link(root, name)
  const program = [process.execPath, 'node_modules/@playwright/test/cli.js', 'test', '-c', 'here.config.ts']
  const { exit, output } = await run(program, root)
  expect({ exit, output }).toMatchObject({ exit: 0, output: expect.stringContaining('2 passed') })
})

const TYPES = `
import { mergeTests, test as base } from '@playwright/test'
import { expect, test, type SidewireFixtures } from 'sidewire/playwright'

const own = mergeTests(base, test).extend<{ url: string }>({
  url: async ({ sidewire }: SidewireFixtures, use) => use(sidewire.url('/a')),
})
own('types', async ({ page, sidewire, url }) => {
  await page.goto(url)
  const connection = await sidewire.connection()
  const received: Promise<void> = expect(connection).toReceive({ type: 'a' }, { timeout: 5 })
  await expect(connection).not.toReceive(undefined, { for: 20 })
  expect(connection).toHaveReceived(/x/, { times: 2 })
  await expect(connection).toClose({ code: 1000, reason: /a/ })
  await expect(sidewire.url('/a')).toRefuse(503)
  await expect(page.getByText('a')).toBeVisible()
  // @ts-expect-error no such option
  await expect(connection).toReceive('a', { timeuot: 5 })
  // @ts-expect-error nothing of the kind
  expect(connection).toReceived()
  // @ts-expect-error no such fixture
  own('more', ({ sidwire }) => sidwire)
  return received
})
// @ts-expect-error a list of handlers
test.use({ sidewireHandlers: '/a' })
test.use({ sidewireOptions: { clock: 'virtual', strict: true } })
test('from the kit', ({ sidewire }) => sidewire.clock.advance(5))
`

test('the types of sidewire/playwright, all of them checked', async () => {
  const root = project({
    'package.json': '{ "type": "module" }',
    'playwright.config.ts': CONFIG,
    'use.ts': TYPES,
    'chat.spec.ts': TESTS,
    'others.spec.ts': OTHERS,
  })
  install(root)
  for (const name of [...PACKAGES, '@types']) link(root, name)
  const files = ['use.ts', 'chat.spec.ts', 'others.spec.ts', 'playwright.config.ts']
  expect(await checkTypes(root, ...files)).toEqual({ exit: 0, output: '' })
})
