import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gzipSync } from 'node:zlib'
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createServer, type Server, type ServerOptions } from '../../src/index.ts'
import { launchChromium } from '../support/chromium.ts'
import { connectWs, type TestClient } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { inNewFolder } from '../support/in-folder.ts'
import { httpOf, served } from './asking.ts'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

let browser: Browser
let context: BrowserContext
let server: Server | undefined
/** Errors of the page, and requests to anybody else. */
let trouble: string[]
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  trouble = []
  context = await newContext({ viewport: { width: 1280, height: 800 } })
})
afterEach(async () => {
  await context.close()
  await server?.close()
  server = undefined
  expect(trouble).toEqual([])
})

async function newContext(options: Parameters<Browser['newContext']>[0]): Promise<BrowserContext> {
  const made = await browser.newContext({ acceptDownloads: true, ...options })
  made.setDefaultTimeout(30_000)
  await made.grantPermissions(['clipboard-read', 'clipboard-write'])
  return made
}

const OPTIONS: ServerOptions = {
  wsHandlers: [
    {
      pattern: '/chat',
      onConnect: (conn) => conn.joinRoom('lobby'),
      onMessage: (conn, data) => {
        if (data === 'boom') throw new Error('the hook <b>failed</b>')
        conn.broadcast(data, { rooms: ['lobby'], includeSelf: true })
      },
      onError: () => {},
    },
    {
      pattern: '/echo',
      responses: [{ match: (_conn, data) => data === 'ping', response: 'pong' }],
      scenario: { on: [{ when: { type: 'add', item: { id: 1 } } }] },
      onMessage: (conn, data) => void conn.send(data),
    },
  ],
}

async function start(options: ServerOptions = {}): Promise<Server> {
  return (server = await served({ ...OPTIONS, ...options }))
}

async function open(of: Server, where: BrowserContext = context): Promise<Page> {
  const page = await where.newPage()
  const own = httpOf(of)
  page.on('pageerror', (error) => trouble.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/ERR_CONNECTION_REFUSED|Failed to load resource/.test(message.text()))
      trouble.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(own) && !/^(?:blob|data):/.test(request.url())) trouble.push(request.url())
  })
  await page.goto(`${own}/.sidewire/`)
  await expect.poll(() => page.locator('.link').getAttribute('data-state')).toBe('live')
  return page
}

const lines = (page: Page, text?: string | RegExp): Locator =>
  page.locator('.line', text === undefined ? {} : { hasText: text })
const shows = async (page: Page, text: string | RegExp, count = 1): Promise<void> => {
  await expect.poll(() => lines(page, text).count()).toBe(count)
}
const button = (page: Page, name: string | RegExp): Locator =>
  page.getByRole('button', { name, exact: typeof name === 'string' })
const chat = (): Promise<TestClient> => connectWs(`${server!.url}/api/chat`)

