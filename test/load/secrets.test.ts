import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Cli, project, run } from '../cli/cli.ts'
import { within } from '../support/client.ts'
import type { Behaviour } from './known-server.ts'
import { server, start } from './server-of-test.ts'

// What a user gives to a run and what opens a door: it reaches the server, and no report and no error.

/** Its port: these URLs have more than a path. */
async function startOnPort(behaviour?: Behaviour): Promise<number> {
  return Number(new URL(await start(behaviour)).port)
}

const SHORT = ['--duration', '0.5', '--warmup', '0', '--connections', '1']
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl'
const SECRETS = /hunter2|s3same|swordfish|eyJ|a1b2c3d4|aGE6/

/** All that a run leaves behind. */
async function bench(
  url: string,
  args: readonly string[],
): Promise<{ code: number | null; all: string; page: string }> {
  const cwd = project()
  const all = ['bench', url, ...SHORT, ...args, '--json', 'report.json', '--html', 'report.html']
  const cli = new Cli(all, { cwd })
  const { code } = await within(cli.exited, 'no end of bench')
  const read = (name: string): string => readFileSync(join(cwd, name), 'utf8')
  const said = [...cli.stdout, ...cli.stderr].join('\n')
  const page = read('report.html')
  return { code, all: [said, read('report.json'), page].join('\n'), page }
}

const ARGS = [
  ...['--header', 'Authorization: Bearer hunter2-hunter2', '--header', 'Cookie: sid=s3same'],
  ...['--join', '{"login":"swordfish"}', '--message', `{"id":"{id}","auth":"${JWT}"}`],
]
const withQuery = (port: number): string =>
  `ws://127.0.0.1:${port}/tenants/a1b2c3d4e5f6a7b8c9d0e1f2?key=swordfish&room=lobby`

