import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Server } from '../../src/index.ts'
import { launchChromium } from '../support/chromium.ts'
import { connectWs } from '../support/client.ts'
import { httpOf, served } from './asking.ts'

let browser: Browser
let context: BrowserContext
let server: Server
beforeAll(async () => {
  browser = await launchChromium()
  context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  server = await served({
    wsHandlers: [{ pattern: '/echo', onMessage: (conn, data) => void conn.send(data) }],
  })
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
})

test('100,000 lines scroll without a stall, and memory stays bounded', async () => {
  const client = await connectWs(`${server.url}/api/echo`)
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  // The page is fed by itself, as the server would: in batches, faster than it would.
  await page.route('**/page/watch', async (route) => {
    const { after } = route.request().postDataJSON() as { after: number }
    const response = await route.fetch()
    const batch = await response.json()
    const from = Math.max(after, batch.next)
    const rows = Array.from({ length: after < 100_000 ? 10_000 : 0 }, (_, i) => ({
      n: from + i + 1,
      at: Date.now(),
      type: i % 2 === 0 ? 'message' : 'sent',
      pattern: '/echo',
      conn: 1,
      path: '/api/echo',
      text: `{"type":"tick","n":${from + i},"text":"some words of a message"}`,
      bytes: 60,
    }))
    await route.fulfill({ response, json: { ...batch, rows, next: from + rows.length, left: 0 } })
  })
  client.close()
  await page.goto(`${httpOf(server)}/.sidewire/`)
  const ofAll = (): Promise<string | null> => page.locator('.toolbar .count').textContent()
  await expect.poll(ofAll, { timeout: 60_000 }).toMatch(/^100,000 of 100,000 lines/)
  await page.evaluate(() => {
    const tasks: number[] = ((globalThis as any).tasks = [])
    new PerformanceObserver((list) =>
      tasks.push(...list.getEntries().map(({ duration }) => duration)),
    ).observe({
      type: 'longtask',
    })
  })
  const drawn = await page.evaluate(async () => {
    const box = document.querySelector('.lines')!
    let frames = 0
    for (let i = 0; i < 120; i++) {
      box.scrollTop = (box.scrollHeight * i) / 120
      await new Promise(requestAnimationFrame)
      if (box.querySelectorAll('.line').length > 10) frames++
    }
    return frames
  })
  expect(drawn).toBe(120)
  const tasks = await page.evaluate(() => (globalThis as any).tasks as number[])
  // 50 ms are a frame and a half of a quiet machine; the machines of CI are not always.
  expect(tasks.filter((ms) => ms > 200)).toEqual([])
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  const session = await context.newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  expect(usedSize).toBeLessThan(150 * 1024 * 1024)
})
