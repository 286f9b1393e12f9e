import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NODE_RUNTIME } from '../contract/runtimes.ts'
import { launchChromium } from '../support/chromium.ts'
import { connectWs } from '../support/client.ts'
import { HANDSHAKE, RawClient } from '../support/raw-client.ts'
import { install, INSTALLED, ViteProcess } from './installation.ts'
import { defer, project, write } from './rig.ts'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
const EXAMPLE = join(REPOSITORY, 'examples/vite-chat')
const BUN = fileURLToPath(new URL('../../node_modules/.bin/bun', import.meta.url))

const RUNS = [
  ...INSTALLED.map((vite) => ({ ...vite, program: [process.execPath], runtime: NODE_RUNTIME })),
  { name: 'Vite 8 on Bun', folder: 'vite', program: [BUN, '--bun'], runtime: 'bun' },
] as const

let browser: Browser
beforeAll(async () => {
  browser = await launchChromium()
})
afterAll(() => browser?.close())

async function visit(port: number): Promise<Page> {
  const page = await browser.newPage()
  defer(() => page.close())
  page.setDefaultTimeout(30_000)
  await page.goto(`http://127.0.0.1:${port}/`)
  return page
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message').fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}

/** Saved again until it is seen: the watcher takes two changes within 50 ms for one. */
function edit(
  root: string,
  file: string,
  text: string,
  look: () => Promise<string>,
): ReturnType<typeof expect.poll> {
  return expect.poll(
    async () => {
      write(root, file, text)
      return look()
    },
    { interval: 250 },
  )
}

/** A copy of the example with the built package in its node_modules. */
function example(folder: (typeof RUNS)[number]['folder']): string {
  const root = project()
  cpSync(EXAMPLE, root, {
    recursive: true,
    filter: (path) => !path.slice(EXAMPLE.length).includes('node_modules'),
  })
  install(root, folder)
  return root
}

test("examples/vite-chat has no type errors with the package's declarations", () => {
  const tsc = join(REPOSITORY, 'node_modules/typescript/bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '--noEmit', '-p', EXAMPLE], { encoding: 'utf8' })
  expect(stdout).toBe('')
})

test('examples/vite-chat runs where it is, by one command', async () => {
  const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'))
  expect(readFileSync(join(EXAMPLE, 'README.md'), 'utf8')).toContain('\nnpm run example\n')
  const [, folder = ''] = /^npm run build && vite (\S+)$/.exec(scripts.example) ?? []
  const vite = await ViteProcess.start(REPOSITORY, [process.execPath], [folder])
  const client = await connectWs(`${vite.url}/api/ws/chat`)
  expect(await client.next()).toEqual({ type: 'welcome', message: 'Welcome!' })
  await vite.prints('Client connected:')
})

describe.each(RUNS)('$name', ({ folder, program, runtime }) => {
  test('examples/vite-chat: two pages chat, and edits of page and handler keep their sockets', async () => {
    const root = example(folder)
    const vite = await ViteProcess.start(root, [...program])
    expect(vite.output).toContain(`ws://127.0.0.1:${vite.port}/api/ws/chat`)
    expect(vite.output).toContain(`ws://127.0.0.1:${vite.port}/api/ws/clock`)
    expect(vite.output).toContain(`runtime ${runtime}`)
    const [alice, bob] = [await visit(vite.port), await visit(vite.port)]
    for (const page of [alice, bob])
      await expect.poll(() => page.locator('#log').innerText()).toBe('Welcome!')
    await say(alice, 'Hello Bob')
    await expect.poll(() => bob.locator('#log').innerText()).toContain('Hello Bob')
    await expect.poll(() => alice.locator('#log').innerText()).toContain('Hello Bob')
    await expect.poll(() => alice.locator('#clock').innerText()).toMatch(/^It is \d{4}-/)

    await edit(root, 'title.ts', "export const title = 'Hot'", () =>
      alice.locator('#title').innerText(),
    ).toBe('Hot')
    const answer = "export default { pattern: '/ws/clock', onMessage: (conn) => { conn.send('It is late') } }"
    await edit(root, 'mocks/clock.ws.ts', answer, async () => {
      await alice.locator('#clock').click()
      return alice.locator('#clock').innerText()
    }).toBe('It is late')

    await say(bob, 'Still here')
    await expect.poll(() => alice.locator('#log').innerText()).toBe('Welcome!\nHello Bob\nStill here')
    expect(vite.output.match(/Client connected/g)).toHaveLength(2)
    expect(vite.output).not.toContain('Client disconnected')

    const client = await connectWs(`${vite.url}/api/ws/chat`)
    await client.next()
    await vite.stop()
    expect(await client.closed).toMatchObject({ code: 1001 })
  })

  test('the tunnel: big messages, subprotocols, refusals, resets and pending handshakes', async () => {
    const root = example(folder)
    write(
      root,
      'mocks/more.ws.ts',
      `const pending = { n: 0 }
       export default [
         { pattern: '/ws/echo', subprotocols: ['b'], onMessage: (conn, data) => { conn.send(data) } },
         { pattern: '/ws/who', onConnect: (conn) => { conn.send({ url: conn.req.url, socket: conn.req.socket, headers: Object.keys(conn.req.headers), pending }) } },
         { pattern: '/ws/no', authenticate: () => ({ success: false, status: 418, reason: 'teapot' }) },
         { pattern: '/ws/never', authenticate: () => { pending.n++; return new Promise(() => {}) } },
       ]`,
    )
    const vite = await ViteProcess.start(root, [...program])
    const client = await connectWs(`${vite.url}/api/ws/echo`, { protocols: ['a', 'b'] })
    expect(client.protocol).toBe('b')
    const big = Buffer.alloc(8 * 1024 * 1024, 5)
    client.send(big)
    expect(big.equals(await client.next())).toBe(true)

    const raw = new RawClient(vite.port)
    await raw.open('/api/ws/who?x=%20', { 'X-Forwarded-For': '6.6.6.6' })
    const who = JSON.parse(await raw.nextText())
    const { port } = raw.tcp.address() as { port: number }
    expect(who.url).toBe('/api/ws/who?x=%20')
    expect(who.socket).toEqual({ remoteAddress: '127.0.0.1', remotePort: port, encrypted: false })
    expect(who.headers.join()).not.toMatch(/sidewire|forwarded/)

    const status = async (path: string, headers: Record<string, string> = {}): Promise<string> => {
      const asked = new RawClient(vite.port)
      const response = await asked.request(path, { ...HANDSHAKE, ...headers })
      asked.tcp.destroy()
      return `${response.status} ${response.body}`
    }
    expect(await status('/api/ws/no')).toBe('418 teapot')
    expect(await status('/api/none')).toContain('404')
    expect(await status('/api/ws/echo', { 'Sec-WebSocket-Version': '12' })).toContain('426')
    expect(await status('/api/ws/echo', { Host: 'evil.example' })).toContain('403')
    expect(await status('/api/ws/echo', { Origin: 'https://evil.example' })).toContain('403')

    const pending = Array.from({ length: 20 }, () => new RawClient(vite.port))
    for (const waiting of pending) waiting.request('/api/ws/never').catch(() => {})
    const entered = async (): Promise<number> => {
      const asked = await connectWs(`${vite.url}/api/ws/who`)
      const { pending: seen } = await asked.next()
      asked.terminate()
      return seen.n
    }
    await expect.poll(entered).toBe(20)
    for (const waiting of pending) waiting.reset()
    client.json('alive')
    expect(await client.next()).toBe('alive')
    expect(vite.isRunning).toBe(true)
    await vite.stop()
    expect(await client.closed).toMatchObject({ code: 1001 })
  })
})
