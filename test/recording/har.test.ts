import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { convert } from '../../src/recording/convert.ts'
import type { RecordingEvent } from '../../src/recording/format.ts'
import { loadRecording } from '../../src/recording/load.ts'
import { replay } from '../../src/recording/replay.ts'
import { fileOf, folder, recordingOf } from './folder.ts'
import * as hars from './hars.ts'

const MESSAGES = [
  { from: 'client', json: { id: 1, op: 'subscribe' } },
  { from: 'server', json: { id: 1, ok: true } },
  { from: 'server', base64: 'AAH/' },
]
const OPEN = { t: 0, conn: 1, type: 'open', path: '/ws/orders?room=1' }

/** The conversation, with these times. */
const said = (...times: number[]): object[] => MESSAGES.map((each, i) => ({ ...each, t: times[i], conn: 1 }))
const load = (content: string | Uint8Array, name = 'x.har', url?: string): readonly RecordingEvent[] =>
  loadRecording(fileOf(content, name), url).events

describe('the same conversation, by', () => {
  test.each([
    ['Chrome', hars.CHROME],
    ['Playwright, embedded', hars.PLAYWRIGHT_EMBEDDED],
    ['mitmproxy', hars.MITMPROXY],
  ])('%s', (_, content) => {
    expect(load(content)).toEqual([OPEN, ...said(100, 150, 250)])
    expect(loadRecording(fileOf(content, 'x.har')).head).toMatchObject({
      at: '2026-11-25T20:00:00.000Z',
      url: 'wss://api.example.com',
    })
  })

  test('Playwright 1.61.0, whose pauses are a thousand times too short', () => {
    const events = load(hars.PLAYWRIGHT_1_61_0)
    expect(events.map(({ t, ...rest }) => ({ ...rest, t: Math.round(t) }))).toEqual([
      OPEN,
      ...said(100, 150, 250),
    ])
  })

  test('Chrome, whose Blobs are empty, which is said', () => {
    const { events, warnings } = loadRecording(fileOf(hars.CHROME_WITH_BLOB, 'x.har'))
    expect(events.at(-1)).toEqual({ t: 255, conn: 1, from: 'client', base64: '' })
    expect(warnings).toEqual([expect.stringMatching(/x\.har: 1 messages of the client are empty, .*Blob/)])
  })

  test('Playwright without times: by the order alone', () => {
    expect(load(hars.PLAYWRIGHT_MINIMAL)).toEqual([OPEN, ...said(0, 0, 0)])
  })

  test('Playwright in a zip, of which only what is wanted is read', () => {
    expect(load(hars.PLAYWRIGHT_ZIP, 'x.har.zip', 'orders')).toEqual([OPEN, ...said(100, 150, 250)])
    expect(() => load(hars.PLAYWRIGHT_ZIP, 'x.har.zip')).toThrow(/x\.har\.zip has no not-there\.jsonl in it/)
  })

  test('Playwright with files beside it', () => {
    const path = fileOf(hars.PLAYWRIGHT_ATTACHED, 'x.har')
    writeFileSync(join(dirname(path), '0123456789abcdef.jsonl'), hars.ATTACHED)
    expect(loadRecording(path, 'orders').events).toEqual([OPEN, ...said(100, 150, 250)])
    const outside = hars.PLAYWRIGHT_ATTACHED.replace('0123456789abcdef.jsonl', '../../secret.jsonl')
    expect(() => load(outside, 'x.har', 'orders')).toThrow(
      /names the file "\.\.\/\.\.\/secret\.jsonl", which is not beside it/,
    )
  })

  test('HTTP Toolkit, with its close', () => {
    expect(load(hars.HTTP_TOOLKIT)).toEqual([
      { ...OPEN, offered: ['v2', 'v1'], headers: { origin: 'http://localhost' } },
      ...said(100, 150, 250),
      { t: 400, conn: 1, type: 'close', from: 'server', code: 1011, reason: 'oops' },
    ])
    const aborted = JSON.parse(hars.HTTP_TOOLKIT)
    aborted.log.entries[0]['_webSocketClose'] = 'aborted'
    expect(load(JSON.stringify(aborted)).at(-1)).toEqual({
      t: 250,
      conn: 1,
      type: 'close',
      from: 'network',
      code: 1006,
    })
  })

  test('refused handshakes, with an answer and without', () => {
    expect(load(hars.REFUSED)).toEqual([
      { t: 0, conn: 1, type: 'refused', path: '/ws/orders?room=1', status: 503, body: 'busy' },
      { t: 0, conn: 2, type: 'refused', path: '/ws/orders?room=1' },
    ])
  })

  test('whatever the file is called', () => {
    expect(load(`\uFEFF${hars.CHROME}`, 'x.json')).toHaveLength(4)
    expect(load(hars.PLAYWRIGHT_ZIP, 'x', 'orders')).toHaveLength(4)
    expect(replay(fileOf(hars.CHROME, 'x.har'))).toMatchObject([{ pattern: '/ws/orders', prefix: false }])
    expect(replay(fileOf(hars.PLAYWRIGHT_ZIP, 'x.har.zip'), { url: 'orders' })).toHaveLength(1)
  })
})

