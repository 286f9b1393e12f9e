import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createServer as createViteServer } from 'vite'
import { afterEach, expect, test } from 'vitest'
import { createServer } from '../../src/index.ts'
import { endAll, installedProject } from '../cli/cli.ts'
import { connectWs } from '../support/client.ts'
import { freePort } from '../support/free-port.ts'
import { filesOf, snippet } from './pages.ts'

// The Vite projects of the pages, as they stand there, but for ports.

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  await endAll()
})

function projectOf(files: Readonly<Record<string, string>>): string {
  return installedProject({ 'package.json': '{ "type": "module" }', 'index.html': '<p>', ...files }, ['vite'])
}

/** The dev server of a project; returns where its handlers are. */
async function dev(root: string): Promise<string> {
  const server = await createViteServer({
    root,
    configFile: join(root, 'vite.config.ts'),
    logLevel: 'silent',
    server: { port: await freePort(), strictPort: true },
  })
  cleanups.push(() => server.close())
  await server.listen()
  return `ws://localhost:${server.config.server.port}/api`
}

const CHAT = filesOf('docs/guide/vite.md')

test('docs/guide/vite.md: handlers of the config, and of the folder', async () => {
  const base = await dev(projectOf(CHAT))
  const [alice, bob] = await Promise.all([connectWs(`${base}/ws/chat`), connectWs(`${base}/ws/chat`)])
  alice.json({ text: 'hi' })
  expect(await bob.next()).toEqual({ text: 'hi' })
  const clock = await connectWs(`${base}/ws/clock`)
  clock.send('now')
  expect(await clock.next()).toMatch(/^\d{4}-\d\d-\d\dT/)
})

test('README.md: the same with the folder alone', async () => {
  const files = {
    'vite.config.ts': snippet('README.md', 'ts', 'universalApi'),
    'mocks/clock.ws.ts': CHAT['mocks/clock.ws.ts'] ?? '',
  }
  const clock = await connectWs(`${await dev(projectOf(files))}/ws/clock`)
  clock.send('now')
  expect(await clock.next()).toMatch(/^\d{4}-\d\d-\d\dT/)
})

test('docs/guide/vite.md: one socket is the mock, the rest of the backend goes through', async () => {
  const backend = await createServer({
    port: 0,
    wsHandlers: [{ pattern: '/ws/**', onConnect: (conn) => conn.send('the backend') }],
  })
  cleanups.push(() => backend.close())
  const config = snippet('docs/guide/vite.md', 'ts', 'proxy:')
  expect(config).toContain('localhost:3000')
  const base = await dev(
    projectOf({ 'vite.config.ts': config.replace('localhost:3000', `localhost:${backend.port}`) }),
  )
  const other = await connectWs(`${base}/ws/other`)
  expect(await other.next()).toBe('the backend')
  const [alice, bob] = await Promise.all([connectWs(`${base}/ws/chat`), connectWs(`${base}/ws/chat`)])
  alice.json({ text: 'the mock' })
  expect(await bob.next()).toEqual({ text: 'the mock' })
})

test('docs/guide/vite.md: what a plugin of the config sends', async () => {
  const config = snippet('docs/guide/vite.md', 'ts', 'sockets.api.publish')
  const base = await dev(projectOf({ 'vite.config.ts': config }))
  const client = await connectWs(`${base}/ws/news`)
  expect(await client.next()).toEqual({ type: 'tick' })
  expect((await fetch(new URL('/news', base.replace('ws:', 'http:')))).status).toBe(200)
  // Between two ticks, or behind one more.
  await expect.poll(() => client.next()).toEqual({ type: 'news' })
})

test('docs/guide/vite.md: middleware mode with a server of your own', async () => {
  const port = await freePort()
  const program = CHAT['server.mjs'] ?? ''
  expect(program).toContain('listen(5173)')
  const folder = projectOf({ 'server.mjs': program.replace('listen(5173)', `listen(${port})`) })
  const child = spawn(process.execPath, ['server.mjs'], { cwd: folder, stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  cleanups.push(() => {
    child.kill('SIGKILL')
    return ended
  })
  const url = `ws://127.0.0.1:${port}/api/ws/chat`
  // Until the server listens, and has been attached.
  await expect.poll(() => connectWs(url).then(closing, () => false)).toBe(true)
  const [alice, bob] = await Promise.all([connectWs(url), connectWs(url)])
  alice.json({ text: 'hi' })
  expect(await bob.next()).toEqual({ text: 'hi' })
})

const closing = (client: { terminate(): void }): true => {
  client.terminate()
  return true
}

test('docs/guide/coming-from.md: the handlers of vite-plugin-universal-api', async () => {
  const base = await dev(projectOf(filesOf('docs/guide/coming-from.md')))
  const [alice, bob] = await Promise.all([connectWs(`${base}/ws/chat`), connectWs(`${base}/ws/chat`)])
  for (const client of [alice, bob]) expect(await client.next()).toMatchObject({ type: 'welcome' })
  alice.json({ text: 'hi' })
  for (const client of [alice, bob]) expect(await client.next()).toEqual({ text: 'hi' })
})

test('docs/guide/coming-from.md: a server at any path, as `ws` has it', async () => {
  const port = await freePort()
  const program = filesOf('docs/guide/coming-from.md')['ws.mjs'] ?? ''
  expect(program).toContain('port: 8080')
  const folder = projectOf({})
  writeFileSync(join(folder, 'ws.mjs'), `${program.replace('8080', String(port))}\nconsole.log(server.urls)`)
  const child = spawn(process.execPath, ['ws.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  cleanups.push(() => {
    child.kill('SIGKILL')
    return ended
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const paths = ['/', '/any/where', '/other']
  const [alice, ...others] = await Promise.all(
    paths.map((path) => connectWs(`ws://localhost:${port}${path}`)),
  )
  alice?.json({ text: 'hi' })
  for (const client of others) expect(await client.next()).toEqual({ text: 'hi' })
})
