import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DROP } from '../../../src/index.ts'
import type { Case, Contract } from '../harness.ts'

const TOKEN = 'ey-no-jwt-but-secret'
const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl'

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sidewire-upstream-'))
  try {
    await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function linesOf(file: string): any[] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

const recording = (name: string, run: (t: Contract, file: string) => Promise<void>): Case => ({
  name,
  run: (t) => inFolder((folder) => run(t, join(folder, 'recorded.jsonl'))),
})

export const CASES: readonly Case[] = [
  recording(
    'a recording has what the backend saw: connections, a refusal, messages, ends',
    async (t, file) => {
      let refusing = false
      const backend = await t.backend({
        choose: (offered) => offered.at(-1),
        refuse: () => (refusing ? { status: 503, body: 'busy' } : undefined),
      })
      const server = await t.start({
        pattern: '/a',
        upstream: { url: `${backend.url}/b`, record: file },
        onMessage: (_conn, data) =>
          data.op === 'drop' ? DROP : data.op === 'edit' ? { op: 'edited' } : undefined,
        onUpstreamMessage: (_conn, data) => (data === 'hidden' ? DROP : undefined),
      })
      const start = performance.now()
      const at: number[] = []
      const first = await t.connect(server, '/a?room=1', { protocols: ['v2', 'v1'] })
      const one = await backend.connections.next()
      for (const op of ['drop', 'edit']) first.json({ op })
      first.send('{"n":12345678901234567890}')
      await one.messages.next()
      await one.messages.next()
      at.push(performance.now() - start)
      one.send('hidden')
      one.send(Buffer.from([0, 1, 255]))
      await first.next()
      one.close(1012, 'restart')
      await first.closed
      at.push(performance.now() - start)
      refusing = true
      await t.handshake(server, '/a')
      refusing = false
      const second = await t.connect(server, '/a')
      const two = await backend.connections.next()
      two.tcp.end()
      await second.closed
      const third = await t.connect(server, '/a')
      third.close(1000)
      await (
        await backend.connections.next()
      ).closed
      await t.until(() => server.stats().connections, 0)
      await server.close()
      const [head, ...lines] = linesOf(file)
      expect(head).toMatchObject({ sidewire: 'recording/1', url: backend.url, redacted: true })
      const unlike = new Set(['t', 'headers'])
      const told = lines.map((line) =>
        Object.fromEntries(Object.entries(line).filter(([key]) => !unlike.has(key))),
      )
      expect(told).toEqual([
        { conn: 1, type: 'open', path: '/api/a?room=1', offered: ['v2', 'v1'], protocol: 'v1' },
        { conn: 1, from: 'client', json: { op: 'edited' } },
        { conn: 1, from: 'client', text: '{"n":12345678901234567890}' },
        { conn: 1, from: 'server', text: 'hidden' },
        { conn: 1, from: 'server', base64: 'AAH/' },
        { conn: 1, type: 'close', from: 'server', code: 1012, reason: 'restart' },
        { conn: 2, type: 'refused', path: '/api/a', status: 503, body: 'busy' },
        { conn: 3, type: 'open', path: '/api/a' },
        { conn: 3, type: 'close', from: 'network', code: 1006, reason: '' },
        { conn: 4, type: 'open', path: '/api/a' },
        { conn: 4, type: 'close', from: 'client', code: 1000, reason: '' },
      ])
      const times = lines.map((line) => line.t as number)
      expect(times).toEqual(times.toSorted((a, b) => a - b))
      // Between its neighbours, as this test has seen them.
      expect(times[2]).toBeLessThan(at[0]! + 20 + t.stalled)
      expect(times[5]).toBeLessThan(at[1]! + 20 + t.stalled)
      expect(times[5]! - times[2]!).toBeGreaterThan(0)
      expect(t.log.join('\n')).toMatch(/recorded 3 connections, 4 messages, 1 refusal in .*recorded\.jsonl/)
    },
  ),
  recording(
    'secrets are not in the file, and the same one has one number; redact: false keeps them',
    async (t, file) => {
      const backend = await t.backend()
      const record = { file, redact: { keys: ['pin'] } }
      const server = await t.start([
        { pattern: '/a', upstream: { url: backend.url, record } },
        { pattern: '/b', upstream: { url: backend.url, record: { file: `${file}.all`, redact: false } } },
      ])
      const deep = JSON.stringify({ a: { b: { c: { d: { token: TOKEN, pin: 4711 } } } } })
      for (const path of ['/a', '/b']) {
        const client = await t.connect(server, `${path}?token=${TOKEN}`, {
          headers: { Authorization: `Bearer ${TOKEN}`, Cookie: 'sid=1' },
        })
        const connection = await backend.connections.next()
        client.send(deep)
        // As it was, on the wire.
        expect(await connection.messages.next()).toBe(deep)
        connection.send(`Authorization: Bearer ${TOKEN} and ${JWT}`)
        expect(await client.next()).toContain(JWT)
      }
      await server.close()
      const text = readFileSync(file, 'utf8')
      for (const secret of [TOKEN, JWT, '4711', 'sid=1']) expect(text).not.toContain(secret)
      const [head, open, message] = linesOf(file)
      expect(head.redacted).toBe(true)
      const { d } = message.json.a.b.c
      expect(open.path).toBe(`/api/a?token=${d.token}`)
      expect(d.token).toMatch(/^\[redacted:\d+\]$/)
      const all = readFileSync(`${file}.all`, 'utf8')
      for (const secret of [TOKEN, JWT, '4711']) expect(all).toContain(secret)
      expect(linesOf(`${file}.all`)[0].redacted).toBe(false)
    },
  ),
  recording('a file that exists is an error at the start, and stays as it is', async (t, file) => {
    writeFileSync(file, 'mine')
    const { url } = await t.backend()
    const other = `${file}.other`
    const handlers = [
      { pattern: '/a', upstream: { url, record: other } },
      { pattern: '/b', upstream: { url, record: file } },
    ]
    await expect(t.start(handlers)).rejects.toMatchObject({ code: 'ERR_RECORDING' })
    expect(readFileSync(file, 'utf8')).toBe('mine')
    expect(existsSync(other)).toBe(false)
    await expect(
      t.start({ pattern: '/a', upstream: { url, record: { file: other, redactt: {} } as never } }),
    ).rejects.toThrow('redactt')
  }),
  recording(
    'a function may say what is recorded; a file that cannot be opened is 500 for the client',
    async (t, file) => {
      const backend = await t.backend()
      const server = await t.start({
        pattern: '/{name}',
        upstream: ({ params }) => ({
          url: backend.url,
          record: params['name'] === 'bad' ? file : `${file}.good`,
        }),
      })
      writeFileSync(file, 'mine')
      expect((await t.handshake(server, '/bad')).status).toBe(500)
      expect(t.log.join('\n')).toMatch(/upstream failed: .*recorded\.jsonl/)
      for (const path of ['/good', '/good']) {
        const client = await t.connect(server, path)
        const connection = await backend.connections.next()
        client.close()
        await connection.closed
      }
      await server.close()
      expect(linesOf(`${file}.good`).filter(({ type }) => type === 'open')).toHaveLength(2)
    },
  ),
  recording('without a client there is no file', async (t, file) => {
    const { url } = await t.backend()
    const server = await t.start({ pattern: '/a', upstream: { url, record: file } })
    expect(existsSync(file)).toBe(true)
    await server.close()
    expect(existsSync(file)).toBe(false)
  }),
]