describe('a report', () => {
  it('masks values of headers, of the query, of --join and what looks like a token, and names them', async () => {
    const port = await startOnPort()
    const { code, all, page } = await bench(withQuery(port), ARGS)
    expect(code).toBe(0)
    expect(server!.requests[0]!.headers).toMatchObject({
      authorization: 'Bearer hunter2-hunter2',
      cookie: 'sid=s3same',
    })
    expect(server!.requests[0]!.url).toContain('?key=swordfish&room=lobby')
    expect(all).not.toMatch(SECRETS)
    expect(all).toContain(`ws://127.0.0.1:${port}/tenants/***?key=***&room=***`)
    const masked =
      'query key, query room, header Authorization, header Cookie, --join, --message, the path of the URL'
    expect(all).toContain(`${masked}  (--show-secrets shows them)`)
    expect(page).toContain('"Authorization: ***"')
  })

  it('shows them with --show-secrets', async () => {
    const { all } = await bench(withQuery(await startOnPort()), [...ARGS, '--show-secrets'])
    for (const secret of ['hunter2', 's3same', 'swordfish', JWT, 'a1b2c3d4']) expect(all).toContain(secret)
    expect(all).not.toContain('***')
  })

  it('masks what a server sends back', async () => {
    const port = await startOnPort({
      kind: 'close',
      after: 1,
      reason: 'token s3same-hunter2 of swordfish is over',
    })
    const args = ['--header', 'X-Key: swordfish', '--header', 'Authorization: Bearer s3same-hunter2']
    const { code, all } = await bench(`ws://127.0.0.1:${port}/`, args)
    expect(code).toBe(1)
    expect(all).toMatch(/the server closed with 1001 .{0,2}token \*\*\* of \*\*\* is over/)
    expect(all).not.toMatch(SECRETS)
  })

  it.for([
    ['a value of a --join', ['--join', '{"type":"login","as":{"token":"s3same"},"pins":[47110815]}']],
    ['a part of a value of a --join', ['--join', '{"auth":"Bearer s3same"}']],
    ['a --join that is JSON, quoted', ['--join', '{"a":"s3same \\"hunter2\\""}']],
    ['a --join that is no JSON', ['--join', 'CONNECT\nlogin:me\npasscode:s3same\n\n']],
    ['a cookie', ['--header', 'Cookie: theme=dark; sid=s3same']],
    ['the first cookie', ['--header', 'Cookie: sid=s3same; theme=dark']],
    ['a password of a --message', ['--message', '{"id":"{id}","password":"s3same"}']],
    ['a part of the query', [], '?auth=Bearer%20s3same'],
    ['a query that is a value alone', [], '?s3same'],
    ['a query as a form has it', [], '?auth=very+s3same'],
  ] as const)('masks what a server sends back of %s', async ([, args, query = '']) => {
    const port = await startOnPort({
      kind: 'close',
      after: 1,
      reason: 'not s3same, no {"a":"s3same \\"hunter2\\""} 47110815',
    })
    const { code, all } = await bench(`ws://127.0.0.1:${port}/${query}`, args)
    expect(code).toBe(1)
    expect(all).toMatch(/the server closed with 1001 .{0,2}not \*\*\*, no /)
    expect(all).not.toMatch(/s3same/)
    if (args.join().includes('pins')) expect(all).not.toContain('47110815')
  })

  it('shows its own words, also where a secret is one of them', async () => {
    const port = await startOnPort({ kind: 'close', after: 1, reason: 'lost the connection' })
    const words = 'X-Words: the server closed with 1001, connection messages lost received throughput'
    const { all } = await bench(`ws://127.0.0.1:${port}/`, ['--header', words])
    expect(all).toMatch(/✗ 1 connection: the server closed with 1001 "\*\*\* the \*\*\*"/)
    expect(all).toContain('throughput')
  })

  it('shows them of what was lost', async () => {
    const port = await startOnPort({ kind: 'drop', every: 3 })
    const { all } = await bench(`ws://127.0.0.1:${port}/`, ['--header', 'X-Mode: lost', '--timeout', '0.3'])
    expect(all).toMatch(/✗ \d+ messages? lost/)
    expect(all).toMatch(/"problems": \[\s*"\d+ messages? lost"/)
  })

  it('masks what a script throws', async () => {
    const port = await startOnPort()
    const files = { 'bad.mjs': 'export default { next() { throw new Error("no s3same, failed") } }' }
    const url = `ws://127.0.0.1:${port}/`
    const args = [
      url,
      'script',
      'bad.mjs',
      ...SHORT,
      '--header',
      'X-Key: s3same',
      '--header',
      'X-Mode: failed',
    ]
    const { stderr } = await run(['bench', ...args], { cwd: project(files) })
    expect(stderr.join('\n')).toContain("the script's next failed: no ***, *** (ERR_LOAD)")
  })

  it('masks nothing of a run without secrets', async () => {
    const { all } = await bench(`ws://127.0.0.1:${await startOnPort()}/chat`, [])
    expect(all).not.toContain('***')
    expect(all).toContain('"masked": []')
  })
})

describe('user and password of a URL', () => {
  it('are sent as Basic authentication (RFC 7617), and masked', async () => {
    const port = await startOnPort()
    const { code, all } = await bench(`ws://ha:s3same%3Ahunter2%C3%BC@127.0.0.1:${port}/`, [])
    expect(code).toBe(0)
    expect(server!.requests[0]!.headers.authorization).toBe(
      `Basic ${Buffer.from('ha:s3same:hunter2ü').toString('base64')}`,
    )
    expect(server!.requests[0]!.headers.host).toBe(`127.0.0.1:${port}`)
    expect(all).not.toMatch(SECRETS)
    expect(all).toContain(`ws://***:***@127.0.0.1:${port}/`)
    expect(all).toContain('user and password of the URL')
  })
})

describe('an error', () => {
  it.for([
    [['ws//ha:hunter2@127.0.0.1/?key=s3same'], 'the URL is "'],
    [['ftp://ha:hunter2@127.0.0.1/?key=s3same'], 'the URL is "ftp://***:***@127.0.0.1/?key=***"'],
    [['ws://127.0.0.1:1/#hunter2'], 'the URL has a #; a WebSocket URL has no fragment (RFC 6455 3)'],
    [['ws://ha:hunter2@127.0.0.1:1/?key=s3same'], 'cannot connect to 127.0.0.1:1'],
    [
      ['ws://127.0.0.1:1/', '--header', 'hunter2'],
      "argument '***' is invalid. It has to be a header such as",
    ],
    [
      ['ws://ha:hunter2@127.0.0.1:1/', '--header', 'Authorization: Basic s3same'],
      'a handshake carries one of them',
    ],
    [
      ['ws://user:hunter2@127.0.0.1:1/', '--header', 'Authorization: Bearer s3same'],
      'the URL has a user, and "--header" has an Authorization; a handshake carries one of them',
    ],
    [['ws://ha:%hunter2@127.0.0.1:1/'], 'has a % that is no escape'],
    [['ws://127.0.0.1:1/', '--message', '{"password":"hunter2"}'], 'it has to contain {id} once'],
  ] as const)('shows none: %j', async ([args, message]) => {
    const { code, stdout, stderr } = await run(['bench', ...args], { cwd: project() })
    expect(stderr.join('\n')).toContain(message)
    expect([...stdout, ...stderr].join('\n')).not.toMatch(SECRETS)
    expect(code).not.toBe(0)
  })
})
