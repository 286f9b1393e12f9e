import { afterEach, expect, test } from 'vitest'
import { Cli, endAll, installedProject, project, run } from '../cli/cli.ts'
import { connectWs } from '../support/client.ts'
import { commandsOf, filesOf, words } from './pages.ts'

afterEach(endAll)

const CONFIG = `export default { wsHandlers: [{ pattern: '/ws/chat' }] }`

test('docs/guide/faults.md: its commands switch on, list and lift', async () => {
  const cli = new Cli(['serve', '--port', '0', '--control'], {
    cwd: project({ 'sidewire.config.mjs': CONFIG }),
  })
  const { host } = new URL(await cli.started())
  const commands = commandsOf('docs/guide/faults.md').filter((command) =>
    command.startsWith('npx sidewire faults'),
  )
  const outputs: string[] = []
  for (const command of commands) {
    const { code, stdout, stderr } = await run(
      words(command)
        .slice(2)
        .map((each) => each.replace('localhost:8787', host)),
      { cwd: project() },
    )
    expect([command, code, stderr]).toEqual([command, 0, []])
    outputs.push(stdout.join())
  }
  const on = expect.stringMatching(
    /^\/ws\/chat: \{"latency":200,"drop":0\.05\} by control until .*, seed \d+$/,
  ) as string
  expect(outputs).toEqual([on, on, 'no faults'])
})

test('docs/guide/faults.md: every other typing is lost, and the first client is cut behind twenty messages', async () => {
  const { 'sidewire.config.ts': config = '' } = filesOf('docs/guide/faults.md')
  const folder = installedProject({ 'sidewire.config.ts': config })
  const cli = new Cli(['serve', '--port', '0'], { cwd: folder })
  const url = await cli.started()
  const [first, second] = [await connectWs(url), await connectWs(url)]
  for (let n = 1; n <= 30; n++) second.json({ type: n % 3 === 0 ? 'typing' : 'text', n })
  const seen: number[] = []
  for (let i = 0; i < 20; i++) seen.push((await first.next()).n)
  // 6, 12, 18, 24 are lost.
  expect(seen).toEqual([1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23])
  expect((await first.closed).code).toBe(1006)
})