test('what happened before the page was opened, and what happens then, at once', async () => {
  const of = await start()
  const [one, other] = [await chat(), await chat()]
  for (let i = 0; i < 50; i++) one.send(`before ${i}`)
  for (let i = 0; i < 50; i++) await other.next()
  const page = await open(of)
  await shows(page, /broadcast to 2.*before 49/)
  expect(await page.locator('.toolbar .count').textContent()).toContain('104 of 104 lines')
  await page.evaluate(() => {
    const observer = new MutationObserver(() => {
      if (document.body.textContent?.includes('live one')) (globalThis as any).seenAt ??= Date.now()
    })
    observer.observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  const sentAt = Date.now()
  other.send('live one')
  await shows(page, 'live one', 2)
  // Of the acceptance checks: 150 ms. A machine that runs three other files beside this one gets some more.
  expect((await page.evaluate(() => (globalThis as any).seenAt)) - sentAt).toBeLessThan(1000)
  await expect.poll(() => page.locator('.client').count()).toBe(2)
  await expect.poll(() => page.locator('.client').first().textContent()).toContain('in lobby')
  await expect.poll(() => page.locator('.client').first().textContent()).toContain('↑ 50')
})

test('handshakes that were refused say why and what to do; hooks that failed show their stack; rules say that they took it', async () => {
  const of = await start()
  const page = await open(of)
  await expect(connectWs(`${of.url}/api/chatt`)).rejects.toThrow('404')
  await shows(page, /refused.*\/api\/chatt 404: .*did you mean \/api\/chat.*endpointPrefix/)
  const refusals = page.locator('.place', { hasText: 'Refused' })
  await expect
    .poll(() => refusals.textContent())
    .toMatch(/^Refused 1last: \/api\/chatt 404: .*did you mean \/api\/chat/)
  const client = await chat()
  await refusals.click()
  await expect.poll(() => lines(page).count()).toBe(1)
  await page.locator('.place', { hasText: 'Everything' }).click()
  client.send('boom')
  await shows(
    page,
    /error.*onMessage: Error: the hook <b>failed<\/b>|error.*onMessage Error: the hook <b>failed<\/b>/,
  )
  await lines(page, 'error').click()
  await expect.poll(() => page.locator('.detail pre').textContent()).toContain('page.test.ts')
  const echo = await connectWs(`${of.url}/api/echo`)
  echo.send('ping')
  expect(await echo.next()).toBe('pong')
  await shows(page, /received.*ping/)
  await lines(page, /received.*ping/).click()
  await expect.poll(() => page.locator('.detail dl').textContent()).toMatch(/Taken byresponses\[0\]/)
  await expect.poll(() => page.locator('.detail dl').textContent()).toMatch(/Took[\d.]+ (?:µs|ms)/)
  echo.json({ type: 'add', item: { id: 2 } })
  await shows(page, /received.*"id":2/)
  await lines(page, /received.*"id":2/).click()
  await expect
    .poll(() => page.locator('.detail dl').textContent())
    .toMatch(/Taken byonMessageNearest ruleon\[0\], which differs at message\.item\.id/)
})

test('a connection, a room and a handler are selected, and get messages; one is closed, one is cut', async () => {
  const of = await start()
  const [one, other] = [await chat(), await chat()]
  const echo = await connectWs(`${of.url}/api/echo`)
  const page = await open(of)
  expect(await button(page, 'Send').last().isDisabled()).toBe(true)

  await page.locator('.client', { hasText: '#1' }).click()
  await expect.poll(() => page.locator('.toolbar .title').textContent()).toBe('#1 /api/chat')
  await page.getByRole('textbox', { name: 'Message' }).fill('{"a": ')
  await expect
    .poll(() => page.locator('#message-trouble').textContent())
    .toMatch(/no JSON: .*(?:JSON|position)/)
  expect(await page.locator('.composer form').first().getByRole('button').isDisabled()).toBe(true)
  await page.getByRole('textbox', { name: 'Message' }).fill('{"a": [1, 2]}')
  await page.keyboard.press('Control+Enter')
  expect(await one.next()).toEqual({ a: [1, 2] })
  await shows(page, /sent.*by inspector.*\{"a":\[1,2\]\}/)

  await page.locator('.place', { hasText: 'room' }).click()
  await page.getByRole('textbox', { name: 'Message' }).fill('"to the room"')
  await page.locator('.composer form').first().getByRole('button').click()
  for (const client of [one, other]) expect(await client.next()).toBe('to the room')
  await shows(page, /broadcast to 2.*by inspector.*\[lobby\]/)

  await page.locator('.place', { hasText: '/echo' }).click()
  await page.getByLabel('As', { exact: true }).selectOption('base64')
  await page.getByRole('textbox', { name: 'Message' }).fill('AAH/')
  await page.locator('.composer form').first().getByRole('button').click()
  expect(await echo.next()).toEqual(Buffer.from([0, 1, 255]))

  await page.locator('.place', { hasText: 'Everything' }).click()
  await page.locator('.client', { hasText: '#1' }).click()
  await page.getByLabel('Code').fill('4000')
  await page.getByLabel('Reason').fill('off you go')
  await page.locator('.end').getByRole('button', { name: 'Close', exact: true }).click()
  expect(await one.closed).toEqual({ code: 4000, reason: 'off you go' })
  await shows(page, /closed.*by inspector.*4000 \(of the application\)/)
  await page.locator('.client', { hasText: '#2' }).click()
  await page.getByLabel('Code').fill('1005')
  await page.locator('.end').getByRole('button', { name: 'Close', exact: true }).click()
  await expect.poll(() => page.locator('.said').textContent()).toMatch(/no open connection|close code/i)

  await page.locator('.place', { hasText: 'Everything' }).click()
  await page.locator('.client', { hasText: '#2' }).click()
  await button(page, 'Cut, without a close frame').click()
  expect(await other.closed).toMatchObject({ code: 1006 })
})

test('a connection is found while one types', async () => {
  const of = await start()
  await chat()
  await connectWs(`${of.url}/api/echo`)
  const page = await open(of)
  await expect.poll(() => page.locator('.client').count()).toBe(2)
  const typed = Date.now()
  await page.getByLabel('Find a connection').fill('echo')
  await expect.poll(() => page.locator('.client').count(), { interval: 10 }).toBe(1)
  // Half of what it waits where nothing is new.
  expect(Date.now() - typed).toBeLessThan(500)
  await page.getByLabel('Find a connection').fill('none of them')
  await expect.poll(() => page.locator('.connections .empty').textContent()).toBe('No connection has this.')
})

test('a frame is edited and sent again, and what was sent before can be chosen', async () => {
  const of = await start()
  const client = await connectWs(`${of.url}/api/echo`)
  const page = await open(of)
  client.json({ type: 'order', items: [{ id: 1 }, { id: 2 }] })
  await client.next()
  await lines(page, /received.*order/).click()
  await expect.poll(() => page.locator('.json').textContent()).toContain('"type": "order"')
  await page.locator('.json summary', { hasText: 'items' }).first().click()
  await button(page, 'Copy').click()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
    '{"type":"order","items":[{"id":1},{"id":2}]}',
  )
  await page.locator('.client').click()
  await lines(page, /received.*order/).click()
  await button(page, 'Edit and send').click()
  const message = page.getByRole('textbox', { name: 'Message' })
  await message.fill((await message.inputValue()).replace('order', 'reorder'))
  await message.press('Control+Enter')
  expect(await client.next()).toEqual({ type: 'reorder', items: [{ id: 1 }, { id: 2 }] })
  await message.fill('')
  await page.getByLabel('Sent before').selectOption({ index: 1 })
  expect(await message.inputValue()).toContain('reorder')
})

test('filters by text, expression, direction and kind; an expression that never ends is ended', async () => {
  const of = await start()
  const client = await connectWs(`${of.url}/api/echo`)
  const page = await open(of)
  for (const text of ['apple', 'pear', `${'a'.repeat(3000)}b`]) {
    client.send(text)
    await client.next()
  }
  await shows(page, 'apple', 2)
  await page.keyboard.press('/')
  await page.keyboard.type('APPLE')
  await expect.poll(() => lines(page).count()).toBe(2)
  await page.getByLabel('Direction').selectOption('in')
  await expect.poll(() => lines(page).count()).toBe(1)
  await page.getByLabel('Direction').selectOption('both')
  await page.getByLabel('Regular expression').check()
  await page.locator('#filter-text').fill('^(?:received|message)\\n(?:apple|pear)')
  await expect.poll(() => lines(page).count()).toBe(2)
  // Of several that are under way the last one counts.
  await page.locator('#filter-text').pressSequentially('|pear$')
  await expect.poll(() => lines(page).count()).toBe(2)
  await page.locator('#filter-text').fill('(a+')
  await expect
    .poll(() => page.locator('#filter-trouble').textContent())
    .toContain('Invalid regular expression')
  await page.locator('#filter-text').fill('(a+)+$')
  await expect.poll(() => page.locator('#filter-trouble').textContent()).toContain('takes more than')
  // Nothing hangs: neither the page nor the engine.
  await page.locator('#filter-text').fill('')
  await expect.poll(() => lines(page).count()).toBeGreaterThanOrEqual(7)
  await page.getByLabel('Messages').uncheck()
  await expect.poll(() => lines(page).count()).toBe(1)
  client.ping('p')
  await page.getByLabel('Pings').check()
  await shows(page, /ping/, 1)
})

test('pauses, says how many it missed, goes on, clears', async () => {
  const of = await start()
  const client = await connectWs(`${of.url}/api/echo`)
  const page = await open(of)
  await shows(page, 'opened')
  await page.locator('body').press('p')
  for (let i = 0; i < 900; i++) client.send(`m${i}`)
  for (let i = 0; i < 900; i++) await client.next()
  await expect.poll(() => button(page, /^Go on/).textContent()).toMatch(/Go on \(2,[\d]{3} new\)/)
  expect(await lines(page).count()).toBe(1)
  await button(page, /^Go on/).click()
  await expect.poll(() => lines(page, 'm899').count()).toBeGreaterThan(0)
  await page.locator('.lines').press('Home')
  await shows(page, /[\d,]+ lines left out/)
  await button(page, 'Clear').click()
  await expect.poll(() => lines(page).count()).toBe(0)
})

test('a download is a recording of what is shown', async () => {
  const of = await start()
  const client = await connectWs(`${of.url}/api/echo?x=1`)
  client.json({ op: 'subscribe' })
  await client.next()
  client.send('{"spaced": 1}')
  await client.next()
  client.send(Buffer.from([0, 1, 255]))
  await client.next()
  const page = await open(of)
  client.close(1000, 'done')
  await shows(page, /closed.*1000 \(normal\)/)
  const downloading = page.waitForEvent('download')
  await button(page, 'Download').click()
  const file = await (await downloading).path()
  const [head, ...events] = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(head).toMatchObject({ sidewire: 'recording/1', at: expect.stringMatching(/^\d{4}-.*Z$/) })
  expect(events.map(({ t, ...event }) => (typeof t === 'number' ? event : t))).toEqual([
    { conn: 1, type: 'open', path: '/api/echo' },
    ...['client', 'server'].map((from) => ({ conn: 1, from, json: { op: 'subscribe' } })),
    { conn: 1, from: 'client', text: '{"spaced": 1}' },
    { conn: 1, from: 'server', json: { spaced: 1 } },
    ...['client', 'server'].map((from) => ({ conn: 1, from, base64: 'AAH/' })),
    { conn: 1, type: 'close', from: 'client', code: 1000, reason: 'done' },
  ])
})

test('what the backends say is recorded by a click, and the page says where it is', () =>
  inNewFolder(async (folder) => {
    const backend = await served({ ...OPTIONS, inspector: false })
    try {
      const of = await start({ wsHandlers: [{ pattern: '/echo', upstream: `${backend.url}/api/echo` }] })
      const page = await open(of)
      const state = page.locator('.recording')
      await button(page, 'Record backends').click()
      await expect.poll(() => state.textContent()).toMatch(/written to recordings\/.*\.jsonl$/)
      const client = await connectWs(`${of.url}/api/echo`)
      client.send('ping')
      await client.next()
      await button(page, 'Stop recording (2)').click()
      await expect.poll(() => state.textContent()).toMatch(/^recorded 1 connection, 2 messages in recordings/)
      await button(page, 'Record backends').waitFor()
      const [file = ''] = readdirSync(`${folder}/recordings`)
      expect(readFileSync(`${folder}/recordings/${file}`, 'utf8')).toContain('"from":"server","text":"pong"')
      rmSync(`${folder}/recordings`, { recursive: true })
      writeFileSync(`${folder}/recordings`, 'in the way')
      await button(page, 'Record backends').click()
      await expect.poll(() => state.textContent()).toContain('cannot record to recordings')
      await page.evaluate(readFileSync(AXE, 'utf8'))
      expect(await page.evaluate(async () => (await (globalThis as any).axe.run()).violations)).toEqual([])
    } finally {
      await backend.close()
    }
  }))

test('there is no such button without a backend, nor for who only looks', async () => {
  const page = await open(await start())
  expect(await button(page, /Record/).count()).toBe(0)
  await server!.close()
  const looking = await open(
    await start({
      wsHandlers: [{ pattern: '/echo', upstream: 'ws://127.0.0.1:1' }],
      inspector: { readOnly: true },
    }),
  )
  expect(await button(looking, /Record/).count()).toBe(0)
})

test('the server is started anew: the page is back by itself, keeps what is selected, and says so', async () => {
  const port = await freePort()
  const of = await start({ port })
  const page = await open(of)
  const client = await chat()
  client.send('before')
  await client.next()
  await page.locator('.place', { hasText: '/chat' }).click()
  await shows(page, /received.*before/)
  await of.close()
  await expect.poll(() => page.locator('.link').textContent()).toContain('Disconnected')
  server = await createServer({ ...OPTIONS, port, inspector: true, logLevel: 'silent' })
  await expect.poll(() => page.locator('.link').getAttribute('data-state')).toBe('live')
  const again = await chat()
  again.send('after')
  await again.next()
  await shows(page, /restarted/)
  await shows(page, /received.*before/)
  await shows(page, /#2.*received.*after/)
  expect(await page.locator('.toolbar .title').textContent()).toBe('/chat')
})

test('the timeline follows what is new, until somebody reads further up, and goes on at the end', async () => {
  const of = await start()
  const client = await connectWs(`${of.url}/api/echo`)
  const page = await open(of)
  const gap = (): Promise<number> =>
    page.locator('.lines').evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop)
  const say = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      client.send(`line ${i}`)
      await client.next()
      if (i % 5 === 0) await page.evaluate(() => new Promise(requestAnimationFrame))
    }
  }
  await say(150)
  await expect.poll(gap).toBeLessThan(26)
  await page.locator('.lines').hover()
  await page.mouse.wheel(0, -2000)
  await expect.poll(() => button(page, /To the newest/).count()).toBe(1)
  await say(20)
  await expect.poll(gap).toBeGreaterThan(1000)
  await page.locator('.lines').press('End')
  await expect.poll(() => button(page, /To the newest/).count()).toBe(0)
  await say(20)
  await expect.poll(gap).toBeLessThan(26)
  await page.locator('.lines').press('Home')
  await button(page, /To the newest/).click()
  await say(5)
  await expect.poll(gap).toBeLessThan(26)
})

