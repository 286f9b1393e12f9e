import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser } from 'playwright-core'
import { Cli, project } from '../cli/cli.ts'
import { launchChromium } from '../support/chromium.ts'
import { within } from '../support/client.ts'
import type { Behaviour } from './known-server.ts'
import { start } from './server-of-test.ts'

let browser: Browser

beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser.close())

/** Runs `sidewire bench --html`, and opens the page. */
async function open(behaviour: Behaviour, args: readonly string[], path = '/') {
  const url = new URL(path, await start(behaviour)).href
  const cwd = project()
  const all = ['bench', url, ...args, '--duration', '0.8', '--warmup', '0', '--html', 'report.html']
  const cli = new Cli(all, { cwd })
  await within(cli.exited, 'no end of bench')
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 } })
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(pathToFileURL(join(cwd, 'report.html')).href)
  await page.waitForFunction(() => document.body.dataset['drawn'] !== undefined)
  return { page, requests, complaints }
}

it('shows throughput and latency over time and the percentile curve, and fetches nothing', async () => {
  const { page, requests, complaints } = await open({ kind: 'echo' }, [])
  expect(await page.locator('canvas').count()).toBe(3)
  for (const id of ['throughput', 'latency', 'curve']) {
    const box = await page.locator(`#${id} canvas`).boundingBox()
    expect(box!.width).toBeGreaterThan(300)
    // Something is drawn: not all pixels are alike.
    const colors = await page.locator(`#${id} canvas`).evaluate((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement
      const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height)
      return new Set(new Uint32Array(data.buffer)).size
    })
    expect(colors).toBeGreaterThan(10)
  }
  await page.locator('#latency .u-over').hover()
  await expect
    .poll(() => page.locator('#latency .u-legend').textContent())
    .toMatch(/p99:?\s*[\d.]+ (?:µs|ms)/)
  expect(await page.locator('.tile').allTextContents()).toEqual([
    expect.stringMatching(/^Throughput[\d,]+\/s$/),
    ...['p50', 'p90', 'p99', 'p99.9', 'max'].map((name) =>
      expect.stringMatching(new RegExp(`^${name}[\\d.]+ `)),
    ),
  ])
  expect(await page.locator('.verdict').textContent()).toContain('Nothing lost')
  expect(requests.filter((url) => !url.endsWith('/report.html'))).toEqual([])
  expect(complaints).toEqual([])
})

it('says what went wrong, whatever is in the texts', async () => {
  const path = '/?q=</script><img src=x>'
  const { page, complaints } = await open({ kind: 'drop', every: 10 }, ['--timeout', '0.3'], path)
  expect(await page.locator('.verdict .bad').first().textContent()).toMatch(/^\d+ messages? lost$/)
  expect(await page.locator('img').count()).toBe(0)
  expect(complaints).toEqual([])
})
