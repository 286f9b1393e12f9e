import { afterEach, expect, test } from 'vitest'
import { Cli, endAll, installedProject } from '../cli/cli.ts'
import { connectWs } from '../support/client.ts'
import { filesOf, snippet } from './pages.ts'

afterEach(endAll)

const PAGE = 'docs/guide/scenarios.md'

test('docs/guide/scenarios.md: hello, prices, answers in their order, and the end of it', async () => {
  const { 'sidewire.config.ts': config = '' } = filesOf(PAGE)
  const cli = new Cli(['serve', '--port', '0'], { cwd: installedProject({ 'sidewire.config.ts': config }) })
  const { host } = new URL(await cli.started())
  const client = await connectWs(`ws://${host}/api/prices`)
  expect(await client.next()).toEqual({ type: 'hello' })
  client.json({ type: 'subscribe', id: 7 })
  expect(await client.next()).toEqual({ ok: 7, subscribed: 1 })
  expect(await client.next()).toEqual({ type: 'welcome', id: expect.any(String) })
  client.json({ type: 'nonsense' })
  expect(await client.next()).toEqual({ type: 'error', text: 'what?' })
  const price = await client.next()
  expect(price).toEqual({ type: 'price', value: expect.any(Number) })
  const answer = async (): Promise<unknown> => {
    client.send('ping')
    for (;;) {
      const message = await client.next()
      if (typeof message === 'string') return message
    }
  }
  expect([await answer(), await answer()]).toEqual(['pong', 'late'])
  client.send('ping')
  expect((await client.closed).code).toBe(1006)
})

test('docs/guide/scenarios.md: phases', async () => {
  const folder = installedProject({
    'door.ts': snippet(PAGE, 'ts', "'/door'"),
    'sidewire.config.ts': "import { door } from './door.ts'\nexport default { wsHandlers: [door] }\n",
  })
  const cli = new Cli(['serve', '--port', '0'], { cwd: folder })
  const { host } = new URL(await cli.started())
  const client = await connectWs(`ws://${host}/api/door`)
  client.json({ type: 'login' })
  client.json({ type: 'work' })
  expect([await client.next(), await client.next()]).toEqual([{ type: 'done' }, { type: 'welcome' }])
  const other = await connectWs(`ws://${host}/api/door`)
  other.json({ type: 'work' })
  expect(await other.closed).toEqual({ code: 4401, reason: 'log in first' })
})