test('numbers and keys that JavaScript does not keep are shown, edited and sent as they are', async () => {
  const of = await start({
    wsHandlers: [{ pattern: '/raw', raw: true, onMessage: (conn, data) => void conn.send(data) }],
  })
  const exact = '{"id":12345678901234567890,"f":1.10,"a":1,"a":2}'
  const client = await connectWs(`${of.url}/api/raw`)
  const page = await open(of)
  client.send(exact)
  await client.next()
  await lines(page, /received/).click()
  await expect.poll(() => page.locator('.detail pre').textContent()).toBe(exact)
  await button(page, 'Edit and send').click()
  const message = page.getByRole('textbox', { name: 'Message' })
  expect(await message.inputValue()).toBe(exact)
  // The connection that the message came from is chosen.
  await expect.poll(() => page.locator('.toolbar .title').textContent()).toBe('#1 /api/raw')
  await message.press('Control+Enter')
  await shows(page, 'by inspector')
  await lines(page, 'by inspector').click()
  await expect.poll(() => page.locator('.detail pre').textContent()).toBe(exact)
})

test('who has gone is told as what it is, and gets nothing more', async () => {
  const of = await start()
  const client = await chat()
  const page = await open(of)
  await page.locator('.client').click()
  client.terminate()
  await shows(page, /closed.*1006 \(cut, without a close frame\)$/)
  await expect.poll(() => page.locator('.composer .hint').textContent()).toBe('This connection has ended.')
  expect(await button(page, 'Cut, without a close frame').isDisabled()).toBe(true)
  const other = await chat()
  await page.locator('.place', { hasText: '/chat' }).click()
  await page.getByLabel('Reason').fill('x'.repeat(124))
  await expect.poll(() => page.locator('.end .trouble').textContent()).toContain('123 bytes')
  await page.getByLabel('Reason').fill('enough')
  page.once('dialog', (dialog) => void dialog.dismiss())
  await page.locator('.end').getByRole('button', { name: 'Close', exact: true }).click()
  page.once('dialog', (dialog) => void dialog.accept())
  await page.locator('.end').getByRole('button', { name: 'Close', exact: true }).click()
  expect(await other.closed).toEqual({ code: 1000, reason: 'enough' })
})

