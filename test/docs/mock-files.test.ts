import { afterEach, expect, test } from 'vitest'
import { Cli, endAll, installedProject } from '../cli/cli.ts'
import { connectWs } from '../support/client.ts'
import { filesOf, snippetsOf } from './pages.ts'

afterEach(endAll)

const PAGE = 'docs/guide/mock-files.md'
const FILES = filesOf(PAGE)
const MOCK = 'prices.ws.yaml'

test.each([[[MOCK]], [[]]])('docs/guide/mock-files.md: served by %j', async (args) => {
  const cli = new Cli(['serve', '--port', '0', ...args], { cwd: installedProject(FILES) })
  const { host } = new URL(await cli.started())
  const client = await connectWs(`ws://${host}/api/ws/prices/ACME`)
  expect(await client.next()).toEqual({ type: 'hello', symbol: 'ACME', user: 'guest' })
  const answer = async (message: unknown): Promise<unknown> => {
    client.send(typeof message === 'string' ? message : JSON.stringify(message))
    for (;;) {
      const got = await client.next()
      if (got.type !== 'price') return got
      expect(got).toEqual({
        type: 'price',
        price: expect.any(Number),
        in: 'EUR',
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      })
    }
  }
  expect(await answer({ type: 'order', id: 1, amount: 200 })).toEqual({
    type: 'refused',
    id: 1,
    reason: 'no more than 100',
  })
  expect(await answer({ type: 'order', id: 'b', amount: 5 })).toEqual({
    type: 'filled',
    id: 'b',
    price: expect.any(Number),
    n: 1,
  })
  expect(await answer({ type: 'cancel' })).toEqual({ error: 'there is no cancel' })
  expect([await answer('ping'), await answer('ping')]).toEqual(['pong', 'late'])
  client.send('ping')
  expect((await client.closed).code).toBe(1006)
})

test('docs/guide/mock-files.md: its errors are those that there are', async () => {
  const [errors] = snippetsOf(PAGE).filter(({ language }) => language === 'text')
  const mistakes = [
    ['params.symbol', 'parms.symbol'],
    ['reply: { send: { type: refused', 'reply: { sned: { type: refused'],
  ] as const
  for (const [index, [right, wrong]] of mistakes.entries()) {
    const text = (FILES[MOCK] ?? '').replace(right, wrong)
    const cli = new Cli(['serve', '--port', '0', MOCK], { cwd: installedProject({ [MOCK]: text }) })
    expect((await cli.exited).code).toBe(1)
    expect(cli.stderr.join()).toContain(errors?.code.split('\n')[index])
  }
})

test('docs/guide/mock-files.md: the nearest rule', async () => {
  const [, nearest] = snippetsOf(PAGE).filter(({ language }) => language === 'text')
  const cli = new Cli(['serve', '--port', '0', '--log-level', 'debug', MOCK], {
    cwd: installedProject(FILES),
  })
  const { host } = new URL(await cli.started())
  const client = await connectWs(`ws://${host}/api/ws/prices/ACME`)
  client.json({ type: 'order', amount: 5 })
  client.json({ type: 'cancel' })
  const line = await cli.line(/no rule of the scenario took it/)
  expect(line.input.replace(/connection [\w-]+/, 'connection 5f0c…')).toContain(nearest?.code.trim())
})
