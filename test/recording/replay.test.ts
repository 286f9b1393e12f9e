import { pathToFileURL } from 'node:url'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Runtime } from '../../src/engine/runtime.ts'
import type { Server } from '../../src/index.ts'
import { openRecorder } from '../../src/recording/recorder.ts'
import { replay, type ReplayOptions } from '../../src/recording/replay.ts'
import { Contract } from '../contract/harness.ts'
import { assertPlatform, loadRuntime, NETWORK_RUNTIMES } from '../contract/runtimes.ts'
import type { TestClient } from '../support/client.ts'
import { fileOf, folder, recordingOf } from './folder.ts'

assertPlatform()

const open = (conn = 1, t = 0, path = '/ws/orders'): object => ({ t, conn, type: 'open', path })
const client = (t: number, json: unknown, conn = 1): object => ({ t, conn, from: 'client', json })
const server = (t: number, json: unknown, conn = 1): object => ({ t, conn, from: 'server', json })
/** So many messages of a client, each with the milliseconds since `began`. */
async function timed(from: TestClient, amount: number, began: number): Promise<{ data: any; at: number }[]> {
  const got: { data: any; at: number }[] = []
  for (let i = 0; i < amount; i++) got.push({ data: await from.next(), at: performance.now() - began })
  return got
}