describe('faults', () => {
  const form = (page: Page): Locator => page.locator('.fault-form')
  const openFaults = async (page: Page): Promise<void> => {
    await page.locator('.faults summary').click()
    await expect.poll(() => page.locator('#fault-profile option').count()).toBe(6)
  }
  const apply = async (page: Page): Promise<void> => {
    await form(page).getByRole('button', { name: 'Apply' }).click()
    await expect.poll(() => form(page).locator('.fault-said').textContent()).toMatch(/^On, with the seed /)
  }

  test('of a handler: marks in the timeline, counts, the seed; lifted', async () => {
    const of = await start()
    const [one, other] = [await chat(), await chat()]
    const page = await open(of)
    await page.locator('.place', { hasText: '/chat' }).click()
    await openFaults(page)
    await expect.poll(() => form(page).locator('h3').textContent()).toBe('For /chat')
    expect(await button(page, 'Apply').isDisabled()).toBe(true)
    await page.getByLabel('Latency, ms').fill('20')
    await page.getByLabel('up to, ms').fill('30')
    await page.getByLabel('Drop, %').fill('50')
    await page.getByLabel('Seed').fill('42')
    await expect
      .poll(() => form(page).locator('.meant').textContent())
      .toBe('to clients: 20 to 30 ms late, 50 % lost')
    await apply(page)
    const row = page.locator('.fault-rows li')
    await expect.poll(() => row.textContent()).toContain('/chat to clients: 20 to 30 ms late')
    expect(await row.textContent()).toContain('Nothing has happened yet.')
    expect(await row.locator('.seed').textContent()).toBe('seed 42')
    await button(page, 'Copy the seed of /chat').click()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('42')

    for (let i = 0; i < 20; i++) one.send(`tick ${i}`)
    await expect.poll(() => lines(page, /received.*tick 19/).count()).toBe(1)
    const counts = of.stats().faults
    expect(counts.dropped).toBeGreaterThan(5)
    expect(counts.dropped + counts.delayed).toBe(40)
    await expect
      .poll(() => row.locator('.counts').textContent())
      .toBe(`So far ${counts.delayed} held back, ${counts.dropped} lost.`)
    await page.getByLabel('Rooms').uncheck()
    // Each of the two has a line for each message: it was lost, or held back.
    await page.locator('#filter-text').fill('tick 3')
    await shows(page, /fault: (?:lost|held back).*tick 3/, 2)
    await shows(
      page,
      /broadcast to 2.*\((?:lost|held back) for #[12](?:, (?:lost for |held back for )?#[12])?\).*tick 3/,
    )
    await page.locator('#filter-text').fill('')

    await form(page).getByRole('button', { name: 'Lift' }).click()
    await expect.poll(() => form(page).locator('.fault-said').textContent()).toBe('Lifted.')
    await expect.poll(() => page.locator('.faults').textContent()).toContain('No faults are on.')
    const before = of.stats().faults.dropped
    other.send('all of it')
    await shows(page, /broadcast to 2.*all of it/)
    expect(await lines(page, /\(.*\).*all of it/).count()).toBe(0)
    expect(of.stats().faults.dropped).toBe(before)
  })

  test('of one connection only; its end takes them with it', async () => {
    const of = await start()
    const [one, other] = [await connectWs(`${of.url}/api/echo`), await connectWs(`${of.url}/api/echo`)]
    const page = await open(of)
    await page.locator('.client', { hasText: '#1' }).click()
    await openFaults(page)
    expect(await page.getByLabel('Refuse handshakes').count()).toBe(0)
    await page.getByLabel('Drop, %').fill('100')
    await page.getByLabel('Way').selectOption('both')
    await apply(page)
    await expect.poll(() => page.locator('.faults summary').textContent()).toContain('1 on')
    await expect.poll(() => page.locator('.fault-rows li').textContent()).toMatch(/^#1 .*all lost.*all lost/)
    one.send('never')
    other.send('to the other')
    expect(await other.next()).toBe('to the other')
    await shows(page, /#1.*↑ fault: lost.*never/)
    expect(await lines(page, /received.*never/).count()).toBe(0)
    await page.getByLabel('Way').selectOption('out')
    await page.getByLabel('Stall: hold all back').check()
    await page.getByLabel('Drop, %').fill('')
    await apply(page)
    one.send('held')
    await shows(page, /#1.*sent.*\(held back\) held/)
    await button(page, 'Lift the faults of #1').click()
    expect(await one.next()).toBe('held')
    await apply(page)
    one.close()
    await expect.poll(() => page.locator('.faults').textContent()).toContain('No faults are on.')
    await expect
      .poll(() => form(page).locator('.hint').first().textContent())
      .toBe('This connection has ended.')
    expect(await button(page, 'Apply').isDisabled()).toBe(true)
  })

  test('offline, for a time: who is connected is cut, who comes is refused, and then it is over', async () => {
    const of = await start()
    const client = await connectWs(`${of.url}/api/echo`)
    const page = await open(of)
    await openFaults(page)
    await expect.poll(() => form(page).locator('h3').textContent()).toBe('For all handlers')
    await page.getByLabel('Network').selectOption('Offline')
    await page.getByLabel('Refuse handshakes').selectOption('with a status')
    await page.getByLabel('Status').fill('599.5')
    await expect
      .poll(() => page.locator('#fault-status-trouble').textContent())
      .toBe('It has to be a status from 400 to 599.')
    await page.getByLabel('Status').fill('502')
    await page.getByLabel('For, s').fill('600')
    await apply(page)
    expect(await client.closed).toMatchObject({ code: 1006 })
    await shows(page, /fault: disconnected/)
    await expect(connectWs(`${of.url}/api/echo`)).rejects.toThrow('502')
    await shows(page, /refused.*\/api\/echo 502/)
    await expect
      .poll(() => page.locator('.fault-rows li').textContent())
      .toMatch(
        /^All handlers handshakes: all refused with 502; connections: all cut at once.*1 handshakes refused, 1 disconnected.*until /,
      )
    await page.getByLabel('For, s').fill('0.2')
    await apply(page)
    await expect.poll(() => page.locator('.faults').textContent()).toContain('No faults are on.')
    const again = await connectWs(`${of.url}/api/echo`)
    again.send('back')
    expect(await again.next()).toBe('back')
  })

  test('values are checked as one types, and what the server refuses stands at its field', async () => {
    const of = await start()
    const page = await open(of)
    await openFaults(page)
    const says = async (field: string, text: string, wanted: string): Promise<void> => {
      await page.locator(`#fault-${field}`).fill(text)
      await expect.poll(() => page.locator(`#fault-${field}-trouble`).textContent()).toBe(wanted)
      expect(await page.locator(`#fault-${field}`).getAttribute('aria-invalid')).toBe(String(wanted !== ''))
      if (wanted !== '') expect(await button(page, 'Apply').isDisabled()).toBe(true)
    }
    await says('latency', 'soon', 'This is no number.')
    await says('latency', '100', '')
    await says('latencyTo', '50', 'This is less than 100.')
    await says('latencyTo', '', '')
    await says('drop', '101', 'It has to be from 0 to 100.')
    await says('drop', '', '')
    await says('seconds', '0', 'It has to be from 0.001 to 2147483.')
    await says('seconds', '', '')
    await page.getByLabel('Cut connections').selectOption('after a time')
    await expect
      .poll(() => page.locator('#fault-cutAfter-trouble').textContent())
      .toBe('After how many milliseconds?')
    await page.getByLabel('Cut connections').selectOption('no')
    await page.route('**/page/faults', async (route) => {
      const { faults } = route.request().postDataJSON() as { faults: { latency: number } }
      await route.continue({
        postData: JSON.stringify({ action: 'put', to: { pattern: '*' }, faults: { ...faults, latency: -1 } }),
      })
    })
    await button(page, 'Apply').click()
    await expect
      .poll(() => page.locator('#fault-latency-trouble').textContent())
      .toMatch(/^option "latency" is -1; it has to be milliseconds/)
    await page.unrouteAll({ behavior: 'wait' })
    await says('latency', '5', '')
    await apply(page)
  })

  test('what code has switched on is shown, and who only looks has no buttons', async () => {
    const of = await start({ inspector: { readOnly: true } })
    of.setFaults('/chat', () => ({ latency: 5 }))
    of.setFaults('/echo', { drop: { nth: [2, 3], match: () => true }, seed: 'a seed' })
    const page = await open(of)
    await page.locator('.faults summary').click()
    expect(await form(page).count()).toBe(0)
    await expect.poll(() => page.locator('.faults .hint').first().textContent()).toContain('readOnly')
    await expect
      .poll(() => page.locator('.fault-rows li p:first-child').allTextContents())
      .toEqual([
        '/echo to clients: number 2, 3 of those that a function takes lost',
        '/chat what a function of the handler says',
      ])
    expect(await page.getByRole('button', { name: /Lift/ }).count()).toBe(0)
    expect(await page.locator('.fault-rows .seed').first().textContent()).toBe('seed a seed')
  })

  test('all of it by the keyboard', async () => {
    const of = await start()
    const page = await open(of)
    await page.locator('body').press('f')
    await page.keyboard.press('Enter')
    await expect.poll(() => form(page).isVisible()).toBe(true)
    // Past the network and the way.
    for (let i = 0; i < 3; i++) await page.keyboard.press('Tab')
    await page.keyboard.type('7')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.locator('.fault-rows li').textContent()).toContain('to clients: 7 ms late')
    await button(page, 'Lift the faults of All handlers').focus()
    await page.keyboard.press('Enter')
    await expect.poll(() => page.locator('.faults').textContent()).toContain('No faults are on.')
  })
})

test('on a phone the parts stand behind each other, and nothing is wider than the screen', async () => {
  const phone = await newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })
  try {
    const of = await start()
    const client = await chat()
    client.json({ long: 'a long message '.repeat(40) })
    await client.next()
    const page = await open(of, phone)
    const parts = {
      Clients: '.connections',
      Timeline: '.timeline-part',
      Send: '.composer',
      Faults: '.faults',
      Charts: '.charts',
    }
    for (const [name, part] of Object.entries(parts)) {
      await page.locator('.panes').getByRole('button', { name }).click()
      const visible = await page.evaluate(
        (all) => all.filter((each) => (document.querySelector(each)?.getBoundingClientRect().width ?? 0) > 0),
        Object.values(parts),
      )
      expect([name, visible]).toEqual([name, [part]])
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
      expect(
        await page.locator(part).evaluate((element) => element.getBoundingClientRect().width),
      ).toBeGreaterThan(360)
    }
  } finally {
    await phone.close()
  }
})

test('what clients say is text, whatever it is', async () => {
  const of = await start()
  const page = await open(of)
  const evil = '<script>document.title="taken"</script><img src=x onerror="document.title=1">\u202Eevil\u0007'
  const client = await connectWs(`${of.url}/api/echo`)
  client.send(evil)
  await client.next()
  client.json({ [evil]: evil })
  await client.next()
  client.send('x'.repeat(1024 * 1024))
  await client.next()
  client.close(4000, '</script><b>reason</b>')
  await shows(page, '</script><b>reason</b>')
  for (const line of await lines(page, 'received').all()) await line.click()
  await expect
    .poll(() =>
      page
        .locator('.detail pre')
        .textContent()
        .then((text) => text?.length),
    )
    .toBe(1024 * 1024)
  expect(await page.title()).toBe('sidewire inspector')
  expect(await page.locator('.timeline-part b, .timeline-part img, .timeline-part script').count()).toBe(0)
  const heights = await lines(page).evaluateAll((all) =>
    all.map((line) => line.getBoundingClientRect().height),
  )
  expect(new Set(heights)).toEqual(new Set([26]))
})

test('nothing is asked for while the page is hidden, and charts show the last seconds', async () => {
  const of = await start()
  const page = await open(of)
  const client = await connectWs(`${of.url}/api/echo`)
  client.send('x')
  await client.next()
  await expect
    .poll(() => page.locator('.charts figcaption').allTextContents())
    .toEqual([
      expect.stringMatching(/^Messages a second: \d+ in, \d+ out$/),
      expect.stringMatching(/^Bytes a second: .* in, .* out$/),
      'Connections: 1 open',
      expect.stringMatching(/^Event loop lag: \d+ ms at most$/),
    ])
  expect(await page.locator('.charts canvas').count()).toBe(4)
  let asked = 0
  page.on('request', () => asked++)
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await expect.poll(() => page.locator('.link').getAttribute('data-state')).toBe('hidden')
  asked = 0
  for (let i = 0; i < 100; i++) {
    client.send('unseen')
    await client.next()
  }
  expect(asked).toBe(0)
  await page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: false, configurable: true })
    document.dispatchEvent(new Event('visibilitychange'))
  })
  await expect.poll(() => page.locator('.link').getAttribute('data-state')).toBe('live')
  await expect.poll(() => lines(page, 'unseen').count()).toBeGreaterThan(10)
})