describe('odd rows', () => {
  const chrome = (rows: readonly object[]): string => {
    const value = JSON.parse(hars.CHROME)
    value.log.entries[1]['_webSocketMessages'] = rows
    return JSON.stringify(value)
  }
  const row = (type: string, opcode: number, data: string, after = 0): object => ({
    type,
    opcode,
    data,
    time: (hars.START + after) / 1000,
  })

  test('fragments belong together; pings, pongs and closes are left out; the order is by time', () => {
    const rows = [
      row('receive', 1, 'late', 30),
      row('send', 1, 'he', 10),
      row('receive', 9, '', 11),
      row('send', 0, 'llo', 12),
      row('receive', 2, 'AA==', 13),
      row('receive', 0, 'Af8=', 14),
      row('send', 8, 'A+g=', 40),
    ]
    expect(load(chrome(rows)).slice(1)).toMatchObject([
      { from: 'client', text: 'hello' },
      { from: 'server', base64: 'AAH/' },
      { from: 'server', text: 'late' },
    ])
  })

  test.each([
    [
      row('receive', 2, 'A'),
      /x\.har, entry 1 \(wss:\/\/api\.example\.com\/ws\/orders\): message 0 has base64 that does not decode: "A"/,
    ],
    [row('sent', 1, 'a'), /entry 1 .*: message 0 has the type "sent"; it has to be "send" or "receive"/],
    [{ type: 'send', opcode: 'text', data: '' }, /entry 1 .*: message 0 has the opcode "text"/],
    [{ type: 'send', opcode: 1 }, /entry 1 .*: message 0 has data that is undefined/],
  ])('%j is an error with entry and index', (bad, message) => {
    expect(() => load(chrome([bad]))).toThrow(message)
  })
})

test.each([
  [
    hars.FIREFOX,
    /x\.har is of Firefox, which puts no WebSocket messages into a HAR; take Chrome or Edge, or `sidewire record`/,
  ],
  [hars.SAFARI, /x\.har is of Safari, .* take Chrome or Edge/],
  [hars.WITHOUT, /x\.har has no WebSocket among its 1 entries; .* open them first, and load the page again/],
  [hars.CHROME.slice(0, -20), /x\.har is cut off, or no JSON: /],
  ['{"log":{"entries":[}', /x\.har is no JSON: /],
  ['', /x\.har is empty/],
  ['[]', /x\.har is no HAR: it has no list log\.entries/],
  [
    '7:1:flow',
    /x\.har has flows of mitmproxy; make a HAR of them: mitmdump -nr .*x\.har --set hardump=out\.har/,
  ],
  ['PK nothing', /x\.har is no zip, or is cut off: /],
])('%# is an error of its own', (content, message) => {
  expect(() => load(content)).toThrow(
    expect.objectContaining({ code: 'ERR_RECORDING', message: expect.stringMatching(message) }),
  )
})

test('which URLs there are, where none is wanted', () => {
  expect(() => load(hars.CHROME, 'x.har', 'nope')).toThrow(
    /no connection of .*x\.har has a URL with "nope"; there are "wss:\/\/api\.example\.com\/ws\/orders"/,
  )
})

