import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createServer, type Server, type UniversalApiWsHandler } from '../../src/index.ts'
import { convert } from '../../src/recording/convert.ts'
import { replay } from '../../src/recording/replay.ts'
import { launchChromium } from '../support/chromium.ts'
import { folder, linesOf } from './folder.ts'

let browser: Browser
const servers: Server[] = []
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

/** What a page that works shows, and nothing else: it asks by ids of its own, and reads text and binary. */
const PAGE = `<!doctype html><title>waiting</title><script>
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/ws/orders?token=s3cret-of-the-page', ['v1'])
  socket.binaryType = 'arraybuffer'
  const seen = [], mine = 'id-' + Math.random()
  const ask = (op) => socket.send(JSON.stringify({ id: mine, op, at: Date.now(), timestamp: Date.now() }))
  socket.onopen = () => ask('subscribe')
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) return seen.push([...new Uint8Array(data)].join())
    const message = JSON.parse(data)
    seen.push(message.id === mine ? 'answer to ' + message.op : data)
    if (message.tick === 2) ask('unsubscribe')
    if (message.op === 'unsubscribe') document.title = seen.join(' | ')
  }
</script>`

const SHOWN = 'answer to subscribe | {"tick":1} | 0,1,255 | {"tick":2} | answer to unsubscribe'

const BACKEND: UniversalApiWsHandler = {
  pattern: '/ws/orders',
  onMessage(conn, { id, op }) {
    conn.send({ id, op })
    if (op !== 'subscribe') return
    conn.send({ tick: 1 })
    conn.send(Buffer.from([0, 1, 255]))
    conn.send({ tick: 2 })
  },
}

async function serving(wsHandlers: UniversalApiWsHandler[]): Promise<Server> {
  const files = { '/': { type: 'text/html', body: PAGE } }
  const server = await createServer({ port: 0, endpointPrefix: '', wsHandlers, files, logLevel: 'silent' })
  servers.push(server)
  return server
}

/** What the page shows when it has got all. */
async function shownOf(server: Server, options: BrowserContextOptions = {}): Promise<string> {
  const context = await browser.newContext(options)
  const page: Page = await context.newPage()
  await page.goto(server.url.replace('ws', 'http'))
  await expect.poll(() => page.title()).not.toBe('waiting')
  const title = await page.title()
  // The HAR is written when the context is closed.
  await context.close()
  return title
}

test.each([
  ['embed', 'full', 'x.har'],
  ['attach', 'full', 'x.har.zip'],
  ['attach', 'full', 'x.har'],
  ['embed', 'minimal', 'x.har'],
] as const)(
  'a page passes against what Playwright has recorded of it: %s, %s, %s',
  async (content, mode, name) => {
    const where = folder()
    const har = join(where, name)
    const real = await serving([BACKEND])
    expect(await shownOf(real, { recordHar: { path: har, content, mode } })).toBe(SHOWN)
    await real.close()

    const file = join(where, 'x.jsonl')
    const { redacted } = convert(har, file)
    expect(redacted).toMatchObject({ query: 1 })
    expect(JSON.stringify(linesOf(file))).not.toContain('s3cret-of-the-page')

    const warnings: string[] = []
    const warn = (line: string): void => void warnings.push(line)
    const logger = { error: warn, warn, info: () => {}, debug: () => {} }
    const ignore = ['timestamp', 'at']
    for (const from of [file, har])
      expect(await shownOf(await serving(replay(from, { logger, ignore })))).toBe(SHOWN)
    expect(warnings).toEqual([])
  },
)
