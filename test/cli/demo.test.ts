import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { launchChromium } from '../support/chromium.ts'

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

let browser: Browser
let serving: Serving
let context: BrowserContext
let trouble: string[]

beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())

beforeEach(async () => {
  trouble = []
  serving = await startCli()
  // The tabs of one test are tabs of one window.
  context = await browser.newContext()
  context.setDefaultTimeout(30_000)
  context.on('page', watch)
})
afterEach(async () => {
  await context.close()
  await serving.stop()
  // No error in any console, and no request to any other host, whatever the test did.
  expect(trouble).toEqual([])
})

test('two tabs chat, and see each frame', async () => {
  const alice = await openTab('Alice')
  const opened = context.waitForEvent('page')
  await alice.getByRole('link', { name: 'Open a second tab' }).click()
  const bob = await opened
  await introduce(bob, 'Bob')
  await press(alice, 'Join chat')
  await hearsItself(alice)
  await press(bob, 'Join chat')
  await shows(log(alice), 'Bob joined.')
  await say(alice, 'Hi <b>Bob</b> & all')
  await shows(log(bob), 'Hi <b>Bob</b> & all')
  await say(bob, 'Hello Alice')
  await shows(log(alice), 'Hello Alice')
  await shows(log(alice).locator('.own'), 'Hi <b>Bob</b> & all')

  const sent = frames(bob, 'sent').last()
  await shows(sent, '{"type":"message","username":"Bob","message":"Hello Alice"}')
  await shows(sent.locator('.direction'), 'Sent')
  await shows(sent.locator('.size'), '59 B')
  await shows(sent.locator('time'), /^\d\d:\d\d:\d\d\.\d{3}$/)
  const received = frames(bob, 'received').last()
  await shows(received.locator('.preview'), /"type":"chat-message","username":"Bob".*"timestamp":\d+/)

  await expect.poll(() => received.locator('pre').isVisible()).toBe(false)
  await press(bob, 'Pretty-print')
  await shows(received.locator('pre'), /^\{\n {2}"type": "chat-message",\n {2}"username": "Bob",/)
  await bob.getByLabel('Show frames of').selectOption('echo')
  await expect.poll(() => received.isVisible()).toBe(false)
  await press(bob, 'Clear')
  await expect.poll(() => frames(bob, 'sent').count()).toBe(0)
})

test('a room message is seen by its members only', async () => {
  const [alice, bob, carol] = [await openTab('Alice'), await openTab('Bob'), await openTab('Carol')]
  for (const tab of [alice, bob, carol]) await showPanel(tab, 'Rooms')
  await joinRoom(alice, 'design')
  await hearsItself(alice)
  await joinRoom(bob, 'design')
  await shows(log(alice), 'Bob joined design.')
  await joinRoom(carol, 'support')
  await hearsItself(carol)

  await say(alice, 'only for design')
  await shows(log(bob), 'only for design')
  await press(bob, 'Leave design')
  await shows(log(bob), 'You left design.')
  // The server takes messages of one connection in order: once Bob hears `support`, he has left `design`.
  await joinRoom(bob, 'support')
  await shows(log(carol), 'Bob joined support.')
  await say(alice, 'after Bob left')
  await shows(log(alice), 'after Bob left')
  await say(carol, 'only for support')
  await shows(log(bob), 'only for support')

  expect(await log(bob).innerText()).not.toContain('after Bob left')
  expect(await log(alice).innerText()).not.toContain('only for support')
  expect(await log(carol).innerText()).not.toContain('design')
  expect(await frames(carol, 'received').allInnerTexts()).not.toContainEqual(
    expect.stringContaining('for design'),
  )
})

test('a game is created, joined by its id and played', async () => {
  const [alice, bob] = [await openTab('Alice'), await openTab('Bob')]
  for (const tab of [alice, bob]) await showPanel(tab, 'Game')
  await shows(log(alice), 'You are in the lobby.')
  await press(alice, 'Create game')
  await shows(log(alice), 'You created game')
  const id = await panel(alice).locator('.chips li span').innerText()
  await panel(bob).getByLabel('Game id').fill(id)
  await press(bob, 'Join game')
  await shows(log(alice), 'joined your game.')
  await panel(bob).getByLabel('Action').fill('jump')
  await press(bob, 'Send action')
  await shows(log(alice).locator('.said'), 'jump')
  await shows(log(bob).locator('.said'), 'jump')
})

test('the echo returns text and bytes', async () => {
  const tab = await openTab('Alice')
  await showPanel(tab, 'Echo')
  const payload = panel(tab).getByRole('textbox', { name: /^Payload/ })
  await payload.fill('{ "n": 1 }')
  await press(tab, 'Send')
  await shows(log(tab).locator('.said:not(.own)'), '{"n":1}')
  await panel(tab).getByLabel('Binary').check()
  await payload.fill('Grüße')
  await payload.press('Control+Enter')
  await shows(log(tab), 'Grüße (7 bytes)')
  await shows(frames(tab, 'received').last().locator('.preview'), 'binary 47 72 c3 bc c3 9f 65')
})

test('the keyboard alone is enough', async () => {
  const alice = await openTab('Alice')
  const bob = await openTab('Bob')
  await press(bob, 'Join chat')
  await hearsItself(bob)

  await alice.bringToFront()
  await tabTo(alice, 'Join chat')
  await alice.keyboard.press('Enter')
  await shows(log(bob), 'Alice joined.')
  await expect.poll(() => focused(alice)).toBe('Message')
  await alice.keyboard.type('by keyboard')
  await alice.keyboard.press('Enter')
  await shows(log(bob), 'by keyboard')
  await alice.keyboard.type('by button')
  await alice.keyboard.press('Tab')
  expect(await focused(alice)).toBe('Send')
  await alice.keyboard.press('Enter')
  await shows(log(bob), 'by button')

  await tabTo(alice, 'Chat')
  await alice.keyboard.press('ArrowRight')
  await shows(panel(alice).locator('.state'), 'Connected')
  await tabTo(alice, 'Disconnect')
  await alice.keyboard.press('Enter')
  await shows(panel(alice).locator('.state'), 'Closed by this page: 1000 Normal Closure')
  // The button that was pressed keeps the focus and is the way back.
  expect(await focused(alice)).toBe('Connect')
  await alice.keyboard.press('Enter')
  await shows(panel(alice).locator('.state'), 'Connected')
})

test('a connection is closed with a code and a reason, and opened again', async () => {
  const tab = await openTab('Alice')
  await press(tab, 'Join chat')
  await panel(tab).locator('summary').click()
  await panel(tab).getByLabel('Code').fill('4321')
  await panel(tab).getByLabel('Reason').fill('enough')
  await press(tab, 'Disconnect')
  await shows(panel(tab).locator('.state'), 'Closed by this page: 4321 Application Code, “enough”')
  await shows(frames(tab, 'closing').last(), '4321 Application Code “enough”')
  await shows(frames(tab, 'close').last(), '4321 Application Code “enough”')
  await say(tab, 'too late')
  await shows(log(tab), 'Not connected: nothing was sent.')
  await press(tab, 'Reconnect')
  await shows(panel(tab).locator('.state'), 'Connected')
  await press(tab, 'Reconnect')
  await shows(frames(tab, 'close').last(), '1000 Normal Closure “Reconnect”')
  await shows(panel(tab).locator('.state'), 'Connected')
  await expect.poll(() => frames(tab, 'open').count()).toBe(3)
})

test("the server's going away is shown", async () => {
  const tab = await openTab('Alice')
  await showPanel(tab, 'Rooms')
  await joinRoom(tab, 'general')
  await serving.stop()
  await shows(panel(tab).locator('.state'), 'Closed by the server: 1001 Going Away')
  await shows(log(tab), 'Closed by the server: 1001 Going Away')
  await shows(frames(tab, 'close').last(), '1001 Going Away')
  // Rooms end with the connection.
  await expect.poll(() => panel(tab).locator('.chips li').count()).toBe(0)
})

for (const [prefix, path] of [
  ['/x/y/', '/x/y/ws/chat'],
  ['/', '/ws/chat'],
] as const) {
  test(`--prefix ${prefix} reaches the page`, async () => {
    await serving.stop()
    serving = await startCli('--prefix', prefix)
    const tab = await openTab('Alice')
    await shows(panel(tab).locator('code'), `${serving.url.replace(/^http/, 'ws').replace(/\/$/, '')}${path}`)
  })
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`text has the contrast of WCAG AA, and 360 px are wide enough (${colorScheme})`, async () => {
    const tab = await openTab('Alice')
    await tab.emulateMedia({ colorScheme })
    await tab.setViewportSize({ width: 360, height: 740 })
    await press(tab, 'Join chat')
    await say(tab, 'a-word-that-is-too-long-to-fit-into-one-line-'.repeat(5))
    await shows(log(tab).locator('.own'), 'a-word')
    await press(tab, 'Pretty-print')
    for (const name of ['Rooms', 'Game', 'Echo', 'Chat']) {
      await showPanel(tab, name)
      expect(await tab.evaluate(lowContrast)).toEqual([])
      expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(360)
    }
    await serving.stop()
    await shows(panel(tab).locator('.state'), '1001')
    expect(await tab.evaluate(lowContrast)).toEqual([])
  })
}

