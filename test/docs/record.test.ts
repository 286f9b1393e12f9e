import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Cli, endAll, installedProject, ROOT } from '../cli/cli.ts'
import { Backend } from '../support/backend.ts'
import { connectWs } from '../support/client.ts'
import { filesOf } from './pages.ts'

afterEach(endAll)

/** A client that says something to a server that answers, both of them through this port. */
async function talk(url: string, backend: Backend): Promise<void> {
  const client = await connectWs(url)
  const connection = await backend.connections.next()
  client.json({ ask: 1 })
  expect(await connection.messages.next()).toBe('{"ask":1}')
  connection.send('{"answer":2}')
  expect(await client.next()).toEqual({ answer: 2 })
  client.close()
  await connection.closed
  await client.closed
}

test('docs/guide/record.md records, by its config and by its command, and the recording can be replayed', async () => {
  const backend = await Backend.start()
  try {
    const { 'sidewire.config.ts': config = '' } = filesOf('docs/guide/record.md')
    expect(config).toContain("'ws://localhost:4000'")
    const folder = installedProject({
      'sidewire.config.ts': config.replace('ws://localhost:4000', backend.url),
    })
    const serving = new Cli(['serve', '--port', '0'], { cwd: folder })
    await talk(await serving.started(), backend)
    serving.kill('SIGINT')
    await serving.exited
    expect(readdirSync(join(folder, 'recordings'))).toEqual([expect.stringMatching(/^live-[\dT-]+\.jsonl$/)])

    const [, command = ''] =
      /npx sidewire (record \S+ -o \S+)/.exec(readFileSync(join(ROOT, 'docs/guide/record.md'), 'utf8')) ?? []
    const args = command.replace('ws://localhost:4000', backend.url).split(' ')
    const recording = new Cli([...args, '--port', '0'], { cwd: folder })
    await talk(await recording.started(), backend)
    recording.kill('SIGINT')
    expect(await recording.exited).toEqual({ code: 0, signal: null })
    expect(recording.stdout.at(-1)).toMatch(/^sidewire: recorded 1 connection, 2 messages in session\.jsonl/)
    expect(existsSync(join(folder, 'session.jsonl'))).toBe(true)
  } finally {
    backend.close()
  }
})
