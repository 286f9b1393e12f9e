import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { transform } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { filesOf } from '../docs/pages.ts'
import { launchChromium } from '../support/chromium.ts'
import { install } from '../vite/installation.ts'
import { defer, project, write } from '../vite/rig.ts'

// The example for Cypress, whose binary comes from a server of its own: its config is loaded, its spec is run in a real
// browser, by what stands in for `cy`.

const EXAMPLE = fileURLToPath(new URL('../../examples/cypress', import.meta.url))

let browser: Browser
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())

type Tasks = Record<string, (argument: unknown) => Promise<unknown>>
type Run = () => Promise<void>

/** The commands that the example uses, each run in its turn; what a callback of `then` adds comes before the rest. */
class Cy {
  readonly #tasks: Tasks
  readonly #origin: string
  readonly #page: Page
  #queue: Run[] = []
  #subject: unknown
  /** What ran. */
  readonly log: string[] = []

  constructor(tasks: Tasks, origin: string, page: Page) {
    this.#tasks = tasks
    this.#origin = origin
    this.#page = page
  }

  task(name: string, argument?: unknown): this {
    return this.#add(async () => {
      const task = this.#tasks[name]
      if (!task) throw new Error(`The task '${name}' was not handled`)
      this.#subject = await task(argument === undefined ? undefined : JSON.parse(JSON.stringify(argument)))
      if (this.#subject === undefined) throw new Error(`The task '${name}' returned undefined`)
      this.log.push(name)
    })
  }

  visit(path: string, { qs }: { qs: Record<string, string> }): this {
    return this.#add(async () => {
      await this.#page.goto(`${this.#origin}/${path}?${new URLSearchParams(qs)}`)
      this.log.push(`visit ${path}`)
    })
  }

  contains(text: string): this {
    return this.#add(async () => {
      await this.#page.getByText(text).first().waitFor()
      this.log.push(`contains ${text}`)
    })
  }

  // oxlint-disable-next-line unicorn/no-thenable -- as Cypress has it
  then(use: (subject: any) => void): this {
    return this.#add(async () => {
      const rest = this.#queue.splice(0)
      use(this.#subject)
      this.#queue.push(...rest)
    })
  }

  async run(add: () => void): Promise<void> {
    add()
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) await next()
  }

  #add(command: Run): this {
    this.#queue.push(command)
    return this
  }
}

async function serve(folder: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html').end(readFileSync(join(folder, 'index.html')))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  defer(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('docs/guide/in-tests.md shows the files of the example', () => {
  const shown = filesOf('docs/guide/in-tests.md')
  for (const file of ['cypress.config.ts', 'cypress/e2e/chat.cy.ts'])
    expect(shown[file]).toBe(readFileSync(join(EXAMPLE, file), 'utf8'))
})

test('examples/cypress: its config gives the tasks, and its spec passes', async () => {
  const root = project({ 'package.json': '{ "type": "module", "private": true }' })
  cpSync(EXAMPLE, root, { recursive: true })
  install(root)
  write(root, 'node_modules/cypress/package.json', '{ "type": "module", "exports": "./index.js" }')
  write(root, 'node_modules/cypress/index.js', 'export const defineConfig = (config) => config')
  const javaScript = async (file: string): Promise<string> =>
    (await transform(readFileSync(join(root, file), 'utf8'), { loader: 'ts' })).code

  writeFileSync(join(root, 'cypress.config.mjs'), await javaScript('cypress.config.ts'))
  const { default: config } = await import(pathToFileURL(join(root, 'cypress.config.mjs')).href)
  const tasks: Tasks = {}
  // The end of its server is that of the process, as it is in Cypress.
  await config.e2e.setupNodeEvents((event: string, given: Tasks) => {
    expect(event).toBe('task')
    Object.assign(tasks, given)
  }, {})

  const hooks: Record<'beforeEach' | 'afterEach', (() => void)[]> = { beforeEach: [], afterEach: [] }
  const specs: [title: string, body: () => void][] = []
  const page = await browser.newPage()
  defer(() => page.close())
  page.setDefaultTimeout(30_000)
  const cy = new Cy(tasks, await serve(root), page)
  const globals = {
    cy,
    it: (title: string, body: () => void) => void specs.push([title, body]),
    beforeEach: (hook: () => void) => void hooks.beforeEach.push(hook),
    afterEach: (hook: () => void) => void hooks.afterEach.push(hook),
  }
  // oxlint-disable-next-line typescript/no-implied-eval -- as Cypress runs it: with its words as globals
  new Function(...Object.keys(globals), await javaScript('cypress/e2e/chat.cy.ts'))(...Object.values(globals))

  expect(specs).toHaveLength(2)
  for (const [, body] of specs)
    for (const part of [...hooks.beforeEach, body, ...hooks.afterEach]) await cy.run(part)
  expect(cy.log).toEqual([
    'sidewire:reset',
    'sidewire:url',
    'visit index.html',
    'sidewire:next',
    'sidewire:send',
    'contains welcome',
    'sidewire:verify',
    'sidewire:reset',
    'sidewire:url',
    'visit index.html',
    'sidewire:connection',
    'sidewire:refuse',
    'sidewire:drop',
    'contains offline',
    'sidewire:connection',
    'sidewire:next',
    'contains open',
    'sidewire:verify',
  ])
})