describe.each(NETWORK_RUNTIMES)('on %s', (name) => {
  let runtime: Runtime
  let t: Contract
  let told: string[]
  beforeAll(async () => {
    runtime = await loadRuntime(name)
  })
  afterEach(() => t.end())

  /** What an upper bound allows besides: one for a free machine would say more of the others on it than of this. */
  const slack = (): number => 100 + 3 * t.stalled

  const start = async (file: string, options: ReplayOptions = {}): Promise<Server> => {
    t = new Contract(runtime)
    told = []
    const tell = (message: string): void => void told.push(message)
    const logger = { error: tell, warn: tell, info: tell, debug: tell }
    return t.start(replay(file, { logger, ...options }))
  }
  const played = async (events: object[], options: ReplayOptions = {}): Promise<TestClient> =>
    t.connectAt(await start(recordingOf(events), options), '/ws/orders')

  test('what a recorder has written: messages, closes and a refusal, at their times', async () => {
    const hands = { ms: 0, now: () => hands.ms, date: () => 0 }
    const file = `${folder()}/x.jsonl`
    const recorder = await openRecorder(file, { clock: hands })
    const one = recorder.opened({ path: '/ws/orders?room=1', offered: ['v2', 'v1'], protocol: 'v1' })
    recorder.message(one, 'client', '{"op":"subscribe"}')
    hands.ms = 60
    recorder.message(one, 'server', '{"n":12345678901234567890,"a" : 1}')
    recorder.message(one, 'server', new Uint8Array([0, 1, 255]))
    hands.ms = 120
    recorder.message(one, 'server', '')
    recorder.message(one, 'client', 'second')
    hands.ms = 180
    recorder.closed(one, 'server', 1012, 'restart')
    const two = recorder.opened({ path: '/ws/orders' })
    recorder.message(two, 'server', 'welcome back')
    recorder.closed(two, 'network', 1006)
    recorder.refused({ path: '/ws/orders', status: 503, body: 'busy' })
    await recorder.close()

    const of = await start(file, { exhausted: 'repeat' })
    const first = await t.connectAt(of, '/ws/orders?room=2', { protocols: ['v2', 'v1'] })
    expect(first.protocol).toBe('v1')
    const began = performance.now()
    first.json({ op: 'subscribe' })
    const got = await timed(first, 3, began)
    // No number was read and written again.
    expect(got.map(({ data }) => data)).toEqual([
      JSON.parse('{"n":12345678901234567890,"a" : 1}'),
      Buffer.from([0, 1, 255]),
      '',
    ])
    for (const [index, due] of [60, 60, 120].entries()) {
      expect(got[index]!.at).toBeGreaterThanOrEqual(due - 2)
      expect(got[index]!.at).toBeLessThan(due + 30 + slack())
    }
    first.send('second')
    expect(await first.closed).toEqual({ code: 1012, reason: 'restart' })
    expect(performance.now() - began).toBeGreaterThanOrEqual(120 + 60 - 2)

    const second = await t.connectAt(of, '/ws/orders')
    expect(await second.next()).toBe('welcome back')
    expect((await second.closed).code).toBe(1006)
    for (let i = 0; i < 2; i++) {
      const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' }
      const { status, body } = await t
        .raw(of)
        .request('/ws/orders', { ...headers, 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' })
      // The third one was refused, and so is who comes after it.
      expect([status, body]).toEqual([503, 'busy'])
    }
    expect(told).toEqual([])
  })

  test('text stays letter by letter', async () => {
    const text = '{"n":12345678901234567890, "a":"\\u0041"}'
    const file = recordingOf([open(), { t: 0, conn: 1, from: 'server', text }])
    const of = await start(file)
    const raw = new (await import('ws')).WebSocket(`${of.url}/ws/orders`)
    const got = await new Promise((resolve) =>
      raw.once('message', (data) => resolve((data as Buffer).toString())),
    )
    raw.terminate()
    expect(got).toBe(text)
  })

  describe('lockstep', () => {
    const EVENTS = [
      open(),
      server(0, 'hello'),
      client(10, { q: 1 }),
      server(40, { a: 1 }),
      client(50, { q: 2 }),
      server(80, { a: 2 }),
      server(100, { a: 3 }),
    ]

    test('a slow client gets no answer before its question', async () => {
      const it = await played(EVENTS)
      expect(await it.next()).toBe('hello')
      await new Promise((resolve) => setTimeout(resolve, 300))
      let began = performance.now()
      it.json({ q: 1 })
      const [first] = await timed(it, 1, began)
      expect(first!.data).toEqual({ a: 1 })
      expect(first!.at).toBeGreaterThanOrEqual(28)
      await new Promise((resolve) => setTimeout(resolve, 300))
      began = performance.now()
      it.json({ q: 2 })
      const others = await timed(it, 2, began)
      expect(others.map(({ data }) => data)).toEqual([{ a: 2 }, { a: 3 }])
      expect(others[0]!.at).toBeGreaterThanOrEqual(28)
      expect(others[1]!.at).toBeLessThan(50 + 30 + slack())
    })

    test('a fast client gets all answers in their order', async () => {
      const events = [open()]
      for (let i = 0; i < 50; i++) events.push(client(i * 10, { q: i }), server(i * 10 + (i % 7), { a: i }))
      const it = await played(events)
      for (let i = 0; i < 50; i++) it.json({ q: i })
      for (let i = 0; i < 50; i++) expect(await it.next()).toEqual({ a: i })
      expect(told).toEqual([])
    })
  })

  test('clock: by the time after the open, whatever the client does', async () => {
    const it = await played(
      [open(), client(10, 'never sent'), server(50, 1), client(60, 'nor this'), server(90, 2)],
      {
        mode: 'clock',
      },
    )
    const began = performance.now()
    const got = await timed(it, 2, began)
    expect(got.map(({ data }) => data)).toEqual([1, 2])
    expect(got[1]!.at).toBeLessThan(90 + 30 + slack())
  })

  describe('speed and maxGap', () => {
    const EVENTS = [open(), ...Array.from({ length: 11 }, (_, i) => server(i * 100, i))]

    test('ten times as fast', async () => {
      // Before it connects, so that nothing may come earlier than it is due.
      const began = performance.now()
      const got = await timed(await played(EVENTS, { speed: 10 }), 11, began)
      expect(got.map(({ data }) => data)).toEqual([...Array(11).keys()])
      expect(got.at(-1)!.at).toBeGreaterThanOrEqual(98)
      expect(got.at(-1)!.at).toBeLessThan(100 + 150 + slack())
    })

    test('at once', async () => {
      const got = await timed(await played(EVENTS, { speed: Infinity, mode: 'clock' }), 11, performance.now())
      expect(got.at(-1)!.at).toBeLessThan(50 + slack())
    })

    test('no pause is longer than maxGap', async () => {
      const events = [open(), server(10_000, 0), server(20_000, 1), server(20_010, 2), server(3_600_000, 3)]
      const began = performance.now()
      const got = await timed(await played(events, { maxGap: 50 }), 4, began)
      expect(got.at(-1)!.at).toBeGreaterThanOrEqual(158)
      expect(got.at(-1)!.at).toBeLessThan(50 + 50 + 10 + 50 + 30 + slack())
    })

    test('an hour in a second, without drift', async () => {
      const events = [open(), ...Array.from({ length: 1001 }, (_, i) => server(i * 3600, i))]
      const began = performance.now()
      const got = await timed(await played(events, { speed: 3600, mode: 'clock' }), 1001, began)
      expect(got.map(({ data }) => data)).toEqual([...Array(1001).keys()])
      expect(got.at(-1)!.at).toBeGreaterThanOrEqual(998)
      expect(got.at(-1)!.at).toBeLessThan(1050 + slack())
    })
  })

  test('answers carry the ids of the client that is here now', async () => {
    const it = await played([
      open(),
      client(0, { id: 1, op: 'a', params: { requestId: 'r-1' } }),
      server(1, { id: 1, nested: { list: [1, { for: 'r-1' }] }, text: 'order 1 of 11', n: 11 }),
      { t: 2, conn: 1, from: 'server', text: '{"id": 1, "big": 12345678901234567890}' },
      { t: 3, conn: 1, from: 'server', text: 'id 1' },
    ])
    it.json({ id: 'b7', op: 'a', params: { requestId: 99 } })
    expect(await it.next()).toEqual({
      id: 'b7',
      nested: { list: ['b7', { for: 99 }] },
      text: 'order 1 of 11',
      n: 11,
    })
    expect(await it.next()).toMatchObject({ id: 'b7' })
    expect(await it.next()).toBe('id 1')
    expect(told).toEqual([])
  })

  describe('mismatches', () => {
    const EVENTS = [
      open(),
      client(0, { op: 'a', timestamp: 1, deep: [{ ts: 2, token: 'x' }] }),
      server(0, 1),
      client(0, { op: 'b', token: '[redacted:1]', auth: 'Bearer [redacted:2]!' }),
      server(0, 2),
    ]

    test('a time stamp and what was redacted make none; another value is one warning', async () => {
      const it = await played(EVENTS)
      it.json({ op: 'a', timestamp: 7, deep: [{ ts: 8 }] })
      expect(await it.next()).toBe(1)
      expect(told).toEqual([])
      it.json({ op: 'c', token: 'y', auth: 'Bearer abc!' })
      // It goes on by their number.
      expect(await it.next()).toBe(2)
      expect(told).toEqual([
        expect.stringMatching(
          /replay of .*orders\.jsonl, \/ws\/orders: message 2 of the client is not as recorded in connection 1, at \$\.op: recorded is "b", and "c" came$/,
        ),
      ])
      it.json(3)
      it.json(4)
      await t.until(() => told.length, 2)
      expect(told[1]).toMatch(/message 3 of the client is one more than the 2 that were recorded/)
    })

    test("'close' closes with 1008, and the reason names which", async () => {
      const it = await played(EVENTS, { onMismatch: 'close' })
      it.json({ op: 'x' })
      expect(await it.closed).toEqual({ code: 1008, reason: 'message 1 is not as recorded, at $.op' })
    })

    test("'ignore', and a comparison of one's own", async () => {
      const compared: unknown[] = []
      const it = await played(EVENTS, {
        onMismatch: 'ignore',
        compare: (...both) => compared.push(both) < 0,
      })
      it.send('anything')
      expect(await it.next()).toBe(1)
      expect(compared).toEqual([[{ op: 'a', timestamp: 1, deep: [{ ts: 2, token: 'x' }] }, 'anything']])
      expect(told).toEqual([])
    })
  })

  describe('lookup', () => {
    const EVENTS = [
      open(),
      server(0, 'hello'),
      client(10, { q: 'a' }),
      server(20, { a: 1 }),
      client(30, { q: 'b', id: 5 }),
      server(40, { b: 1, id: 5 }),
      server(40, { b: 2 }),
      client(50, { q: 'a' }),
      server(60, { a: 2 }),
      open(2, 100),
      client(110, { q: 'c' }, 2),
      server(120, 'of another connection', 2),
    ]

    test('questions in any order, asked again, and those of other connections', async () => {
      const it = await played(EVENTS, { mode: 'lookup' })
      expect(await it.next()).toBe('hello')
      it.json({ q: 'b', id: 'x' })
      expect(await it.next()).toEqual({ b: 1, id: 'x' })
      expect(await it.next()).toEqual({ b: 2 })
      it.json({ q: 'c' })
      expect(await it.next()).toBe('of another connection')
      for (const expected of [1, 2, 2, 2]) {
        it.json({ q: 'a' })
        expect(await it.next()).toEqual({ a: expected })
      }
      expect(told).toEqual([])
    })

    test('what nobody asked is a mismatch that shows the nearest', async () => {
      const it = await played(EVENTS, { mode: 'lookup' })
      it.json({ q: 'b', more: true })
      await t.until(() => told.length, 1)
      expect(told[0]).toMatch(
        /no recorded message is like message 1 of the client; the nearest, of connection 1, differs at \$\.more: recorded is undefined, and true came/,
      )
    })
  })

  test('who connects again gets the next conversation, then the last again, or 503', async () => {
    const events = [open(), server(0, 'one'), open(2, 1), server(1, 'two', 2)]
    let of = await start(recordingOf(events))
    for (const expected of ['one', 'two', 'two'])
      expect(await (await t.connectAt(of, '/ws/orders')).next()).toBe(expected)
    await t.end()
    of = await start(recordingOf(events), { exhausted: 'refuse' })
    for (const expected of ['one', 'two'])
      expect(await (await t.connectAt(of, '/ws/orders')).next()).toBe(expected)
    await expect(t.connectAt(of, '/ws/orders')).rejects.toThrow('503')
  })

  test('skip takes heartbeats out of both sides', async () => {
    const ping = (at: number, from: string): object => ({ t: at, conn: 1, from, json: { op: 'ping' } })
    const skip = (data: any): boolean => data?.op === 'ping'
    const it = await played(
      [
        open(),
        ping(1, 'client'),
        ping(2, 'server'),
        client(3, 'q'),
        server(4, 'a'),
        ping(5, 'client'),
        server(6, 'b'),
      ],
      { skip },
    )
    for (let i = 0; i < 5; i++) it.json({ op: 'ping' })
    it.json('q')
    expect([await it.next(), await it.next()]).toEqual(['a', 'b'])
    it.json({ op: 'ping' })
    it.json('more')
    await t.until(() => told.length, 1)
    expect(told[0]).toContain('message 2 of the client is one more')
  })

  test('rewrite changes what is sent; what it fails at goes as it was', async () => {
    const it = await played([open(), server(0, { a: 1 }), server(0, { a: 2 }), server(0, { a: 3 })], {
      rewrite: (data: any, { conn, index }) => {
        if (index === 2) throw new Error('no')
        return index === 1 ? { ...data, path: conn.path } : undefined
      },
    })
    expect(await it.next()).toEqual({ a: 1, path: '/ws/orders' })
    expect([await it.next(), await it.next()]).toEqual([{ a: 2 }, { a: 3 }])
    expect(told).toEqual([expect.stringContaining('rewrite failed for message 2 of the server')])
  })

  test('onEnd: hold, close, loop', async () => {
    const events = [open(), client(0, 'q'), server(1, 'a')]
    const closing = await played(events, { onEnd: 'close' })
    closing.json('q')
    expect(await closing.next()).toBe('a')
    expect((await closing.closed).code).toBe(1000)
    await t.end()
    const looping = await played(events, { onEnd: 'loop' })
    for (let i = 0; i < 3; i++) {
      looping.json('q')
      expect(await looping.next()).toBe('a')
    }
    expect(told).toEqual([])
    await t.end()
    const endless = await played([open(), server(0, 'tick')], { onEnd: 'loop', mode: 'clock' })
    for (let i = 0; i < 5; i++) expect(await endless.next()).toBe('tick')
  })

  test('a large recording at once waits for a slow client, and loses nothing', async () => {
    const text = 'x'.repeat(1_000_000)
    const events = [open(), ...Array.from({ length: 30 }, (_, i) => server(0, { i, text }))]
    const it = await played(events, { speed: Infinity })
    for (let i = 0; i < 30; i++) expect((await it.next()).i).toBe(i)
  })

  test('patterns: a path to the letter, one for all, and which connections', async () => {
    const path = '/a%20b/%2a{c}/x%2Fy/z.?q=1'
    const events = [
      open(1, 0, path),
      server(0, 'odd', 1),
      open(2, 0, '/ws/orders/42?token=a'),
      server(0, 42, 2),
      { t: 0, conn: 3, type: 'open', path: '/ws/users' },
      server(0, 'users', 3),
    ]
    const file = recordingOf(events)
    const of = await start(file)
    expect(await (await t.connectAt(of, '/a%20b/*%7Bc%7D/x%2Fy/z.')).next()).toBe('odd')
    await expect(t.connectAt(of, '/a%20b/zz/x%2Fy/z.')).rejects.toThrow('404')
    expect(await (await t.connectAt(of, '/ws/users?any=1')).next()).toBe('users')
    await t.end()
    const one = await start(file, { pattern: '/ws/orders/{id}', url: /\/orders\// })
    expect(await (await t.connect(one, '/ws/orders/7')).next()).toBe(42)
    expect(() => replay(pathToFileURL(file), { url: 'nothing' })).toThrow(
      /no connection of .*orders\.jsonl has a URL with "nothing"; there are "wss:\/\/api\.example\.com\/a%20b/,
    )
    expect(
      replay(pathToFileURL(file), { url: 'api.example.com/ws/u' }).map(({ pattern }) => pattern),
    ).toEqual(['/ws/users'])
  })
})

test.each([
  [{ mode: 'x' }, /option "mode" is "x"; it has to be one of 'lockstep', 'clock', 'lookup'/],
  [{ speed: 0 }, /option "speed" is 0; it has to be a number above 0/],
  [{ maxGap: -1 }, /option "maxGap" is -1/],
  [{ ids: 'id' }, /option "ids" is "id"; it has to be a list of keys/],
  [{ skip: 1 }, /option "skip" is 1; it has to be a function/],
  [{ onEnd: true }, /option "onEnd" is true/],
  [{ logger: {} }, /option "logger" is \{\}/],
  [{ modes: 'x' }, /unknown option "modes"; known are pattern, url, mode/],
])('the option %j is an error that names it, its value and the cure', (options, message) => {
  expect(() => replay(recordingOf([open()]), options as never)).toThrow(message)
})

test('what there is nothing to replay of', () => {
  const logger = {
    error: () => {},
    warn: (line: string) => void said.push(line),
    info: () => {},
    debug: () => {},
  }
  const said: string[] = []
  expect(() => replay(recordingOf([]), { logger })).toThrow(
    /orders\.jsonl has no connection that can be replayed/,
  )
  const beginsLate = recordingOf([server(0, 1), open(2)])
  expect(replay(beginsLate, { logger })).toHaveLength(1)
  expect(said).toEqual([expect.stringMatching(/1 connections are left out, because the file begins after/)])
  expect(replay(beginsLate, { pattern: '/x' })).toMatchObject([{ pattern: '/x' }])
  expect(() => replay(7 as never)).toThrow(/replay\(\) got 7; it has to be the path of a file/)
  expect(() => replay(fileOf(''))).toThrow(/is empty/)
})
