// Writes the pictures of the documentation from the built CLI: two tabs in a chat, and the inspector beside them.
// `npm run build` comes first.
// With a folder as argument it writes there, and adds dark, narrow and other views, to look at while designing.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { WebSocket } from 'ws'
import { chromiumArguments, findChromium } from './chromium.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = process.argv[2] ?? join(root, 'docs')
const wide = { width: 1280, height: 800 }

const executablePath = findChromium()
if (!executablePath) throw new Error('no Chromium found: run `node scripts/chromium.mjs`')
mkdirSync(folder, { recursive: true })
// In an empty folder, where no config file takes the demo's place.
const cli = spawn(process.execPath, [join(root, 'dist/cli.js'), 'serve', '--port', '0'], {
  cwd: tmpdir(),
  env: { ...process.env, NO_COLOR: '1' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
// Read from the start: output that ended before is never read.
const printed = pageUrl(cli.stdout)
printed.catch(() => {}) // awaited below, perhaps after it failed
const browser = await chromium.launch({ executablePath, args: chromiumArguments() })
try {
  const url = await printed
  const alice = await openTab(url, 'Alice', 'light')
  await chat(alice, url)
  await alice.screenshot({ path: join(folder, 'demo.png') })
  await inspector(url)
  if (process.argv[2]) await otherViews(alice)
} finally {
  await browser.close()
  cli.kill('SIGTERM')
}

async function pageUrl(output) {
  for await (const line of createInterface({ input: output })) {
    const match = /http:\S+/.exec(line)
    if (match) return match[0]
  }
  throw new Error('the CLI ended before it printed its URL; is dist/ built?')
}

async function openTab(url, name, colorScheme, viewport = wide) {
  const page = await browser.newPage({ viewport, colorScheme })
  await page.goto(url)
  await page.getByLabel('Your name').fill(name)
  await page.locator('#panel-chat .state', { hasText: 'Connected' }).waitFor()
  return page
}

async function chat(alice, url) {
  await alice.getByRole('button', { name: 'Join chat' }).click()
  const bob = await openTab(url, 'Bob', 'light')
  await bob.getByRole('button', { name: 'Join chat' }).click()
  await alice.getByText('Bob joined.').waitFor()
  await say(alice, alice, 'Hi Bob! Same handler file as in the Vite dev server.')
  await say(bob, alice, 'And every frame shows up on the right.')
  await say(bob, alice, 'What does a slow client see?')
  await say(alice, alice, 'Nothing less: a message is never skipped silently.')
  const last = alice.locator('#frame-list summary').last()
  await last.click()
  await alice.locator('#frame-list').evaluate((list) => (list.scrollTop = list.scrollHeight))
  await alice.locator('#panel-chat').getByRole('textbox', { name: 'Message' }).focus()
  return bob
}

async function say(from, seenBy, text) {
  await from.locator('#panel-chat').getByRole('textbox', { name: 'Message' }).fill(text)
  await from.locator('#panel-chat').getByRole('button', { name: 'Send' }).click()
  await seenBy.locator('#panel-chat .log').getByText(text).waitFor()
}

async function inspector(url) {
  const lost = new WebSocket(`${url.replace('http', 'ws')}api/ws/chatt`)
  await once(lost, 'error')
  const page = await browser.newPage({ viewport: wide, colorScheme: 'light' })
  await page.goto(`${url}.sidewire/`)
  await page.locator('.client').first().waitFor()
  await page.getByRole('button', { name: '/ws/chat', exact: true }).click()
  await page
    .locator('.line', { hasText: /broadcast.*slow client/ })
    .first()
    .click()
  await page
    .getByRole('textbox', { name: 'Message' })
    .fill('{ "type": "chat-message", "username": "the test",\n  "message": "pushed by hand" }')
  await page.locator('.charts figcaption', { hasText: 'Connections: 2 open' }).waitFor()
  await page.screenshot({ path: join(folder, 'inspector.png') })
  const phone = await browser.newPage({
    viewport: { width: 390, height: 844 },
    isMobile: true,
    hasTouch: true,
    deviceScaleFactor: 2,
  })
  await phone.goto(`${url}.sidewire/`)
  await phone
    .locator('.line', { hasText: /broadcast.*slow client/ })
    .first()
    .click()
  await phone.screenshot({ path: join(folder, 'inspector-phone.png') })
}

async function otherViews(alice) {
  const shoot = (page, name, options) => page.screenshot({ path: join(folder, `${name}.png`), ...options })
  await alice.emulateMedia({ colorScheme: 'dark' })
  await shoot(alice, 'dark')
  await alice.setViewportSize({ width: 380, height: 800 })
  await shoot(alice, 'narrow-dark', { fullPage: true })
  await alice.emulateMedia({ colorScheme: 'light' })
  await shoot(alice, 'narrow', { fullPage: true })
  await alice.setViewportSize({ width: 360, height: 800 })
  for (const name of ['Rooms', 'Game', 'Echo']) {
    await alice.setViewportSize(wide)
    await alice.getByRole('tab', { name }).click()
    const panel = alice.getByRole('tabpanel')
    await panel.locator('.state', { hasText: 'Connected' }).waitFor()
    if (name === 'Rooms') {
      await panel.getByRole('button', { name: 'Join room' }).click()
      await panel.getByRole('combobox', { name: 'Room', exact: true }).fill('design')
      await panel.getByRole('button', { name: 'Join room' }).click()
      await panel.getByRole('textbox', { name: 'Message' }).fill('Hello, design')
      await panel.getByRole('button', { name: 'Send' }).click()
    }
    if (name === 'Game') {
      await panel.getByRole('button', { name: 'Create game' }).click()
      await panel.getByText('You created game').waitFor()
      await panel.getByRole('button', { name: 'Send action' }).click()
    }
    if (name === 'Echo') {
      await panel.getByRole('button', { name: 'Send' }).click()
      await panel.getByLabel('Binary').check()
      await panel.getByRole('button', { name: 'Send' }).click()
      await alice.getByRole('button', { name: 'Pretty-print' }).click()
    }
    await shoot(alice, name.toLowerCase())
    await alice.setViewportSize({ width: 360, height: 800 })
    await shoot(alice, `${name.toLowerCase()}-narrow`, { fullPage: true })
  }
  cli.kill('SIGTERM')
  await alice.setViewportSize(wide)
  await alice.getByRole('tab', { name: 'Chat' }).click()
  await alice.getByText('1001').first().waitFor()
  await alice.locator('#panel-chat summary').click()
  await shoot(alice, 'closed')
}
