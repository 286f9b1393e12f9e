import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Cli, endAll, installedProject } from '../cli/cli.ts'
import { launchChromium } from '../support/chromium.ts'
import { filesOf } from './pages.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())
afterEach(endAll)

// The page, followed to its end in a browser.
test('docs/start.md leads to a chat in two tabs, whose handlers change while they are open', async () => {
  const files = filesOf('docs/start.md')
  const folder = installedProject(files)
  const cli = new Cli(['serve', '--watch', '--port', '0'], { cwd: folder })
  const { host } = new URL(await cli.started())

  const open = async (query = ''): Promise<Page> => {
    const page = await browser.newPage()
    page.setDefaultTimeout(30_000)
    await page.goto(`http://${host}/${query}`)
    return page
  }
  const say = async (page: Page, text: string): Promise<void> => {
    await page.locator('input').fill(text)
    await page.getByRole('button', { name: 'Send' }).click()
  }
  const log = (page: Page): ReturnType<typeof expect.poll> => {
    return expect.poll(() => page.locator('li').allTextContents())
  }

  const welcome = '{"type":"welcome","room":"lobby"}'
  const [alice, bob, eve] = [await open(), await open(), await open('?room=attic')]
  for (const page of [alice, bob]) await log(page).toEqual([welcome])
  await log(eve).toEqual(['{"type":"welcome","room":"attic"}'])
  await say(alice, 'Hello')
  for (const page of [alice, bob]) await log(page).toEqual([welcome, '{"type":"chat","text":"Hello"}'])

  const config = files['sidewire.config.ts'] ?? ''
  expect(config).toContain("type: 'welcome'")
  // Saved again until it is seen: the watcher takes two changes within 50 ms for one.
  await expect
    .poll(() => {
      writeFileSync(join(folder, 'sidewire.config.ts'), config.replace("type: 'welcome'", "type: 'hello'"))
      return cli.stdout.join('\n')
    })
    .toContain('reloaded')
  await log(await open()).toEqual(['{"type":"hello","room":"lobby"}'])
  await say(bob, 'Still here')
  await log(alice).toEqual([welcome, '{"type":"chat","text":"Hello"}', '{"type":"chat","text":"Still here"}'])

  // The page is read when the config is.
  writeFileSync(join(folder, 'chat.html'), (files['chat.html'] ?? '').replace('<title>Chat', '<title>Talk'))
  await expect
    .poll(async () => {
      writeFileSync(join(folder, 'sidewire.config.ts'), `${config}\n// saved at ${performance.now()}\n`)
      return (await fetch(`http://${host}/`)).text()
    })
    .toContain('<title>Talk')

  await bob.close()
  await expect.poll(() => alice.locator('li').last().textContent()).toBe('{"type":"left"}')
  await log(eve).toEqual(['{"type":"welcome","room":"attic"}'])
})
