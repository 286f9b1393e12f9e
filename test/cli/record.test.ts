import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Backend, type BackendOptions } from '../support/backend.ts'
import { connectWs } from '../support/client.ts'
import { Cli, endAll, PLATFORMS, project, run, type Target } from './cli.ts'
import { createCertificate } from './certificate.ts'

const backends: Backend[] = []
afterEach(async () => {
  for (const each of backends.splice(0)) each.close()
  await endAll()
})

async function backend(options?: BackendOptions): Promise<Backend> {
  const started = await Backend.start(options)
  backends.push(started)
  return started
}

const linesOf = (text: string): any[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

function record(cwd: string, url: string, args: readonly string[], target?: Target): Cli {
  return new Cli(['record', url, '--port', '0', ...args], { cwd, ...(target && { target }) })
}

test.for(PLATFORMS)(
  'record passes on what goes by, and Ctrl-C ends both legs with 1001, on $command',
  async (target) => {
    const { url, connections } = await backend({ choose: (offered) => offered.at(-1) })
    const cwd = project({})
    const cli = record(cwd, `${url}/live?key=1`, ['-o', 'out/session.jsonl'], target)
    const local = await cli.started()
    expect(new URL(local).pathname + new URL(local).search).toBe('/live?key=1')
    const client = await connectWs(local, { protocols: ['v2', 'v1'] })
    expect(client.protocol).toBe('v1')
    const connection = await connections.next()
    expect(connection.request.url).toBe('/live?key=1')
    client.json({ question: 1, token: 'very-secret' })
    expect(await connection.messages.next()).toBe('{"question":1,"token":"very-secret"}')
    connection.send('{"answer":1}')
    expect(await client.next()).toEqual({ answer: 1 })
    // Another path is another path there, and is no placeholder either.
    const other = await connectWs(new URL('/else/%7Bx%7D', local).href)
    expect((await connections.next()).request.url).toBe('/else/%7Bx%7D')
    cli.kill('SIGINT')
    expect((await client.closed).code).toBe(1001)
    expect((await other.closed).code).toBe(1001)
    expect((await connection.closed).code).toBe(1001)
    expect(await cli.exited).toEqual({ code: 0, signal: null })
    expect(cli.stdout.at(-1) + cli.stderr.join('')).toMatch(
      /recorded 2 connections, 2 messages in out.session\.jsonl \(\d+ bytes\); left out: .*1 by key.*; read it before you commit it/,
    )
    const [head, ...lines] = linesOf(readFileSync(join(cwd, 'out/session.jsonl'), 'utf8'))
    expect(head).toMatchObject({ sidewire: 'recording/1', url, redacted: true })
    expect(lines.map(({ type, from }) => type ?? from)).toEqual([
      'open',
      'client',
      'server',
      'open',
      'close',
      'close',
    ])
    expect(lines[1].json).toEqual({ question: 1, token: expect.stringMatching(/^\[redacted:\d+\]$/) })
  },
)

test('record: a file that exists is an error, and stays as it is', async () => {
  const { url } = await backend()
  const cwd = project({ 'mine.jsonl': 'mine' })
  const { code, stderr } = await run(['record', url, '--port', '0', '-o', 'mine.jsonl'], { cwd })
  expect([code, stderr.join('\n')]).toEqual([1, expect.stringMatching(/mine\.jsonl.*\(ERR_RECORDING\)/)])
  expect(readFileSync(join(cwd, 'mine.jsonl'), 'utf8')).toBe('mine')
})

test('record: what cannot be recorded is one line, and no file is left', async () => {
  const cwd = project({})
  const bad = await run(['record', 'localhost:1', '--port', '0'], { cwd })
  expect([bad.code, bad.stderr.join('\n')]).toEqual([
    1,
    expect.stringContaining('such as ws://localhost:4000/ws'),
  ])
  const taken = await backend()
  const busy = await run(['record', taken.url, '--port', String(taken.port), '-o', 'x.jsonl'], { cwd })
  expect([busy.code, busy.stderr.join('\n')]).toEqual([1, expect.stringContaining('ERR_LISTEN')])
  expect(existsSync(join(cwd, 'x.jsonl'))).toBe(false)
})

test('record: the default name has the host and the time, and without a client there is no file', async () => {
  const { url } = await backend()
  const cwd = project({})
  const before = new Set(readdirSync(cwd))
  const cli = record(cwd, url, [])
  await cli.started()
  const [file] = readdirSync(cwd).filter((name) => !before.has(name))
  expect(file).toMatch(/^127\.0\.0\.1-\d+-\d{4}-\d\d-\d\dT[\d-]+\.jsonl$/)
  cli.kill('SIGTERM')
  expect((await cli.exited).code).toBe(0)
  expect(cli.stdout.at(-1)).toMatch(/nothing was recorded/)
  expect(readdirSync(cwd)).not.toContain(file)
})

test('record: headers, the origin, keys, and a certificate that nobody knows', async () => {
  const { url, connections } = await backend({ tls: createCertificate() })
  const cwd = project({})
  const flags = ['-o', 'a.jsonl', '--origin', 'target', '--header', 'Cookie: session=abc', '--redact', 'pin']
  const strict = record(cwd, url, ['-o', 'strict.jsonl'])
  await expect(connectWs(await strict.started())).rejects.toThrow('502')
  const cli = record(cwd, url, ['--insecure', ...flags])
  const client = await connectWs(await cli.started(), { headers: { Origin: 'http://localhost:5173' } })
  const { request, messages } = await connections.next()
  expect(request.headers).toMatchObject({ origin: [url.replace('wss', 'https')], cookie: ['session=abc'] })
  client.json({ pin: 4711 })
  expect(await messages.next()).toBe('{"pin":4711}')
  cli.kill('SIGINT')
  await cli.exited
  expect(readFileSync(join(cwd, 'a.jsonl'), 'utf8')).not.toContain('4711')
})

test('record --no-redact writes everything, and says so in the first line', async () => {
  const { url, connections } = await backend()
  const cwd = project({})
  const cli = record(cwd, url, ['-o', 'a.jsonl', '--no-redact'])
  const client = await connectWs(`${await cli.started()}?token=very-secret`)
  await connections.next()
  client.close()
  await client.closed
  cli.kill('SIGINT')
  await cli.exited
  const text = readFileSync(join(cwd, 'a.jsonl'), 'utf8')
  expect(text).toContain('token=very-secret')
  expect(linesOf(text)[0].redacted).toBe(false)
})

test('record that is killed leaves all but the last line readable', async () => {
  const { url, connections } = await backend()
  const cwd = project({})
  const cli = record(cwd, url, ['-o', 'a.jsonl'])
  const client = await connectWs(await cli.started())
  const connection = await connections.next()
  for (let n = 0; n < 100; n++) {
    client.json({ n })
    await connection.messages.next()
  }
  cli.kill('SIGKILL')
  await cli.exited
  const whole = readFileSync(join(cwd, 'a.jsonl'), 'utf8').split('\n').slice(0, -1)
  const numbers = whole.slice(2).map((line) => JSON.parse(line).json.n)
  expect(numbers.length).toBeGreaterThanOrEqual(99)
  expect(numbers).toEqual(numbers.map((_, n) => n))
})
