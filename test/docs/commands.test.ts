import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { createServer } from '../../src/index.ts'
import { Cli, endAll, installedProject, project, run, TARGETS } from '../cli/cli.ts'
import { NODE_RUNTIME } from '../contract/runtimes.ts'
import { connectWs, within } from '../support/client.ts'
import { commandsOf, filesOf, PAGES, snippetsOf, words } from './pages.ts'

// The commands of the pages, and the programs and tests that they show, as they stand there, but for ports.

afterEach(endAll)

const BUN = TARGETS.at(-1)!
const SHORT = ['--duration', '0.5', '--warmup', '0.1']

/** A project with the files that a page names, and the packages that it uses. */
function projectOf(page: string, packages: readonly string[] = []): string {
  return installedProject({ 'package.json': '{ "type": "module" }', ...filesOf(page) }, packages)
}

const SERVES = PAGES.flatMap((page) =>
  commandsOf(page)
    .filter((command) => / sidewire serve\b/.test(command))
    .map((command) => ({ page, command })),
)

test.each(SERVES)('$page: $command', async ({ page, command }) => {
  const [runner, ...rest] = words(command)
  const onBun = runner === 'bunx'
  const args = rest.slice(rest.indexOf('sidewire') + 1)
  // A port of its own: that of the page may be taken here.
  const at = args.indexOf('--port')
  if (at === -1) args.push('--port', '0')
  else args[at + 1] = '0'
  const cli = new Cli(args, { cwd: projectOf(page), ...(onBun && { target: BUN }) })
  await cli.started()
  expect(cli.stdout.join('\n')).toContain(`runtime ${onBun ? 'bun' : NODE_RUNTIME}`)
  cli.kill('SIGINT')
  expect((await cli.exited).code).toBe(0)
})

/** Pages with handlers in files of their own; the recipes have a test for each. */
const HANDLERS = PAGES.map((page) => ({
  page,
  codes: snippetsOf(page)
    .filter(({ code }) => code.includes('export default defineHandler('))
    .map(({ code }) => code),
})).filter(({ codes }) => codes.length > 0)

test.each(HANDLERS)('$page: its handlers are served', async ({ codes, page }) => {
  const names = codes.map((_, index) => `handler${index}`)
  const config = [
    "import { defineConfig } from 'sidewire'",
    ...names.map((name) => `import ${name} from './${name}.ts'`),
    `export default defineConfig({ wsHandlers: [${names.join(', ')}] })`,
  ]
  const folder = projectOf(page)
  for (const [index, code] of codes.entries()) writeFileSync(join(folder, `handler${index}.ts`), code)
  writeFileSync(join(folder, 'sidewire.config.ts'), config.join('\n'))
  const cli = new Cli(['serve', '--port', '0'], { cwd: folder })
  await cli.started()
  expect(cli.stdout.filter((line) => line.startsWith('  ws://')).length).toBe(codes.length)
  expect(cli.stderr.join('\n')).toEqual(NODE_RUNTIME === 'uws' ? '' : expect.stringContaining('so ws serves'))
})

const BENCHES = PAGES.map((page) => ({
  page,
  commands: commandsOf(page).filter((command) => command.startsWith('npx sidewire bench ')),
})).filter(({ commands }) => commands.length > 0)

test.each(BENCHES)('$page: its bench commands work on what it says', async ({ page, commands }) => {
  const folder = projectOf(page)
  // The README has a config, and its server; the other pages have the demo of a folder without one.
  const demo = new Cli(['serve', '--port', '0'], { cwd: page === 'README.md' ? folder : project() })
  const { host } = new URL(await demo.started())
  for (const command of commands) {
    const args = words(command)
      .slice(2)
      .map((word) => word.replace('localhost:8787', host))
    // Stages say themselves how long they take, and what is compared is there.
    const short = /--stage|bench compare/.test(command) ? [] : SHORT
    const bench = new Cli([...args, ...short], { cwd: folder })
    const { code } = await bench.exited
    expect({ command, stderr: bench.stderr }).toEqual({ command, stderr: [] })
    // A comparison says of itself where the generator was the limit, which it is for so small a server.
    expect([command, /--compare|bench compare/.test(command) && code === 3 ? 0 : code]).toEqual([command, 0])
  }
  for (const html of commands.flatMap((command) => /--html (\S+)/.exec(command)?.[1] ?? []))
    expect(readFileSync(join(folder, html), 'utf8')).toContain('</html>')
})

test('docs/guide/load-tests.md: its load script works as it stands', async () => {
  const server = await createServer({
    port: 0,
    wsHandlers: [
      { pattern: '/ask', onMessage: (conn, data) => void (data.type === 'ask' && conn.send(data)) },
    ],
  })
  try {
    const args = ['bench', `${server.url}/api/ask`, 'script', 'ask.ts', ...SHORT]
    const bench = await run(args, { cwd: projectOf('docs/guide/load-tests.md') })
    expect(bench).toMatchObject({ code: 0, stderr: [] })
    expect(bench.stdout.join('\n')).toMatch(/messages +[\d,]+ sent, [\d,]+ received$/m)
  } finally {
    await server.close()
  }
})

