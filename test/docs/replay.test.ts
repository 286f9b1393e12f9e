import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cli, endAll, installedProject, run } from '../cli/cli.ts'
import { CHROME } from '../recording/hars.ts'
import { connectWs } from '../support/client.ts'
import { commandsOf, filesOf, words } from './pages.ts'

const PAGE = 'docs/guide/replay.md'

afterEach(endAll)

function folderOfPage(): string {
  return installedProject({ 'package.json': '{ "type": "module" }', ...filesOf(PAGE) })
}

const commands = commandsOf(PAGE).map((command) => words(command).slice(2))

test.each(['serve', 'replay'])('what sidewire %s of the page does is what the page says', async (name) => {
  const args = commands.find(([first]) => first === name)!
  const cli = new Cli([...args, '--port', '0'], { cwd: folderOfPage() })
  const url = await cli.started()
  expect(new URL(url).pathname).toBe('/ws/orders')
  const began = performance.now()
  const client = await connectWs(url)
  client.json({ id: 'mine', op: 'subscribe' })
  expect(await client.next()).toEqual({ id: 'mine', ok: true })
  expect(await client.next()).toEqual({ order: 42, state: 'paid' })
  expect(performance.now() - began).toBeGreaterThan(450)
  expect(await client.closed).toEqual({ code: 1012, reason: 'restart' })
  expect(cli.stderr.filter((line) => line.includes('replay of'))).toEqual([])
})

test('the conversions of the page', async () => {
  const converts = commands.filter(([first]) => first === 'convert')
  expect(converts).toHaveLength(2)
  const cwd = folderOfPage()
  writeFileSync(join(cwd, 'trace.har'), CHROME)
  for (const args of converts)
    // The page has a recording of that name already.
    expect(await run([...args, '--overwrite'], { cwd })).toMatchObject({ code: 0, stderr: [] })
  expect(readFileSync(join(cwd, 'orders.har'), 'utf8')).toContain('wss://api.example.com/ws/orders?room=1')
})
