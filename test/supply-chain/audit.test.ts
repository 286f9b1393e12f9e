import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'

// npm's own client, asking a registry of ours, because the real one may not be there.

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const advisory = (id: string, vulnerable: string): object => ({
  id: 1,
  url: `https://advisories.example/${id}`,
  title: 'it may be hurt',
  severity: 'high',
  vulnerable_versions: vulnerable,
})

interface Refusal {
  readonly status: number
  readonly body: string
}
const isRefusal = (said: typeof answer): said is Refusal => typeof said['status'] === 'number'

let folder = ''
let registry: Server
/** By package name, or what a registry says that takes no such questions. */
let answer: Record<string, object[]> | Refusal = {}
let asked: Record<string, string[]> = {}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sidewire-audit-'))
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(ROOT, file), join(folder, file))
  writeFileSync(join(folder, 'SECURITY.md'), 'GHSA-aaaa-bbbb-cccc: not reached.\n')
  registry = createServer((request, response) => void respond(request, response)).listen(0, '127.0.0.1')
  await once(registry, 'listening')
})
afterAll(() => {
  registry.closeAllConnections()
  registry.close()
  rmSync(folder, { recursive: true, force: true })
})

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (isRefusal(answer)) {
    response.writeHead(answer.status).end(answer.body)
    return
  }
  // npm asks at another path, too, but only if this one has no answer.
  if (request.method !== 'POST' || request.url !== '/-/npm/v1/security/advisories/bulk') {
    response.writeHead(404).end('{}')
    return
  }
  const isZipped = request.headers['content-encoding'] === 'gzip'
  asked = JSON.parse(await text(isZipped ? request.pipe(createGunzip()) : request)) as typeof asked
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer))
}

async function audit(): Promise<{ readonly code: number | null; readonly lines: readonly string[] }> {
  const { port } = registry.address() as AddressInfo
  const words = [join(ROOT, 'scripts/audit.mjs'), '--registry', `http://127.0.0.1:${port}`]
  // A cache of its own: npm keeps what a registry said.
  const env = {
    ...process.env,
    npm_config_cache: join(folder, 'cache'),
    npm_config_fetch_retries: '0',
    NODE_OPTIONS: '',
  }
  const child = spawn(process.execPath, words, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: child.exitCode, lines: (stdout + stderr).trim().split('\n') }
}

test('no advisories: everything in the lockfile was asked for', async () => {
  answer = {}
  expect(await audit()).toEqual({
    code: 0,
    lines: [expect.stringMatching(/^\d{3} packages, 0 advisories, 0 not explained in SECURITY\.md$/)],
  })
  // The repack is known by its own name.
  expect(asked).toMatchObject({ 'uws-pack': ['20.0.8'], 'http-proxy-3': [expect.any(String)] })
  expect(asked).toMatchObject({ vitest: [expect.any(String)] })
})

test('an advisory that SECURITY.md explains is shown, and is no failure', async () => {
  answer = { ws: [advisory('GHSA-aaaa-bbbb-cccc', '<1000.0.0')] }
  const { code, lines } = await audit()
  expect(lines).toEqual([
    expect.stringMatching(
      /^explained: GHSA-aaaa-bbbb-cccc, high, ws <1000\.0\.0, installed by users: it may be hurt/,
    ),
    expect.stringMatching(/1 advisories, 0 not explained/),
  ])
  expect(code).toBe(0)
})

test('one that it does not explain is a failure, and says who has the package', async () => {
  answer = {
    ws: [advisory('GHSA-aaaa-bbbb-cccc', '<1000.0.0')],
    vitest: [advisory('GHSA-dddd-eeee-ffff', '<1000.0.0')],
    valibot: [advisory('GHSA-gggg-hhhh-iiii', '<0.0.1')],
  }
  const { code, lines } = await audit()
  expect(lines.filter((line) => line.startsWith('NOT'))).toEqual([
    expect.stringMatching(/GHSA-dddd-eeee-ffff, high, vitest .*for development only/),
  ])
  expect(lines.at(-1)).toMatch(/2 advisories, 1 not explained/)
  expect(code).toBe(1)
})

// What npm makes of it is its own affair, and another one in each version: at which paths it asks, what it then says.
test.each([
  ['no such path', { status: 404, body: '{}' }],
  ['a method not allowed', { status: 405, body: '{}' }],
  ['an error', { status: 500, body: '{}' }],
  ['a page in place of data', { status: 200, body: '<!doctype html>' }],
])('no answer is no clean bill: %s', async (_what, said) => {
  answer = said
  const { code, lines } = await audit()
  expect(lines).toEqual([
    expect.stringMatching(/^no audit: the registry did not answer the question \(.+\)$/),
  ])
  expect(code).toBe(2)
})