interface Serving {
  readonly url: string
  stop(): Promise<void>
}

async function startCli(...flags: string[]): Promise<Serving> {
  const child = spawn(process.execPath, [CLI, 'serve', '--port', '0', ...flags], {
    // Without a config file, so that the demo is served.
    cwd: tmpdir(),
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  return {
    url: await readUrl(child),
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

async function readUrl(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the CLI has no output')
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\S+/.exec(line)?.[0]
    if (url) return url
  }
  throw new Error('the CLI printed no URL; is dist/ built?')
}

function watch(tab: Page): void {
  const { host } = new URL(serving.url)
  const check = (url: string): void => {
    if (new URL(url).host !== host) trouble.push(`request to ${url}`)
  }
  tab.on('request', (request) => check(request.url()))
  tab.on('websocket', (socket) => check(socket.url()))
  tab.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      trouble.push(`${message.text()} (${message.location().url})`)
  })
  tab.on('pageerror', (error) => trouble.push(error.message))
}

async function openTab(name: string): Promise<Page> {
  const tab = await context.newPage()
  await tab.goto(serving.url)
  await introduce(tab, name)
  return tab
}

async function introduce(tab: Page, name: string): Promise<void> {
  // Connected is who has a name already: in the middle of ours, it would become a part of it.
  await shows(panel(tab).locator('.state'), 'Connected')
  await tab.getByLabel('Your name').fill(name)
}

const panel = (tab: Page): Locator => tab.getByRole('tabpanel')
const log = (tab: Page): Locator => panel(tab).getByRole('log')
const frames = (tab: Page, kind: string): Locator => tab.locator(`#frame-list [data-kind="${kind}"]`)

async function shows(locator: Locator, text: string | RegExp): Promise<void> {
  await expect.poll(async () => (await locator.allInnerTexts()).join('\n')).toMatch(text)
}

async function press(tab: Page, name: string): Promise<void> {
  await click(tab, tab.getByRole('button', { name, exact: true }))
}

/** In front, as a tab behind draws about once a second, and a click waits for the drawing. */
async function click(tab: Page, target: Locator): Promise<void> {
  await tab.bringToFront()
  await target.click()
}

async function showPanel(tab: Page, name: string): Promise<void> {
  await click(tab, tab.getByRole('tab', { name }))
  await shows(panel(tab).locator('.state'), 'Connected')
}

async function joinRoom(tab: Page, room: string): Promise<void> {
  await panel(tab).getByRole('combobox', { name: 'Room', exact: true }).fill(room)
  await press(tab, 'Join room')
  await shows(log(tab), `You joined ${room}.`)
}

async function say(tab: Page, text: string): Promise<void> {
  await panel(tab).getByRole('textbox', { name: 'Message' }).fill(text)
  await press(tab, 'Send')
}

/** The server takes messages of one connection in order: who hears itself has joined, and hears whoever joins next. */
async function hearsItself(tab: Page): Promise<void> {
  await say(tab, 'Is anybody there?')
  await shows(log(tab).locator('.own'), 'Is anybody there?')
}

/** The name of what has the focus, as its label or its text gives it. */
function focused(tab: Page): Promise<string> {
  return tab.evaluate(() => {
    const element = document.activeElement as HTMLInputElement | null
    return (element?.labels?.[0]?.textContent ?? element?.textContent ?? '').trim()
  })
}

async function tabTo(tab: Page, name: string): Promise<void> {
  for (let steps = 0; steps < 60; steps++) {
    if ((await focused(tab)) === name) return
    await tab.keyboard.press('Tab')
  }
  throw new Error(`the Tab key does not reach ${name}`)
}

/** Runs in the page. WCAG 2.2, 1.4.3: 4.5 to 1 for text of ordinary size. */
function lowContrast(): string[] {
  const channels = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number)
  const luminance = (color: string): number => {
    const [r = 0, g = 0, b = 0] = channels(color).map((value) => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const backgroundOf = (element: Element | null): string => {
    if (!element) return getComputedStyle(document.body).backgroundColor
    const color = getComputedStyle(element).backgroundColor
    return channels(color)[3] === 0 ? backgroundOf(element.parentElement) : color
  }
  const bad: string[] = []
  for (const element of document.querySelectorAll('body *')) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent)
    if (text.join('').trim() === '' || !element.checkVisibility()) continue
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(backgroundOf(element))]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < 4.5) bad.push(`${text.join('').trim()}: ${ratio.toFixed(2)}`)
  }
  return bad
}