test('with a token the page asks for it, and takes it out of the address', async () => {
  const of = await start({ inspector: { token: 'a token of the test' } })
  const page = await context.newPage()
  page.on('pageerror', (error) => trouble.push(error.message))
  await page.goto(`${httpOf(of)}/.sidewire/`)
  await expect.poll(() => page.locator('.link').textContent()).toContain('token is missing')
  await page.getByLabel('Token').fill('a token of the test')
  await button(page, 'Connect').click()
  await expect.poll(() => page.locator('.link').getAttribute('data-state')).toBe('live')
  const other = await context.newPage()
  await other.goto(`${httpOf(of)}/.sidewire/#token=${encodeURIComponent('a token of the test')}`)
  await expect.poll(() => other.locator('.link').getAttribute('data-state')).toBe('live')
  expect(other.url()).not.toContain('token')
  await other.reload()
  await expect.poll(() => other.locator('.link').getAttribute('data-state')).toBe('live')
})

describe.each(['light', 'dark'] as const)('%s', (colorScheme) => {
  test.each([
    ['wide', { viewport: { width: 1280, height: 800 } }],
    ['on a phone', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
  ] as const)('axe finds nothing, %s', async (_, screen) => {
    const own = await newContext({ ...screen, colorScheme })
    try {
      const of = await start()
      const client = await chat()
      await expect(connectWs(`${of.url}/none`)).rejects.toThrow('404')
      client.json({ a: [1, { b: null }], c: true })
      await client.next()
      client.send('boom')
      const page = await open(of, own)
      await shows(page, /error/)
      // By the tools of the test, past the page's own policy.
      await page.evaluate(readFileSync(AXE, 'utf8'))
      const check = async (): Promise<void> => {
        const { violations } = await page.evaluate(() => (globalThis as any).axe.run())
        expect(
          violations.map(({ id, nodes }: any) => [
            id,
            nodes.map(({ html, failureSummary }: any) => html + failureSummary),
          ]),
        ).toEqual([])
      }
      await lines(page, /received.*"a"/).click()
      await check()
      of.setFaults('/echo', { drop: 0.5, seed: 7 })
      await expect.poll(() => page.locator('.faults summary').textContent()).toContain('1 on')
      if (screen.viewport.width >= 900) {
        await page.locator('.faults summary').click()
        await page.getByLabel('Latency, ms').fill('none')
        await check()
      }
      for (const name of ['Clients', 'Send', 'Faults', 'Charts'])
        if (screen.viewport.width < 900) {
          await page.locator('.panes').getByRole('button', { name }).click()
          await check()
          const small = await page.evaluate(() =>
            [...document.querySelectorAll('button, select, summary, input:not([type=checkbox])')]
              .map(
                (element) =>
                  [element.outerHTML.slice(0, 60), element.getBoundingClientRect().height] as const,
              )
              .filter(([, height]) => height > 0 && height < 44),
          )
          expect(small).toEqual([])
        }
    } finally {
      await own.close()
    }
  })
})

test('is small: what a browser loads is below 80 KB', async () => {
  const own = httpOf(await start())
  const files = [
    '',
    'page/inspector.js',
    'page/inspector.css',
    'page/search.js',
    'page/uplot.js',
    'page/uplot.css',
  ]
  const sizes = await Promise.all(
    files.map(async (name) => {
      const answer = await fetch(`${own}/.sidewire/${name}`)
      expect([name, answer.status]).toEqual([name, 200])
      return gzipSync(Buffer.from(await answer.arrayBuffer())).byteLength
    }),
  )
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(80 * 1024)
})

test('all of it by the keyboard', async () => {
  const of = await start()
  const client = await connectWs(`${of.url}/api/echo`)
  const page = await open(of)
  client.send('first')
  await client.next()
  await shows(page, 'first', 2)
  await page.locator('.lines').focus()
  await page.keyboard.press('Home')
  await expect.poll(() => page.locator('.detail h2').textContent()).toContain('opened')
  await page.keyboard.press('ArrowDown')
  await expect.poll(() => page.locator('.detail h2').textContent()).toContain('received')
  const active = await page.locator('.lines').getAttribute('aria-activedescendant')
  expect(await page.locator(`#${active}`).getAttribute('aria-selected')).toBe('true')
  await page.keyboard.press('End')
  await expect.poll(() => page.locator('.detail h2').textContent()).toContain('sent')
  await page.keyboard.press('Escape')
  await expect.poll(() => page.locator('.detail').count()).toBe(0)
  await page.locator('.client').focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('m')
  await page.keyboard.type('"by hand"')
  await page.keyboard.press('Control+Enter')
  expect(await client.next()).toBe('by hand')
})
