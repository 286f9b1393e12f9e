import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { universalApi } from '../../src/index.ts'
import { launchChromium } from '../support/chromium.ts'
import { defer, dev, echo, project, VITES, write } from './rig.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())

const PAGE = `<!doctype html><html><head><link rel="icon" href="data:,"></head><body>
  <p id="text"></p><p id="log"></p><script type="module" src="/main.js"></script></body></html>`
const MAIN = (path: string): string => `
  import { text } from './text.js'
  import { wsUrl } from 'virtual:sidewire'
  globalThis.loads = Number(sessionStorage.getItem('loads') ?? 0) + 1
  sessionStorage.setItem('loads', globalThis.loads)
  globalThis.wsUrl = wsUrl
  const show = (value) => (document.querySelector('#text').textContent = value)
  show(text)
  import.meta.hot.accept('./text.js', (module) => show(module.text))
  const socket = (globalThis.socket = new WebSocket(\`ws://\${location.host}${path}\`))
  socket.onmessage = ({ data }) => (document.querySelector('#log').textContent += data)
  globalThis.ended = 'no'
  socket.onclose = ({ code }) => (globalThis.ended = code)`

const handler = (answer: string): string => `
  export default {
    pattern: '/ws/chat',
    onConnect: (conn) => { conn.metadata.n = 0 },
    onMessage: (conn) => { conn.send('[${answer} ' + ++conn.metadata.n + ']') },
  }`

async function visit(url: string): Promise<Page> {
  const page = await browser.newPage()
  defer(() => page.close())
  page.setDefaultTimeout(30_000)
  await page.goto(url.replace('ws', 'http'))
  return page
}

const text = (page: Page, id: string): Promise<string | null> => page.locator(id).textContent()
const isUp = (page: Page): Promise<number> => page.locator('vite-error-overlay').count()
const overlay = (page: Page): Promise<string> =>
  page.evaluate(() => document.querySelector('vite-error-overlay')?.shadowRoot?.textContent ?? '')
const state = (page: Page): Promise<unknown> =>
  page.evaluate(() => {
    const { loads, ended, socket } = globalThis as any
    return { loads, ended, open: socket?.readyState === 1 }
  })
const answers = async (page: Page): Promise<string> => {
  await page.evaluate(() => {
    document.querySelector('#log')!.textContent = ''
    ;(globalThis as any).socket.send('?')
  })
  await expect.poll(() => text(page, '#log')).toContain(']')
  return (await text(page, '#log'))!
}

/** Saved once, and looked at until it is seen. */
function edit(
  root: string,
  file: string,
  content: string,
  look: () => unknown,
): ReturnType<typeof expect.poll> {
  write(root, file, content)
  return expect.poll(look, { interval: 50 })
}

describe.each(VITES)('$name', ({ load }) => {
  for (const [where, endpointPrefix, more] of [
    ['under no prefix', '', {}],
    ['under a prefix', '/api', {}],
    ['outside of the prefix', '/api', { prefix: false }],
  ] as const) {
    test(`a page is updated by HMR next to "/**" and "/*" ${where}`, async () => {
      const root = project({
        'index.html': PAGE,
        'main.js': MAIN(`${where === 'under a prefix' ? '/api' : ''}/ws/chat`),
        'text.js': "export const text = 'before'",
      })
      const plugin = universalApi({
        endpointPrefix,
        wsHandlers: [echo('/*', 'one', more), echo('/**', 'all', more)],
      })
      const { url } = await dev(await load(), { root, plugins: [plugin] })
      const page = await visit(url)
      await expect.poll(() => text(page, '#text')).toBe('before')
      await expect.poll(() => text(page, '#log')).toBe('{"hello":"all"}')
      expect(await page.evaluate(() => (globalThis as any).wsUrl)).toBe(plugin.api.url)
      await edit(root, 'text.js', "export const text = 'after'", () => text(page, '#text')).toBe('after')
      expect(await state(page)).toEqual({ loads: 1, ended: 'no', open: true })
      expect(plugin.api.stats().opened).toBe(1)
    })
  }

  test('a handler file is edited, broken and mended under an open page, whose socket stays', async () => {
    const root = project({
      'index.html': PAGE,
      'main.js': MAIN('/api/ws/chat'),
      'text.js': "export const text = 'before'",
      'mocks/chat.ws.js': handler('first'),
    })
    const { url, terminal } = await dev(await load(), { root, plugins: [universalApi({ wsDir: 'mocks' })] })
    const page = await visit(url)
    await expect.poll(() => state(page)).toEqual({ loads: 1, ended: 'no', open: true })
    expect(await answers(page)).toBe('[first 1]')
    await edit(root, 'mocks/chat.ws.js', handler('second'), () => answers(page)).toContain('second')

    await edit(root, 'mocks/chat.ws.js', 'export default { pattern: ', () => isUp(page)).toBe(1)
    expect(await overlay(page)).toMatch(/mocks\/chat\.ws\.js/)
    expect(await overlay(page)).toContain('sidewire')
    expect(await answers(page)).toContain('second')
    await edit(root, 'mocks/chat.ws.js', "throw new Error('other trouble')", () => overlay(page)).toContain(
      'other trouble',
    )

    // Whoever opens the page now sees it too.
    const late = await visit(url)
    await expect.poll(() => overlay(late)).toContain('other trouble')

    await edit(root, 'mocks/chat.ws.js', handler('third'), () => isUp(page)).toBe(0)
    await expect.poll(() => isUp(late)).toBe(0)
    expect(await answers(page)).toContain('third')
    expect(await state(page)).toEqual({ loads: 1, ended: 'no', open: true })
    expect(terminal.count('has an error')).toBe(2)
    expect(terminal.count('in order again')).toBe(1)
  })

  test('an error that was mended before the first page is not shown; one that was not, is', async () => {
    const root = project({
      'index.html': PAGE,
      'main.js': MAIN('/api/ws/chat'),
      'text.js': "export const text = 'before'",
      'mocks/chat.ws.js': "throw new Error('from the start')",
    })
    const { url, terminal } = await dev(await load(), { root, plugins: [universalApi({ wsDir: 'mocks' })] })
    const first = await visit(url)
    await expect.poll(() => overlay(first)).toContain('from the start')
    await first.close()
    await edit(root, 'mocks/chat.ws.js', handler('good'), () => terminal.text).toContain('in order again')
    await edit(root, 'mocks/chat.ws.js', "throw new Error('more trouble')", () => terminal.text).toContain(
      'more trouble',
    )
    await edit(root, 'mocks/chat.ws.js', handler('good'), () => terminal.count('in order again')).toBe(2)
    const second = await visit(url)
    await expect.poll(() => state(second)).toEqual({ loads: 1, ended: 'no', open: true })
    expect(await answers(second)).toContain('good')
    expect(await isUp(second)).toBe(0)
  })
})
