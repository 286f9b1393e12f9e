import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { expect, test } from 'vitest'
import { openRecorder, type Recorder, type RecorderOptions } from '../../src/recording/recorder.ts'
import { readRecording } from '../../src/recording/recording.ts'
import { folder, linesOf } from './folder.ts'

/** Time that goes by when a test says so. */
class Hands {
  ms = 1000
  now = (): number => this.ms
  date = (): number => Date.parse('2026-11-25T20:00:00Z') - 1000 + this.ms
}

async function recorder(
  options: object = {},
  about: RecorderOptions = {},
): Promise<{ recorder: Recorder; file: string }> {
  const file = join(folder(), 'x.jsonl')
  return { recorder: await openRecorder({ file, ...options }, about), file }
}

test('two connections, a refusal and a cut are the lines of the format', async () => {
  const hands = new Hands()
  const { recorder: it, file } = await recorder(
    {},
    { url: 'wss://api.example.com', tool: 'test', clock: hands },
  )
  const one = it.opened({
    path: '/ws/orders?room=1&token=abc123',
    offered: ['v2', 'v1'],
    protocol: 'v2',
    headers: { Origin: 'http://localhost:5173', Cookie: 'sid=1', 'X-Tenant': 'acme' },
  })
  hands.ms += 12.44
  it.message(one, 'client', '{"id":1,"op":"subscribe"}')
  it.message(one, 'server', '{"n":12345678901234567890,"a" : 1}')
  const two = it.opened({ path: '/ws/orders' })
  it.message(two, 'server', new Uint8Array([0, 1, 255]))
  it.message(two, 'server', '')
  hands.ms += 5000
  it.closed(one, 'server', 1012, 'restart')
  it.closed(one, 'client', 1000)
  it.message(one, 'client', 'too late')
  it.refused({ path: '/ws/orders', status: 503, body: 'busy' })
  it.closed(two, 'network', 1006)
  expect(await it.close()).toEqual({
    file,
    connections: 2,
    messages: 4,
    refused: 1,
    bytes: readFileSync(file).length,
    redacted: { query: 1, header: 2 },
    stopped: undefined,
  })
  expect(linesOf(file)).toEqual([
    {
      sidewire: 'recording/1',
      at: '2026-11-25T20:00:00.000Z',
      url: 'wss://api.example.com',
      tool: 'test',
      redacted: true,
    },
    {
      t: 0,
      conn: 1,
      type: 'open',
      path: '/ws/orders?room=1&token=[redacted:1]',
      offered: ['v2', 'v1'],
      protocol: 'v2',
      headers: { origin: 'http://localhost:5173' },
    },
    { t: 12.4, conn: 1, from: 'client', json: { id: 1, op: 'subscribe' } },
    { t: 12.4, conn: 1, from: 'server', text: '{"n":12345678901234567890,"a" : 1}' },
    { t: 12.4, conn: 2, type: 'open', path: '/ws/orders' },
    { t: 12.4, conn: 2, from: 'server', base64: 'AAH/' },
    { t: 12.4, conn: 2, from: 'server', text: '' },
    { t: 5012.4, conn: 1, type: 'close', from: 'server', code: 1012, reason: 'restart' },
    { t: 5012.4, conn: 3, type: 'refused', path: '/ws/orders', status: 503, body: 'busy' },
    { t: 5012.4, conn: 2, type: 'close', from: 'network', code: 1006, reason: '' },
  ])
  // What is written can be read.
  expect(readRecording(file)).toMatchObject({ warnings: [], events: { length: 9 } })
})

test('is written at the end of each turn of the event loop, and memory that is taken back is done with', async () => {
  const { recorder: it, file } = await recorder()
  const conn = it.opened({ path: '/' })
  const payload = Buffer.from('abc')
  it.message(conn, 'server', payload)
  payload.fill(0)
  expect(linesOf(file)).toHaveLength(1)
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  expect(linesOf(file)[2]).toMatchObject({ base64: 'YWJj' })
  it.message(conn, 'server', 'now')
  it.flush()
  expect(linesOf(file)).toHaveLength(4)
  // More than waits for the end of a turn is written at once.
  for (let i = 0; i < 10; i++) it.message(conn, 'server', 'x'.repeat(100_000))
  expect(linesOf(file).length).toBeGreaterThan(10)
  await it.close()
  expect(linesOf(file)).toHaveLength(14)
})

test('a file that exists stays as it is, unless it may be overwritten', async () => {
  const file = join(folder(), 'deep', 'er', 'x.jsonl')
  const first = await openRecorder(file)
  first.opened({ path: '/first' })
  await first.close()
  const before = readFileSync(file, 'utf8')
  await expect(openRecorder(file)).rejects.toMatchObject({
    code: 'ERR_RECORDING',
    message: expect.stringMatching(
      /x\.jsonl: it exists already, and stays as it is: move it away, .*\{date\}/,
    ),
  })
  expect(readFileSync(file, 'utf8')).toBe(before)
  const second = await openRecorder({ file, overwrite: true })
  second.opened({ path: '/second' })
  await second.close()
  expect(linesOf(file)[1]).toMatchObject({ path: '/second' })
})

