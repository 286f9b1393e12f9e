import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { connectWs } from '../support/client.ts'
import { Cli, endAll, installedProject, PLATFORMS, project, serve } from './cli.ts'

afterEach(endAll)

const mock = (says: string): string =>
  `pattern: /x\nscenario:\n  connect: { set: { since: '${says}' } }\n  on: [{ when: ask, reply: { send: ['${says}', '{{state.since}}'] } }]\n`

describe.each(PLATFORMS)('on $runtime', (target) => {
  test('--watch: a mock file changes in place, a broken save keeps the last good one', async () => {
    const cwd = project({ 'a.ws.yaml': mock('one') })
    const cli = serve(cwd, ['--watch', 'a.ws.yaml'], target)
    const client = await connectWs(await cli.started())
    const ask = (): Promise<unknown> => {
      client.send('ask')
      return client.next()
    }
    expect(await ask()).toEqual(['one', 'one'])
    writeFileSync(join(cwd, 'a.ws.yaml'), `${mock('broken')}  evry: []\n`)
    expect((await cli.line(/not reloaded/)).input).toMatch(
      /^sidewire: not reloaded, the old handlers stay: a\.ws\.yaml:5: unknown option "scenario\.evry"; did you mean "every"\?.*\(ERR_OPTION\)$/,
    )
    expect(await ask()).toEqual(['one', 'one'])
    writeFileSync(join(cwd, 'a.ws.yaml'), mock('two'))
    await cli.line(/^sidewire: reloaded a\.ws\.yaml$/)
    expect(await ask()).toEqual(['two', 'one'])
  })

  test('--watch: a config notices the mock files that it reads', async () => {
    const cwd = project({
      'mocks/a.ws.json': JSON.stringify({ pattern: '/x', scenario: { connect: { send: 'one' } } }),
      'sidewire.config.mjs':
        "import { mockFile } from 'sidewire/mock-file'\nexport default { wsHandlers: mockFile(new URL('mocks/a.ws.json', import.meta.url)) }\n",
    })
    const cli = serve(cwd, ['--watch'], target)
    const url = await cli.started()
    expect(await (await connectWs(url)).next()).toBe('one')
    writeFileSync(
      join(cwd, 'mocks/a.ws.json'),
      JSON.stringify({ pattern: '/x', scenario: { connect: { send: 'two' } } }),
    )
    await cli.line(/^sidewire: reloaded sidewire\.config\.mjs$/)
    expect(await (await connectWs(url)).next()).toBe('two')
  })

  test('init writes a start that is served, and writes over nothing', async () => {
    const cwd = installedProject({ 'vite.config.mjs': 'export default {}\n' })
    const init = new Cli(['init'], { cwd, target })
    expect((await init.exited).code).toBe(0)
    expect(init.stdout).toEqual([
      'sidewire wrote',
      '  sidewire.config.ts',
      '  mocks/chat.ws.ts',
      '  mocks/prices.ws.yaml',
      'Serve them, and change them while they are served:',
      '  npx sidewire serve --watch',
      'Or in vite.config.mjs, beside the page:',
      "  import { universalApi } from 'sidewire'",
      "  plugins: [universalApi({ wsDir: 'mocks' })]",
    ])
    const schema = /\$schema=(\S+)/.exec(readFileSync(join(cwd, 'mocks/prices.ws.yaml'), 'utf8'))?.[1] ?? ''
    expect(JSON.parse(readFileSync(join(cwd, 'mocks', schema), 'utf8'))).toHaveProperty('definitions')

    const cli = serve(cwd, [], target)
    const { host } = new URL(await cli.started())
    const chat = await connectWs(`ws://${host}/api/ws/chat/den`)
    expect(await chat.next()).toEqual({ type: 'welcome', room: 'den' })
    chat.send('hi')
    expect(await chat.next()).toMatchObject({ type: 'said', data: 'hi' })
    const prices = await connectWs(`ws://${host}/api/ws/prices`)
    prices.json({ type: 'subscribe', symbol: 'X', id: 3 })
    expect([await prices.next(), await prices.next()]).toEqual([
      { type: 'hello', id: expect.any(String) },
      { type: 'subscribed', symbol: 'X', id: 3 },
    ])
    expect(await prices.next()).toEqual({ type: 'price', symbol: 'X', price: expect.any(Number) })

    const again = new Cli(['init'], { cwd, target })
    expect((await again.exited).code).toBe(1)
    expect(again.stderr.join()).toMatch(
      /^sidewire: sidewire\.config\.ts is there already, and nothing was written/,
    )
  })

  test.each([
    [
      '..',
      /^sidewire: the folder of the mocks is "\.\."; it has to be one in this folder, such as mocks \(ERR_OPTION\)$/,
    ],
    ["it's", /^sidewire: the folder of the mocks is "it's"; it has to be one in this folder/],
    ['taken', /^sidewire: taken\/chat\.ws\.ts is there already, and nothing was written/],
    [
      'taken/chat.ws.ts',
      /^sidewire: cannot write taken\/chat\.ws\.ts, and nothing was written: a file is in its place \(ERR_CONFIG\)$/,
    ],
  ])('init into %j is refused', async (folder, said) => {
    const cwd = project({ 'taken/chat.ws.ts': '' })
    const cli = new Cli(['init', folder], { cwd, target })
    expect((await cli.exited).code).toBe(1)
    expect(cli.stderr.join()).toMatch(said)
    expect(existsSync(join(cwd, 'sidewire.config.ts'))).toBe(false)
  })

  test('init asks for the folder where somebody can answer', async () => {
    const cwd = project({})
    const command = `printf 'my mocks\\n' | script -qefc "${target.command} ${new URL('../../dist/cli.js', import.meta.url).pathname} init" /dev/null`
    const cli = new Cli([], { cwd, through: ['env', '-u', 'CI', 'sh', '-c', command], target })
    await cli.line(/Folder of the mocks \(mocks\): /)
    expect((await cli.exited).code).toBe(0)
    expect(readFileSync(join(cwd, 'my mocks/prices.ws.yaml'), 'utf8')).toContain('pattern: /ws/prices')
  })
})