describe('convert', () => {
  const EVENTS = [
    {
      t: 0,
      conn: 1,
      type: 'open',
      path: '/ws/orders?room=1',
      offered: ['v2', 'v1'],
      protocol: 'v2',
      headers: { origin: 'http://localhost' },
    },
    { t: 12, conn: 1, from: 'client', json: { id: 1 } },
    { t: 31.8, conn: 1, from: 'server', text: '{"n":12345678901234567890}' },
    { t: 32, conn: 2, type: 'open', path: '/ws/orders' },
    { t: 40.5, conn: 1, from: 'server', base64: 'AAH/' },
    { t: 41, conn: 1, from: 'server', text: '' },
    { t: 50, conn: 2, type: 'close', from: 'network', code: 1006, reason: '' },
    { t: 5000, conn: 1, type: 'close', from: 'client', code: 1000, reason: 'bye' },
    { t: 5600, conn: 3, type: 'refused', path: '/ws/orders', status: 503, body: 'busy' },
    { t: 5700, conn: 4, type: 'refused', path: '/ws/orders' },
  ]

  test.each(['x.har', 'x.har.zip'])('to %s and back is the same', (between) => {
    const where = folder()
    const [har, back] = [join(where, between), join(where, 'back.jsonl')]
    const from = recordingOf(EVENTS)
    convert(from, har)
    convert(har, back)
    const [before, after] = [loadRecording(from), loadRecording(back)]
    // A HAR has no reason for 1006.
    expect(after.events).toEqual(
      before.events.map((event) =>
        'code' in event && event.code === 1006 ? { ...event, reason: undefined } : event,
      ),
    )
    expect(after.head).toMatchObject({ at: before.head.at, url: before.head.url })
    expect(replay(har)).toHaveLength(1)
  })

  test("a HAR is of Chrome's form", () => {
    const where = folder()
    const result = convert(recordingOf(EVENTS), join(where, 'x.har'))
    expect(result).toMatchObject({ connections: 2, messages: 4, refused: 2 })
    const { log } = JSON.parse(readFileSync(join(where, 'x.har'), 'utf8'))
    expect(log.entries[0]).toMatchObject({
      startedDateTime: '2026-11-25T20:00:00.000Z',
      request: {
        method: 'GET',
        url: 'wss://api.example.com/ws/orders?room=1',
        queryString: [{ name: 'room', value: '1' }],
      },
      response: { status: 101 },
      _resourceType: 'websocket',
      _webSocketMessages: [
        { type: 'send', opcode: 1, data: '{"id":1}', time: (hars.START + 12) / 1000 },
        { type: 'receive', opcode: 1, data: '{"n":12345678901234567890}' },
        { type: 'receive', opcode: 2, data: 'AAH/' },
        { type: 'receive', opcode: 1, data: '' },
      ],
      _webSocketClose: { code: 1000, reason: 'bye' },
    })
    expect(log.entries[1]['_webSocketClose']).toBe('aborted')
  })

  test('redacts what is imported, unless it shall not', () => {
    const where = folder()
    const secret = hars.CHROME.replace('room=1', 'token=s3cret').replace('\\"op\\"', '\\"password\\"')
    const file = fileOf(secret, 'x.har')
    expect(convert(file, join(where, 'a.jsonl'))).toMatchObject({ redacted: { query: 1, key: 1 } })
    const text = readFileSync(join(where, 'a.jsonl'), 'utf8')
    expect(text).not.toContain('s3cret')
    expect(text).toContain('"password":"[redacted:2]"')
    convert(file, join(where, 'b.jsonl'), { redact: false })
    expect(readFileSync(join(where, 'b.jsonl'), 'utf8')).toContain('s3cret')
  })

  test('takes one of several connections, and leaves what exists', () => {
    const where = folder()
    const out = join(where, 'out.jsonl')
    expect(convert(fileOf(hars.PLAYWRIGHT_ZIP, 'x.har.zip'), out, { url: 'orders' })).toMatchObject({
      connections: 1,
    })
    const before = readFileSync(out, 'utf8')
    expect(() => convert(fileOf(hars.CHROME, 'x.har'), out)).toThrow(
      /out\.jsonl: it exists already, and stays as it is/,
    )
    expect(readFileSync(out, 'utf8')).toBe(before)
    convert(fileOf(hars.CHROME, 'x.har'), out, { overwrite: true })
    expect(() => convert(fileOf(hars.CHROME, 'x.har'), join(where, 'x.txt'))).toThrow(
      /x\.txt: it has to end with \.jsonl, \.har or \.har\.zip/,
    )
    mkdirSync(join(where, 'sub.har'))
    expect(() => convert(fileOf(hars.CHROME, 'x.har'), join(where, 'sub.har'))).toThrow(/sub\.har/)
  })
})