test('without a connection there is no file', async () => {
  const { recorder: it, file } = await recorder()
  expect(existsSync(file)).toBe(true)
  expect(await it.close()).toMatchObject({ connections: 0 })
  expect(existsSync(file)).toBe(false)
  // Once it is closed it stays closed, and takes away what is somebody else's now.
  writeFileSync(file, 'other')
  it.opened({ path: '/' })
  await it.close()
  expect(readFileSync(file, 'utf8')).toBe('other')
})

test('{date} in the name is the time of the start', async () => {
  const it = await openRecorder(join(folder(), 'orders-{date}.jsonl'))
  expect(it.file).toMatch(/orders-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}\.jsonl$/)
  await it.close()
})

test('past maxBytes it stops, says so once, and ends with a whole line', async () => {
  const said: string[] = []
  const { recorder: it, file } = await recorder({ maxBytes: 1000 }, { onError: (line) => said.push(line) })
  const conn = it.opened({ path: '/' })
  for (let i = 0; i < 100; i++) it.message(conn, 'server', `message ${i}`)
  const { messages, stopped, bytes } = await it.close()
  expect(said).toEqual([expect.stringMatching(/has stopped.*not in it: .*maxBytes, 1000 bytes/)])
  expect(stopped).toContain('maxBytes')
  expect(bytes).toBeLessThanOrEqual(1000)
  expect(bytes).toBe(readFileSync(file).length)
  expect(linesOf(file)).toHaveLength(2 + messages)
})

test.runIf(existsSync('/dev/full'))('what is no file, and a disk that is full', async () => {
  await expect(openRecorder('/dev/full')).rejects.toMatchObject({
    message: expect.stringContaining('exists already'),
  })
  await expect(openRecorder({ file: '/dev/full', overwrite: true })).rejects.toMatchObject({
    message: expect.stringContaining('no ordinary file'),
  })
  const path = folder()
  await expect(openRecorder({ file: path, overwrite: true })).rejects.toMatchObject({
    message: expect.stringContaining('it is a folder'),
  })
  mkdirSync(join(path, 'x'))
  writeFileSync(join(path, 'x', 'y'), '')
  await expect(openRecorder(join(path, 'x', 'y', 'z'))).rejects.toMatchObject({ code: 'ERR_RECORDING' })
})

const PROGRAM = `
  import { openRecorder } from './recorder.mjs'
  const recorder = await openRecorder(process.argv[2])
  const conn = recorder.opened({ path: '/' })
  recorder.message(conn, 'server', 'before the last turn')
  if (process.argv[3] === 'exit') process.exit(0)
  setInterval(() => recorder.message(conn, 'server', 'x'.repeat(5000)), 0)
  setTimeout(() => console.log('ready'), 50)
`

test.each(['exit', 'SIGKILL'])(
  'a process that ends by %s leaves a recording that can be read',
  async (end) => {
    const where = folder()
    buildSync({
      entryPoints: [fileURLToPath(new URL('../../src/recording/recorder.ts', import.meta.url))],
      outfile: join(where, 'recorder.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
    })
    writeFileSync(join(where, 'program.mjs'), PROGRAM)
    const file = join(where, 'x.jsonl')
    const child = spawn(process.execPath, [join(where, 'program.mjs'), file, end], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((resolve) => child.once('close', resolve))
    if (end === 'SIGKILL')
      await new Promise<void>((resolve) =>
        createInterface({ input: child.stdout }).once('line', () => {
          child.kill('SIGKILL')
          resolve()
        }),
      )
    await ended
    const { events, warnings } = readRecording(file)
    expect(events[1]).toMatchObject({ text: 'before the last turn' })
    expect(events.length).toBeGreaterThanOrEqual(end === 'exit' ? 2 : 3)
    expect(warnings.length).toBeLessThanOrEqual(1)
  },
)

test.each([
  [{ file: 1 }, 'record.file'],
  [{ file: '' }, 'record.file'],
  [{ overwrite: 'yes' }, 'record.overwrite'],
  [{ maxBytes: 0 }, 'record.maxBytes'],
  [{ headers: 'cookie' }, 'record.headers'],
  [{ redact: true }, 'record.redact'],
  [{ redact: { keys: 'pin' } }, 'record.redact.keys'],
  [{ redact: { custom: 'x' } }, 'record.redact.custom'],
  [{ redact: { key: [] } }, 'record.redact.key'],
  [{ path: 'x' }, 'record.path'],
])('%j is an error that names the option, its value and the cure', async (options, name) => {
  const opened = openRecorder({ file: join(folder(), 'x.jsonl'), ...options } as never)
  await expect(opened).rejects.toMatchObject({
    code: 'ERR_OPTION',
    message: expect.stringContaining(`"${name}"`),
  })
})