test('README.md: its config of 15 lines works as it stands', async () => {
  const config = filesOf('README.md')['sidewire.config.ts'] ?? ''
  expect(config.trim().split('\n').length).toBe(15)
  const folder = projectOf('README.md')
  const cli = new Cli(['serve', '--port', '0'], { cwd: folder })
  const { port } = new URL(await cli.started())
  const [alice, bob, eve] = await Promise.all(
    ['lobby', 'lobby', 'other'].map((room) => connectWs(`ws://127.0.0.1:${port}/api/ws/chat/${room}`)),
  )
  expect(await alice?.next()).toEqual({ type: 'welcome', id: expect.any(String) })
  const { id } = await bob!.next()
  alice?.json({ text: 'hi' })
  expect(await alice?.next()).toEqual({ text: 'hi' })
  expect(await bob?.next()).toEqual({ text: 'hi' })
  bob?.close(4000)
  expect(await alice?.next()).toEqual({ type: 'left', id })
  expect(await eve?.next()).toMatchObject({ type: 'welcome' })
})

// One line, where uws has no binary for this Node.
const NOTICE = NODE_RUNTIME === 'uws' ? '' : expect.stringMatching(/^.*so ws serves instead.*\n$/)

test('README.md: its program works as it stands', async () => {
  expect(await start(process.execPath, ['program.mjs'], projectOf('README.md'))).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/api\/ws\/orders\n$/),
    stderr: NOTICE,
  })
})

test.each([
  ['node', process.execPath],
  ['bun', BUN.command],
])('docs/guide/standalone.md: its program works as it stands, by %s', async (runner, command) => {
  expect(await start(command, ['program.mjs'], projectOf('docs/guide/standalone.md'))).toEqual({
    code: 0,
    stdout: expect.stringMatching(
      /127\.0\.0\.1:\d+\/api\/ws\/orders['"].*127\.0\.0\.1:\d+\/api\/ws\/prices['"]/s,
    ),
    stderr: runner === 'bun' ? '' : NOTICE,
  })
})

/** What the page says of Node 20, which has its WebSocket behind a flag. */
const WITH_WEBSOCKET = {
  NODE_OPTIONS: process.versions.node.startsWith('20.') ? '--experimental-websocket' : '',
}

test('README.md: its test passes in Vitest', async () => {
  const folder = projectOf('README.md', ['vitest', 'vite'])
  const vitest = join(folder, 'node_modules/vitest/vitest.mjs')
  const { code, stdout, stderr } = await start(process.execPath, [vitest, 'run'], folder, WITH_WEBSOCKET)
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stdout).toMatch(/Tests +1 passed \(1\)/)
})

test('docs/guide/in-tests.md: its tests pass in Vitest', async () => {
  const folder = projectOf('docs/guide/in-tests.md', ['vitest', 'vite'])
  const vitest = join(folder, 'node_modules/vitest/vitest.mjs')
  const { code, stdout, stderr } = await start(process.execPath, [vitest, 'run'], folder, WITH_WEBSOCKET)
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stdout).toMatch(/Test Files +4 passed \(4\)/)
  expect(stdout).toMatch(/Tests +10 passed \(10\)/)
})

test('docs/guide/faults.md: its test passes in Vitest', async () => {
  const folder = projectOf('docs/guide/faults.md', ['vitest', 'vite'])
  const vitest = join(folder, 'node_modules/vitest/vitest.mjs')
  const { code, stdout, stderr } = await start(process.execPath, [vitest, 'run'], folder, WITH_WEBSOCKET)
  expect({ code, stdout, stderr }).toMatchObject({ code: 0 })
  expect(stdout).toMatch(/Tests +1 passed \(1\)/)
})

test('docs/guide/in-tests.md: its test passes in Jest', async () => {
  const folder = projectOf('docs/guide/in-tests.md', ['jest', '@jest'])
  const jest = join(folder, 'node_modules/jest/bin/jest.js')
  const options = { NODE_OPTIONS: `--experimental-vm-modules ${WITH_WEBSOCKET.NODE_OPTIONS}` }
  const args = [jest, '--testMatch', '**/*.jest.mjs']
  const { code, stderr } = await start(process.execPath, args, folder, options)
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stderr).toMatch(/Tests: +1 passed, 1 total/)
})

test('docs/guide/in-tests.md: its test passes in node:test', async () => {
  const folder = projectOf('docs/guide/in-tests.md')
  const args = ['--test', 'chat.node.mjs']
  const { code, stdout, stderr } = await start(process.execPath, args, folder, WITH_WEBSOCKET)
  expect({ code, stdout, stderr }).toMatchObject({ code: 0 })
  expect(stdout).toMatch(/pass 1\n/)
})

test('docs/guide/in-tests.md: its test passes in `bun test`', async () => {
  const folder = projectOf('docs/guide/in-tests.md')
  const { code, stderr } = await start(BUN.command, ['test', './chat.bun.ts'], folder)
  expect(stderr).toContain('1 pass')
  expect(code).toBe(0)
})

/** Runs a program to its end. */
async function start(
  command: string,
  args: readonly string[],
  cwd: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', ...more }
  // What the test runner brought: a runner within it is one of its own.
  for (const name of Object.keys(env))
    if (/^(VITEST|TEST$|FORCE_COLOR$|CI$)|^NODE_ENV$/.test(name)) delete env[name]
  const child = spawn(command, args, { cwd, env })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk) => (output[name] += chunk))
  try {
    const ended = new Promise((resolve) => child.once('close', resolve))
    return { code: await within(ended, `no end of ${args.join(' ')}`, 60_000), ...output }
  } finally {
    child.kill('SIGKILL')
  }
}
