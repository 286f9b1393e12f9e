import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PAGES, placeOf } from '../../docs/.vitepress/pages.ts'
import { launchChromium } from '../support/chromium.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VITEPRESS = join(ROOT, 'node_modules/vitepress/bin/vitepress.js')
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
}

let site: string
let output: string
let files: readonly string[]
let pages: readonly string[]

beforeAll(async () => {
  site = mkdtempSync(join(tmpdir(), 'sidewire-site-'))
  // A dead link fails it.
  const ran = await promisify(execFile)(process.execPath, [VITEPRESS, 'build', 'docs', '--outDir', site], {
    cwd: ROOT,
  })
  output = ran.stdout + ran.stderr
  files = readdirSync(site, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'))
  pages = files.filter((file) => file.endsWith('.html') && file !== '404.html')
})
afterAll(() => rmSync(site, { recursive: true, force: true }))

const read = (file: string): string => readFileSync(join(site, file), 'utf8')
const all = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, found = '']) => found)
const URL_OF_SITE = 'http://site.test/'

describe('the site', () => {
  it('is built without a warning', () => {
    expect(output).toContain('build complete')
    expect(output).not.toMatch(/warn|not loaded|fall(?:ing)? back|dead link/i)
  })

  it('has every Markdown file of docs, and each page in its sidebar', () => {
    const written = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md') && !file.startsWith('.vitepress'))
      .map((file) => `docs/${file}`)
    expect(PAGES).toEqual(expect.arrayContaining(written))
    expect(pages.toSorted()).toEqual(PAGES.map((page) => placeOf(page).replace(/md$/, 'html')).toSorted())
    for (const page of pages) {
      const sidebar = /<aside class="[^"]*VPSidebar[^]*?<\/aside>/.exec(read(page))?.[0] ?? ''
      const linked = all(sidebar, /href="([^"]+)"/g).map((link) => fileOf(link, page))
      expect([page, linked.toSorted()]).toEqual([page, pages.toSorted()])
    }
  })

  it('has no link to a page or a heading that is not there', () => {
    const dead: string[] = []
    for (const page of pages) {
      for (const link of all(read(page), /<a [^>]*?href="([^"]*)"/g)) {
        const { origin, hash } = new URL(link, `${URL_OF_SITE}${page}`)
        if (origin !== new URL(URL_OF_SITE).origin) continue
        const file = fileOf(link, page)
        const isThere =
          files.includes(file) && (hash === '' || ids(file).has(decodeURIComponent(hash.slice(1))))
        if (!isThere) dead.push(`${page}: ${link}`)
      }
    }
    expect(dead).toEqual([])
  })

  it('has the words of each page in its search index', () => {
    const [index = ''] = files.filter((file) => file.includes('@localSearchIndex'))
    const text = read(index)
    for (const page of pages) expect(text).toContain(`/${page.replace(/(^|\/)index\.html$/, '$1')}`)
    for (const word of ['backpressure', 'heartbeat', 'reload']) expect(text).toContain(`["${word}"`)
  })

  it('asks no other host for anything, and finds a word, in a browser', async () => {
    const server = await serve()
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const browser = await launchChromium()
    try {
      const page = await browser.newPage()
      const asked: string[] = []
      const complaints: string[] = []
      page.on('request', (request) => asked.push(request.url()))
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text())
      })
      for (const file of pages) await page.goto(`${origin}/${file}`)
      const input = page.locator('.VPLocalSearchBox input')
      // The page is there before its script hears keys.
      await expect
        .poll(async () => {
          if ((await input.count()) === 0) await page.keyboard.press('/')
          return input.count()
        })
        .toBe(1)
      await input.fill('ERR_BACKPRESSURE')
      await page.locator('.VPLocalSearchBox a[href*="error-codes"]').first().click()
      await page.waitForURL('**/reference/error-codes.html#err_backpressure')
      expect(asked.length).toBeGreaterThan(pages.length)
      expect(asked.filter((url) => new URL(url).origin !== origin && !url.startsWith('data:'))).toEqual([])
      expect(complaints).toEqual([])
    } finally {
      await browser.close()
      await new Promise((resolve) => server.close(resolve))
    }
  })
})

/** The file that a link of a page leads to. */
function fileOf(link: string, page: string): string {
  const { pathname } = new URL(link, `${URL_OF_SITE}${page}`)
  const path = decodeURIComponent(pathname.slice(1))
  return path === '' || path.endsWith('/') ? `${path}index.html` : path
}

const known = new Map<string, ReadonlySet<string>>()
function ids(file: string): ReadonlySet<string> {
  const found = known.get(file) ?? new Set(all(read(file), / id="([^"]*)"/g))
  known.set(file, found)
  return found
}

function serve(): Promise<Server> {
  const server = createServer((request, response) => {
    const file = fileOf(request.url ?? '/', '')
    if (!existsSync(join(site, file))) return response.writeHead(404).end()
    response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream')
    return response.end(readFileSync(join(site, file)))
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
