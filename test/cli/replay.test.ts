import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { connectWs } from '../support/client.ts'
import { Cli, endAll, listen, PLATFORMS, project, run, TARGETS } from './cli.ts'

afterEach(endAll)

const lines = (answer: string): string =>
  [
    { sidewire: 'recording/1', at: '2026-11-25T20:00:00.000Z', url: 'wss://api.example.com' },
    { t: 0, conn: 1, type: 'open', path: '/ws/orders?token=very-secret' },
    { t: 10, conn: 1, from: 'client', json: { id: 1, password: 'hunter2' } },
    { t: 20, conn: 1, from: 'server', json: { id: 1, answer } },
    { t: 30, conn: 2, type: 'open', path: '/ws/users' },
  ]
    .map((each) => `${JSON.stringify(each)}\n`)
    .join('')

describe.each(TARGETS)('sidewire replay on $runtime', (target) => {
  const replay = (cwd: string, ...args: string[]): Cli =>
    new Cli(['replay', 'orders.jsonl', '--port', '0', '--runtime', target.runtime, ...args], { cwd, target })

  test('is the server of a file, and Ctrl-C ends it with 1001', async () => {
    const cli = replay(project({ 'orders.jsonl': lines('yes') }))
    await cli.line(new RegExp(`^sidewire replays orders\\.jsonl on .* \\(runtime ${target.runtime}\\)$`))
    const url = await cli.started()
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ws\/orders$/)
    const client = await connectWs(`${url}?token=any`)
    client.json({ id: 'mine', password: 'hunter2' })
    expect(await client.next()).toEqual({ id: 'mine', answer: 'yes' })
    client.json('more')
    await cli.line(
      /replay of orders\.jsonl, \/ws\/orders: message 2 of the client is one more than the 1 that/,
    )
    cli.kill('SIGINT')
    expect((await client.closed).code).toBe(1001)
    expect(await cli.exited).toEqual({ code: 0, signal: null })
    expect(cli.stdout).toContain(`  ${url.replace('orders', 'users')}`)
  })

  test('--watch plays the new file to who comes then, and keeps the old one where it is broken', async () => {
    const cwd = project({ 'orders.jsonl': lines('old') })
    const cli = replay(cwd, '--watch', '--on-mismatch', 'ignore', '--speed', 'Infinity')
    const url = await cli.started()
    const ask = async (): Promise<unknown> => {
      const client = await connectWs(url)
      client.json({ id: 1 })
      const { answer } = await client.next()
      client.terminate()
      return answer
    }
    expect(await ask()).toBe('old')
    writeFileSync(join(cwd, 'orders.jsonl'), lines('new'))
    await cli.line(/reloaded orders\.jsonl/)
    expect(await ask()).toBe('new')
    writeFileSync(join(cwd, 'orders.jsonl'), 'nonsense\n')
    await cli.line(
      /not reloaded, the old recording stays: orders\.jsonl, line 1 is no JSON: .*\(ERR_RECORDING\)/,
    )
    expect(await ask()).toBe('new')
  })
})

describe.each(PLATFORMS)('by $command', (target) => {
  test('flags are the options', async () => {
    const cwd = project({ 'orders.jsonl': lines('yes') })
    const cli = new Cli(
      [
        'replay',
        'orders.jsonl',
        '--port',
        '0',
        '--url',
        'orders',
        '--pattern',
        '/all/{id}',
        '--mode',
        'clock',
      ].concat(['--speed', '10', '--max-gap', '5', '--on-end', 'close', '--exhausted', 'refuse']),
      { cwd, target },
    )
    const url = await cli.started()
    expect(url).toMatch(/\/all\/\{id\}$/)
    const client = await connectWs(url.replace('{id}', '7'))
    expect(await client.next()).toEqual({ id: 1, answer: 'yes' })
    expect((await client.closed).code).toBe(1000)
    await expect(connectWs(url.replace('{id}', '8'))).rejects.toThrow('503')
  })

  test('convert says what it has left out, and that one has to look', async () => {
    const cwd = project({ 'orders.jsonl': lines('yes') })
    const there = await run(['convert', 'orders.jsonl', 'made/orders.har'], { cwd, target })
    expect(there).toMatchObject({ code: 0, stderr: [] })
    expect(there.stdout).toEqual([
      expect.stringMatching(
        /^sidewire: wrote 2 connections, 2 messages to made.orders\.har; left out: 1 by query, 1 by key; read it before you commit it$/,
      ),
    ])
    expect(readFileSync(join(cwd, 'made/orders.har'), 'utf8')).not.toMatch(/very-secret|hunter2/)
    const back = await run(
      ['convert', 'made/orders.har', 'x.jsonl', '--url', '/ws/orders', '--redact', 'answer'],
      {
        cwd,
        target,
      },
    )
    expect(back).toMatchObject({ code: 0, stderr: [] })
    expect(readFileSync(join(cwd, 'x.jsonl'), 'utf8')).not.toMatch(/users|yes/)
    const open = await run(['convert', 'orders.jsonl', 'x.jsonl', '--overwrite', '--no-redact'], {
      cwd,
      target,
    })
    expect(open).toMatchObject({ code: 0 })
    expect(readFileSync(join(cwd, 'x.jsonl'), 'utf8')).toContain('hunter2')
  })

  test.each([
    [
      ['replay', 'none.jsonl'],
      /^sidewire: cannot read none\.jsonl: there is no such file \(ERR_RECORDING\)$/,
    ],
    [['replay', 'folder'], /cannot read folder: it is a folder; name a file in it/],
    [['replay', 'empty.har'], /empty\.har is empty/],
    [
      ['replay', 'orders.jsonl', '--url', 'nope'],
      /no connection of orders\.jsonl has a URL with "nope"; there are "wss:/,
    ],
    [
      ['replay', 'orders.jsonl', '--mode', 'x'],
      /'--mode <name>' argument 'x' is invalid.*sidewire replay --help/,
    ],
    [['replay', 'orders.jsonl', '--speed', '0'], /It has to be a number above 0, or Infinity\./],
    [
      ['convert', 'orders.jsonl', 'orders.txt'],
      /orders\.txt: it has to end with \.jsonl, \.har or \.har\.zip/,
    ],
    [
      ['convert', 'orders.jsonl', 'empty.har'],
      /cannot write empty\.har: it exists already, and stays as it is: move it away/,
    ],
    [['convert', 'empty.har', 'new.jsonl'], /empty\.har is empty/],
  ])('%j is one line, and exits with 1', async (args, message) => {
    const cwd = project({ 'orders.jsonl': lines('yes'), 'empty.har': '', 'folder/x': '' })
    const ended = await run(args, { cwd, target })
    expect(ended).toMatchObject({ code: 1, stdout: [] })
    expect(ended.stderr).toEqual([expect.stringMatching(message)])
    expect([readFileSync(join(cwd, 'empty.har'), 'utf8'), existsSync(join(cwd, 'new.jsonl'))]).toEqual([
      '',
      false,
    ])
  })
})

test('a port that is in use', async () => {
  const blocker = await listen(0)
  const ended = await run(['replay', 'orders.jsonl', '--port', String(blocker.port)], {
    cwd: project({ 'orders.jsonl': lines('yes') }),
  })
  await blocker.close()
  expect(ended).toMatchObject({ code: 1, stderr: [expect.stringContaining('the port is in use')] })
})
